"""Looking at files: those of a conversation, or of all that somebody may see, and the versions of one (V3).

Every page is decided anew: what the person who asks may not see at that moment is in none (M3, D4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.desk import Desk
from bridge.firm.conversation import Conversation
from bridge.firm.model import Staff
from bridge.firm.policy import may_be_in
from bridge.mapping.file_words import FileSearch
from bridge.operations.sight import require_there
from bridge.store.engine.unit import ReadUnit
from bridge.store.files.filing import places_of
from bridge.store.files.lists import (
    Hit,
    Key,
    Listed,
    conversations_for,
    files_after,
    listed,
    listed_versions,
    versions_after,
)
from bridge.store.rooms.world import conversations_with_people

After = tuple[Any, ...]
"""Where in the order of a list the next page begins."""
_MOST_AT_ONCE = 1600


@dataclass(frozen=True, slots=True)
class FileSeen:
    """A file as somebody sees it who may see its conversation."""

    name: str
    type: str
    """The media type, by the bytes where they were fetched, else as it was told; may be empty."""
    kind: str
    """file, image, video or audio."""
    size: int | None
    """Bytes; None where that is not known."""
    caption: str
    sender: str
    """By name; the user id where the account is nobody's."""
    at_ms: int
    version: int
    """From 1, the oldest."""
    versions: int
    """How many of its name there are in the conversation."""
    conversation: Conversation | None
    room_id: str
    event_id: str
    filed: str = ""
    """Where it is in the filing cabinet, as folder/name; empty where it is not."""


@dataclass(frozen=True, slots=True)
class FilesPage:
    """A page of files, and where the next one begins; None at the end."""

    files: Sequence[FileSeen]
    following: After | None


async def files_seen(desk: Desk, asker: Staff, asked: FileSearch, after: After | None, most: int) -> FilesPage:
    """A page of the files that are asked for; with no conversation, of all that somebody may see. Raises Refusal."""
    if asked.conversation_id:
        await require_there(desk, asker, asked.conversation_id)
    return await _page(desk, await _found(desk, asker, asked, after, most + 1), most, listed)


async def versions_seen(
    desk: Desk, asker: Staff, conversation_id: str, name_key: str, after: After | None, most: int
) -> FilesPage:
    """A page of the versions of a file in a conversation, the newest first. Raises Refusal."""
    await require_there(desk, asker, conversation_id)
    hits = await desk.store.read(versions_after, conversation_id, name_key, after, most + 1)
    return await _page(desk, hits, most, listed_versions)


async def _found(desk: Desk, asker: Staff, asked: FileSearch, after: Key | None, wanted: int) -> list[Hit]:
    if asked.conversation_id:
        return await desk.store.read(files_after, asked, after, wanted)
    found, at_once = list[Hit](), wanted
    while True:
        hits, visible = await desk.store.read(_visible, desk, asker, asked, after, at_once)
        found += visible
        if len(hits) < at_once or len(found) >= wanted:
            return found[:wanted]
        after, at_once = hits[-1].key, min(at_once * 2, _MOST_AT_ONCE)


def _visible(
    unit: ReadUnit, desk: Desk, asker: Staff, asked: FileSearch, after: Key | None, limit: int
) -> tuple[list[Hit], list[Hit]]:
    """The next files, and those of them in conversations that this person may be in at this moment."""
    firm, today = desk.firm(), desk.today()
    hits = files_after(unit, asked, after, limit)
    places = conversations_for(unit, {hit.conversation_id for hit in hits}, asker.id)
    seen = {key for key, place in places.items() if may_be_in(firm, asker.id, place, today)}
    return hits, [hit for hit in hits if hit.conversation_id in seen]


async def _page(
    desk: Desk, hits: Sequence[Hit], most: int, told: Callable[[ReadUnit, Sequence[Hit]], list[Listed]]
) -> FilesPage:
    shown = hits[:most]

    def work(unit: ReadUnit) -> tuple[list[Listed], Mapping[str, Conversation], Mapping[str, str]]:
        rows = told(unit, shown)
        filed = {} if desk.settings.filing.mode == "off" else places_of(unit, [str(one.file.event_id) for one in rows])
        return rows, conversations_with_people(unit, {hit.conversation_id for hit in shown}), filed

    rows, places, filed = await desk.store.read(work)
    following = hits[most - 1].key if len(hits) > most else None
    return FilesPage([_seen(desk, one, places, filed) for one in rows], following)


def _seen(desk: Desk, one: Listed, places: Mapping[str, Conversation], filed: Mapping[str, str]) -> FileSeen:
    row = one.file
    person = desk.firm().staff.get(str(row.staff_id))
    bot = row.sender == desk.settings.bot_id
    return FileSeen(
        name=str(row.name),
        type=str(row.found_type or row.declared_type),
        kind=str(row.kind),
        size=row.found_size or row.declared_size,
        caption=str(row.caption),
        sender=person.name if person else desk.settings.appservice.bot_name if bot else str(row.sender),
        at_ms=int(row.at_ms),
        version=one.number,
        versions=one.versions,
        conversation=places.get(str(row.conversation_id)),
        room_id=str(row.room_id),
        event_id=str(row.event_id),
        filed=filed.get(str(row.event_id), ""),
    )
