"""Files as one person sees them: of a conversation, or of all that they may see (V3).

Every page is decided anew: what the person may not see at that moment is in none (M3, D4).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from functools import partial

import orjson

from bridge.desk import Desk
from bridge.firm.conversation import ConversationKind
from bridge.firm.model import Staff
from bridge.firm.policy import desired_participants, may_be_in
from bridge.mapping.file_words import sought
from bridge.mapping.files import extension, shown_name
from bridge.store import models
from bridge.store.files.files import file_row
from bridge.store.files.lists import Asked, Hit, Key, Listed, conversations_for, files_after, listed
from bridge.store.rooms.conversations import conversation_by_id
from bridge.wording.places import name_for
from bridge.wording.sizes import size

PAGE = 50
_MOST_AT_ONCE = 1600
_WORDS_MAX = 10


@dataclass(frozen=True, slots=True)
class File:
    """A file in a list, as it is shown."""

    event_id: str
    conversation_id: str
    name: str
    type: str
    size: str
    sender: str
    at_ms: int
    caption: str
    number: int
    versions: int
    encrypted: bool
    place: str = ""
    """Where it was sent, in a list of all conversations."""


@dataclass(frozen=True, slots=True)
class Download:
    """A file that a person may have now."""

    name: str
    mxc: str
    size: int | None


async def files_page(
    desk: Desk, person: Staff, conversation_id: str, *, words: str = "", after: str = ""
) -> tuple[tuple[File, ...], str]:
    """The next files of a conversation that the person is in, or with an empty id of all that they may see, and what
    the page behind them begins after; empty at the end."""
    looked_for = tuple(sought(words))[:_WORDS_MAX]
    if words and not looked_for:
        return (), ""
    asked = Asked(conversation_id, words=looked_for)
    hits = await _found(desk, person, asked, _key(after))
    shown = await desk.store.read(lambda: _rows(desk, person, hits[:PAGE], everywhere=not conversation_id))
    return tuple(shown), _written(hits[PAGE - 1].key) if len(hits) > PAGE else ""


async def _found(desk: Desk, person: Staff, asked: Asked, after: Key | None) -> list[Hit]:
    found: list[Hit] = []
    at_once = PAGE + 1
    while True:
        hits, visible = await desk.store.read(partial(_visible, desk, person.id, asked, after, at_once))
        found += visible
        if len(hits) < at_once or len(found) > PAGE:
            return found[: PAGE + 1]
        after, at_once = hits[-1].key, min(at_once * 2, _MOST_AT_ONCE)


def _visible(desk: Desk, staff_id: str, asked: Asked, after: Key | None, limit: int) -> tuple[list[Hit], list[Hit]]:
    """A unit: the next files, and those of them in conversations that this person may be in at this moment."""
    firm, today = desk.firm(), desk.reconciler.today()
    hits = files_after(asked, after, limit)
    places = conversations_for({hit.conversation_id for hit in hits}, staff_id)
    seen = {key for key, place in places.items() if may_be_in(firm, staff_id, place, today)}
    return hits, [hit for hit in hits if hit.conversation_id in seen]


def _rows(desk: Desk, person: Staff, hits: list[Hit], *, everywhere: bool) -> list[File]:
    """Part of a unit."""
    firm = desk.firm()
    places = {key: conversation_by_id(key) for key in {hit.conversation_id for hit in hits}} if everywhere else {}
    rows = []
    for one in listed(hits):
        place = places.get(str(one.file.conversation_id))
        rows.append(_row(desk, one, "" if place is None else name_for(firm, place, person.id)))
    return rows


def _row(desk: Desk, one: Listed, place: str) -> File:
    row = one.file
    sender = desk.firm().staff.get(str(row.staff_id))
    return File(
        event_id=str(row.event_id),
        conversation_id=str(row.conversation_id),
        name=shown_name(str(row.name).strip()),
        type=type_of(row),
        size=size(row.found_size or row.declared_size),
        sender=sender.name if sender is not None else str(row.sender),
        at_ms=int(row.at_ms),
        caption=shown_name(" ".join(str(row.caption).split())),
        number=one.number,
        versions=one.versions,
        encrypted=bool(row.encryption),
        place=place,
    )


def type_of(row: models.File) -> str:
    """What kind of file it is: the ending of its name, else its media type, else what the message calls it."""
    told = str(row.found_type or row.declared_type)
    return shown_name(extension(str(row.name))).upper() or told or str(row.kind)


async def download_of(desk: Desk, person: Staff, conversation_id: str, event_id: str) -> Download | None:
    """A file that a person may have at this moment; None where there is none, it was removed or they are not in its
    conversation."""
    firm, today = desk.firm(), desk.reconciler.today()

    def unit() -> Download | None:
        row, place = file_row(event_id), conversation_by_id(conversation_id)
        if row is None or place is None or row.conversation_id != conversation_id or row.removed_at is not None:
            return None
        if row.encryption or person.id not in desired_participants(firm, place, today):
            return None
        if place.kind is ConversationKind.ADMINS or not may_be_in(firm, person.id, place, today):
            return None
        return Download(shown_name(str(row.name).strip()), str(row.mxc), row.found_size or row.declared_size)

    return await desk.store.read(unit)


def _written(key: Key) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(list(key))).decode()


def _key(text: str) -> Key | None:
    """The key that a page begins after; None for the first page, and for what is none."""
    try:
        found = orjson.loads(base64.urlsafe_b64decode(text.encode())) if text else None
    except (ValueError, binascii.Error):
        return None
    whole = isinstance(found, list) and len(found) == 1 and type(found[0]) is int and abs(found[0]) < 2**63
    return tuple(found) if whole else None
