"""What one person sees of the firm's conversations: their lists, and one conversation (P1, P2).

The policy is asked each time, with the firm of this moment: what it does not allow is in nothing of this.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import structlog

from bridge.desk import Desk
from bridge.firm.conversation import SHARED, Conversation, ConversationKind
from bridge.firm.model import Firm, Matter, MatterStatus, Staff
from bridge.firm.policy import accessible, desired_participants, is_read_only, may_access, may_be_in, with_access
from bridge.matrix.errors import RequestError
from bridge.matrix.retry import patience
from bridge.operations.channels.finding import RECENT
from bridge.store.engine.unit import ReadUnit
from bridge.store.people.digests import user_localpart
from bridge.store.record.audit import ConversationChanged
from bridge.store.rooms.channels import recent
from bridge.store.rooms.conversations import conversation_by_id, conversations_of_people
from bridge.store.rooms.made import RoomRecorded, key_of_room, room_of, rooms_of
from bridge.store.rooms.matters import conversations_of_matter
from bridge.store.rooms.world import conversations_with_people
from bridge.wording.places import others_named

log = structlog.get_logger(__name__)
_UNREAD_SECONDS = 2.0
"""So long a page waits for how much is unread."""


@dataclass(frozen=True, slots=True)
class ListedConversation:
    """A conversation in a list."""

    id: str
    kind: ConversationKind
    name: str
    room_id: str
    """Empty while the room is being made."""
    read_only: bool
    mine: bool
    """Whether the person is in it."""


@dataclass(frozen=True, slots=True)
class OverviewMatter:
    """A matter, and the conversations of it that the person is in."""

    matter: Matter
    entries: tuple[ListedConversation, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """All that stands beside a page."""

    direct: tuple[ListedConversation, ...]
    matters: tuple[OverviewMatter, ...]
    """Open ones first, each kind by number."""
    channels: tuple[ListedConversation, ...]
    """The ones with the newest messages, newest first."""

    def mark(self) -> str:
        """What tells these lists from others."""
        shelves = [(one.matter.id, one.matter.number, one.matter.title, one.entries) for one in self.matters]
        return hashlib.sha256(repr((self.direct, shelves, self.channels)).encode()).hexdigest()[:16]

    def rooms(self) -> frozenset[str]:
        """The rooms of what is in it and the person's own."""
        shelved = (one for shelf in self.matters for one in shelf.entries)
        return frozenset(one.room_id for one in (*self.direct, *shelved, *self.channels) if one.mine)


@dataclass(frozen=True, slots=True)
class View:
    """One conversation as one person sees it."""

    entry: ListedConversation
    conversation: Conversation
    topic: str
    matter: Matter | None
    people: tuple[Staff, ...]
    """Who is in it, by name."""
    may_join: bool
    everyone: bool


async def overview(desk: Desk, staff_id: str) -> Overview:
    """This person's lists."""
    return (await overviews(desk, [staff_id]))[staff_id]


async def overviews(desk: Desk, staff_ids: Collection[str]) -> dict[str, Overview]:
    """The lists of each of these people, for which the store is looked through once."""
    firm, today = desk.firm(), desk.today()

    def work(unit: ReadUnit) -> dict[str, Overview]:
        down_for, newest = conversations_of_people(unit, staff_ids), [one.id for one in recent(unit, RECENT)]
        whole = conversations_with_people(unit, {*newest, *(key for keys in down_for.values() for key in keys)})
        present = {key: desired_participants(firm, one, today) for key, one in whole.items()}
        seen = _Seen(firm, whole, [key for key in newest if key in whole], rooms_of(unit, whole))
        return {
            staff_id: _overview(seen, staff_id, sorted(key for key in keys if staff_id in present.get(key, ())))
            for staff_id, keys in down_for.items()
        }

    return await desk.store.read(work)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What some people's lists are made of."""

    firm: Firm
    whole: dict[str, Conversation]
    newest: list[str]
    """The ids of the channels with the newest messages, newest first."""
    rooms: dict[str, str]


def _overview(seen: _Seen, staff_id: str, mine: Sequence[str]) -> Overview:
    """The lists of somebody who is in these conversations."""
    firm, whole = seen.firm, seen.whole
    # Where nobody wrote yet, the channels that the person is in.
    quiet = (key for key in mine if _is_quiet(whole[key]) and key not in seen.newest)
    newest = [*seen.newest, *quiet][:RECENT]
    entries = {
        key: _entry(firm, whole[key], staff_id, seen.rooms.get(key), mine=key in mine) for key in (*mine, *newest)
    }
    own = [entries[key] for key in mine]
    return Overview(
        tuple(sorted((one for one in own if one.kind is ConversationKind.DIRECT), key=_by_title)),
        _shelves(firm, whole, own),
        tuple(entries[key] for key in newest),
    )


def _by_title(one: ListedConversation) -> str:
    return one.name.casefold()


def _is_quiet(one: Conversation) -> bool:
    return one.kind is ConversationKind.CHANNEL and not one.archived


def _shelves(
    firm: Firm, whole: dict[str, Conversation], entries: list[ListedConversation]
) -> tuple[OverviewMatter, ...]:
    by_matter: dict[str, list[ListedConversation]] = {}
    for one in entries:
        if one.kind is ConversationKind.MATTER:
            by_matter.setdefault(whole[one.id].matter_id, []).append(one)
    shelves = [
        OverviewMatter(firm.matters[matter_id], tuple(sorted(found, key=_by_title)))
        for matter_id, found in by_matter.items()
    ]
    return tuple(sorted(shelves, key=lambda one: (one.matter.status is not MatterStatus.OPEN, one.matter.number)))


def _entry(firm: Firm, one: Conversation, staff_id: str, room_id: str | None, *, mine: bool) -> ListedConversation:
    name = others_named(firm, one.opened_for, staff_id) if one.kind is ConversationKind.DIRECT else one.title
    return ListedConversation(one.id, one.kind, name, room_id or "", is_read_only(firm, one), mine)


async def unread(desk: Desk, staff_id: str, *, at_once: bool = False) -> dict[str, int] | None:
    """How many unread messages this person has, by room id; None where the homeserver does not say so in time.

    With `at_once` the first count, which takes a client's first sync, is begun and not waited for.
    """
    localpart = await desk.store.read(user_localpart, staff_id)
    if localpart is None:
        return {}
    user_id = f"@{localpart}:{desk.server_name}"
    begins = at_once and not desk.homeserver.has_counted(user_id)
    try:
        with patience(0):
            async with asyncio.timeout(0 if begins else _UNREAD_SECONDS):
                found = await desk.homeserver.unread(user_id)
    except (RequestError, TimeoutError) as error:
        if not begins:
            log.warning("unread_not_known", staff=staff_id, reason=str(error))
        return None
    return {one.room_id: one.count for one in found}


async def view(desk: Desk, staff_id: str, conversation_id: str) -> View | None:
    """A conversation; None where there is none of which this person may know.

    A channel may be known to everybody, a matter's conversation to all with access to the matter (C1, M1).
    """
    firm, today = desk.firm(), desk.today()

    def work(unit: ReadUnit) -> tuple[Conversation | None, str | None]:
        return conversation_by_id(unit, conversation_id), room_of(unit, conversation_id)

    found, room_id = await desk.store.read(work)
    if found is None or found.kind not in {*SHARED, ConversationKind.DIRECT}:
        return None
    if not may_be_in(firm, staff_id, found, today):
        return None
    present = desired_participants(firm, found, today)
    mine = staff_id in present
    if not mine and found.kind is ConversationKind.DIRECT:
        return None
    entry = _entry(firm, found, staff_id, room_id, mine=mine)
    people = sorted((firm.staff[one] for one in present), key=_by_name)
    matter = firm.matters.get(found.matter_id) if found.matter_id else None
    return View(entry, found, found.topic, matter, tuple(people), not mine, found.everyone)


@dataclass(frozen=True, slots=True)
class MatterView:
    """One matter as one person with access sees it."""

    matter: Matter
    entries: tuple[tuple[ListedConversation, int], ...]
    """All its conversations with how many are in each, oldest first."""
    insiders: tuple[Staff, ...]
    """Who has access, by name."""


async def matter_view(desk: Desk, staff_id: str, matter_id: str) -> MatterView | None:
    """A matter; None where there is none of which this person may know (M3)."""
    firm, today = desk.firm(), desk.today()
    matter = firm.matters.get(matter_id)
    if matter is None or not may_access(firm, staff_id, matter, today):
        return None
    entries = []
    for one in await desk.store.read(conversations_of_matter, matter_id):
        people = desired_participants(firm, one.conversation, today)
        entry = _entry(firm, one.conversation, staff_id, one.room_id, mine=staff_id in people)
        entries.append((entry, len(people)))
    insiders = sorted((firm.staff[one] for one in with_access(firm, matter, today)), key=_by_name)
    return MatterView(matter, tuple(entries), tuple(insiders))


def _by_name(person: Staff) -> str:
    return person.name.casefold()


async def conversation_in(desk: Desk, room_id: str) -> str | None:
    """The id of the conversation that is held in a room."""
    return await desk.store.read(key_of_room, room_id)


async def account_of(desk: Desk, staff_id: str) -> str:
    """The Matrix id of somebody's account."""
    return f"@{await desk.store.read(user_localpart, staff_id) or ''}:{desk.server_name}"


def changes_lists(news: object) -> bool:
    """Whether what the store announces may change somebody's lists, though the firm is the same."""
    return isinstance(news, RoomRecorded | ConversationChanged)


def sees(desk: Desk, staff_id: str) -> int:
    """What tells all that somebody may see of the firm's matters from what they might see before."""
    firm = desk.firm()
    seen = accessible(firm, staff_id, firm.listed, desk.today())
    return hash(tuple((one.id, one.number, one.title, one.status, one.clients) for one in seen))
