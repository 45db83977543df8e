"""The bridge's way through its stages, and what keeps the firm as it should be from then on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bridge.care.telling_directory import tell_of_directory, trouble_of
from bridge.clock import now_ms
from bridge.failures import describe, frames
from bridge.handlers.places import Places
from bridge.matrix.clock import hear_clock
from bridge.matrix.errors import NotServerAdminError, RequestError
from bridge.operations.walls.telling import end_over, tell_of_walls
from bridge.reconcile.watermark import Watermark
from bridge.service import FirmService, introduce_bot
from bridge.store.engine.backends import is_shared
from bridge.store.engine.store import StoreError
from bridge.store.record.drift import mark_all_put_back
from bridge.store.record.homeserver_time import HOMESERVER_TIME, clocks_apart
from bridge.store.record.kept import DAY_DONE, keep, kept
from bridge.upkeep.following import Following
from bridge.upkeep.stages import Stage, Stages

log = structlog.get_logger(__name__)
Start = Callable[[], Awaitable[None]]
_PING_SECONDS = 1.0


class Upkeep:
    """Does one stage after the other until all are done, and whatever asks for one again."""

    def __init__(self, firm: FirmService, places: Places) -> None:
        self._firm = firm
        self._places = places
        self.stages = Stages()
        self.following = Following(lambda: firm.firm, firm.reconciler.passes, firm.today, places)
        self.clocks_apart = False
        """Whether the homeserver's clock was far from the bridge's when they were compared last."""
        self.unreached = ""
        """Why the homeserver did not reach the bridge, where nothing waits for that; empty where it did."""
        self._work: dict[Stage, Start] = {}
        self._at_work: asyncio.Task[None] | None = None
        self._reaching: asyncio.Task[None] | None = None
        self._watermark = Watermark(firm.homeserver, firm.settings.bot_id)
        firm.reconciler.guarding.on_put_back = self.put_back

    def start(self, sending: Start, hearing: Start) -> None:
        """Begin with the stages. `sending` and `hearing` begin to send what waits, and to handle what is heard."""
        self._work = {
            Stage.MET: self.meet,
            Stage.SHUT_OUT: self.shut_out,
            Stage.SENDING: sending,
            Stage.HEARING: hearing,
            Stage.RECONCILED: self.reconcile,
        }
        self._go_on()

    async def stop(self) -> None:
        """Leave what is under way as it is; a start goes on with it."""
        self._work = {}
        tasks = [task for task in (self._at_work, self._reaching) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def reconcile_later(self, error: RequestError) -> None:
        """Have everything made as it should be as soon as the homeserver lets it."""
        self.stages = self.stages.doubted(str(error))
        self._go_on()

    def put_back(self) -> None:
        """Shut out at once who was in a room or had a session when the homeserver's backup was made (R3)."""
        self.stages = self.stages.put_back()
        self._go_on()

    def _go_on(self) -> None:
        if self._work and (self._at_work is None or self._at_work.done()):
            self._at_work = asyncio.create_task(self._until_done())

    async def _until_done(self) -> None:
        while (stage := self.stages.next) is not None:
            await self._attempt(stage)
            await self._firm.store.rest(self.stages.pause)

    async def _attempt(self, stage: Stage) -> None:
        self.stages = self.stages.begun(stage)
        try:
            await self._work[stage]()
        except (RequestError, NotServerAdminError, StoreError) as error:
            self.stages = self.stages.failed(stage, str(error))
            log.warning("not_yet", check=stage.value, reason=str(error))
        except Exception as error:  # noqa: BLE001 - nobody else would hear of it
            self.stages = self.stages.failed(stage, describe(error))
            log.error("not_yet", check=stage.value, reason=describe(error), stack=frames(error))  # noqa: TRY400
        else:
            self.stages = self.stages.done(stage)

    async def meet(self) -> None:
        """Introduce the bot to the homeserver, and see that each reaches the other."""
        await introduce_bot(self._firm.homeserver, self._firm.settings)
        if is_shared(self._firm.settings.database.url.get_secret_value()):
            # Nobody waits for it: the proxy may pick the one that stands still, whose place this one takes.
            self._reaching = asyncio.create_task(self._reach())
        else:
            log.info("homeserver_answers", ping_ms=await self._firm.homeserver.ping("start"))
        await self.compare_clocks()

    async def _reach(self) -> None:
        """See whether the homeserver reaches the bridge, by whichever process it picks."""
        try:
            async with asyncio.timeout(_PING_SECONDS):
                log.info("homeserver_answers", ping_ms=await self._firm.homeserver.ping("start"))
        except (RequestError, TimeoutError) as error:
            self.unreached = str(error) or f"The homeserver did not reach the bridge within {_PING_SECONDS:.0f} second."
            log.warning("not_reached", reason=self.unreached)
        else:
            self.unreached = ""

    async def reach_again(self) -> None:
        """See whether the homeserver reaches the bridge by now, where it did not."""
        if self.unreached:
            await self._reach()

    async def compare_clocks(self) -> None:
        """See how far the homeserver's clock is from the bridge's, for health and for what is stamped in its time."""
        await hear_clock(self._firm.homeserver)
        before, self.clocks_apart = self.clocks_apart, bool(clocks_apart())
        if self.clocks_apart and not before:
            log.warning("clocks_apart", seconds=round(HOMESERVER_TIME.bridge_ahead_seconds()))

    async def shut_out(self) -> None:
        """Shut out who must be out, by what is stored."""
        await self._firm.in_force.load()
        firm, today = self._firm.firm, self._firm.today()
        await self._firm.reconciler.passes.shut_out()
        # What changes from here on is followed at once, however long the first pass takes.
        self.following.begin(firm, today)

    async def reconcile(self) -> None:
        """Make everything as it should be on the firm's day, and note the day."""
        settings, today = self._firm.settings, self._firm.today()
        await self._firm.in_force.load()
        await self._firm.store.run(end_over, self._firm.firm, settings, today)
        firm = self._firm.firm
        begun = now_ms()
        outcome = await self._firm.reconciler.passes.sync()
        if not outcome.failed:
            # Also what a crash left noted as not put right.
            await self._firm.store.run(mark_all_put_back, begun)
        await tell_of_walls(self._firm.store, firm, settings)
        await self._firm.store.run(keep, DAY_DONE, today.isoformat())
        await self._places.refresh()
        log.info("reconciled", steps=outcome.done, failed=len(outcome.failed))

    async def begin_day(self) -> None:
        """Make everything as it should be on a new day of the firm's, on which walls may begin or end (M3).

        Asked for every minute and not set for midnight, which is not there where the clocks go forward, and which
        schedulers pass over (findings/cron-after-clocks-change.sh). Who has not done the day before does this one at
        the same time.
        """
        done = await self._firm.store.read(kept, DAY_DONE)
        # What is not done yet, at a start or after a failure, is tried until it is, and is of its own day.
        if self.stages.is_done(Stage.RECONCILED) and done != self._firm.today().isoformat():
            await self.reconcile_again()

    async def reconcile_again(self) -> None:
        """Follow what changed with the day, and make everything as it should be."""
        try:
            # What begins with the day is in force before all rooms are read.
            await self.following.follow()
            await self.reconcile()
        except RequestError as error:
            self.reconcile_later(error)
            raise

    async def read_again(self) -> None:
        """Read again what decides about access, and act on what was stored without this process hearing of it."""
        if not await self._firm.in_force.load():
            return
        log.warning("memory_was_behind")
        try:
            # Who is stored to be in a conversation has changed as well, so that the firm before and now is not all.
            await self.shut_out()
        except RequestError as error:
            self.reconcile_later(error)
            raise
        await self.follow_directory()

    async def look_back(self) -> None:
        """See whether the homeserver was put back since the last look: its guard may be none, or as new as before."""
        if not self.stages.is_done(Stage.MET):
            return
        if await self._watermark.is_behind():
            log.error("homeserver_put_back")
            self.put_back()
        await self._watermark.move_on()

    async def follow_directory(self) -> None:
        """Read the directory and follow what changed in it, or with the day."""
        directory = self._firm.directory
        try:
            await directory.refresh()
            await tell_of_directory(self._firm.store, self._firm.settings.bot_id, trouble_of(directory))
        finally:
            # Whatever is wrong with the files or the database, walls begin with their day.
            await self._follow()

    async def _follow(self) -> None:
        try:
            await self.following.follow()
        except RequestError as error:
            self.reconcile_later(error)
            raise
