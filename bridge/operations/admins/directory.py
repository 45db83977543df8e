"""The directory, for firm admins: how it stands, and what becomes of a change that waits.

What they hear names no matter that they must not see, as it is and as the change would have it (M3).
"""

from __future__ import annotations

from bridge.desk import Desk, Foreseen
from bridge.directory.following.status import DirectoryStatus
from bridge.directory.past.replaced import to_take_back
from bridge.directory.undoing import Undone
from bridge.firm.model import Staff
from bridge.operations.sight import require_admin, sight_of
from bridge.refusal import Kind, Refusal


async def directory_status(desk: Desk, asker: Staff) -> DirectoryStatus:
    """What the directory holds, what is wrong with it and what waits. Raises Refusal."""
    return await desk.directory_status(sight_of(desk, asker).staff_id)


async def foresee_directory(desk: Desk, asker: Staff) -> Foreseen | None:
    """What the change that waits would lead to; None where none does. Raises Refusal."""
    return await desk.foresee_directory(sight_of(desk, asker).staff_id)


async def confirm_directory(desk: Desk, asker: Staff, fingerprint: str, cause: str) -> str:
    """Let the change that waits through, and follow it; its fingerprint.

    Whoever confirms says which change they saw by its `fingerprint`: another one may wait by now. Raises Refusal.
    """
    staff_id = require_admin(desk, asker).staff_id
    if not fingerprint:
        held = (await desk.directory_status(staff_id)).held
        if held is None:
            raise Refusal(Kind.NO_CHANGE_WAITS)
        raise Refusal(Kind.WHICH_CHANGE, fingerprint=held.fingerprint)
    return await desk.confirm_directory(staff_id, fingerprint, cause)


async def directory_to_take_back(desk: Desk, asker: Staff) -> str:
    """The fingerprint of the change that can be taken back; empty for none. Raises Refusal."""
    sight_of(desk, asker)
    return await desk.store.read(to_take_back)


async def undo_directory(desk: Desk, asker: Staff, fingerprint: str, cause: str) -> Undone:
    """Take back the change that was confirmed last, only that with this fingerprint where one is given, and bring back
    whom it put out. Raises Refusal."""
    return await desk.undo_directory(require_admin(desk, asker).staff_id, fingerprint, cause)
