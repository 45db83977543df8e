"""What keeps people out of matters, how much of it a change ends, and the change without that (S1, S3, M3). Pure.

Whom a wall screened, or a restriction shut out, and who would be let in. However that comes about: a wall is gone or
shorter, a group on it empty, a matter has another client, a restricted matter is open or its list is everybody's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from bridge.firm.model import Firm, Matter, Matters, MatterStatus, Wall, WallKind
from bridge.firm.walls import whom

UNTIL_KNOWN = "restricted-until-known"
"""The group on the list of a matter that is restricted only until its source has said who must not see it.

Nobody is in it. That such a matter opens was to be expected, so it waits for nobody.
"""
_KEPT_MEMO = "Stands until a firm admin confirms that it ends."
Screened = Mapping[str, frozenset[str]]
"""Staff ids by matter."""


@dataclass(frozen=True)
class LetIn:
    """Whom a change lets in who was kept out before. Newcomers, and matters that were not there, are none of it."""

    walled: Screened = field(default_factory=dict)
    """Who was behind a wall and is behind none any more."""
    restricted: Screened = field(default_factory=dict)
    """Who was shut out by a restriction, of matters in which that holds for less than half of them still."""
    walled_before: int = 0
    """How many people there were behind walls, for each matter."""
    restricted_before: int = 0
    """How many matters were restricted."""
    today: date = date.min
    """The day on which walls are judged."""

    @property
    def share(self) -> float:
        """The share of those behind walls who are let in, or of restricted matters that open, in percent."""
        walled = sum(map(len, self.walled.values()))
        return max(_percent(walled, self.walled_before), _percent(len(self.restricted), self.restricted_before))

    def people(self, sees: Callable[[str, str], bool] = lambda kind, record_id: True) -> Counter[str]:
        """How many matters each person is let into, of those that a reader sees."""
        let_in: dict[str, set[str]] = {}
        for screened in (self.walled, self.restricted):
            for matter_id, people in screened.items():
                if sees("matter", matter_id):
                    let_in[matter_id] = let_in.get(matter_id, set()) | people
        return Counter(staff_id for people in let_in.values() for staff_id in people)


def opening(old: Firm, new: Firm, today: date) -> LetIn:
    """Whom the way from the old firm to the new lets in, as the walls stand today."""
    here = old.active_staff & new.active_staff
    before, after = _behind_walls(old, today), _behind_walls(new, today)
    walled = {matter_id: (people & here) - after.get(matter_id, frozenset()) for matter_id, people in before.items()}
    restricted = [one for one in old.matters.values() if _counts(one)]
    opened = {one.id: _let_in(old, new, one, here) for one in restricted if _there(new, one.id)}
    return LetIn(
        {matter_id: people for matter_id, people in walled.items() if people and _there(new, matter_id)},
        {matter_id: people for matter_id, people in opened.items() if people},
        sum(len(people & old.active_staff) for people in before.values()),
        len(restricted),
        today,
    )


def without_opening(old: Firm, new: Firm, opens: LetIn) -> Firm:
    """The new firm in which everybody stays out whom it would let in."""
    matters = {**new.matters}
    for matter_id in opens.restricted:
        matters[matter_id] = _restricted(old, new, matter_id)
    kept = replace(new, matters=Matters(matters))
    walls = {**_missing_walls(old, kept, opens), **kept.walls}
    kept = replace(kept, walls=walls)
    more = dict(_walls_instead(kept, opens))
    return replace(kept, walls={**walls, **more}) if more else kept


def _behind_walls(firm: Firm, today: date) -> dict[str, frozenset[str]]:
    """Who is behind a wall that is in force, by matter."""
    found: dict[str, frozenset[str]] = {}
    for wall in firm.walls.values():
        if wall.in_force(today):
            people = whom(firm, wall)
            for matter in firm.walled_by(wall):
                if matter.status is not MatterStatus.DELETED:
                    found[matter.id] = found.get(matter.id, frozenset()) | people
    return found


def _counts(matter: Matter) -> bool:
    return matter.restricted and matter.allowed != (UNTIL_KNOWN,) and matter.status is not MatterStatus.DELETED


def _there(firm: Firm, matter_id: str) -> bool:
    matter = firm.matters.get(matter_id)
    return matter is not None and matter.status is not MatterStatus.DELETED


def _let_in(old: Firm, new: Firm, before: Matter, here: frozenset[str]) -> frozenset[str]:
    after = new.matters[before.id]
    if after is before and new.groups is old.groups:
        return frozenset()
    shut_out = here - _let(old, before)
    let_in = shut_out & _let(new, after) if after.restricted else shut_out
    return let_in if 2 * len(let_in) > len(shut_out) else frozenset()


def _let(firm: Firm, matter: Matter) -> frozenset[str]:
    return firm.people((*matter.team, *matter.allowed))


def _restricted(old: Firm, new: Firm, matter_id: str) -> Matter:
    """The matter as it is now, with nobody in it who was not let in before."""
    after, let_in = new.matters[matter_id], _let(old, old.matters[matter_id])
    still = let_in & _let(new, after) if after.restricted else let_in & new.staff.keys()
    return replace(
        after,
        restricted=True,
        allowed=tuple(sorted(still)),
        responsible=after.responsible if after.responsible in let_in else "",
        supervisor=after.supervisor if after.supervisor in let_in else "",
        assisting=tuple(one for one in after.assisting if one in let_in),
        originating=tuple(one for one in after.originating if one in let_in),
    )


def _missing_walls(old: Firm, new: Firm, opens: LetIn) -> dict[str, Wall]:
    """Walls that kept somebody out and are gone, as they were."""
    return {
        wall.id: wall
        for wall in old.walls.values()
        if wall.id not in new.walls
        and wall.in_force(opens.today)
        and all(one in new.staff or one in new.groups for one in wall.people)
        and any(matter.id in opens.walled for matter in new.walled_by(wall))
    }


def _walls_instead(new: Firm, opens: LetIn) -> Iterator[tuple[str, Wall]]:
    """A wall for each matter of which others than before would still be let in."""
    for matter_id, people in opens.walled.items():
        if still := people - _screened(new, new.matters[matter_id], opens.today):
            wall_id = f"kept-{matter_id}"
            yield (
                wall_id,
                Wall(wall_id, WallKind.EXCLUDE, matter_id, people=tuple(sorted(still)), memo=_KEPT_MEMO),
            )


def _screened(firm: Firm, matter: Matter, today: date) -> frozenset[str]:
    return frozenset[str]().union(*(whom(firm, wall) for wall in firm.walls_around(matter) if wall.in_force(today)))


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0
