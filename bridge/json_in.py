"""JSON as it is taken in from outside: without NUL characters, which PostgreSQL has no place for and SQLite keeps.

One entrance, so that nothing behind it needs to think of them, whichever the database.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

_WRITTEN = b"\\u0000"
"""The only form that JSON has for a NUL (RFC 8259, 7)."""
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
"""Not behind a backslash that is itself escaped: that is text about a NUL."""


def loads(raw: bytes) -> Any:
    """The value, with U+FFFD for each NUL. Raises orjson.JSONDecodeError, also for half a character."""
    return orjson.loads(_NUL.sub(rb"\1\\ufffd", raw) if has_nul(raw) else raw)


def has_nul(raw: bytes) -> bool:
    """Whether there may be a NUL in it."""
    return _WRITTEN in raw
