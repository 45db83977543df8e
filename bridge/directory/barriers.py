"""What keeps people out of matters, how much of it a change ends, and the change without that (S1, S3, M3). Pure.

Whom a wall screened, or a restriction shut out, and who would be let in. However that comes about: a wall is gone or
shorter, a group on it empty, a matter has another client, a restricted matter is open or its list is everybody's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import count

from bridge.firm.model import Firm, Matter, MatterStatus, Staff, Wall, WallKind
from bridge.firm.walls import whom

UNTIL_KNOWN = "restricted-until-known"
"""The group on the list of a matter that is restricted only until its source has said who must not see it.

Nobody is in it. That such a matter opens was to be expected, so it waits for nobody: no other source may use it.
"""
UNTIL_KNOWN_OF = "smokeball"
"""The source that restricts matters so."""
_KEPT_MEMO = "Stands until a firm admin confirms that it ends."
Screened = Mapping[str, frozenset[str]]
"""Staff ids by matter."""


@dataclass(frozen=True)
class LetIn:
    """Whom a change lets in who was kept out before. Newcomers, and matters that were not there, are none of it.

    Who left is: they may come back.
    """

    walled: Screened = field(default_factory=dict)
    """Who was behind a wall and is behind none any more."""
    restricted: Screened = field(default_factory=dict)
    """Who was shut out by a restriction, of matters in which that holds for less than half of them still, of all who
    were shut out a day ago."""
    share: float = 0.0
    """The share of those behind walls who are let in, or of restricted matters that open, in percent, since a day."""
    today: date = date.min
    """The day on which walls are judged."""

    def __bool__(self) -> bool:
        return bool(self.walled or self.restricted)

    def people(self, sees: Callable[[str, str], bool] = lambda kind, record_id: True) -> Counter[str]:
        """How many matters each person is let into, of those that a reader sees."""
        let_in: dict[str, set[str]] = {}
        for screened in (self.walled, self.restricted):
            for matter_id, people in screened.items():
                if sees("matter", matter_id):
                    let_in[matter_id] = let_in.get(matter_id, set()) | people
        return Counter(staff_id for people in let_in.values() for staff_id in people)


@dataclass(frozen=True)
class _Opened:
    """Whom a way between two firms lets in, and how much that is of how much."""

    walled: Screened
    restricted: Screened
    of_all: tuple[int, int]
    """Those let in of those behind walls."""
    of_here: tuple[int, int]
    """The same of those who work here: many who left and are behind walls still make no less of these."""
    of_restricted: tuple[int, int]
    """Matters that open of those that are restricted."""

    def share(self, other: _Opened) -> float:
        """The greatest share in percent, where there was as much as here, or in the other if that is more."""
        walled = max(_of_more(self.of_all, other.of_all), _of_more(self.of_here, other.of_here))
        return max(
            walled if other.walled else 0.0,
            _of_more(self.of_restricted, other.of_restricted) if other.restricted else 0.0,
        )


def _of_more(one: tuple[int, int], other: tuple[int, int]) -> float:
    return _percent(one[0], max(one[1], other[1]))


def opening(old: Firm, new: Firm, today: date, day_ago: Firm | None = None) -> LetIn:
    """Whom the way from the old firm to the new lets in, as the walls stand today.

    Its share is that of what was so a day ago, where it is not the first of such ways since: many small ones let in no
    more than a single large one. Matters that are deleted let nobody in: what kept people out of them is compared when
    they come back (`with_gone`).
    """
    new = _with_people(old, new, old.staff.keys())
    found = _opened(old, new, today)
    if day_ago is None or day_ago is old:
        return LetIn(found.walled, found.restricted, found.share(found), today)
    since = _opened(day_ago, _with_people(day_ago, new, day_ago.staff.keys()), today)
    restricted = dict(found.restricted)
    for one in since.restricted:
        if let_in := _let_in_now(old, new, one):
            restricted[one] = let_in
    found = replace(found, restricted=restricted)
    return LetIn(found.walled, restricted, max(found.share(found), since.share(found)), today)


def _let_in_now(old: Firm, new: Firm, matter_id: str) -> frozenset[str]:
    """Who is let into a restricted matter, however few of those shut out they are."""
    before, after = old.matters.get(matter_id), new.matters[matter_id]
    if before is None or not _counts(before):
        return frozenset()
    shut_out = frozenset(old.staff.keys() - _let(old, before))
    return shut_out & _let(new, after) if after.restricted else shut_out


def _opened(old: Firm, new: Firm, today: date) -> _Opened:
    here = old.active_staff & new.active_staff
    before, after = _behind_walls(old, today), _behind_walls(new, today)
    before = {one: people for one, people in before.items() if _there(old, one) or _there(new, one)}
    walled = {one: people - after.get(one, frozenset()) for one, people in before.items() if _there(new, one)}
    walled = {one: people for one, people in walled.items() if people}
    counted = [one for one in old.matters.values() if _counts(one) and (_there(old, one.id) or _there(new, one.id))]
    opened = {one.id: _let_in(old, new, one, here) for one in counted if _there(new, one.id)}
    opened = {one: people for one, people in opened.items() if people}
    of_here = _count(walled, here), _count(before, old.active_staff)
    return _Opened(walled, opened, (_count(walled), _count(before)), of_here, (len(opened), len(counted)))


def without_opening(old: Firm, new: Firm, opens: LetIn) -> Firm:
    """The new firm in which everybody stays out whom it would let in."""

    def comes_back(firm: Firm, wall: Wall) -> bool:
        around = [one.id for one in firm.walled_by(wall)]
        # What is kept of deleted matters is for `with_gone` alone, so that it stays what it is.
        return any(one in opens.walled for one in around) and all(_there(firm, one) for one in around)

    return _as_before(old, new, opens, comes_back)


def with_gone(old: Firm, new: Firm, today: date) -> Firm:
    """The new firm, with those matters of the old that are gone, as deleted ones, and with what keeps people out of
    these: so it is there to be compared with when they come back."""
    walled = _behind_walls(old, today)
    gone = [one for one in old.matters.values() if not _there(new, one.id) and (_counts(one) or walled.get(one.id))]
    if not gone:
        return new
    new = _with_people(old, new, frozenset[str]().union(*(walled.get(one.id, ()) for one in gone)))
    taken = {one.number.casefold() for one in new.matters.values()}
    absent = {one.id: _deleted(old, new, one, taken) for one in gone if one.id not in new.matters}
    new = replace(new, matters={**new.matters, **absent})
    after = _behind_walls(new, today)
    everybody = frozenset(old.staff)
    out = {one.id: walled.get(one.id, frozenset()) - after.get(one.id, frozenset()) for one in gone}
    opened = {one.id: _let_in(old, new, one, everybody) for one in gone if _counts(one)}
    opens = LetIn(
        {one: people for one, people in out.items() if people},
        {one: people for one, people in opened.items() if people or not _counts(new.matters[one])},
        today=today,
    )
    # A wall around others too, or for others, is not kept by this: that it ends is for the firm admins to say.
    return _as_before(
        old,
        new,
        opens,
        lambda firm, wall: all(
            whom(firm, wall) <= opens.walled.get(one.id, frozenset()) for one in firm.walled_by(wall)
        ),
    )


def _as_before(old: Firm, new: Firm, opens: LetIn, comes_back: Callable[[Firm, Wall], bool]) -> Firm:
    """The new firm without what opens, by walls of the old that come back, and by others where these are too few."""
    new = _with_people(old, new, frozenset[str]().union(*opens.walled.values()))
    matters = {one: _restricted(old, new, one) for one in opens.restricted}
    kept = replace(new, matters={**new.matters, **matters}) if matters else new
    missing = {
        wall.id: wall
        for wall in old.walls.values()
        if wall.id not in new.walls
        and wall.in_force(opens.today)
        and all(one in kept.staff or one in kept.groups for one in wall.people)
        and kept.walled_by(wall)
        and comes_back(kept, wall)
    }
    kept = replace(kept, walls={**missing, **kept.walls}) if missing else kept
    more = {wall.id: wall for wall in _walls_instead(kept, opens)}
    return replace(kept, walls={**kept.walls, **more}) if more else kept


def _with_people(old: Firm, new: Firm, staff_ids: Collection[str]) -> Firm:
    """The new firm with those of these people who are in the old alone, as people who left."""
    absent = [old.staff[one] for one in sorted(staff_ids) if one not in new.staff and one not in new.groups]
    if not absent:
        return new
    taken = {name for one in new.staff.values() for name in _names(one)}
    left = {
        # An account may be a newcomer's by now.
        one.id: replace(one, former=True)
        if taken.isdisjoint(_names(one))
        else replace(one, former=True, email="", localpart="", external_ids=())
        for one in absent
    }
    return replace(new, staff={**new.staff, **left})


def _names(person: Staff) -> set[object]:
    names: set[object] = {person.email.casefold(), person.localpart, *person.external_ids}
    return names - {""}


def _deleted(old: Firm, new: Firm, matter: Matter, taken: Collection[str]) -> Matter:
    """A matter that is not listed any more, as a deleted one that names nobody who is not there either."""
    let_in = _let(old, matter) & new.staff.keys()
    return replace(
        with_team(matter, let_in),
        number=f"{matter.number} ({matter.id})" if matter.number.casefold() in taken else matter.number,
        status=MatterStatus.DELETED,
        allowed=tuple(sorted(let_in)) if matter.restricted else (),
    )


def _behind_walls(firm: Firm, today: date) -> dict[str, frozenset[str]]:
    """Who is behind a wall that is in force, by matter."""
    found: dict[str, frozenset[str]] = {}
    for wall in firm.walls.values():
        if wall.in_force(today):
            people = whom(firm, wall)
            for matter in firm.walled_by(wall):
                found[matter.id] = found.get(matter.id, frozenset()) | people
    return found


def _counts(matter: Matter) -> bool:
    return matter.restricted and matter.allowed != (UNTIL_KNOWN,)


def _there(firm: Firm, matter_id: str) -> bool:
    matter = firm.matters.get(matter_id)
    return matter is not None and matter.status is not MatterStatus.DELETED


def _let_in(old: Firm, new: Firm, before: Matter, here: frozenset[str]) -> frozenset[str]:
    """Who is let in where these are most of those shut out, of all or of those who work here."""
    after = new.matters[before.id]
    if after is before and new.groups is old.groups:
        return frozenset()
    shut_out = old.staff.keys() - _let(old, before)
    let_in = frozenset(shut_out & _let(new, after) if after.restricted else shut_out)
    most = 2 * len(let_in) > len(shut_out) or 2 * len(let_in & here) > len(shut_out & here)
    return let_in if most else frozenset()


def _let(firm: Firm, matter: Matter) -> frozenset[str]:
    return firm.people((*matter.team, *matter.allowed))


def _restricted(old: Firm, new: Firm, matter_id: str) -> Matter:
    """The matter as it is now, with nobody in it who was not let in before."""
    after, let_in = new.matters[matter_id], _let(old, old.matters[matter_id])
    still = let_in & _let(new, after) if after.restricted else let_in & new.staff.keys()
    return replace(with_team(after, let_in), restricted=True, allowed=tuple(sorted(still)))


def with_team(matter: Matter, people: Collection[str]) -> Matter:
    """The matter with nobody else on its team."""
    return replace(
        matter,
        responsible=matter.responsible if matter.responsible in people else "",
        supervisor=matter.supervisor if matter.supervisor in people else "",
        assisting=tuple(one for one in matter.assisting if one in people),
        originating=tuple(one for one in matter.originating if one in people),
    )


def _walls_instead(new: Firm, opens: LetIn) -> Iterator[Wall]:
    """A wall for each matter of which others than before would still be let in, beside those that there are."""
    taken = {*new.walls}
    for matter_id, people in opens.walled.items():
        if still := people - _screened(new, new.matters[matter_id], opens.today):
            names = (f"kept-{matter_id}" + (f"-{number}" if number > 1 else "") for number in count(1))
            wall_id = next(name for name in names if name not in taken)
            taken.add(wall_id)
            yield Wall(wall_id, WallKind.EXCLUDE, matter_id, people=tuple(sorted(still)), memo=_KEPT_MEMO)


def _screened(firm: Firm, matter: Matter, today: date) -> frozenset[str]:
    return frozenset[str]().union(*(whom(firm, wall) for wall in firm.walls_around(matter) if wall.in_force(today)))


def _count(screened: Screened, of: frozenset[str] | None = None) -> int:
    return sum(len(people if of is None else people & of) for people in screened.values())


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0
