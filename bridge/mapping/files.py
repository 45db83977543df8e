"""The file that a message carries, as its content tells it (V3). Pure.

Nothing in a message's content is checked by the homeserver, so whatever is not of its type counts as not there, and
lengths and numbers are bounded. Only a media address is needed: without a valid one there is no file.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.firm.text.visible import shown
from bridge.mapping.nobodys_names import is_nobodys
from bridge.mapping.said import edited_in

Json = Mapping[str, Any]

KINDS: Mapping[str, str] = {"m.file": "file", "m.image": "image", "m.video": "video", "m.audio": "audio"}
"""The message types that carry a file, and what the firm calls them."""
NAME_MAX = 255
"""Characters of a name that are kept."""
_NAME_END = 55
"""Characters at the end of a longer name that are kept, and with them what it says it is."""
CAPTION_MAX = 2000
"""Characters of a caption that are kept."""
SIZE_MAX = 2**53 - 1
"""The greatest whole number that an event can have (specification: canonical JSON)."""
MEASURE_MAX = 2**31 - 1
"""Pixels, or milliseconds: 24 days."""
_VOICE = ("org.matrix.msc3245.voice", "m.voice")
_MXC = re.compile(r"mxc://[A-Za-z0-9.:\[\]-]{1,255}/[A-Za-z0-9_-]{1,255}")
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{1,128}={0,2}")


@dataclass(frozen=True, slots=True)
class Carried:
    """What a message says of the file it carries."""

    kind: str
    """file, image, video or audio."""
    name: str
    """As the message gives it, up to NAME_MAX characters; never empty. Show it by `shown_name`."""
    name_key: str
    """What makes two names the same (V3); empty for what has no name that somebody gave, as a voice message."""
    caption: str
    mxc: str
    """The media's address, which is a secret."""
    encryption: str
    """JSON of the key, iv and hashes of an encrypted attachment; empty for the others."""
    declared_type: str
    """The media type in lower case, without parameters; empty where none is given."""
    declared_size: int | None
    """Bytes."""
    width: int | None
    """Pixels."""
    height: int | None
    duration_ms: int | None
    replaces: str = ""
    """The event id of the message that this one edits; empty for a new one."""


def may_carry(content: Json) -> bool:
    """Whether a message may carry a file, by its type alone: this is asked of every message of the firm."""
    if content.get("msgtype") in _TYPES:
        return True
    new = content.get("m.new_content")
    return isinstance(new, dict) and new.get("msgtype") in _TYPES and edited_in(content) is not None


def file_in(content: Json) -> Carried | None:
    """The file that the content of an `m.room.message` carries; None for none.

    For an edit it is the file as it is from then on (specification: event replacements).
    """
    replaces = edited_in(content)
    if replaces is not None:
        content = _mapping(content.get("m.new_content"))
    msgtype = content.get("msgtype")
    kind = KINDS.get(msgtype) if isinstance(msgtype, str) else None
    address = _address(content)
    if kind is None or address is None or replaces == "":
        return None
    given, caption = name_and_caption(content)
    info = _mapping(content.get("info"))
    own = bool(given) and not any(isinstance(content.get(mark), dict) for mark in _VOICE)
    return Carried(
        kind=kind,
        name=_bounded_name(given) or kind,
        name_key=name_key(given) if own and is_given(given) else "",
        caption=caption[:CAPTION_MAX],
        mxc=address[0],
        encryption=address[1],
        declared_type=_media_type(info.get("mimetype")),
        declared_size=_number(info.get("size"), 0, SIZE_MAX),
        width=_number(info.get("w"), 1, MEASURE_MAX),
        height=_number(info.get("h"), 1, MEASURE_MAX),
        duration_ms=_number(info.get("duration"), 0, MEASURE_MAX),
        replaces=replaces or "",
    )


def name_key(name: str) -> str:
    """What makes two names the same: NFKC, case folded and trimmed, so that a file sent again is a version (V3)."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", _storable(name)).casefold()).strip()
    if len(folded) <= NAME_MAX:
        return folded
    # An index takes only so much; the rest tells long names apart by their sum.
    return f"{folded[: NAME_MAX - 65]} {hashlib.sha256(folded.encode()).hexdigest()}"


def is_given(name: str) -> bool:
    """Whether somebody gave a file this name, so that another one of this name is a version of it."""
    return not is_nobodys(name_key(name))


def shown_name(name: str) -> str:
    """A name as it can be shown: each character that is not seen, or turns the writing round, as �."""
    return shown(name)


def extension(name: str) -> str:
    """What stands behind the last dot, case folded; empty where a name has none."""
    stem, dot, end = name.rstrip().rpartition(".")
    return unicodedata.normalize("NFKC", end).casefold() if dot and stem and end and len(end) <= 16 else ""


def name_and_caption(content: Json) -> tuple[str, str]:
    """The name and the caption (specification: media captions). A body without a filename is the name."""
    filename, body = _text(content.get("filename")), _text(content.get("body"))
    if filename.strip():
        return filename, body if body.strip() != filename.strip() else ""
    return (body, "") if body.strip() else ("", "")


def _bounded_name(name: str) -> str:
    return name if len(name) <= NAME_MAX else f"{name[: NAME_MAX - _NAME_END - 1]}…{name[-_NAME_END:]}"


def _address(content: Json) -> tuple[str, str] | None:
    """The media's address and how it is encrypted. As clients do, an encrypted attachment comes before the other."""
    attachment = _mapping(content.get("file"))
    if (mxc := _mxc(attachment.get("url"))) is not None and (encryption := _encryption(attachment)):
        return mxc, encryption
    mxc = _mxc(content.get("url"))
    return None if mxc is None else (mxc, "")


def _encryption(attachment: Json) -> str:
    """What is needed to read it, as JSON (specification: EncryptedFile); empty where something is missing."""
    key, hashes = _mapping(attachment.get("key")), _mapping(attachment.get("hashes"))
    parts = {"k": key.get("k"), "iv": attachment.get("iv"), "sha256": hashes.get("sha256")}
    if not all(isinstance(part, str) and _BASE64.fullmatch(part) for part in parts.values()):
        return ""
    kept = {
        "v": "v1" if attachment.get("v") == "v1" else "v2",
        "key": {"alg": "A256CTR", "k": parts["k"]},
        "iv": parts["iv"],
        "hashes": {"sha256": parts["sha256"]},
    }
    return json.dumps(kept, sort_keys=True)


def _mxc(given: object) -> str | None:
    return given if isinstance(given, str) and _MXC.fullmatch(given) else None


def _media_type(given: object) -> str:
    told = given.partition(";")[0].strip().lower() if isinstance(given, str) else ""
    return told if _TYPE.fullmatch(told) else ""


def _number(given: object, least: int, most: int) -> int | None:
    if not isinstance(given, int) or isinstance(given, bool):
        return None
    return given if least <= given <= most else None


def _text(given: object) -> str:
    return _storable(given) if isinstance(given, str) else ""


def _storable(text: str) -> str:
    """Text as a database takes it: no NUL, which PostgreSQL has no place for, and no half of a character."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _mapping(given: object) -> Json:
    return given if isinstance(given, dict) else {}


_TYPES = tuple(KINDS)
"""A tuple, since what a message gives as its type may be nothing that a set can look for."""
