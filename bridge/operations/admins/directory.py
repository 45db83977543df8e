"""The directory, for firm admins: how it stands, and what becomes of a change that waits.

What they hear names no matter that they must not see, as it is and as the change would have it (M3).
"""

from __future__ import annotations

from bridge.desk import Desk, Foreseen
from bridge.directory.file import DirectoryStatus
from bridge.directory.undoing import Undone
from bridge.firm.model import Staff
from bridge.operations.sight import require_admin, sight_of


async def directory_status(desk: Desk, asker: Staff) -> DirectoryStatus:
    """What the directory holds, what is wrong with it and what waits. Raises Refusal."""
    return await desk.directory_status(sight_of(desk, asker).staff_id)


async def foresee_directory(desk: Desk, asker: Staff) -> Foreseen | None:
    """What the change that waits would lead to; None where none does. Raises Refusal."""
    return await desk.foresee_directory(sight_of(desk, asker).staff_id)


async def confirm_directory(desk: Desk, asker: Staff) -> str:
    """Let the change that waits through, and follow it; its fingerprint. Raises Refusal."""
    return await desk.confirm_directory(require_admin(desk, asker).staff_id)


async def undo_directory(desk: Desk, asker: Staff) -> Undone:
    """Take back the change that was confirmed last, and whom it put out. Raises Refusal."""
    return await desk.undo_directory(require_admin(desk, asker).staff_id)
