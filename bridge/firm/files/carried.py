"""Files and pictures that an event carries in another form than the four kinds of file message (V3, V4). Pure.

What is sent as m.file, m.image, m.video or m.audio is listed, judged, filed and held. Matrix and its drafts know many
other forms: stickers, galleries (MSC4274), extensible events (MSC1767, MSC3551 and those after it), previews of links
(MSC4095), pictures inside formatted text or as a reaction (MSC4027), and whatever a client of one's own makes up. They
are known by what they carry and not by their names, so that a form that nobody has thought of yet is known, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

FILE_MESSAGES = ("m.file", "m.image", "m.video", "m.audio")
"""The message types that carry a file (specification, m.room.message). No set: what is compared may be a list."""
ENCRYPTED = "m.room.encrypted"
"""An event into which nothing of the firm's can look."""
MESSAGE = "m.room.message"
_SIGNS = frozenset({"url", "file", "filename"})
"""What names a file where no text does."""
_OWN = (("url",), ("file", "url"), ("info", "thumbnail_url"), ("info", "thumbnail_file", "url"))
"""Where a file message has its file, and the small picture of it."""
_HTML = frozenset({"formatted_body", "org.matrix.msc1767.html", "m.html"})
_HTML_AND_BODY = _HTML | {"body"}
_IS_HTML = "text/html"
"""How a media type of HTML begins, whatever parameters follow (RFC 9110, 8.3.1)."""
_PICTURE = re.compile("<[iI][mM]")
"""How <img> begins, and <image>, which browsers take for it. In HTML a tag's name cannot be written otherwise."""
_ADDRESS = re.compile(r"\s*[mM][xX][cC]:")
_HAS_KEYS = (dict, Mapping)
_NESTED = (dict, list, tuple, Mapping)
"""In this order: to ask whether something is a Mapping takes ten times as long as to see that it is a dict."""
Content = Mapping[str, Any]


def strays(event_type: str, content: Content) -> bool:
    """Whether an event carries a file or picture that no list of the firm's would have.

    It looks at each value once, and needs no more for an ordinary message than for its few keys.
    """
    if event_type == ENCRYPTED:
        return True
    if event_type != MESSAGE:
        return _stray(content)
    new = content.get("m.new_content") if is_edit(content) else None
    if not new or not isinstance(new, _HAS_KEYS):
        return _stray_message(content)
    return _stray_message({key: value for key, value in content.items() if key != "m.new_content"}) or (
        _stray_message(new)
    )


def is_edit(content: Content) -> bool:
    """Whether a message gives another one a new content (specification: event replacements)."""
    relation = content.get("m.relates_to")
    return bool(relation) and isinstance(relation, _HAS_KEYS) and relation.get("rel_type") == "m.replace"


def edited_with_file(content: Content) -> str | None:
    """The event id of the message that an edit with a file in it edits, empty where it names none; None for all else.

    Lists have such an edit where that message is a file of the same sender's, and nowhere else (`edits_file`).
    """
    if not is_edit(content):
        return None
    new = content.get("m.new_content")
    if not any(isinstance(one, Mapping) and one.get("msgtype") in FILE_MESSAGES for one in (content, new)):
        return None
    edited = content["m.relates_to"].get("event_id")
    return edited if isinstance(edited, str) else ""


def edits_file(sender: str, room_id: str, edited: Mapping[str, Any] | None) -> bool:
    """Whether an edit by this sender in this room is one of a file of theirs. `edited` is the event, None for none."""
    if edited is None or (edited.get("sender"), edited.get("room_id", room_id)) != (sender, room_id):
        return False
    content = edited.get("content")
    return isinstance(content, Mapping) and content.get("msgtype") in FILE_MESSAGES and not is_edit(content)


def blocks_in(content: Content) -> Iterator[Content]:
    """The parts of a file message that describe its file once more, as the block of a voice message does (MSC3245)."""
    for key, value in content.items():
        if key != "m.new_content" and not isinstance(value, str | int):
            yield from (part for part in _mappings(value) if "name" in part or "filename" in part)


def _stray_message(content: Content) -> bool:
    if content.get("msgtype") not in FILE_MESSAGES:
        return _stray(content)
    found, own = _look(content), {_at(content, path) for path in _OWN}
    return found.picture or any(address not in own for address in found.addresses)


def _stray(content: Content) -> bool:
    found = _look(content)
    return found.named or found.picture or bool(found.addresses)


@dataclass(slots=True)
class _Found:
    named: bool = False
    """Whether something has a key that names a file."""
    picture: bool = False
    """Whether a formatted text has a picture in it."""
    addresses: list[str] = field(default_factory=list)
    """Every text that is a media address (specification: mxc:// URIs). A body is what somebody typed, and none."""


def _look(content: Content) -> _Found:
    """Look at all there is, once. Content may be nested deeper than functions can call."""
    found = _Found()
    waiting: list[Any] = [content]
    while waiting:
        holder, texts = waiting.pop(), _HTML
        if isinstance(holder, list | tuple):
            inside: Iterable[tuple[str, Any]] = [("[]", inner) for inner in holder]
        else:
            inside = holder.items()
            found.named = found.named or not _SIGNS.isdisjoint(holder)
            texts = _HTML_AND_BODY if _is_html(holder.get("mimetype")) else _HTML
        for key, value in inside:
            # Most are texts, and of every message of the firm each is looked at.
            if isinstance(value, str):
                if key in texts:
                    found.picture = found.picture or _PICTURE.search(value) is not None
                elif key != "body" and ":" in (begins := value[:40]) and _ADDRESS.match(begins):
                    found.addresses.append(value)
            elif value and not isinstance(value, int | float) and isinstance(value, _NESTED):
                waiting.append(value)
    return found


def _is_html(media_type: object) -> bool:
    return isinstance(media_type, str) and media_type[:40].lstrip().casefold().startswith(_IS_HTML)


def _at(content: Any, path: tuple[str, ...]) -> str:
    for key in path:
        content = content.get(key) if isinstance(content, _HAS_KEYS) else None
    return content if isinstance(content, str) else ""


def _mappings(value: Any) -> Iterator[Content]:
    """A value and all in it, as far as they have keys. Content may be nested deeper than functions can call."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, _HAS_KEYS):
            yield each
            waiting.extend(inner for inner in each.values() if not isinstance(inner, str))
        elif isinstance(each, list | tuple):
            waiting.extend(inner for inner in each if not isinstance(inner, str))
