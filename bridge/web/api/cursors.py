"""Where the next page of a list begins, as a text that only this bridge writes.

It is signed together with what was asked and by whom, so that nothing but a place in that very list is ever taken from
one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, TypeVar

import orjson

from bridge.web.api.problems import ProblemError

T = TypeVar("T")
Place = tuple[Any, ...]
"""Numbers and texts by which a list is ordered."""
CURSOR_MAX: Final = 3_000
"""Characters. A name and an id of the greatest length have a cursor that is shorter, also of marks that are escaped."""
_MAC = 16
_NAME_MAX = 200


@dataclass(frozen=True, slots=True)
class Cursors:
    """The cursors of one list."""

    key: bytes
    about: bytes
    """What tells this list from others."""

    def sealed(self, place: Place) -> str:
        """The cursor of the page behind this place."""
        text = orjson.dumps(place)
        return base64.urlsafe_b64encode(self._mac(text) + text).decode().rstrip("=")

    def opened(self, cursor: str | None) -> Place | None:
        """The place; None without a cursor. Raises ProblemError where it is none of this list."""
        if cursor is None:
            return None
        try:
            raw = base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError):
            raw = b""
        if len(raw) <= _MAC or not hmac.compare_digest(raw[:_MAC], self._mac(raw[_MAC:])):
            raise ProblemError(
                422, "cursor", "This is no cursor of this list. Begin without one, and ask for each page as before."
            )
        return tuple(orjson.loads(raw[_MAC:]))

    def _mac(self, text: bytes) -> bytes:
        return hmac.new(self.key, b"cursor\n" + self.about + b"\n" + text, hashlib.sha256).digest()[:_MAC]

    def page(
        self, items: Iterable[T], place: Callable[[T], Place], cursor: str | None, most: int
    ) -> tuple[list[T], str | None]:
        """A page of these in the order of `place`, which is of each its own, and the cursor of the next one; None at
        the end."""
        after = self.opened(cursor)
        # The same order as they are cut in, or what lies between two orders would be on no page.
        placed = sorted(((_short(place(one)), one) for one in items), key=itemgetter(0))
        left = [(at, one) for at, one in placed if after is None or at > after]
        following = self.sealed(left[most - 1][0]) if len(left) > most else None
        return [one for _, one in left[:most]], following


def _short(place: Place) -> Place:
    """A place whose cursor is taken back: of names, which may be of any length, the beginning; and the whole id."""
    *names, last = place
    return (*(one[:_NAME_MAX] if isinstance(one, str) else one for one in names), last)
