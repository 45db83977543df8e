"""What an open page shows besides the person's lists, told from what it was before (P3)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from bridge.desk import Desk
from bridge.firm.conversation import ConversationKind
from bridge.operations.channels.finding import channels_of_firm, channels_seen
from bridge.operations.overview import matter_view, view
from bridge.store.rooms.made import rooms_of_kind
from bridge.store.rooms.read import ReadOn, positions_in

CHANNELS = "channels"
"""What a page with all channels is about."""
_MATTER = "matter "
_READERS = "readers "


@dataclass(frozen=True, slots=True)
class Watched:
    """What a page is about, as the person sees it at this moment."""

    mark: str = ""
    """What tells it from what it was before."""
    rooms: frozenset[str] = frozenset()
    """The rooms in which something may happen that changes it."""


def of_matter(matter_id: str) -> str:
    """What a page with a matter is about."""
    return f"{_MATTER}{matter_id}"


def of_readers(conversation_id: str) -> str:
    """What a page is about with who has read up to a message of a conversation."""
    return f"{_READERS}{conversation_id}"


def is_told_of(about: str, news: object, rooms: frozenset[str]) -> bool:
    """Whether what the store announces may change a page that is about this and in which these rooms count."""
    return isinstance(news, ReadOn) and about.startswith(_READERS) and not rooms.isdisjoint(news.rooms)


async def watched(desk: Desk, staff_id: str, about: str) -> Watched:
    """What this person sees of what a page is about: `CHANNELS`, a matter, a conversation by its id, or its readers.

    Of anything else a page shows nothing that changes by itself besides the lists; of what is hidden, nothing.
    """
    person = desk.firm().staff.get(staff_id)
    if about == CHANNELS and person is not None:
        found = await channels_seen(desk, person, await channels_of_firm(desk))
        return Watched(_mark(found), frozenset(await desk.store.read(rooms_of_kind, ConversationKind.CHANNEL)))
    if about.startswith(_MATTER):
        matter = await matter_view(desk, staff_id, about.removeprefix(_MATTER))
        if matter is not None:
            return Watched(_mark(matter), frozenset(entry.room_id for entry, _ in matter.entries))
    elif about.startswith(_READERS):
        seen = await view(desk, staff_id, about.removeprefix(_READERS))
        if seen is not None and seen.entry.mine:
            present = {one.id for one in seen.people}
            read = await desk.store.read(positions_in, seen.entry.room_id)
            told = sorted((one.staff_id, one.threads, one.event_id) for one in read if one.staff_id in present)
            return Watched(_mark((seen.entry, seen.people, told)), frozenset({seen.entry.room_id}))
    elif about:
        seen = await view(desk, staff_id, about)
        if seen is not None:
            return Watched(_mark((seen.entry, seen.topic, seen.people)), frozenset({seen.entry.room_id}))
    return Watched()


def _mark(shown: object) -> str:
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]
