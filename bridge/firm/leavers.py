"""Leavers laid over a firm (F2). Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from bridge.firm.model import Firm


def with_leavers(firm: Firm, staff_ids: Collection[str]) -> Firm:
    """The firm in which these people have left, whatever its directory says; the firm itself where there are none."""
    gone = {one: replace(firm.staff[one], former=True) for one in staff_ids if one in firm.staff}
    return replace(firm, staff={**firm.staff, **gone}) if gone else firm
