"""Files and pictures that an event carries in another form than the four kinds of file message (V3, V4). Pure.

What is sent as m.file, m.image, m.video or m.audio is listed, judged, filed and held. Matrix and its drafts know many
other forms: stickers, galleries (MSC4274), extensible events (MSC1767, MSC3551 and those after it), previews of links
(MSC4095), pictures inside formatted text or as a reaction (MSC4027), and whatever a client of one's own makes up. They
are known by what they carry and not by their names, so that a form that nobody has thought of yet is known, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
_IS_HTML = "text/html"
"""How a media type of HTML begins, whatever parameters follow (RFC 9110, 8.3.1)."""
_PICTURE = "<im"
"""How <img> begins, and <image>, which browsers take for it. In HTML a tag's name cannot be written otherwise."""
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
    if not isinstance(new, Mapping):
        return _stray_message(content)
    return _stray_message({key: value for key, value in content.items() if key != "m.new_content"}) or (
        _stray_message(new)
    )


def is_edit(content: Content) -> bool:
    """Whether a message gives another one a new content (specification: event replacements)."""
    relation = content.get("m.relates_to")
    return isinstance(relation, Mapping) and relation.get("rel_type") == "m.replace"


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
        if key != "m.new_content":
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
    found, waiting = _Found(), [("", content)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict | Mapping):
            found.named = found.named or not _SIGNS.isdisjoint(value)
            said = value.get("mimetype")
            html = isinstance(said, str) and said[:40].lstrip().casefold().startswith(_IS_HTML)
            waiting.extend(("formatted_body" if html and name == "body" else name, value[name]) for name in value)
        elif isinstance(value, list | tuple):
            waiting.extend(("[]", inner) for inner in value)
        elif isinstance(value, str) and key != "body":
            if key in _HTML:
                found.picture = found.picture or _PICTURE in value.casefold()
            elif value[:40].lstrip().casefold().startswith("mxc:"):
                found.addresses.append(value)
    return found


def _at(content: Any, path: tuple[str, ...]) -> str:
    for key in path:
        content = content.get(key) if isinstance(content, Mapping) else None
    return content if isinstance(content, str) else ""


def _mappings(value: Any) -> Iterator[Content]:
    """A value and all in it, as far as they have keys. Content may be nested deeper than functions can call."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            yield each
            waiting.extend(inner for inner in each.values() if not isinstance(inner, str))
        elif isinstance(each, list | tuple):
            waiting.extend(inner for inner in each if not isinstance(inner, str))
