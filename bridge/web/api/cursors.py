"""Where the next page of a list begins, as a text that only this bridge writes and reads.

It is sealed together with what was asked and by whom, so that nothing but a place in that very list is ever taken from
one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bridge.web.api.problems import ProblemError
from bridge.web.sealing import Place, opened, sealed

T = TypeVar("T")


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
        self, items: Sequence[T], place: Callable[[T], Place], cursor: str | None, most: int
    ) -> tuple[Sequence[T], str | None]:
        """A page of a list that is ordered by `place`, and the cursor of the next one; None at the end."""
        after = self.opened(cursor)
        left = items if after is None else [one for one in items if place(one) > after]
        shown = left[:most]
        return shown, self.sealed(place(shown[-1])) if len(left) > most else None
