"""What is due by the day and by the clock: nothing is missed when clocks change, or where one is put right."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from bridge.backup.newest import name_at
from bridge.clock import is_firm_hour
from bridge.settings import FirmSettings
from bridge.store.record.kept import DAY_DONE, keep, kept
from bridge.upkeep.stages import Stage
from tests.backups import with_backups
from tests.component.small_firm import SmallFirm, small_firm
from tests.component.wire.traffic import until

CHANGES = {
    "Europe/Berlin": date(2026, 3, 29),
    "America/New_York": date(2026, 3, 8),
    "America/Los_Angeles": date(2026, 11, 1),
    "Australia/Sydney": date(2026, 10, 4),
    "Africa/Cairo": date(2026, 4, 24),
    "America/Santiago": date(2026, 9, 6),
    "America/Havana": date(2026, 3, 8),
    "Asia/Kathmandu": date(2026, 3, 29),
    "Pacific/Apia": date(2011, 12, 30),
}
"""The days on which clocks change, by zone; where they do at midnight, and where a day was left out, too."""


class Clock:
    """A clock that stands where it is put."""

    def __init__(self, firm: SmallFirm, zone: str) -> None:
        self.now = datetime.now(UTC)
        self.zone = ZoneInfo(zone)
        self.passes: list[date] = []
        self._firm = firm
        firm.all_done()

    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    async def _reconcile(self) -> None:
        today = self.today()
        self.passes.append(today)
        await self._firm.service.store.run(keep, DAY_DONE, today.isoformat())

    async def asks(self) -> None:
        upkeep = self._firm.bridge.upkeep
        with (
            patch("bridge.clock.day_at", lambda *_: self.today()),
            patch.object(upkeep, "reconcile_again", self._reconcile),
        ):
            await upkeep.begin_day()


@pytest.mark.parametrize("zone", CHANGES)
async def test_M3_every_day_of_the_firm_has_its_pass_within_a_minute(
    tmp_path: Path, database_url: str, zone: str
) -> None:
    async with small_firm(tmp_path, database_url) as firm:
        clock = Clock(firm, zone)
        begin = datetime.combine(CHANGES[zone] - timedelta(days=2), datetime.min.time(), UTC)
        minutes = [begin + timedelta(minutes=minute) for minute in range(5 * 24 * 60)]
        days = list(dict.fromkeys(at.astimezone(clock.zone).date() for at in minutes))
        # Midnight by whatever name it has, and the minutes around it.
        turns = [at for before, at in pairwise(minutes) if _day(at, clock) != _day(before, clock)]
        for at in minutes[:1] + [near for turn in turns for near in (turn - timedelta(minutes=1), turn, turn)]:
            clock.now = at
            await clock.asks()
        assert clock.passes == days


def _day(at: datetime, clock: Clock) -> date:
    return at.astimezone(clock.zone).date()


async def test_M3_a_pass_that_failed_or_a_clock_that_went_back_is_another_day_not_done(
    tmp_path: Path, database_url: str
) -> None:
    async with small_firm(tmp_path, database_url) as firm:
        clock = Clock(firm, "Europe/Berlin")
        await clock.asks()
        await clock.asks()
        assert len(clock.passes) == 1
        clock.now -= timedelta(days=1)
        await clock.asks()
        assert len(clock.passes) == 2
        # What is not as it should be yet is tried until it is, with its own day.
        clock.now += timedelta(days=1)
        upkeep = firm.bridge.upkeep
        upkeep.stages = upkeep.stages.failed(Stage.RECONCILED, "the homeserver is away")
        await clock.asks()
        assert len(clock.passes) == 2
        upkeep.stages = upkeep.stages.begun(Stage.RECONCILED).done(Stage.RECONCILED)
        await clock.asks()
        assert len(clock.passes) == 3


async def test_a_pass_notes_the_day_that_it_was_made_for(tmp_path: Path, database_url: str) -> None:
    async with small_firm(tmp_path, database_url) as firm:
        await firm.bridge.upkeep.reconcile()
        today = firm.service.today().isoformat()
        assert await firm.service.store.run(kept, DAY_DONE) == today


@pytest.mark.parametrize("zone", CHANGES)
def test_what_is_done_at_certain_hours_has_its_hours_on_every_day(zone: str) -> None:
    firm = FirmSettings(timezone=zone)
    begin = datetime.combine(CHANGES[zone] - timedelta(days=2), datetime.min.time(), UTC)
    for first, last in ((1, 5), (8, 18)):
        found: dict[date, int] = {}
        for hour in range(5 * 24):
            at = begin + timedelta(hours=hour, minutes=20)
            if is_firm_hour(firm, at, first, last):
                day = at.astimezone(ZoneInfo(zone)).date()
                found[day] = found.get(day, 0) + 1
        whole = sorted({(begin + timedelta(hours=h)).astimezone(ZoneInfo(zone)).date() for h in range(24, 96)})
        assert all(last - first <= found[day] <= last - first + 2 for day in whole[:-1] if day in found)
        assert set(whole[:-1]) <= found.keys()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("bridge.jobs.CLOCK_SECONDS", 0.01)
    yield


async def test_jobs_do_not_stand_still_where_the_clock_is_set_back(
    tmp_path: Path, database_url: str, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with small_firm(tmp_path, database_url) as firm:
        jobs = firm.bridge.jobs
        done: list[str] = []

        async def work() -> None:
            done.append("done")

        monkeypatch.setattr(firm.bridge.upkeep, "read_again", work)
        jobs.start()
        try:
            for job in jobs.scheduler.get_jobs():
                if job.id != "memory":
                    job.remove()
            # As after an hour that the clock went back: the next time is far off.
            jobs.scheduler.modify_job("memory", next_run_time=datetime.now(UTC) + timedelta(hours=1))
            await asyncio.sleep(0.05)
            assert done == []
            behind = _Behind()
            monkeypatch.setattr("bridge.jobs.time", behind)
            behind.seconds = 3600.0
            await until(lambda: done)
        finally:
            jobs.stop()


async def test_the_age_of_the_newest_backup_is_looked_up_by_a_job_and_never_while_it_is_asked_for(
    tmp_path: Path, database_url: str
) -> None:
    async with small_firm(tmp_path, database_url) as firm:
        await firm.stop()
        await firm.start(with_backups(firm.service.settings, tmp_path / "backups"))
        (tmp_path / "backups" / name_at(datetime.now(UTC))).touch()
        value = firm.service.metrics.registry.get_sample_value
        assert (value("firm_bridge_backup_age_seconds"), value("firm_bridge_backup_late")) == (-1, 1)
        jobs = firm.bridge.jobs
        jobs.start()
        try:
            await until(lambda: value("firm_bridge_backup_late") == 0)
        finally:
            jobs.stop()


async def test_a_job_that_ends_because_the_bridge_stops_is_no_error(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    at_work: list[asyncio.Task[object] | None] = []

    async def goes_on() -> None:
        at_work.append(asyncio.current_task())
        await asyncio.Event().wait()

    async with small_firm(tmp_path, database_url) as firm:
        jobs = firm.bridge.jobs
        jobs.more["goes on"] = goes_on
        jobs.start()
        await until(lambda: at_work)
        # Due, and ended before its first step.
        jobs.scheduler.modify_job("tokens", next_run_time=datetime.now(UTC))
        jobs.scheduler.wakeup()
        with capture_logs() as logs:
            jobs.stop()
            await until(lambda: at_work[0] is not None and at_work[0].done())
    assert not [one for one in caplog.records if one.name.startswith("apscheduler")]
    assert not [one for one in logs if one["event"] == "job_cancelled"]


async def test_a_job_that_was_ended_while_the_bridge_goes_on_is_logged(tmp_path: Path, database_url: str) -> None:
    async def ends() -> None:
        raise asyncio.CancelledError

    async with small_firm(tmp_path, database_url) as firm:
        jobs = firm.bridge.jobs
        jobs.more["ends"] = ends
        with capture_logs() as logs:
            jobs.start()
            try:
                await until(lambda: any(one["event"] == "job_cancelled" and one["job"] == "ends" for one in logs))
            finally:
                jobs.stop()


class _Behind:
    """The time, so many seconds behind."""

    def __init__(self) -> None:
        import time

        self.seconds = 0.0
        self._time = time

    def time(self) -> float:
        return self._time.time() - self.seconds

    def monotonic(self) -> float:
        return self._time.monotonic()
