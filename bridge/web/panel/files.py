"""Files: those of a conversation or of all that somebody may see, searched and sorted, and the versions of one (V3)."""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final
from urllib.parse import quote, urlencode

import orjson
from aiohttp import web

from bridge.desk import Desk
from bridge.firm.model import Staff
from bridge.firm.policy import desired_participants
from bridge.mapping.file_words import FileSearch, Order, in_matter, of_type, sent_by, sought
from bridge.mapping.files import name_key, shown_name
from bridge.operations import overview as seen
from bridge.operations.files.listing import After, FileSeen, FilesPage, files_seen, versions_seen
from bridge.web.panel.conversation import seen_address, tabbed
from bridge.web.panel.pages import PanelRequest, Values, by_name, framed, not_there
from bridge.wording.files import mark_of, size, type_of
from bridge.wording.moments import moment_in
from bridge.wording.places import name_for

FILES = 50
"""On one page."""
_WORDS_MAX = 10
_WHOLE: Final = 2**63
TYPES: Final = (
    ("pdf", "PDF"),
    ("docx", "Word"),
    ("xlsx", "Excel"),
    ("pptx", "PowerPoint"),
    ("msg", "Outlook message"),
    ("image", "Pictures"),
    ("video", "Videos"),
    ("audio", "Sound"),
)
_TYPE = re.compile(r"[^\W_][\w+.-]{0,60}(?:/[\w+.-]{1,60})?")
ORDERS: Final = ((Order.DATE, "newest first"), (Order.NAME, "by name"), (Order.SIZE, "largest first"))
_KEYS: Final = {Order.DATE: (int,), Order.NAME: (str, int), Order.SIZE: (int, int)}
"""What stands in the place behind which a page goes on."""


async def files(asked: PanelRequest) -> web.StreamResponse:
    """The files of a conversation: searched, sorted, and of one type or sender."""
    view = await seen.view(asked.desk, asked.person.id, asked.part("conversation"))
    if view is None:
        return not_there()
    if not view.entry.mine:
        nothing = "Join to see its files, pins and participants."
        return await tabbed(asked, view, "files", files=(), following="", nothing=nothing, sifted=None)
    values = await listed(asked, view.entry.id, list(view.people))
    return await tabbed(asked, view, "files", **values)


async def all_files(asked: PanelRequest) -> web.StreamResponse:
    """The files of all conversations that the person may see, or of those of a matter: searched and sorted."""
    firm, matter = asked.desk.firm(), None
    if matter_id := asked.query("matter"):
        matter = await seen.matter_view(asked.desk, asked.person.id, matter_id)
        if matter is None:
            return not_there()
    values = await listed(asked, "", by_name(firm.staff[one] for one in firm.active_staff))
    return await framed(asked, "all_files", "Files", "files", matter=matter and matter.matter, **values)


async def versions(asked: PanelRequest) -> web.StreamResponse:
    """The versions of a file in a conversation, the newest first."""
    view = await seen.view(asked.desk, asked.person.id, asked.part("conversation"))
    name = asked.query("name")
    if view is None or not view.entry.mine or not name:
        return not_there()
    after = read_after(asked.query("after"), Order.DATE)
    found = await versions_seen(asked.desk, asked.person, view.entry.id, name_key(name), after, FILES)
    return await tabbed(asked, view, "versions", name=shown_name(name), **rows(asked, found))


async def listed(asked: PanelRequest, conversation_id: str, people: list[Staff]) -> Values:
    """A page of the files that are asked for behind the address, and what to narrow them down by."""
    wanted = asked_for(asked, conversation_id)
    found = await files_seen(asked.desk, asked.person, wanted, read_after(asked.query("after"), wanted.order), FILES)
    nothing = (
        "There are no files here yet. What is sent in the conversation is listed here."
        if conversation_id
        else "There are no files yet that you can see."
    )
    kind = asked.query("type").casefold()
    sifted = {
        "query": asked.query("q"),
        "type": kind,
        "types": TYPES if kind in {"", *dict(TYPES)} else ((kind, kind), *TYPES),
        "sender": asked.query("from"),
        "matter": asked.query("matter"),
        "senders": people,
        "order": wanted.order,
        "orders": ORDERS,
    }
    values = rows(asked, found, everywhere=not conversation_id)
    return {**values, "nothing": nothing if wanted.everything else "There is no file that fits that.", "sifted": sifted}


def asked_for(asked: PanelRequest, conversation_id: str) -> FileSearch:
    """Which files are asked for behind the address. What is none of its values leaves none out."""
    kind, sender, order = asked.query("type").casefold(), asked.query("from"), asked.query("sort")
    marks = [of_type(kind)] if _TYPE.fullmatch(kind) else []
    marks += [in_matter(matter)] if (matter := asked.query("matter")) and not conversation_id else []
    marks += [sent_by(sender)] if sender in asked.desk.firm().staff else []
    return FileSearch(
        conversation_id,
        words=tuple(sought(asked.query("q")))[:_WORDS_MAX],
        marks=tuple(marks),
        order=Order(order) if order in set(Order) else Order.DATE,
    )


def rows(asked: PanelRequest, found: FilesPage, *, everywhere: bool = False) -> Values:
    """A page of files as the table shows it, and where the next one is."""
    query = {name: value for name in ("q", "type", "from", "sort", "name", "matter") if (value := asked.query(name))}
    return {
        "files": [file_row(asked.desk, asked.person, one, everywhere=everywhere) for one in found.files],
        "following": "" if found.following is None else f"?{urlencode({**query, 'after': place(found.following)})}",
        "nothing": "There is no file of that name.",
    }


def place(after: After) -> str:
    """Where a page begins, as an address has it."""
    return urlsafe_b64encode(orjson.dumps(after)).decode().rstrip("=")


def read_after(text: str, order: Order) -> After | None:
    """Where a page of files begins; None for the first one, and for what is no place in this order."""
    try:
        found = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4))) if text.isascii() else None
    except (ValueError, binascii.Error):
        return None
    if not isinstance(found, list) or tuple(map(type, found)) != _KEYS[order]:
        return None
    return (
        tuple(found) if all("\0" not in one if isinstance(one, str) else 0 <= one < _WHOLE for one in found) else None
    )


def file_row(desk: Desk, person: Staff, one: FileSeen, *, everywhere: bool = False) -> Values:
    """A file as the table shows it."""
    where = one.conversation
    here = "" if where is None else where.id
    # A file is handed over only to those in its conversation; the others see where it is.
    inside = where is not None and person.id in desired_participants(desk.firm(), where, desk.today())
    address = f"/conversation/{here}"
    file = f"{address}/file/{quote(one.event_id, safe='')}"
    kind = type_of(one.name, one.type, one.kind)
    return {
        "name": shown_name(one.name.strip()),
        "type": kind,
        "mark": mark_of(kind),
        "size": size(one.size),
        "sender": one.sender,
        "sent": moment_in(desk.settings.firm, one.at_ms),
        "caption": shown_name(" ".join(one.caption.split())),
        "place": "" if where is None or not everywhere else name_for(desk.firm(), where, person.id),
        "conversation": address,
        "number": one.version,
        "versions": one.versions,
        "all_versions": f"{address}/versions?{urlencode({'name': one.name})}" if inside else "",
        "filed": one.filed,
        "seen": seen_address(here, one.event_id) if inside else "",
        "download": file if inside else address,
        "picture": f"{file}/picture" if inside and one.kind == "image" else "",
    }
