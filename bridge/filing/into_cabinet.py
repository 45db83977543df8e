"""One file's way into the cabinet.

A file goes through three states that survive a crash: fetched into the work folder (lost by a crash, and begun anew),
named (its place is written down before anything stands there), and filed. A file that stands at its place with the
bytes that were fetched is there, whoever noted it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import structlog

from bridge.faults import point
from bridge.filing.cabinet import Cabinet, CabinetError, NameTakenError, NoAnswerError
from bridge.filing.fetch import fetch
from bridge.filing.folders import folder_of, in_folder
from bridge.filing.names import RESERVED, name_key, numbered, safe_name
from bridge.firm.model import Firm
from bridge.matrix.port import MediaRequests
from bridge.metrics import Metrics
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.files import filing as rows
from bridge.store.files.filing import CabinetPath, Found, Waiting

log = structlog.get_logger(__name__)
Judge = Callable[[str, str, str, int], Awaitable[None]]
"""Given a message's id, the file's address, its media type by the bytes and their number: removes what the firm's rules
forbid. Raises RequestError."""


@dataclass(frozen=True, slots=True)
class FilingLimits:
    """What bounds the filing."""

    downloads: int = 2
    """Files fetched at once."""
    max_bytes: int = 1_000_000_000
    """Of the largest file that is filed."""


FILING_LIMITS = FilingLimits()


class IntoCabinet:
    """Brings files into the cabinet, several at once."""

    def __init__(
        self,
        cabinet: Cabinet,
        store: Store,
        homeserver: MediaRequests,
        firm: Callable[[], Firm],
        metrics: Metrics,
        clock: Callable[[], int],
        judge: Judge | None,
        limits: FilingLimits,
    ) -> None:
        self._cabinet, self._store, self._homeserver, self._firm = cabinet, store, homeserver, firm
        self._metrics, self._clock, self._judge, self._limits = metrics, clock, judge, limits
        self._downloads = asyncio.Semaphore(limits.downloads)

    async def was_put(self, file: Waiting) -> bool:
        """Whether it is there already, the bridge having ended before that was noted."""
        if file.place is None or file.size is None or not await self._holds(file.place, file.size, file.sha256):
            return False
        await self._note_filed(file, file.size)
        return True

    async def put(self, file: Waiting, found: Found) -> bool:
        """Move what was fetched to its place; whether it is there then. Raises InFolderError, NoAnswerError, and
        RequestError by the judge."""
        try:
            placed = await self._name_and_put(file, found)
        except (NoAnswerError, asyncio.CancelledError):
            raise
        except BaseException:
            await self._discard(file)
            raise
        if not placed:
            await self._discard(file)
            return False
        point("filing.placed")
        await self._note_filed(file, found.size)
        return True

    async def _name_and_put(self, file: Waiting, found: Found) -> bool:
        """Give a file its place and move it there; whether it is there then."""
        if self._judge is not None:
            await self._judge(file.event_id, file.mxc, found.type, found.size)
        # Not durable: after a loss of power the same bytes are met under the same name.
        place: CabinetPath | None = await self._store.run_undurable(self._name, file, found)
        point("filing.named")
        while place is not None:
            if await self._put(file, found, place):
                return True
            # Something that is not the bridge's has that name.
            place = await self._store.run(self._name, file, found, anew=True)
        return False

    async def fetch(self, file: Waiting) -> Found:
        """Have the file's bytes in the work folder. Raises UnfetchableError, RequestError and CabinetError."""
        work = self._cabinet.work_file(_key(file))
        try:
            found = await fetch(self._homeserver, file, work, self._limits.max_bytes, self._downloads)
        except (NoAnswerError, asyncio.CancelledError):
            # A thread may still be writing. The work folder is cleaned when the cabinet is used again.
            raise
        except BaseException:
            await self._discard(file, work.discard)
            raise
        point("filing.fetched")
        return found

    def _name(self, unit: Unit, file: Waiting, found: Found, *, anew: bool = False) -> CabinetPath | None:
        """Note what the file is and give it a place that no other has; None where it is gone meanwhile."""
        if not rows.record_found(unit, file, found):
            rows.withdraw(unit, file.position)
            return None
        if file.place is not None and not anew:
            return file.place
        folder = folder_of(unit, self._firm(), file.matter_id, file.conversation_id)
        beyond = rows.version_of(unit, file.position) if anew else 0
        return rows.take_name(
            unit,
            file.position,
            folder,
            safe_name(file.name),
            beyond=beyond,
            numbered=numbered,
            key_of=name_key,
            reserved=RESERVED,
        )

    async def _put(self, file: Waiting, found: Found, place: CabinetPath) -> bool:
        """Move the file to its place; whether it is there then."""
        try:
            await in_folder(self._cabinet, partial(self._cabinet.put, _key(file), place, file.at_ms), found.size)
        except NameTakenError:
            if not await self._holds(place, found.size, found.sha256):
                return False
            await self._discard(file)
        return True

    async def _holds(self, place: CabinetPath, size: int, sha256: str) -> bool:
        return await in_folder(self._cabinet, partial(self._cabinet.holds, place, size, sha256), size)

    async def _discard(self, file: Waiting, discard: Callable[[], None] | None = None) -> None:
        try:
            await self._cabinet.in_time(discard or partial(self._cabinet.discard, _key(file)))
        except CabinetError as error:
            # It is written over when the file's turn comes again, and else taken away at the next start.
            log.warning("work_file_left", event_id=file.event_id, reason=str(error))

    async def _note_filed(self, file: Waiting, size: int) -> None:
        await self._store.run_undurable(rows.mark_filed, file, self._clock())
        self._metrics.filing_filed.inc()
        self._metrics.filing_bytes.inc(size)
        log.info("file_filed", event_id=file.event_id, bytes=size)


def _key(file: Waiting) -> str:
    return f"filing/{file.position}"
