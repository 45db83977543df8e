"""What firm admins do about a change of the directory: confirm it, take it back, and see what it would lead to."""

from __future__ import annotations

import structlog

from bridge.desk import Foreseen
from bridge.directory.undoing import Undone
from bridge.matrix.errors import RequestError
from bridge.service import FirmService
from bridge.upkeep.passes import Upkeep

log = structlog.get_logger(__name__)


class DirectoryChanges:
    """Does it, and has the firm follow."""

    def __init__(self, firm: FirmService, upkeep: Upkeep) -> None:
        self._firm = firm
        self._upkeep = upkeep

    async def confirm(self, staff_id: str, fingerprint: str = "", cause: str = "") -> str:
        """Confirm the held change as this person; its fingerprint. Raises Refusal."""
        confirmed = await self._firm.directory.confirm(staff_id, fingerprint, cause)
        try:
            await self._upkeep.follow_directory()
        except RequestError as error:
            # It is confirmed, and tried again until it is done.
            log.warning("directory_not_followed", reason=str(error))
        return confirmed

    async def undo(self, by: str, fingerprint: str = "", cause: str = "", *, to_admin: bool = True) -> Undone:
        """Take back the change that was confirmed last, as this person. Raises Refusal."""
        # What is being followed ends first: it would go on to take away what this gives back.
        async with self._upkeep.following.lock:
            undone = await self._firm.directory.undo(by, fingerprint, cause, to_admin=to_admin)
        try:
            await self._upkeep.follow_directory()
            if undone.conversations:
                # Who is in them may be all that changed, where the files had been put right before.
                await self._firm.reconciler.rooms.converge(*undone.conversations)
        except RequestError as error:
            self._upkeep.reconcile_later(error)
            log.warning("directory_not_followed", reason=str(error))
        return undone

    async def foresee(self, staff_id: str) -> Foreseen | None:
        """What the held change would lead to, as far as this person may know; None where none is held."""
        held = self._firm.directory.held
        if held is None:
            return None
        found, sees = await self._firm.foresee(), self._firm.directory.sight(staff_id)
        shown = tuple(one for one in found if not one.matter_id or sees("matter", one.matter_id))
        return Foreseen(held.fingerprint(), shown)
