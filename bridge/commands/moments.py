"""Moments and days as the firm's own clock shows them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from bridge.commands.errors import CommandError
from bridge.commands.replies import repeated
from bridge.commands.table import Call
from bridge.mapping.moments import in_words


def _zone(call: Call) -> ZoneInfo:
    return ZoneInfo(call.desk.settings.firm.timezone)


def moment(call: Call, at_ms: int) -> str:
    """A moment, given in milliseconds since the epoch, to the minute."""
    return in_words(datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(_zone(call)), "%Y-%m-%d %H:%M")


def day(call: Call, at_ms: int) -> str:
    """The day of a moment."""
    return moment(call, at_ms).partition(" ")[0]


def read_day(call: Call, typed: str) -> date:
    """A day as it was typed: YYYY-MM-DD, today or yesterday. Raises CommandError."""
    today = call.desk.reconciler.today()
    words = {"today": today, "yesterday": today - timedelta(days=1)}
    try:
        return words.get(typed.casefold()) or date.fromisoformat(typed)
    except ValueError:
        raise CommandError(f"{repeated(typed)} is no day. Write it as 2026-11-23, or say today or yesterday.") from None


def begin_of(call: Call, which: date) -> int:
    """When that day begins in the firm, in milliseconds since the epoch."""
    return int(datetime(which.year, which.month, which.day, tzinfo=_zone(call)).timestamp() * 1000)
