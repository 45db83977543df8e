"""Filing: each file of a filed matter is fetched once and stored in the cabinet, whatever breaks in between (V3).

A file goes through three states that survive a crash: fetched into the work folder (lost by a crash, and begun anew),
named (its place is written down before anything stands there), and filed. A file that stands at its place with the
bytes that were fetched is there, whoever noted it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import structlog

from bridge.failures import describe, frames
from bridge.faults import point
from bridge.filing.cabinet import Cabinet, CabinetError, Taken
from bridge.filing.fetch import Unfetchable, fetch
from bridge.filing.folders import folder_of
from bridge.filing.lists import list_of
from bridge.filing.names import INDEX, RESERVED, name_key, numbered, safe_name
from bridge.filing.telling import tell_of_cabinet
from bridge.firm.model import Firm
from bridge.matrix.attempts import is_passing
from bridge.matrix.errors import HomeserverError, NotFound, Refused
from bridge.matrix.port import Homeserver
from bridge.metrics import Metrics
from bridge.settings import Settings
from bridge.store import filing as rows
from bridge.store.conversations import now_ms
from bridge.store.filing import Found, Place, Waiting
from bridge.store.store import Store, StoreError

log = structlog.get_logger(__name__)
_AT_ONCE = 100
_FIRST_PAUSE_MS = 30_000
_LONGEST_PAUSE_MS = 6 * 3_600_000
_PASSING_PAUSE_MS = 600_000
"""The longest pause after what is no fault of the file's."""
_LONGEST_REST_MS = 600_000
_LOOK_MS = 60_000
"""Between looks at which filed files were deleted since."""
_TELL_AFTER = 2
"""So many passes in a row must find the cabinet shut before the firm admins are told."""
Judge = Callable[[str, str, str, int], Awaitable[None]]
"""Given a message's id, the file's address, its media type by the bytes and their number: removes what the firm's rules
forbid. Raises HomeserverError."""
GONE = "The homeserver does not have the file any more, or keeps it back."


class Filer:
    """Does the filing. `run` is called again and again, by one caller at a time."""

    def __init__(
        self,
        store: Store,
        homeserver: Homeserver,
        settings: Settings,
        firm: Callable[[], Firm],
        metrics: Metrics,
        clock: Callable[[], int] = now_ms,
        judge: Judge | None = None,
    ) -> None:
        """`clock` gives milliseconds since the epoch; `judge` is told of each file what it is, before it is stored.

        Raises nothing; nothing is opened before the first run.
        """
        self._store, self._homeserver, self._settings, self._firm = store, homeserver, settings, firm
        self._metrics, self._clock, self._judge = metrics, clock, judge
        self._mode = settings.filing.mode
        self.cabinet = Cabinet(settings.filing.url.get_secret_value(), settings.filing.backend_options)
        self.stopped_because = ""
        """Why nothing can be stored in the cabinet, as a sentence; empty where it can."""
        self._downloads = asyncio.Semaphore(settings.filing.concurrency)
        self._cleaned = False
        self._queued_to = 0
        self._looked_at = 0
        self._shut_passes = 0
        self._rests_until = 0

    async def run(self) -> int:
        """File everything that is due, and bring the folders' lists up to date; returns how many files were filed.

        What cannot be filed now waits and is noted. Raises StoreError, and HomeserverError while that is away.
        """
        if self._mode == "off" or self._clock() < self._rests_until:
            return 0
        filed = 0
        try:
            await self._prepare()
            while waiting := await self._store.run(partial(rows.due, self._mode, self._clock(), _AT_ONCE)):
                filed += await self._file_all(waiting)
            await self._write_lists()
        except CabinetError as error:
            await self._shut(error)
        else:
            await self._open_again()
        await self._count()
        return filed

    async def _count(self) -> None:
        self._metrics.filing_waiting.set(await self._store.run(partial(rows.count_waiting, self._mode)))

    async def _prepare(self) -> None:
        if not self._cleaned:
            await asyncio.to_thread(self.cabinet.clean)
            self._cleaned = True
        now = self._clock()
        self._queued_to = await self._store.run(partial(rows.queue_files, self._mode, self._queued_to, now))
        if now >= self._looked_at + _LOOK_MS:
            await self._store.run(rows.heed_removed)
            # Times of edits are the homeserver's, whose clock may be behind.
            since = self._looked_at - _LOOK_MS
            await self._store.run(partial(rows.queue_edited, self._mode, since, now))
            self._looked_at = now
        await self._count()

    async def _file_all(self, waiting: list[Waiting]) -> int:
        """File some, several at once. Raises what stops all of filing, once those under way have ended."""
        left = deque(_by_name(waiting))
        filed: list[str] = []
        stops: list[Exception] = []

        async def work() -> None:
            while left and not stops:
                try:
                    for file in left.popleft():
                        if await self._file(file):
                            filed.append(file.event_id)
                        if stops:
                            return
                except Exception as error:  # noqa: BLE001 - raised below, for all of them
                    stops.append(error)

        async with asyncio.TaskGroup() as group:
            # While some are put to their places others are downloaded.
            for _ in range(2 * self._settings.filing.concurrency):
                group.create_task(work())
        for error in stops:
            raise error
        return len(filed)

    async def _file(self, file: Waiting) -> bool:
        """File one; whether it is in the cabinet then. Raises what is at fault with more than this file."""
        try:
            return await self._fetch_and_put(file)
        except Unfetchable as error:
            await self._fail(file, str(error))
        except (NotFound, Refused):
            await self._fail(file, GONE)
        except CabinetError as error:
            await self._put_off(file, "cabinet", str(error), _PASSING_PAUSE_MS)
            raise
        except HomeserverError as error:
            passing = is_passing(error)
            longest = _PASSING_PAUSE_MS if passing else _LONGEST_PAUSE_MS
            await self._put_off(file, "homeserver", f"The homeserver did not give the file: {error}.", longest)
            if passing:
                raise
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - one file must not hold up the others
            log.error("filing_failed", event_id=file.event_id, error=describe(error), stack=frames(error))  # noqa: TRY400
            await self._put_off(file, "bridge", f"Something went wrong in the bridge ({describe(error)}).")
        return False

    async def _fetch_and_put(self, file: Waiting) -> bool:
        if file.place is not None and file.size is not None and await self._holds(file.place, file.size, file.sha256):
            # The bridge ended before that was noted.
            await self._note_filed(file, file.size)
            return True
        if file.gone:
            await self._store.run(partial(rows.withdraw, file.position))
            return False
        found = await self._fetch(file)
        placed = False
        try:
            if self._judge is not None:
                await self._judge(file.event_id, file.mxc, found.type, found.size)
            # Not durable: after a loss of power the same bytes are met under the same name.
            place: Place | None = await self._store.run(partial(self._name, file, found), durable=False)
            point("filing.named")
            while place is not None and not placed:
                placed = await self._put(file, found, place)
                if not placed:
                    # Something that is not the bridge's has that name.
                    place = await self._store.run(partial(self._name, file, found, anew=True))
        finally:
            if not placed:
                await self._discard(file)
        if placed:
            point("filing.placed")
            await self._note_filed(file, found.size)
        return placed

    async def _fetch(self, file: Waiting) -> Found:
        """The file's bytes, in the work folder."""
        work = self.cabinet.work_file(_key(file))
        try:
            found = await fetch(self._homeserver, file, work, self._settings.filing.max_bytes, self._downloads)
        except BaseException:
            await self._discard(file, work.discard)
            raise
        point("filing.fetched")
        return found

    def _name(self, file: Waiting, found: Found, *, anew: bool = False) -> Place | None:
        """A unit: note what the file is and give it a place that no other has; None where it is gone meanwhile."""
        if not rows.record_found(file, found):
            rows.withdraw(file.position)
            return None
        if file.place is not None and not anew:
            return file.place
        folder = folder_of(self._firm(), file.matter_id, file.conversation_id)
        beyond = rows.version_of(file.position) if anew else 0
        return rows.take_name(
            file.position,
            folder,
            safe_name(file.name),
            beyond=beyond,
            numbered=numbered,
            key_of=name_key,
            reserved=RESERVED,
        )

    async def _put(self, file: Waiting, found: Found, place: Place) -> bool:
        """Move the file to its place; whether it is there then."""
        try:
            await asyncio.to_thread(self.cabinet.put, _key(file), place, file.at_ms)
        except Taken:
            if not await self._holds(place, found.size, found.sha256):
                return False
            await self._discard(file)
        return True

    async def _holds(self, place: Place, size: int, sha256: str) -> bool:
        return await asyncio.to_thread(self.cabinet.holds, place, size, sha256)

    async def _discard(self, file: Waiting, discard: Callable[[], None] | None = None) -> None:
        try:
            await asyncio.to_thread(discard or partial(self.cabinet.discard, _key(file)))
        except CabinetError as error:
            # It is written over when the file's turn comes again, and else taken away at the next start.
            log.warning("work_file_left", event_id=file.event_id, reason=str(error))

    async def _note_filed(self, file: Waiting, size: int) -> None:
        await self._store.run(partial(rows.mark_filed, file, self._clock()), durable=False)
        self._metrics.filing_filed.inc()
        self._metrics.filing_bytes.inc(size)
        log.info("file_filed", event_id=file.event_id, bytes=size)

    async def _fail(self, file: Waiting, sentence: str) -> None:
        self._metrics.filing_failures.labels("file").inc()
        log.warning("file_not_filed", event_id=file.event_id, reason=sentence)
        await self._store.run(partial(rows.mark_failed, file.position, sentence, self._clock()))

    async def _put_off(self, file: Waiting, fault: str, sentence: str, longest: int = _LONGEST_PAUSE_MS) -> None:
        self._metrics.filing_failures.labels(fault).inc()
        pause = min(_FIRST_PAUSE_MS * 2 ** min(file.attempts, 20), longest)
        log.warning("filing_waits", event_id=file.event_id, reason=sentence, seconds=pause // 1000)
        await self._store.run(partial(rows.put_off, file.position, sentence, self._clock() + pause))

    async def _write_lists(self) -> None:
        for key, folder, changes in await self._store.run(rows.to_list):
            files = await self._store.run(partial(rows.listed_in, folder))
            data = list_of(files, self._firm())
            await asyncio.to_thread(self.cabinet.replace, Place(folder, INDEX), data)
            point("filing.listed")
            await self._store.run(partial(rows.mark_listed, key, changes))

    async def _shut(self, error: CabinetError) -> None:
        """Rest for a while; and tell the firm admins, once, where it is not over by then."""
        cause = error.__cause__
        log.warning(
            "cabinet_shut", reason=str(error), cause=describe(cause or error), stack=frames(cause) if cause else ""
        )
        self.stopped_because = str(error)
        self._rests_until = self._clock() + min(10_000 * 2 ** min(self._shut_passes, 10), _LONGEST_REST_MS)
        self._shut_passes += 1
        if self._shut_passes == _TELL_AFTER:
            await self._tell(f"I cannot store files. {error} They wait, and nothing is lost.")

    async def _open_again(self) -> None:
        told = self._shut_passes >= _TELL_AFTER
        self.stopped_because, self._shut_passes = "", 0
        if told:
            await self._tell("Files can be stored again. Those that waited are being filed.")

    async def _tell(self, text: str) -> None:
        sender = self._settings.bot_id
        await self._store.run(partial(tell_of_cabinet, text, sender, self._clock()))


def _by_name(waiting: Sequence[Waiting]) -> list[list[Waiting]]:
    """Files that are versions of one name, oldest first, to be filed one after another: so they are numbered (V3)."""
    names: defaultdict[tuple[str, str], list[Waiting]] = defaultdict(list)
    for file in sorted(waiting, key=lambda one: (one.at_ms, one.position)):
        names[file.conversation_id, name_key(safe_name(file.name))].append(file)
    return list(names.values())


def _key(file: Waiting) -> str:
    return f"filing/{file.position}"
