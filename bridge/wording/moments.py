"""Moments and days as the firm's own clock shows them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from bridge.mapping.moments import day_in_words, in_words, moment_in_words
from bridge.settings import FirmSettings


def local(firm: FirmSettings, at_ms: int) -> datetime:
    """A moment, given in milliseconds since the epoch, in the firm's time zone."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(firm.timezone))


def moment_in(firm: FirmSettings, at_ms: int) -> str:
    """A moment to the minute, as the firm writes it."""
    return moment_in_words(local(firm, at_ms), firm.date_format)


def clock_in(firm: FirmSettings, at_ms: int) -> str:
    """The time of a moment alone."""
    return in_words(local(firm, at_ms), "%H:%M")


def day_in(firm: FirmSettings, at_ms: int) -> str:
    """The day of a moment."""
    return written(firm, local(firm, at_ms))


def written(firm: FirmSettings, which: date) -> str:
    """A day as the firm writes it."""
    return day_in_words(which, firm.date_format)


def begin_of(firm: FirmSettings, which: date) -> int:
    """When that day begins in the firm, in milliseconds since the epoch."""
    return int(datetime(which.year, which.month, which.day, tzinfo=ZoneInfo(firm.timezone)).timestamp() * 1000)
