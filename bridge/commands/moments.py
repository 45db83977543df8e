"""Moments and days as the firm's own clock shows them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from bridge.commands.errors import CommandError
from bridge.commands.replies import repeated
from bridge.commands.table import Call
from bridge.mapping.moments import day_in_words, day_typed, in_words, moment_in_words
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


def moment(call: Call, at_ms: int) -> str:
    """The same as `moment_in` for an answer."""
    return moment_in(call.desk.settings.firm, at_ms)


def day(call: Call, at_ms: int) -> str:
    """The same as `day_in` for an answer."""
    return day_in(call.desk.settings.firm, at_ms)


def read_day(call: Call, typed: str) -> date:
    """A day as it was typed: YYYY-MM-DD, as the firm writes it, today or yesterday. Raises CommandError."""
    today = call.desk.reconciler.today()
    words = {"today": today, "yesterday": today - timedelta(days=1)}
    found = words.get(typed.casefold()) or day_typed(typed, call.desk.settings.firm.date_format)
    if found is None:
        raise CommandError(f"{repeated(typed)} is no day. Write it as 2026-11-23, or say today or yesterday.")
    return found


def begin_of(call: Call, which: date) -> int:
    """When that day begins in the firm, in milliseconds since the epoch."""
    return int(
        datetime(which.year, which.month, which.day, tzinfo=ZoneInfo(call.desk.settings.firm.timezone)).timestamp()
        * 1000
    )
