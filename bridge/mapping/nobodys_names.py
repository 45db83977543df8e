"""Names of files that nobody gave: clients, cameras and scanners call many files so, whatever is in them (V3). Pure.

What is pasted into a message is image.png or blob in every browser; so it is no version of what was pasted before.
"""

from __future__ import annotations

import re

_ONE_WORD = """
    image images img picture pic photo video vid movie mov clip gif animation audio sound voice recording
    screenshot capture snapshot camera sticker thumbnail file blob data media attachment upload download content
    document stream temp tmp paste pasted clipboard untitled unnamed unknown noname scan
    fullsizerender unbenannt
    dsc dscn dscf mvi pxl cimg gopr dji m.file m.image m.video m.audio
"""
_MORE_WORDS = (
    "voice message",
    "voice note",
    "voice recording",
    "new recording",
    "sans titre",
    "audio recording",
    "screen recording",
    "screen shot",
    "pasted image",
    "pasted file",
    "pasted graphic",
    "pasted text",
    "clipboard image",
    "image from clipboard",
    "no name",
    "new document",
    "untitled document",
    "scanned document",
    "scanned documents",
)
_NAMES = frozenset((*_ONE_WORD.split(), *_MORE_WORDS))
_COUNTER = re.compile(r"(?<![ _-])[ _-]*+\(?[0-9]{1,6}\)?\Z")
_LONGEST_END = 5


def is_nobodys(name_key: str) -> bool:
    """Whether a name, folded as `files.name_key` does, is one of those, with or without a counter and a type."""
    stem, dot, end = name_key.rpartition(".")
    bare = _COUNTER.sub("", stem if dot and len(end) <= _LONGEST_END else name_key)
    return " ".join(re.split(r"[ _-]+", bare)).strip() in _NAMES
