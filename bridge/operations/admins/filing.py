"""The filing cabinet, for firm admins: how filing stands, and which matters are filed."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.clock import now_ms
from bridge.desk import Desk
from bridge.firm.model import Matter, Staff
from bridge.operations.sight import require_admin, require_seen, sight_of
from bridge.refusal import Kind, Refusal
from bridge.store.files.cabinet_trouble import FolderTrouble, lasting_troubles
from bridge.store.files.filing import Counts, counts, is_filed, set_matter_filing

_LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class FilingStatus:
    """How filing stands, without the matters that whoever asks must not hear of."""

    counts: Counts
    troubles: tuple[FolderTrouble, ...]
    """The folders that fail."""


async def filing_status(desk: Desk, asker: Staff) -> FilingStatus:
    """How filing stands. Raises Refusal, also where the firm has no filing cabinet."""
    sight, mode = sight_of(desk, asker), desk.settings.filing.mode
    if mode == "off":
        raise Refusal(Kind.NO_CABINET)
    found = await desk.store.read(counts, mode, tuple(sight.hidden))
    troubles = await desk.store.read(lasting_troubles, _LOOKED_AT)
    return FilingStatus(found, tuple(one for one in troubles if sight.matter_by_id(one.matter_id)))


async def matter_is_filed(desk: Desk, asker: Staff, matter: Matter) -> bool:
    """Whether the files of a matter are stored. Raises Refusal."""
    sight_of(desk, asker)
    require_seen(desk, asker, matter)
    return await desk.store.read(is_filed, desk.settings.filing.mode, matter.id)


async def file_matter(desk: Desk, asker: Staff, matter: Matter, *, filed: bool) -> int:
    """Have the files of a matter stored, or not; kept also where the firm has no filing cabinet.

    Returns how many files wait and follow now. Raises Refusal.
    """
    require_admin(desk, asker)
    require_seen(desk, asker, matter)
    mode = desk.settings.filing.mode
    return await desk.store.run(set_matter_filing, mode, matter.id, filed=filed, set_by=asker.id, now=now_ms())
