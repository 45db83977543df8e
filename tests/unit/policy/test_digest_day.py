"""When the morning digest is due: its time, weekend, grace, and the days on which clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bridge.care.digest import GRACE, day_due
from bridge.settings import CareSettings, FirmSettings, Settings

MONDAY = date(2026, 3, 2)
SATURDAY = date(2026, 3, 7)


def settings(at: str = "08:00", zone: str = "Europe/London", on: bool = True) -> Settings:
    care = CareSettings(digest=on, digest_time=at)
    return Settings(care=care, firm=FirmSettings(timezone=zone))


def minutes_due(chosen: Settings, first: date, days: int = 3) -> list[datetime]:
    """Every minute of those days, in UTC, at which a digest is due."""
    begin = datetime(first.year, first.month, first.day, tzinfo=ZoneInfo(chosen.firm.timezone)).astimezone(UTC)
    minutes = (begin + timedelta(minutes=n) for n in range(days * 1440))
    return [minute for minute in minutes if day_due(chosen, minute)]


def test_it_is_due_from_its_time_on_until_the_grace_is_over() -> None:
    due = minutes_due(settings(), MONDAY, 1)
    assert due[0] == datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    assert due[-1] == due[0] + GRACE - timedelta(minutes=1)
    assert day_due(settings(), datetime(2026, 3, 2, 19, 30, tzinfo=UTC)) is None
    assert minutes_due(settings(on=False), MONDAY) == []


def test_the_day_is_the_firms_and_not_the_servers() -> None:
    # In Auckland it is Monday morning while it is Sunday in UTC.
    now = datetime(2026, 3, 1, 19, 5, tzinfo=UTC)
    assert day_due(settings(zone="Pacific/Auckland"), now) == MONDAY
    assert day_due(settings(zone="America/Los_Angeles"), datetime(2026, 3, 2, 16, 5, tzinfo=UTC)) == MONDAY


def test_the_weekend_is_left_out() -> None:
    assert minutes_due(settings(), SATURDAY, 2) == []
    assert len(minutes_due(settings(), MONDAY, 5)) == 5 * 180


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "America/Santiago", "Australia/Lord_Howe"])
@pytest.mark.parametrize("at", ["00:00", "01:30", "02:30", "08:00"])
def test_on_days_of_clock_change_it_is_due_once(zone: str, at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Clocks change on Sundays.
    monkeypatch.setattr("bridge.care.digest.DAYS", range(7))
    chosen = settings(at, zone)
    for day in range(1, 366):
        first = date(2026, 1, 1) + timedelta(days=day)
        here = ZoneInfo(zone)
        noon = [datetime(d.year, d.month, d.day, 12, tzinfo=here) for d in (first - timedelta(1), first)]
        if noon[0].utcoffset() == noon[1].utcoffset():
            continue
        due = [minute for minute in minutes_due(chosen, first, 1) if day_due(chosen, minute) == first]
        assert len(due) == 180, (first, due[:1])
        assert due[-1] - due[0] == GRACE - timedelta(minutes=1)
        # Never later than an hour behind the time asked for, and never before it.
        shown = due[0].astimezone(here)
        asked = chosen.care.digest_at
        assert shown.hour * 60 + shown.minute - (asked.hour * 60 + asked.minute) in range(61)
