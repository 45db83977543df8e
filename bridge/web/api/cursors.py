"""Where the next page of a list begins, as a text that only this bridge writes and reads.

It is sealed together with what was asked and by whom, so that nothing but a place in that very list is ever taken from
one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, TypeVar

from bridge.web.api.problems import ProblemError
from bridge.web.sealing import Place, opened, sealed

T = TypeVar("T")
CURSOR_MAX: Final = 3_100
"""Characters. A name and an id of the greatest length have a cursor that is shorter, also of marks that are escaped."""
_NAME_MAX = 200


@dataclass(frozen=True, slots=True)
class Cursors:
    """The cursors of one list."""

    key: bytes
    about: bytes
    """What tells this list from others."""

    def sealed(self, place: Place) -> str:
        """The cursor of the page behind this place."""
        return sealed(self.key, self.about, place)

    def opened(self, cursor: str | None) -> Place | None:
        """The place; None without a cursor. Raises ProblemError where it is none of this list."""
        if cursor is None:
            return None
        place = opened(self.key, self.about, cursor)
        if place is None:
            raise ProblemError(
                422, "cursor", "This is no cursor of this list. Begin without one, and ask for each page as before."
            )
        return place

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
