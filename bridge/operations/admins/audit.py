"""The audit log for firm admins, as far as each may read in it (O1, M3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bridge.desk import Desk
from bridge.firm.audit import DRY_RUN, USES, AuditEntry, Deed, Outcome, words_and_ids
from bridge.firm.conversation import Conversation
from bridge.firm.model import Matter, Staff
from bridge.firm.room_keys import matter_space_key
from bridge.firm.sight import Sight
from bridge.operations.sight import sight_of
from bridge.store.engine.store import Store
from bridge.store.engine.unit import ReadUnit
from bridge.store.record.audit import Audited, Filter, end_of_log, newest_by
from bridge.store.rooms.matters import conversations_of_matter
from bridge.wording.audit_lines import OF_DIRECTORY, Names, no_names

PAGE = 25
"""Entries on a page."""
_AT_ONCE = 50
"""Entries that are read together."""
_READ = 500
"""Entries that are read for one page; what the reader must not hear of is among them."""
LOOKED_AT = 20_000
"""Entries that are looked through for one page where no index finds those asked for."""


_OF_WALLS = frozenset(
    {"wall add", "wall only", "wall lift", "wall report"}
    | {"walls.set", "walls.get", "walls.report", "walls.lift", "walls.acknowledge"}
)
"""By command and through the API."""


@dataclass(frozen=True)
class Asked:
    """Which entries are asked for. What is left empty leaves none out."""

    person: str = ""
    """Staff or user id: acting or concerned."""
    place: Matter | Conversation | None = None
    deeds: frozenset[Deed] = frozenset()
    refused: bool = False
    since_ms: int | None = None
    until_ms: int | None = None
    """The first moment that is too late."""


@dataclass(frozen=True)
class LogPage:
    """The newest entries in front of a position, as far as whoever asks may read them."""

    entries: Sequence[Audited]
    names: Names
    """What the entries are about."""
    sight: Sight
    """What of the names may be said."""
    following: int | None
    """The position in front of which the next page goes on; None at the end of the log. There may be more even where
    this page has nothing: no question looks through too much at once."""


async def log_page(desk: Desk, asker: Staff, asked: Asked, before: int | None, most: int = PAGE) -> LogPage:
    """At most so many entries in front of a position, the newest for None. Raises Refusal."""
    sight = sight_of(desk, asker)
    outcome = Outcome.REFUSED if asked.refused else None
    wanted = Filter(
        asked.person,
        await _subjects(desk, sight, asked.place),
        asked.deeds,
        outcome,
        asked.since_ms,
        asked.until_ms,
    )
    # Looked up before the store is asked, which nothing else can use meanwhile.
    sight.names_hidden("")
    start = await desk.store.read(end_of_log) if before is None else before
    return await _page(desk.store, sight, wanted, start, most)


async def _subjects(desk: Desk, sight: Sight, place: Matter | Conversation | None) -> frozenset[str]:
    if not isinstance(place, Matter):
        return frozenset() if place is None else frozenset({place.id})
    listed = await desk.store.read(conversations_of_matter, place.id)
    own = {place.id, place.number, matter_space_key(place.id)}
    walls = (wall.id for wall in sight.firm.walls_around(place))
    return frozenset({*own, *(one.conversation.id for one in listed), *walls})


async def _page(store: Store, sight: Sight, asked: Filter, before: int, most: int) -> LogPage:
    """The newest entries in front of a position that this person may read, at most so many.

    They are read some at a time, and it ends sooner where too much had to be looked through, so that no question holds
    the store for long.
    """
    found: list[Audited] = []
    names = no_names(sight.firm)
    indexed = asked.person or asked.subjects
    end = 0 if indexed else max(0, before - LOOKED_AT - 1)
    for _ in range(_READ // _AT_ONCE):
        some, names, readable = await store.read(_some, sight, names, replace(asked, before=before, after=end))
        for one in some:
            before = one.position
            if one.position in readable:
                found.append(one)
            if len(found) == most:
                return LogPage(found, names, sight, before if before > 1 else None)
        if len(some) < _AT_ONCE:
            return LogPage(found, names, sight, end + 1 if end else None)
    return LogPage(found, names, sight, before)


def _some(unit: ReadUnit, sight: Sight, names: Names, asked: Filter) -> tuple[list[Audited], Names, set[int]]:
    """The newest of these entries, the names of what they are about, and the positions of those that this
    person may read."""
    some = newest_by(unit, asked, _AT_ONCE)
    names = names.with_those_of(unit, (one.entry for one in some))
    return some, names, {one.position for one in some if _may_read(sight, names, one)}


def _may_read(sight: Sight, names: Names, one: Audited) -> bool:
    """Whether an entry names nothing that this person must not hear of (M3). What cannot be told counts as hidden."""
    entry = one.entry
    if entry.deed in OF_DIRECTORY:
        return True
    if entry.deed in USES:
        return _may_read_of_use(sight, names, entry)
    known = names.may_hear(sight, entry.subject)
    if known is None:
        return not sight.hidden
    return known and not sight.names_hidden(entry.reason)


def _may_read_of_use(sight: Sight, names: Names, entry: AuditEntry) -> bool:
    """Whether a use of a command may be told: who may hear of all that it was about, whatever that was called then."""
    words, ids = words_and_ids(entry.reason)
    asked_for = entry.subject.removesuffix(DRY_RUN)
    if not ids and asked_for in _OF_WALLS:
        # What it was about was not found, or is not noted: then it may have been any wall. One that was only tried
        # may be about whoever reads, though nothing is hidden from them yet.
        return not sight.hidden if asked_for == entry.subject else entry.actor == sight.staff_id
    return all(names.may_hear(sight, one) for one in ids) and not sight.names_hidden(words)
