"""What a request to Synapse asks for, as its address tells: rooms, events, files, and since when. Pure.

Its body is not seen. What is asked for there, in a search or a subscription, is met where events are about to be shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

_GOING = frozenset({"leave", "forget"})
"""What anybody may do about a room that was theirs."""
_FILES = frozenset({"download", "thumbnail"})
_SLIDING = "simplified_msc3575"
_SINCE = frozenset({"since", "pos", "from"})
_POSITION = re.compile(r"(?:\d+/)?(?:[sm]|t\d+-)(\d{1,18})", re.ASCII)
"""A place in the stream of events, in a token for sync (`s123_…`, with several writers `m123~…`) or newer sync
(`4/s123_…`): Synapse's RoomStreamToken and SlidingSyncStreamToken."""


@dataclass(frozen=True, slots=True)
class NamedByRequest:
    """What a request names."""

    rooms: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    media: str = ""
    """The id of a file that is to be downloaded, whole or small."""
    what: str = ""
    """The last part of the path, such as `sync`."""
    sliding: bool = False
    """Whether it is the newer sync."""
    since: int | None = None
    """The earliest place in the stream of events from which something is asked for; None where none is named."""
    all_state: bool = False


def asked(method: str, url: str) -> NamedByRequest:
    """Read a request's method and address. What Synapse would not understand counts as the earliest place."""
    path, _, query = url.partition("?")
    parts = [unquote(part) for part in path.split("/") if part]
    # Synapse takes a semicolon for an ampersand, and of a value given twice the first.
    pairs = [piece.partition("=") for piece in re.split("[&;]", query)]
    values = [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]
    what = parts[-1] if parts else ""
    named = parts + [value for _, value in values]
    going = method == "POST" and what in _GOING
    places = [_place(value) for name, value in values if name in _SINCE and what in {"sync", "events"}]
    return NamedByRequest(
        rooms=frozenset() if going else frozenset(one for one in named if one.startswith("!")),
        events=frozenset(one for one in named if one.startswith("$")),
        media=_media(parts),
        what=what,
        sliding=any(_SLIDING in part for part in parts),
        since=min(places, default=None),
        all_state=any(name == "full_state" and value != "false" for name, value in values),
    )


def _place(token: str) -> int:
    found = _POSITION.match(token)
    return int(found[1]) if found else 0


def _media(parts: list[str]) -> str:
    """The media id in …/download/SERVER/ID, …/download/SERVER/ID/NAME and …/thumbnail/SERVER/ID."""
    for at, part in enumerate(parts[:-2]):
        if part in _FILES and "media" in parts[:at]:
            return parts[at + 2]
    return ""
