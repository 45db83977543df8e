"""Filing: each file of a filed matter is fetched once and stored in the cabinet, whatever breaks in between (V3).

What fails waits, by itself where it is the file's own fault or its folder's, and else with all the others.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from bridge.clock import now_ms
from bridge.failures import describe, frames
from bridge.faults import point
from bridge.filing.cabinet import CabinetError, NoAnswerError, cabinet_of
from bridge.filing.fetch import UnfetchableError
from bridge.filing.folders import InFolderError, in_folder
from bridge.filing.into_cabinet import FILING_LIMITS, FilingLimits, IntoCabinet, Judge
from bridge.filing.lists import list_of
from bridge.filing.names import INDEX, name_key, safe_name
from bridge.filing.telling import tell_of_cabinet, tell_of_folders
from bridge.firm.model import Firm
from bridge.matrix.attempts import is_passing
from bridge.matrix.errors import ForbiddenError, NotFoundError, RequestError, TokenRejectedError
from bridge.matrix.port import MediaRequests
from bridge.metrics import Metrics
from bridge.settings import Settings
from bridge.store.engine.store import Store, StoreError
from bridge.store.engine.unit import later
from bridge.store.files import cabinet_folders as folders
from bridge.store.files import cabinet_trouble as troubles
from bridge.store.files import filing as rows
from bridge.store.files.cabinet_folders import IndexedFile
from bridge.store.files.filing import CabinetPath, Waiting

log = structlog.get_logger(__name__)
_AT_ONCE = 100
_FIRST_PAUSE_MS = 30_000
_LONGEST_PAUSE_MS = 6 * 3_600_000
_PASSING_PAUSE_MS = 600_000
"""The longest pause after what is no fault of the file's."""
_LONGEST_REST_MS = 600_000
_ROW_BYTES = 500
"""About what a file takes in its folder's list."""
_AWAY_AFTER = 5
"""So many files in a row that the homeserver fails at, and it is the homeserver that fails."""
_TELL_AFTER = 2
"""So many passes in a row must find the cabinet shut before the firm admins are told."""
GONE = "The homeserver does not have the file any more, or keeps it back."


class Filer:
    """Does the filing. `run` is called again and again, by one caller at a time."""

    def __init__(
        self,
        store: Store,
        homeserver: MediaRequests,
        settings: Settings,
        firm: Callable[[], Firm],
        metrics: Metrics,
        clock: Callable[[], int] = now_ms,
        judge: Judge | None = None,
        limits: FilingLimits = FILING_LIMITS,
    ) -> None:
        """`clock` gives milliseconds since the epoch; `judge` is told of each file what it is, before it is stored.

        Raises nothing; nothing is opened before the first run.
        """
        self._store, self._homeserver, self._settings, self._firm = store, homeserver, settings, firm
        self._metrics, self._clock = metrics, clock
        self._mode, self._limits = settings.filing.mode, limits
        self.cabinet = cabinet_of(settings)
        self._way = IntoCabinet(self.cabinet, store, homeserver, firm, metrics, clock, judge, limits)
        self.stopped_because = ""
        """Why nothing can be stored in the cabinet, or in a part of it, as a sentence; empty where everything can."""
        self._cleaned = False
        self._queued_to = 0
        self._shut_passes = 0
        self._rests_until = 0
        self._refused_in_a_row = 0
        self._resting: set[str] = set()
        """Conversations whose folders failed in this pass."""

    async def run(self) -> int:
        """File everything that is due, and bring the folders' lists up to date; returns how many files were filed.

        What cannot be filed now waits and is noted. Raises StoreError, and RequestError while that is away.
        """
        if self._mode == "off" or self._clock() < self._rests_until:
            return 0
        filed = 0
        away: RequestError | None = None
        self._resting.clear()
        try:
            await self._prepare()
            try:
                while waiting := await self._store.read(rows.due, self._mode, self._clock(), _AT_ONCE):
                    filed += await self._file_all(waiting)
            except RequestError as error:
                away = error
            await self._write_lists()
        except CabinetError as error:
            await self._shut(error)
        else:
            await self._open_again()
        await self._tell_of_folders()
        await self._count()
        if away is not None:
            raise away
        return filed

    async def _count(self) -> None:
        self._metrics.filing_waiting.set(await self._store.read(rows.count_waiting, self._mode))

    async def _prepare(self) -> None:
        if not self._cleaned:
            await self.cabinet.in_time(self.cabinet.clean)
            self._cleaned = True
        before = -1
        while before < self._queued_to:
            before = self._queued_to
            queue = later(rows.queue_files, self._mode, before, self._clock())
            self._queued_to = await self._store.run(queue)
        while await self._store.run(rows.heed_changes, self._mode, self._clock()):
            pass
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
            for _ in range(2 * self._limits.downloads):
                group.create_task(work())
        for error in stops:
            raise error
        return len(filed)

    async def _file(self, file: Waiting) -> bool:
        """File one; whether it is in the cabinet then. Raises what is at fault with more than this file."""
        try:
            return await self._fetch_and_put(file)
        except UnfetchableError as error:
            await self._fail(file, str(error))
        except (NotFoundError, ForbiddenError):
            await self._fail(file, GONE)
        except InFolderError as found:
            await self._put_off(file, "cabinet", str(found), 0)
            await self._require_cabinet(found.why)
            await self._note_trouble(file.conversation_id, "files", found.why)
        except CabinetError as error:
            await self._put_off(file, "cabinet", str(error), _PASSING_PAUSE_MS)
            await self._require_cabinet(error)
        except RequestError as error:
            passing = is_passing(error)
            longest = _PASSING_PAUSE_MS if passing else _LONGEST_PAUSE_MS
            await self._put_off(file, "homeserver", f"The homeserver did not give the file: {error}.", longest)
            self._refused_in_a_row += 1
            # One file that the homeserver fails at holds up no other.
            if passing and (isinstance(error, TokenRejectedError) or self._refused_in_a_row >= _AWAY_AFTER):
                raise
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - one file must not hold up the others
            log.error("filing_failed", event_id=file.event_id, error=describe(error), stack=frames(error))  # noqa: TRY400
            await self._put_off(file, "bridge", f"Something went wrong in the bridge ({describe(error)}).")
        return False

    async def _require_cabinet(self, error: CabinetError) -> None:
        """See that the cabinet as a whole can be used, whatever failed in it. Raises CabinetError."""
        if isinstance(error, NoAnswerError):
            # To try again at once would double the silence.
            raise error
        await self.cabinet.in_time(self.cabinet.try_out)

    async def _note_trouble(self, conversation_id: str, what: troubles.What, error: CabinetError) -> None:
        self._resting.add(conversation_id)
        cause = error.__cause__ or error
        log.warning("folder_rests", conversation=conversation_id, what=what, reason=str(error), cause=describe(cause))
        await self._store.run(troubles.note_trouble, conversation_id, what, str(error), self._clock())

    async def _fetch_and_put(self, file: Waiting) -> bool:
        if file.conversation_id in self._resting:
            # Another file met that while this one waited its turn.
            return False
        if await self._way.was_put(file):
            return True
        if file.gone:
            await self._store.run(rows.withdraw, file.position)
            return False
        found = await self._way.fetch(file)
        self._refused_in_a_row = 0
        return await self._way.put(file, found)

    async def _fail(self, file: Waiting, sentence: str) -> None:
        self._metrics.filing_failures.labels("file").inc()
        log.warning("file_not_filed", event_id=file.event_id, reason=sentence)
        await self._store.run(rows.mark_failed, file.position, sentence, self._clock())

    async def _put_off(self, file: Waiting, fault: str, sentence: str, longest: int = _LONGEST_PAUSE_MS) -> None:
        self._metrics.filing_failures.labels(fault).inc()
        pause = min(_FIRST_PAUSE_MS * 2 ** min(file.attempts, 20), longest)
        log.warning("filing_waits", event_id=file.event_id, reason=sentence, seconds=pause // 1000)
        await self._store.run(rows.put_off, file.position, sentence, self._clock() + pause)

    async def _write_lists(self) -> None:
        while found := await self._store.read(folders.to_list, self._clock(), _AT_ONCE):
            for key, folder, changes in found:
                files = await self._listed_in(folder)
                try:
                    await in_folder(self.cabinet, partial(self._write_list, folder, files), _ROW_BYTES * len(files))
                except InFolderError as error:
                    await self._require_cabinet(error.why)
                    await self._note_trouble(key, "list", error.why)
                    continue
                point("filing.listed")
                await self._store.run(folders.mark_listed, key, changes)

    async def _listed_in(self, folder: str) -> list[IndexedFile]:
        files: list[IndexedFile] = []
        while more := await self._store.read(folders.listed_in, folder, files[-1] if files else None):
            files += more
        return files

    def _write_list(self, folder: str, files: list[IndexedFile]) -> None:
        self.cabinet.replace(CabinetPath(folder, INDEX), list_of(files, self._firm()))

    async def _shut(self, error: CabinetError) -> None:
        """Rest for a while; and tell the firm admins, once, where it is not over by then."""
        cause = error.__cause__
        log.warning(
            "cabinet_shut", reason=str(error), cause=describe(cause or error), stack=frames(cause) if cause else ""
        )
        self.stopped_because = str(error)
        if isinstance(error, NoAnswerError):
            self._cleaned = False
        self._rests_until = self._clock() + min(10_000 * 2 ** min(self._shut_passes, 10), _LONGEST_REST_MS)
        self._shut_passes += 1
        if self._shut_passes == _TELL_AFTER:
            await self._tell(f"I cannot store files. {error} They wait, and nothing is lost.")

    async def _open_again(self) -> None:
        told = self._shut_passes >= _TELL_AFTER
        self.stopped_because, self._shut_passes = "", 0
        if told:
            await self._tell("Files can be stored again. Those that waited are being filed.")

    async def _tell_of_folders(self) -> None:
        """Tell the firm admins of folders in which something fails again and again, and of their end."""
        tell = later(tell_of_folders, self._firm(), self._settings, self._clock())
        lasting = await self._store.run(tell)
        if lasting and not self.stopped_because:
            # Neither which nor how many: firm admins read it who must not hear of every matter (M3).
            self.stopped_because = "Something cannot be written in some folder of the filing cabinet: `!files status`."

    async def _tell(self, text: str) -> None:
        sender = self._settings.bot_id
        await self._store.run(tell_of_cabinet, text, sender, self._clock())


def _by_name(waiting: Sequence[Waiting]) -> list[list[Waiting]]:
    """Files that are versions of one name, oldest first, to be filed one after another: so they are numbered (V3)."""
    names: defaultdict[tuple[str, str], list[Waiting]] = defaultdict(list)
    for file in sorted(waiting, key=lambda one: (one.at_ms, one.position)):
        names[file.conversation_id, name_key(safe_name(file.name))].append(file)
    return list(names.values())
