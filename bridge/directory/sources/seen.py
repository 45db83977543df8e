"""What of the directory a firm admin may be shown, who may themselves be kept out of matters (M3). Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date

from bridge.directory.barriers import UNTIL_KNOWN
from bridge.directory.sources.port import Flaw, SourceStanding
from bridge.directory.sources.statement import Links
from bridge.firm.model import Firm
from bridge.firm.policy import accessible
from bridge.firm.walls import may_know

Sees = Callable[[str, str], bool]
"""Whether somebody may know of a record, by its kind and id."""
OF_PEOPLE = frozenset({"staff", "groups", "channels"})
"""Sections and files in which no matter is named."""
_COUNTED = frozenset({"staff", "channels"})
"""Sections of which everybody may know how much there is."""
_MADE = (UNTIL_KNOWN, "smokeball-but-")
"""How groups begin that a connector makes for restricted matters: each tells that there is such a matter."""
_PATH = re.compile(r"(?<=\s)/\S+")
_STEP = re.compile(r"(?<=/)[^/]+?(?=/|[.,;:)]*$)")
_WORD = re.compile(r"[A-Za-z_]+(\.[a-z]+)?")


def sight_of(staff_id: str, given: Sequence[Firm], firms: Sequence[Firm], today: date) -> Sees:
    """What this person may know of in every one of these firms; `given` are these as the directory has them."""
    hidden = {
        matter_id
        for firm in firms
        for matter_id in firm.matters.keys() - {one.id for one in accessible(firm, staff_id, firm.listed, today)}
    }

    def sees(kind: str, record_id: str) -> bool:
        if kind == "matter":
            return record_id not in hidden
        if kind == "group":
            return not record_id.startswith(_MADE)
        if kind == "wall":
            # As the directory calls them: among those set by command one may have the same id.
            walls = [
                (firm, one.walls[record_id]) for one, firm in zip(given, firms, strict=True) if record_id in one.walls
            ]
            return all(may_know(firm, wall, staff_id, today) for firm, wall in walls)
        return True

    return sees


def standings_seen(standings: Iterable[SourceStanding], sees: Sees, links: Links, firm: Firm) -> list[SourceStanding]:
    """How the sources stand, for a firm admin: without how many matters, walls and groups there are, and what asked of
    one cannot be read; with those flaws alone that they may know of.

    Who may see a matter that was never read, nobody can tell yet.
    """

    def known(source: str, flaw: Flaw) -> bool:
        known_as = links.get((source, flaw.kind, flaw.id), flaw.id)
        shown = flaw.kind in OF_PEOPLE or (flaw.kind == "matters" and known_as in firm.matters)
        return shown and sees(flaw.kind.removesuffix("s"), known_as)

    return [
        replace(
            one,
            flaws=tuple(flaw for flaw in one.flaws if known(one.source, flaw)),
            counts={kind: count for kind, count in one.counts.items() if kind in _COUNTED},
            trouble=without_ids(one.trouble),
        )
        for one in standings
    ]


def without_ids(text: str) -> str:
    """The text with each step of a path in it that is no plain word, and so may be somebody's or something's id, as
    an ellipsis."""

    def step(found: re.Match[str]) -> str:
        return found[0] if _WORD.fullmatch(found[0]) else "…"

    return _PATH.sub(lambda path: _STEP.sub(step, path[0]), text)


def names_made(text: str) -> bool:
    """Whether a group is named that a connector made."""
    return any(one in text for one in _MADE)
