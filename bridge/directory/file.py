"""The directory as a service: follows its files, holds what would take too much away, keeps the last accepted firm."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import astuple
from datetime import UTC, date, datetime
from pathlib import Path

import structlog

from bridge import __version__, faults
from bridge.clock import now_ms
from bridge.directory import keeping, undoing
from bridge.directory.at_once import apart_from_waiting
from bridge.directory.barriers import with_gone
from bridge.directory.change import DirectoryChange, compared, diff_firms
from bridge.directory.following.outcomes import Applied, Held, Invalid, Outcome, Unchanged
from bridge.directory.following.status import DirectoryStatus, HeldChange, status_of
from bridge.directory.following.watched import WatchedFiles
from bridge.directory.forms.sheet_form import form_of
from bridge.directory.past.earlier import earlier_records, with_earlier
from bridge.directory.past.replaced import fits, without
from bridge.directory.problems import ChangedWhileReadError, DirectoryError, RecordProblem
from bridge.directory.read import Snapshot, firm_of
from bridge.directory.sources.keeping import keep_links
from bridge.directory.sources.port import FILES, SourceStanding
from bridge.directory.sources.seen import Sees, sight_of
from bridge.directory.sources.statement import Links, Merged, Provenance
from bridge.directory.sources.union import Sources
from bridge.directory.undoing import Undone
from bridge.firm.audit import Deed
from bridge.firm.leavers import with_leavers
from bridge.firm.matters.search import prepare
from bridge.firm.model import Firm
from bridge.refusal import Kind, Refusal
from bridge.settings import DirectorySettings
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.record.audit import subject_of
from bridge.store.record.kept import DIRECTORY_READ, keep

_HOUR_MS = 60 * 60 * 1000
log = structlog.get_logger(__name__)


class DirectoryFile:
    """Follows the directory's files. `firm` is the last accepted firm, from the store before anything was read.

    `today` gives the firm's own day, on which it is judged whose access a change ends; `settle_seconds` is as for
    WatchedFiles. `with_change` is given every change in the unit of work that stores it, before it is stored. `over`
    lays over a firm what firm admins set by command, by which it is judged what an admin may be shown. Without `stores`
    nothing is written: `firm` is then what would be accepted, and another process accepts it.
    """

    def __init__(
        self,
        settings: DirectorySettings,
        store: Store,
        *,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
        settle_seconds: float = 0.5,
        with_change: Callable[[Unit, DirectoryChange], None] = lambda unit, change: None,
        over: Callable[[Firm], Firm] = lambda firm: firm,
        stores: bool = True,
        sources: Sources | None = None,
    ) -> None:
        self.firm = Firm()
        self.problems: tuple[RecordProblem, ...] = ()
        self.sources = sources
        """The sources that the directory is the union of; None where it is its files alone."""
        self.standings: tuple[SourceStanding, ...] = ()
        """How each of them stood when they were last looked at."""
        self.merged: Merged | None = None
        """Which of them said what, as it was last read."""
        self.held: DirectoryChange | None = None
        self.held_as_undone = False
        """Whether it is held because it is what was taken back."""
        self._files = WatchedFiles(Path(settings.path), settle_seconds)
        self._limit = settings.removal_limit
        self._form = form_of(settings)
        self._store = store
        self.today = today
        self._with_change = with_change
        self._over = over
        self._stores = stores
        self._loaded = False
        self._union_seen = ""
        """The version of the sources that was last read."""
        self._of_files: tuple[RecordProblem, ...] = ()
        """What is wrong with the files, where they are one source of several."""
        self._links: Links = {}
        """Who is who, as far as it is known to be stored."""
        self._version = -1
        """The version of the stored records that `firm` is."""
        self._judged = date.min, 0
        """The day on which the held change was judged, and when."""
        self._one_at_a_time = asyncio.Lock()

    async def load(self) -> Firm:
        """Take the last accepted firm from the store, so that there is one while the files are bad or gone.

        Raises StoredDirectoryError when it cannot be read back.
        """
        # First the version, so that what is accepted while it is read is found later.
        self._version = await self._store.read(keeping.accepted_version)
        self.firm = await keeping.read_firm(self._store)
        self._loaded = True
        return self.firm

    async def refresh(self) -> Outcome:
        """Look at the files, and take over what they say if they changed, are valid and need no confirmation."""
        async with self._one_at_a_time:
            if not self._loaded:
                await self.load()
            if self.sources is not None:
                return await self._refresh_union(self.sources)
            try:
                snapshot = await self._files.read_if_changed()
            except ChangedWhileReadError:
                log.info("directory_being_written", path=str(self._files.path))
                return Unchanged()
            except DirectoryError as error:
                return self._refuse(error)
            if snapshot is None:
                return await self._as_before(broken=bool(self.problems))
            outcome = await self._take(snapshot)
            # Only now: had the store failed, the same files would have to be taken again.
            self._files.took(snapshot)
            return outcome

    async def _refresh_union(self, sources: Sources) -> Outcome:
        """The same where the files are one source of several, or none: what each said last stays while it is down."""
        if FILES in sources.names:
            await self._keep_files(sources)
        version, self.standings = await sources.version(), await sources.standings()
        if version == self._union_seen:
            return await self._as_before(broken=self.problems != self._of_files)
        try:
            union = await sources.union(self.firm)
        except DirectoryError as error:
            refused = self._refuse(DirectoryError((*self._of_files, *error.problems), complete=error.complete))
            leavers = await sources.left(self.firm)
            # That they have left waits for nobody to put the rest right (F2).
            outcome = await self._consider(with_leavers(self.firm, leavers)) if leavers else Unchanged()
            self._union_seen = version
            return outcome if isinstance(outcome, Applied) else refused
        self.problems, self.merged = self._of_files, union.merged
        outcome = await self._consider(union.firm, union.merged.links)
        self._union_seen = version
        return outcome

    async def _keep_files(self, sources: Sources) -> None:
        try:
            snapshot = await self._files.read_if_changed()
            if snapshot is not None and self._stores:
                await sources.keep_files(snapshot, self._form)
        except ChangedWhileReadError:
            log.info("directory_being_written", path=str(self._files.path))
        except DirectoryError as error:
            if error.problems != self._of_files:
                self.problems = tuple(one for one in self.problems if one not in self._of_files)
                self._of_files = error.problems
                self._refuse(DirectoryError((*error.problems, *self.problems), complete=error.complete))
                if self._stores:
                    await sources.note_files(f"{len(error.problems)} problems; `firm-bridge check` lists them")
        else:
            if snapshot is not None:
                self._files.took(snapshot)
                self.problems = tuple(one for one in self.problems if one not in self._of_files)
                self._of_files = ()

    async def confirm(self, by: str, fingerprint: str = "", cause: str = "") -> str:
        """Let through what waits, or only the change with this fingerprint; the next refresh applies it.

        `by` is a staff id, or whoever runs the server. Returns the fingerprint. Works from another process too. Asked
        again for the same cause, it is the same. Raises Refusal where no change waits, or another one.
        """
        if not fingerprint:
            if self.held is None:
                raise Refusal(Kind.NO_CHANGE_WAITS)
            fingerprint = self.held.fingerprint()
        if not await self._store.run(keeping.confirm_change, fingerprint, by, cause):
            raise Refusal(Kind.CHANGE_WAITS_NO_MORE, fingerprint=fingerprint)
        log.info("directory_change_confirmed", fingerprint=fingerprint, by=by)
        return fingerprint

    def origin(self, kind: str, record_id: str) -> Provenance | None:
        """Which sources say what of a record of a section; None where the directory is its files alone."""
        return None if self.merged is None else self.merged.origins.get((kind, record_id))

    async def undo(self, by: str, fingerprint: str = "", cause: str = "", *, to_admin: bool = True) -> Undone:
        """Take back the change that was confirmed last, or only the one with this fingerprint. Asked again for the same
        cause, it is said that it was taken back.

        `by` is a staff id, or with `to_admin` false the name of whoever runs the server, who may see everything. What
        the files say waits from then on. Raises Refusal where it cannot be taken back.
        """
        async with self._one_at_a_time:
            if not self._loaded or await self._store.read(keeping.accepted_version) != self._version:
                await self.load()
            if (before := await self._store.read(subject_of, Deed.DIRECTORY_UNDONE, cause)) is not None:
                return Undone(before, (), 0, frozenset())
            confirmed = await self._store.read(undoing.to_undo, fingerprint, now_ms())
            change = await asyncio.to_thread(compared, self.firm, without(self.firm, confirmed), self.today())
            if not fits(firm := change.new):
                raise Refusal(Kind.OLD_DIRECTORY_DOES_NOT_FIT)
            over, version = self._over(firm), self._version
            moved = await self._store.run(undoing.undo, change, confirmed, version, over, by, cause)
            faults.point("directory.undone")
            sees = self._sight(by, (change.old, firm)) if to_admin else None
            self._version = await self._store.read(keeping.accepted_version)
            # The files are read again, so that what they say is held.
            self.firm, self.held = self.firm if change.empty else firm, None
            self._files.forget()
            self._union_seen = ""
            log.warning("directory_change_undone", fingerprint=confirmed.fingerprint, by=by, moved=len(moved))
            people = len(confirmed.leavers & over.active_staff)
            return Undone(confirmed.fingerprint, change.lines(sees), people, frozenset(key for key, _ in moved))

    async def status(self, staff_id: str = "") -> DirectoryStatus:
        """What the directory holds, what is wrong with it and what waits.

        For the firm admin of this staff id without a word about matters that they must not see (M3); whoever runs the
        server sees everything.
        """
        sees, held = self.sight(staff_id) if staff_id else None, self.held
        standings = () if self.sources is None else await self.sources.standings()
        shown = None if held is None else HeldChange(held.fingerprint(), held.lines(sees), self.held_as_undone)
        return status_of(self.firm, shown, self.problems, standings, self.merged, sees)

    def sight(self, staff_id: str) -> Sees:
        """Whether this person may know of a record, by its kind and id, as it is and as a held change would have it."""
        return self._sight(staff_id, [self.firm] if self.held is None else [self.firm, self.held.old, self.held.new])

    def _sight(self, staff_id: str, given: Sequence[Firm]) -> Sees:
        """Whether this person may know of a record, by its kind and id, in every one of these firms."""
        return sight_of(staff_id, given, [self._over(firm) for firm in given], self.today())

    async def _take(self, snapshot: Snapshot) -> Outcome:
        noted = self._read_as(snapshot)
        if not self.problems and self.held is None and await self._store.read(keeping.is_as_read, noted, self._version):
            # A start takes a large firm's files up in a fraction of the time that reading them takes.
            await asyncio.to_thread(prepare, self.firm)
            return Unchanged()
        try:
            firm = await asyncio.to_thread(firm_of, snapshot, self._form)
        except DirectoryError as error:
            return self._refuse(error)
        if self.problems:
            log.info("directory_valid_again", path=str(self._files.path))
        self.problems = ()
        outcome = await self._consider(firm)
        if self.held is None and self._stores:
            await self._store.run(keep, DIRECTORY_READ, self._read_as(snapshot))
        return outcome

    def _read_as(self, snapshot: Snapshot) -> str:
        """All that it depends on which firm these files lead to, beside the accepted one."""
        return " ".join((snapshot.digest, str(self._version), str(self.today()), __version__, *astuple(self._form)))

    async def _as_before(self, *, broken: bool) -> Outcome:
        if broken:
            return Invalid(self.problems)
        if self.held is None:
            return Unchanged()
        # What counts with it is what went in the last day.
        lately = self._judged[0] == self.today() and 0 <= now_ms() - self._judged[1] < _HOUR_MS
        if lately and await self._store.read(keeping.still_waits, self.held.fingerprint()):
            return Held(self.held)
        return await self._consider(self.held.new, self.merged.links if self.merged is not None else {})

    def _refuse(self, error: DirectoryError) -> Outcome:
        # Who only reads has them at hand, and shows them to somebody at a terminal.
        if error.problems != self.problems and self._stores:
            log.error(
                "directory_refused",
                path=str(self._files.path),
                problems=[str(problem) for problem in error.problems],
                complete=error.complete,
            )
        self.problems = error.problems
        return Invalid(error.problems)

    async def _consider(self, firm: Firm, links: Links | None = None) -> Outcome:
        # Compared with the store and not with what this process knows: another one may have applied it meanwhile.
        before, today = self.firm, self.today()
        if await self._store.read(keeping.accepted_version) != self._version:
            await self.load()
        stored = self.firm
        firm = await asyncio.to_thread(with_gone, stored, firm, today)
        earlier = await self._store.read(earlier_records, now_ms())
        day_ago = await asyncio.to_thread(with_earlier, stored, earlier)
        change = await asyncio.to_thread(compared, stored, firm, today, day_ago)
        undone = not change.empty and change.fingerprint() in await self._store.read(keeping.undone_fingerprints)
        much = bool(stored.staff) and change.needs_confirmation(self._limit)
        if (much or undone) and not await self._confirmed(change):
            self._judged, self.held_as_undone = (today, now_ms()), undone
            waits = change if undone else await self._what_waits(change, links or {}, day_ago)
            if self._stores and (self.held is None or self.held.fingerprint() != waits.fingerprint()):
                log.warning("directory_change_held", fingerprint=waits.fingerprint(), summary=waits.summary())
            self.held = waits
            return Held(waits)
        await self._store_change(change, links or {})
        self.firm, self.held = stored if change.empty else change.new, None
        if before is not stored:
            change = await asyncio.to_thread(diff_firms, before, self.firm, today)
        if change.empty:
            return Unchanged()
        log.info("directory_applied", fingerprint=change.fingerprint(), summary=change.summary())
        return Applied(change)

    async def _what_waits(self, change: DirectoryChange, links: Links, day_ago: Firm) -> DirectoryChange:
        """Apply what a held change takes away, as far as that need not wait; returns what still waits of it."""
        now, is_all = await asyncio.to_thread(apart_from_waiting, change, self._limit, day_ago)
        if now is None:
            return change
        # Else who is who is kept with the rest of it.
        await self._store_change(now, links if is_all else {}, waits=change.fingerprint())
        self.firm = now.new
        log.info("directory_applied", fingerprint=now.fingerprint(), summary=now.summary())
        return await asyncio.to_thread(diff_firms, self.firm, change.new, change.today, day_ago)

    async def _store_change(self, change: DirectoryChange, links: Links, *, waits: str = "") -> None:
        # What is not stored is compared with the store again the next time.
        if not self._stores:
            self._version = -1
            return
        new = {key: one for key, one in links.items() if self._links.get(key) != one}
        self._version = await self._store.run(self._accept, change, new, waits)
        self._links = {**self._links, **new} if new else self._links

    def _accept(self, unit: Unit, change: DirectoryChange, links: Links, waits: str) -> int:
        self._with_change(unit, change)
        keep_links(unit, links)
        return keeping.accept(unit, change, waits=waits)

    async def _confirmed(self, change: DirectoryChange) -> bool:
        fingerprint = change.fingerprint()
        if not self._stores:
            return await self._store.read(keeping.is_confirmed, fingerprint)
        return await self._store.run(keeping.hold, fingerprint, change.summary(), now_ms())
