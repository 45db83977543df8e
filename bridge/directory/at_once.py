"""What of a change that waits need not wait with it: whatever takes access away and is little by itself (F2, M3). Pure.

One unclear record can make a change large enough to wait; who has left is shut out all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bridge.directory.barriers import UNTIL_KNOWN, with_team
from bridge.directory.change import DirectoryChange, diff_firms
from bridge.firm.model import Firm, Matters, Table, Wall
from bridge.firm.walls import whom

_BESIDE = "also-"
"""How the id of a wall begins that stands until the change is confirmed, beside the one that it will be."""


def at_once(change: DirectoryChange, limit_percent: int, day_ago: Firm) -> Firm:
    """The old firm without those who leave, and with walls and restrictions that are new or keep out more, each as far
    as they are within the limit by themselves."""
    firm = change.old
    if max(change.staff_share, change.staff_since) <= limit_percent:
        # How much they had access to is no matter: that they leave is what ends it.
        firm = with_left(firm, change.leavers)
    without_leavers = firm
    for more in (_with_walls, _with_restrictions):
        closed = more(firm, change)
        if closed is firm:
            continue
        by_itself = diff_firms(without_leavers, closed, change.today, day_ago)
        if not by_itself.opens and not by_itself.needs_confirmation(limit_percent):
            firm = closed
    return firm


def with_left(firm: Firm, staff_ids: Iterable[str]) -> Firm:
    """The firm in which these people have left."""
    left = {one: replace(firm.staff[one], former=True) for one in staff_ids}
    return replace(firm, staff=Table({**firm.staff, **left})) if left else firm


def _with_walls(firm: Firm, change: DirectoryChange) -> Firm:
    """The firm with those new walls of which all that they name is there, and with those that are longer.

    A wall that is longer in one way and shorter in another, or stands elsewhere, is there as it was and as it will be.
    """
    kinds = change.kinds["wall"]
    more = [change.new.walls[one] for one in kinds.added]
    for one in kinds.changed:
        before, after = firm.walls[one], change.new.walls[one]
        longer = after if _is_longer(firm, before, after) else _beside(firm, before, after)
        more += [longer] if longer is not None else []
    walls = {wall.id: wall for wall in more if _is_there(firm, wall)}
    return replace(firm, walls={**firm.walls, **walls}) if walls else firm


def _is_there(firm: Firm, wall: Wall) -> bool:
    people = all(one in firm.staff or one in firm.groups for one in wall.people)
    return people and (not wall.matter_id or wall.matter_id in firm.matters)


def _is_longer(firm: Firm, before: Wall, after: Wall) -> bool:
    """Whether nobody whom the wall screened is let in by it as it will be."""
    begins = after.since is None or (before.since is not None and after.since <= before.since)
    ends = after.expires is None or (before.expires is not None and before.expires <= after.expires)
    around = (before.matter_id, before.client.casefold()) == (after.matter_id, after.client.casefold())
    return around and begins and ends and whom(firm, before) <= whom(firm, after)


def _beside(firm: Firm, before: Wall, after: Wall) -> Wall | None:
    """The wall as it will be, under an id of its own; None where it screens nobody more than it did."""
    beside = replace(after, id=f"{_BESIDE}{after.id}")
    known = firm.walls.get(beside.id)
    if _is_longer(firm, after, before) or (known is not None and not _is_longer(firm, known, beside)):
        return None
    return beside


def _with_restrictions(firm: Firm, change: DirectoryChange) -> Firm:
    """The firm in which only those are let into restricted matters whom the change lets in too."""
    new = change.new
    lists: dict[frozenset[str], tuple[str, ...]] = {}
    matters = {}
    for matter_id in change.kinds["matter"].changed:
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
    return replace(firm, matters=Matters({**firm.matters, **matters})) if matters else firm
