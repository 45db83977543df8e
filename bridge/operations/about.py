"""What there is to say about a conversation to somebody who may know of it: whose it is, since when, and why they see
it (O2)."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.desk import Desk
from bridge.firm.model import Staff
from bridge.operations.admins.access import MatterAccess, allowed_by
from bridge.operations.overview import View
from bridge.store.engine.unit import ReadUnit
from bridge.store.files.cabinet_folders import folder_at
from bridge.store.files.filing import is_filed
from bridge.store.rooms.questions import Origin, origin_of


@dataclass(frozen=True, slots=True)
class Particulars:
    """A conversation's own facts."""

    origin: Origin | None
    """None where it is gone meanwhile."""
    access: MatterAccess | None
    """How the one who asks comes to see the matter; None for what belongs to none."""
    filed: bool
    """Whether its files go to the filing cabinet."""
    folder: str
    """Where they are in it; empty before the first."""


async def about_conversation(desk: Desk, asker: Staff, view: View) -> Particulars:
    """What there is to say about a conversation that the one who asks may see now."""
    matter, mode = view.matter, desk.settings.filing.mode

    def work(unit: ReadUnit) -> tuple[Origin | None, bool, str]:
        filed = matter is not None and mode != "off" and is_filed(unit, mode, matter.id)
        return origin_of(unit, view.entry.id), filed, folder_at(unit, view.entry.id) if filed else ""

    origin, filed, folder = await desk.store.read(work)
    access = None if matter is None else allowed_by(desk.firm(), asker, matter)
    return Particulars(origin, access, filed, folder)
