"""What of a change that waits need not wait with it: whatever takes access away and is little by itself (F2, M3). Pure.

One unclear record can make a change large enough to wait; who has left is shut out all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bridge.directory.barriers import UNTIL_KNOWN
from bridge.directory.change import DirectoryChange, diff_firms
from bridge.firm.model import Firm, Matters, Table, Wall


def at_once(change: DirectoryChange, limit_percent: int, day_ago: Firm) -> Firm:
    """The old firm without those who leave, and with new walls and restrictions, each as far as they are within the
    limit by themselves."""
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
    """The firm with those new walls of which all that they name is there."""

    def there(wall: Wall) -> bool:
        people = all(one in firm.staff or one in firm.groups for one in wall.people)
        return people and (not wall.matter_id or wall.matter_id in firm.matters)

    new = [change.new.walls[one] for one in change.kinds["wall"].added]
    walls = {wall.id: wall for wall in new if there(wall)}
    return replace(firm, walls={**firm.walls, **walls}) if walls else firm


def _with_restrictions(firm: Firm, change: DirectoryChange) -> Firm:
    """The firm in which matters are restricted that were open, for whom the change lets in."""
    new = change.new
    lists: dict[frozenset[str], tuple[str, ...]] = {}
    matters = {}
    for matter_id in change.kinds["matter"].changed:
        before, after = firm.matters[matter_id], new.matters[matter_id]
        # Until its source has spoken, a matter names a group that may not be there, by which it opens again.
        if before.restricted or not after.restricted or after.allowed == (UNTIL_KNOWN,):
            continue
        let_in = new.people((*after.team, *after.allowed))
        allowed = lists.setdefault(let_in, tuple(sorted(let_in & firm.staff.keys())))
        matters[matter_id] = replace(before, restricted=True, allowed=allowed)
    return replace(firm, matters=Matters({**firm.matters, **matters})) if matters else firm
