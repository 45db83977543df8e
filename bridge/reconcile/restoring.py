"""What is done where the database was put back from a backup, and the guard knows what it lost (R3).

The guard knows who is active, the walls, the accounts and which conversations there are; what these are called and who
is in them, the rooms say. Nothing is taken away by this: a wall that was lifted since the backup stands again, and who
came back since has left again, until somebody says so once more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from bridge.firm.audit import Deed
from bridge.firm.conversation import ADMINS_ID, SHARED, Conversation, ConversationKind, channel_key
from bridge.firm.facts import Facts
from bridge.firm.model import Firm, Wall
from bridge.firm.policy import may_act
from bridge.firm.room_keys import MARKER
from bridge.mapping.ids import channel_alias, hidden_alias
from bridge.mapping.names import title_in
from bridge.mapping.text import MENTIONS
from bridge.matrix.errors import HomeserverError, UnreachableError
from bridge.matrix.port import RoomRequests
from bridge.matrix.retry import patience
from bridge.reconcile import waits
from bridge.settings import Settings
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.people.leavers import set_leaver
from bridge.store.people.walls import restore_wall
from bridge.store.queues.histories import read_histories_again
from bridge.store.queues.outbox import enqueue
from bridge.store.record.audit import record
from bridge.store.record.homeserver_time import homeserver_ms
from bridge.store.record.kept import GUARD_VERSION, keep
from bridge.store.rooms.accounts import add_accounts
from bridge.store.rooms.conversations import NewConversation, add_conversations, conversation_by_id
from bridge.store.rooms.made import record_room, room_of, write_intent
from bridge.store.rooms.participants import set_participants

log = structlog.get_logger(__name__)
Json = dict[str, Any]
_ATTEMPTS = 3
"""How often a room is asked for before it is passed over; seconds lie between."""
_MEMO = "Taken over from the guard: the database was put back from a backup, in which this wall and its memo were not."
_TOLD = (
    "My database is older than what the server's guard was told last: a backup was put back, or another bridge has told"
    " this guard. I took over from the guard the walls and the people who have left, and from the rooms who is in them;"
    " files are read from them again. What was lifted or undone since the backup stands again: look at `!wall list`"
    " and `!staff list`, and lift again what is over. Names of files, pins and entries of the audit log from in between"
    " are not complete."
)


@dataclass(frozen=True)
class Restoring:
    """Takes over from the guard and the rooms what the store has not."""

    store: Store
    homeserver: RoomRequests
    settings: Settings
    firm: Callable[[], Firm]
    _failures: Counter[str] = field(default_factory=Counter)
    """How often each room gave no good answer."""

    async def take_over(self, version: int, known: Facts) -> None:
        """Take over what the guard knows in this version. Can be broken off anywhere and done again.

        Raises HomeserverError where the homeserver is away or gives no good answer, and is then to be repeated, and
        StoreError.
        """
        log.error("database_put_back", guard_version=version)
        # What keeps out comes first, and is in force from this commit on.
        await self.store.run(_keep_out, known, self.firm(), version)
        with patience(waits.PATIENCE):
            for room in await self.homeserver.admin_rooms():
                await self._room(str(room["room_id"]), known)
        await self.store.run(_done, version, self.settings.bot_id)
        log.warning("taken_over", walls=len(known.firm.walls), conversations=len(known.conversations))

    async def _room(self, room_id: str, known: Facts) -> None:
        """Take over one room. What is passed over here is not known any more, and stays closed by the guard.

        Raises UnreachableError, but not for ever: one broken room must not keep the others from being known.
        """
        try:
            state = _ours(await self.homeserver.admin_room_state(room_id), self.settings.bot_id)
        except HomeserverError as error:
            self._failures[room_id] += 1
            if isinstance(error, UnreachableError) and self._failures[room_id] < _ATTEMPTS:
                raise
            log.warning("room_not_taken_over", room_id=room_id, reason=str(error))
            return
        conversation = known.conversations.get(str(state.get((MARKER, ""), {}).get("key", "")))
        if conversation is not None:
            await self.store.run(_adopt, room_id, conversation, state, known, self.firm(), self.settings)


def _keep_out(unit: Unit, known: Facts, firm: Firm, version: int) -> None:
    """The walls and leavers that only the guard knows, and who has which account."""
    cause = f"guard/{version}"
    record(unit, Deed.DATABASE_PUT_BACK, reason="R3", cause=cause)
    add_accounts(unit, {staff_id: localpart for localpart, staff_id in known.accounts.items()})
    standing = {_substance(wall) for wall in firm.walls.values()}
    for wall in known.firm.walls.values():
        if _substance(wall) not in standing:
            restore_wall(unit, replace(wall, memo=_MEMO), firm, f"{cause}/{wall.id}")
    for staff_id in sorted(known.firm.staff):
        if not may_act(known.firm, staff_id) and may_act(firm, staff_id):
            set_leaver(unit, staff_id, "", cause)


def _substance(wall: Wall) -> tuple[object, ...]:
    """What a wall does, whatever it is called."""
    return wall.kind, wall.matter_id, wall.client, frozenset(wall.people), wall.since, wall.expires


def _done(unit: Unit, version: int, bot_id: str) -> None:
    """From here on the guard knows nothing that the store does not."""
    read_histories_again(unit)
    keep(unit, GUARD_VERSION, str(version))
    room_id = room_of(unit, ADMINS_ID)
    if room_id is not None:
        told = {"msgtype": "m.text", "body": _TOLD, MENTIONS: {}}
        enqueue(unit, f"put_back/{version}", room_id, bot_id, "m.room.message", told)


def _ours(events: list[Json], bot_id: str) -> Mapping[tuple[str, str], Json]:
    """A room's state; empty where the bot did not mark it."""
    state = {(event["type"], event["state_key"]): event["content"] for event in events}
    marked = any(event["type"] == MARKER and event["sender"] == bot_id for event in events)
    return state if marked else {}


def _adopt(
    unit: Unit,
    room_id: str,
    conversation: Conversation,
    state: Mapping[tuple[str, str], Json],
    known: Facts,
    firm: Firm,
    settings: Settings,
) -> None:
    """The conversation of a room, if it is not known, and who is in it."""
    joined = _joined(state, known, settings)
    if conversation_by_id(unit, conversation.id) is None:
        new = _as_stored(conversation, joined, state, firm, settings)
        add_conversations(unit, [new])
        if room_of(unit, conversation.id) is None:
            hidden = hidden_alias(conversation.id, settings.security.alias_key.get_secret_value())
            write_intent(unit, conversation.id, new.alias_localpart or hidden)
            record_room(unit, conversation.id, room_id)
    elif conversation.kind in SHARED and room_of(unit, conversation.id) == room_id:
        set_participants(unit, conversation.id, joined, homeserver_ms())


def _as_stored(
    conversation: Conversation,
    joined: frozenset[str],
    state: Mapping[tuple[str, str], Json],
    firm: Firm,
    settings: Settings,
) -> NewConversation:
    """Of conversations whose people are fixed the guard knows them; of the others the room does, as it does of names.

    An archived one stays so.
    """
    title, topic = _names(conversation, state, firm, settings.firm.first_matter_conversation_title)
    people = joined if conversation.kind in SHARED else conversation.participants
    found = replace(conversation, title=title, topic=topic, participants=people)
    if conversation.kind is not ConversationKind.CHANNEL:
        return NewConversation(found)
    key = channel_key(title)
    found = replace(found, everyone=title == settings.firm.firm_wide_channel)
    return NewConversation(found, name_key=key, alias_localpart=_own_alias(state) or channel_alias(key, ()))


def _joined(state: Mapping[tuple[str, str], Json], known: Facts, settings: Settings) -> frozenset[str]:
    suffix = f":{settings.homeserver.server_name}"
    localparts = [
        key.removeprefix("@").removesuffix(suffix)
        for (kind, key), content in state.items()
        if kind == "m.room.member" and content.get("membership") == "join" and key.endswith(suffix)
    ]
    return frozenset(known.accounts[one] for one in localparts if one in known.accounts)


def _names(
    conversation: Conversation, state: Mapping[tuple[str, str], Json], firm: Firm, first_title: str
) -> tuple[str, str]:
    """Title and topic, from what the room shows."""
    name = str(state.get(("m.room.name", ""), {}).get("name", ""))
    topic = str(state.get(("m.room.topic", ""), {}).get("topic", ""))
    if conversation.kind is ConversationKind.MATTER:
        matter = firm.matters.get(conversation.matter_id)
        return title_in(name, matter, first_title), ""
    return name, topic if conversation.kind is ConversationKind.CHANNEL else ""


def _own_alias(state: Mapping[tuple[str, str], Json]) -> str:
    alias = str(state.get(("m.room.canonical_alias", ""), {}).get("alias", ""))
    return alias.removeprefix("#").partition(":")[0]
