"""What should be by now, as far as somebody needs it: read from the store, and computed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import date

from bridge.firm.conversation import SHARED, Conversation
from bridge.firm.model import Firm
from bridge.firm.room_keys import STAFF_SPACE, conversation_of, matter_space_key
from bridge.reconcile.planning.desired import Desired, UserIds, desired, desired_of_stored, user_ids_of
from bridge.settings import Settings
from bridge.store.engine.store import Store
from bridge.store.rooms.accounts import Accounts, StoredAccount
from bridge.store.rooms.world import Extent, World, load_conversations, load_part


class DesiredNow:
    """Reads parts of what is stored, and computes what should be."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        firm: Callable[[], Firm],
        today: Callable[[], date],
        accounts: Accounts,
    ) -> None:
        """`firm` and `today` are as of now."""
        self._store = store
        self._settings = settings
        self._firm = firm
        self._today = today
        self._accounts = accounts
        self._known_as: tuple[dict[str, StoredAccount], UserIds] = {}, UserIds()

    async def part(self, key: str) -> Desired:
        """What should be, as far as this room needs it: a small part of the whole is read and computed."""
        accounts = await self._accounts.known()
        world = replace(await self._store.read(load_part, key), accounts=accounts)
        return desired_of_stored(
            self._firm(),
            world,
            self._settings,
            self._today(),
            Extent(channels=key == STAFF_SPACE),
            user_ids=self.user_ids(accounts),
        )

    async def conversations(self, keys: Collection[str]) -> Desired:
        """What should be of these conversations alone: of the spaces that list them nothing is read."""
        extent = Extent(keys=frozenset(keys))
        world = await self.world(extent)
        known = self.user_ids(world.accounts)
        return desired_of_stored(self._firm(), world, self._settings, self._today(), extent, known)

    async def extent(self, extent: Extent) -> Desired:
        """What should be, as far as this part of the firm goes."""
        world = await self.world(extent)
        known = self.user_ids(world.accounts)
        return desired(self._firm(), world, self._settings, self._today(), extent, known)

    async def world(self, extent: Extent) -> World:
        """This part of what is stored, with the firm admins' room and all accounts."""
        accounts = await self._accounts.known()
        return replace(await self._store.read(load_conversations, extent), accounts=accounts)

    async def around(self, keys: Iterable[str]) -> tuple[dict[str, list[str]], set[str]]:
        """The keys of the spaces that list these conversations, with which of them; and of the rooms in which they were
        held before."""
        worlds = {key: await self._store.read(load_part, key) for key in dict.fromkeys(keys)}
        spaces: dict[str, list[str]] = {}
        for key, world in worlds.items():
            if space := _space_of(world.conversations.get(conversation_of(key))):
                spaces.setdefault(space, []).append(key)
        return spaces, {room for key, world in worlds.items() for room in world.earlier.get(key, ())}

    def user_ids(self, accounts: dict[str, StoredAccount]) -> UserIds:
        """The user ids of these accounts, made anew only where they are others than the last time."""
        if self._known_as[0] is not accounts:
            self._known_as = accounts, user_ids_of(accounts, self._settings.homeserver.server_name)
        return self._known_as[1]


def _space_of(conversation: Conversation | None) -> str:
    """The key of the space that lists this conversation; empty where none does."""
    if conversation is None or conversation.kind not in SHARED:
        return ""
    return matter_space_key(conversation.matter_id) if conversation.matter_id else STAFF_SPACE
