"""Long lists: page by page, each with an address of its own, and people to tick of whom the rest can be found (P1)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlencode

from bridge.firm.model import Group, Staff
from bridge.firm.names import has_words, searched

if TYPE_CHECKING:
    from bridge.web.panel.pages import PanelRequest

PAGE: Final = 100
"""Lines of a list."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pages:
    """Which page of a list this is."""

    first: int
    """The number of its first line, from 1 on."""
    last: int
    count: int
    """Lines in all."""
    previous: str
    """Where the page before is, behind the address; empty at the beginning."""
    following: str
    """Where the next one is; empty at the end."""


def paged(asked: PanelRequest, rows: Sequence[T], most: int = 0, **query: str) -> tuple[Sequence[T], Pages]:
    """The page of a list that is asked for, of `most` lines where there are to be fewer than elsewhere. `query` is what
    else stands behind its address."""
    size, typed = most or PAGE, asked.query("from")
    start = int(typed) if typed.isdecimal() and len(typed) < 10 else 0
    if start >= len(rows):
        # What was there meanwhile went.
        start = max(0, len(rows) - 1) // size * size
    some, given = rows[start : start + size], {name: value for name, value in query.items() if value}
    before, behind = max(0, start - size), start + size
    return some, Pages(
        start + 1,
        start + len(some),
        len(rows),
        f"?{urlencode({**given, 'from': str(before)} if before else given)}" if start else "",
        f"?{urlencode({**given, 'from': str(behind)})}" if behind < len(rows) else "",
    )


@dataclass(frozen=True, slots=True)
class Ticks:
    """People to tick, or groups of them: those that the page has."""

    rows: Sequence[tuple[str, Staff | Group, bool]]
    """The field that each is named in, and whether it is ticked."""
    found: int
    """How many fit what was typed to find them."""
    count: int
    """How many there are."""
    following: str
    """Where more are; empty where these are all."""


def to_tick(
    asked: PanelRequest, people: Iterable[Staff], ticked: Collection[str], groups: Sequence[tuple[Group, bool]] = ()
) -> Ticks:
    """As many of these people as a page has: `groups`, whoever is ticked, and the others by name.

    A form that is shown again has all that was ticked. The page's script asks for those whom it has not. Which they are
    does not hang on what is ticked, which those who ask for more do not say.
    """
    again = asked.request.method == "POST"
    words, typed = ([], "") if again else (asked.query("find").split(), asked.query("people"))
    start = int(typed) if typed.isdecimal() and len(typed) < 10 else 0
    end = start + PAGE
    ordered = sorted(people, key=lambda one: one.name.casefold())
    fit = [one for one in ordered if has_words(searched(f"{one.name} {one.role}"), words)] if words else ordered
    sets = [("group", one, chosen) for one, chosen in groups if has_words(searched(one.name), words)]
    first = [one for one in fit if one.id in ticked] if start == 0 else []
    if not again:
        first = first[:PAGE]
    put = {one.id for one in first}
    shown = [*first, *(one for one in fit[start:end] if one.id not in put)]
    return Ticks(
        [*(sets if start == 0 else ()), *(("person", one, one.id in ticked) for one in shown)],
        len(fit) + len(sets),
        len(ordered) + len(groups),
        f"?{urlencode({'find': ' '.join(words), 'people': end})}" if end < len(fit) else "",
    )
