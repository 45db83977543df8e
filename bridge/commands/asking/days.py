"""Days as they are typed."""

from __future__ import annotations

from datetime import date, timedelta

from bridge.commands.asking.table import Call
from bridge.mapping.moments import day_typed
from bridge.refusal import CommandError
from bridge.wording import moments
from bridge.wording.markdown import repeated


def read_day(call: Call, typed: str) -> date:
    """A day as it was typed: YYYY-MM-DD, as the firm writes it, today or yesterday. Raises CommandError."""
    today = call.desk.today()
    words = {"today": today, "yesterday": today - timedelta(days=1)}
    found = words.get(typed.casefold()) or day_typed(typed, call.desk.settings.firm.date_format)
    if found is None:
        raise CommandError(f"{repeated(typed)} is no day. Write it as 2026-11-23, or say today or yesterday.")
    return found


def begin_of(call: Call, which: date) -> int:
    """When that day begins in the firm, in milliseconds since the epoch."""
    return moments.begin_of(call.desk.settings.firm, which)
