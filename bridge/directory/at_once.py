"""What of a change that waits need not wait with it: whatever takes access away and is little by itself (F2, M3). Pure.

One unclear record can make a change large enough to wait; who has left is shut out all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

from bridge.directory.barriers import UNTIL_KNOWN, with_team, without_opening
from bridge.directory.change import DirectoryChange, compared, diff_firms
from bridge.firm.leavers import with_leavers
from bridge.firm.model import Firm, Wall
from bridge.firm.walls import whom

_BESIDE = "also-"
"""How the id of a wall begins that stands until the change is confirmed, beside the one that it will be."""


def apart_from_waiting(
    change: DirectoryChange, limit_percent: int, day_ago: Firm
) -> tuple[DirectoryChange | None, bool]:
    """What a change that waits takes away: all of it where it waits for whom it lets in alone, else what is little by
    itself; None for nothing. And whether it is all."""
    if change.opens.share > limit_percent:
        closing = compared(change.old, without_opening(change.old, change.new, change.opens), change.today, day_ago)
        if not closing.opens and not closing.needs_confirmation(limit_percent):
            return None if closing.empty else closing, True
    little = at_once(change, limit_percent, day_ago)
    found = None if little is change.old else compared(change.old, little, change.today, day_ago)
    return None if found is None or found.empty else found, False


def at_once(change: DirectoryChange, limit_percent: int, day_ago: Firm) -> Firm:
    """The old firm without those who leave, and with walls and restrictions that are new or keep out more, each as far
    as they are within the limit by themselves."""
    firm = change.old
    if max(change.staff_share, change.staff_since) <= limit_percent:
        # How much they had access to is no matter: that they leave is what ends it.
        firm = with_leavers(firm, change.leavers)
    without_leavers = firm
    for more in _closing(change):
        closed = more(firm)
        if closed is firm:
            continue
        by_itself = diff_firms(without_leavers, closed, change.today, day_ago)
        if not by_itself.opens and not by_itself.needs_confirmation(limit_percent):
            firm = closed
    return firm


def _closing(change: DirectoryChange) -> Iterator[Callable[[Firm], Firm]]:
    """What closes, one after the other: what is said anew, then what groups mean now to what stays as it is."""
    new, walls = change.new, change.kinds["wall"]
    yield partial(_with_walls, new=new, ids=(*walls.added, *walls.changed))
    yield partial(_with_restrictions, new=new, ids=change.kinds["matter"].changed)
    others = _with_other_people(change.old, new) if change.kinds["group"] else frozenset[str]()
    if not others:
        return
    same = change.old.walls.keys() & new.walls.keys() - {*walls.changed}
    by_group = [one for one in sorted(same) if not others.isdisjoint(new.walls[one].people)]
    yield partial(_with_walls, new=new, ids=by_group)
    unchanged = change.old.matters.keys() & new.matters.keys() - {*change.kinds["matter"].changed}
    restricted = [one for one in sorted(unchanged) if not others.isdisjoint(new.matters[one].allowed)]
    yield partial(_with_restrictions, new=new, ids=restricted)


def _with_other_people(old: Firm, new: Firm) -> frozenset[str]:
    """The ids of the groups in which others are, by groups within them too."""
    return frozenset(one for one in old.groups if old.people((one,)) != new.people((one,)))


def _with_walls(firm: Firm, new: Firm, ids: Iterable[str]) -> Firm:
    """The firm with those of these walls that are new, where what they stand around is there, and that are longer.

    A wall that is longer in one way and shorter in another, or stands elsewhere, is there as it was and as it will be.
    """
    more = list[Wall]()
    for one in ids:
        before, after = firm.walls.get(one), _known_here(firm, new, new.walls[one])
        if before is None:
            more.append(after)
        elif _is_longer(firm, before, after):
            # Else it screens the same people, and what else is said of it waits with the rest.
            more += [] if _is_longer(firm, after, before) else [after]
        elif not _is_longer(firm, after, before):
            more += _beside(firm, after)
    walls = {wall.id: wall for wall in more if _is_there(firm, wall)}
    return replace(firm, walls={**firm.walls, **walls}) if walls else firm


def _known_here(firm: Firm, new: Firm, wall: Wall) -> Wall:
    """The wall as the new firm has it; by its people, who are here already, where it would screen too few here.

    Newcomers, and who is in which group, wait with the rest.
    """
    there = all(one in firm.staff or one in firm.groups for one in wall.people)
    if there and whom(new, wall) & firm.staff.keys() <= whom(firm, wall):
        return wall
    return replace(wall, people=tuple(sorted(new.people(wall.people) & firm.staff.keys())))


def _is_there(firm: Firm, wall: Wall) -> bool:
    """Whether the wall stands around what is there, and keeps out somebody who is there."""
    return bool(whom(firm, wall)) and (not wall.matter_id or wall.matter_id in firm.matters)


def _is_longer(firm: Firm, before: Wall, after: Wall) -> bool:
    """Whether nobody whom the wall screened is let in by it as it will be."""
    begins = after.since is None or (before.since is not None and after.since <= before.since)
    ends = after.expires is None or (before.expires is not None and before.expires <= after.expires)
    around = (before.matter_id, before.client.casefold()) == (after.matter_id, after.client.casefold())
    return around and begins and ends and whom(firm, before) <= whom(firm, after)


def _beside(firm: Firm, after: Wall) -> list[Wall]:
    """The wall as it will be, under an id of its own; none where that is another's."""
    beside = replace(after, id=f"{_BESIDE}{after.id}")
    known = firm.walls.get(beside.id)
    return [beside] if known is None or _is_longer(firm, known, beside) else []


def _with_restrictions(firm: Firm, new: Firm, ids: Iterable[str]) -> Firm:
    """The firm in which only those are let into these matters, where restricted, whom the new firm lets in too."""
    lists: dict[frozenset[str], tuple[str, ...]] = {}
    matters = {}
    for matter_id in ids:
        before, after = firm.matters[matter_id], new.matters[matter_id]
        # Until its source has spoken, a matter names a group that may not be there, by which it opens again.
        if not after.restricted or after.allowed == (UNTIL_KNOWN,):
            continue
        let_in = new.people((*after.team, *after.allowed))
        if before.restricted:
            was_let = firm.people((*before.team, *before.allowed))
            if was_let <= let_in:
                continue
            let_in &= was_let
        allowed = lists.setdefault(let_in, tuple(sorted(let_in & firm.staff.keys())))
        matters[matter_id] = replace(with_team(before, let_in), restricted=True, allowed=allowed)
    return replace(firm, matters={**firm.matters, **matters}) if matters else firm
