"""The present, as the store keeps it and as the firm's calendar has it."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from bridge.settings import FirmSettings

DAY_MS = 86_400_000


def now_ms() -> int:
    """The present, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def firm_today(settings: FirmSettings) -> date:
    """The day in the firm's time zone, by which walls begin and end."""
    return day_at(settings.timezone, int(time.time() // 60))


def is_firm_hour(settings: FirmSettings, at: datetime, first: int, last: int) -> bool:
    """Whether it is one of these hours of the firm's day. Asked for, since a time may be missing on a day."""
    return first <= at.astimezone(ZoneInfo(settings.timezone)).hour <= last


@lru_cache(maxsize=8)
def day_at(timezone: str, minute: int) -> date:
    """The day of a minute since the epoch. It is asked for all the time."""
    return datetime.fromtimestamp(minute * 60, ZoneInfo(timezone)).date()


def seconds_asked(retry_after: str) -> float | None:
    """The seconds for which whoever answered asks to be left alone (Retry-After: RFC 9110, section 10.2.3); None for
    what says none."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after).astimezone(UTC) - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError):
        return None


def seconds_since(milliseconds: int | None) -> float:
    """How long ago a moment was; -1 for none."""
    return -1.0 if milliseconds is None else (now_ms() - milliseconds) / 1000
