"""What the admin who asks may hear of: being an admin gives no access, and a wall holds for admins, too (M3, D4)."""

from __future__ import annotations

from functools import partial

from bridge.desk import Desk
from bridge.firm.sight import Sight
from bridge.refusal import Kind, Refusal
from bridge.wording.moments import written


def sight_of(desk: Desk, staff_id: str) -> Sight:
    """The view of an admin, as it is now. Raises Refusal where they are none any more.

    Later pages of a list are made a while after it was asked for.
    """
    decision = desk.may_administer(staff_id)
    if not decision:
        raise Refusal(Kind.LIST_FOR_ADMINS, decision.rule)
    firm, today, sights = desk.firm(), desk.reconciler.today(), desk.sights
    known = sights.get(staff_id)
    if known is None or known.firm is not firm or known.today != today:
        # What is hidden is found once for each firm: it takes a look at every matter.
        known = sights[staff_id] = Sight(firm, staff_id, today, partial(written, desk.settings.firm))
    return known
