"""Days as the firm writes them, and moments to the minute, told apart where a clock shows the same one twice. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import date, datetime

FORMS: Mapping[str, str] = {
    "2026-12-31": "{0:%Y-%m-%d}",
    "31/12/2026": "{0:%d/%m/%Y}",
    "12/31/2026": "{0:%m/%d/%Y}",
    "31.12.2026": "{0:%d.%m.%Y}",
    "31 Dec 2026": "{0.day} {0:%b %Y}",
    "Dec 31, 2026": "{0:%b} {0.day}, {0:%Y}",
}
"""How a day is written, by how that makes the last day of 2026 look."""
_TYPED: Mapping[str, str] = {"31/12/2026": "%d/%m/%Y", "12/31/2026": "%m/%d/%Y", "31.12.2026": "%d.%m.%Y"}
"""How it is read from one word."""


def day_in_words(day: date, form: str) -> str:
    """A day in one of FORMS."""
    return FORMS[form].format(day)


def day_typed(typed: str, form: str) -> date | None:
    """The day that was typed as YYYY-MM-DD, or in one of FORMS that has no blank; None for what is none."""
    for read in ("%Y-%m-%d", _TYPED.get(form)):
        if read is not None:
            with contextlib.suppress(ValueError):
                return datetime.strptime(typed, read).date()  # noqa: DTZ007 - a day has no zone
    return None


def moment_in_words(local: datetime, form: str) -> str:
    """A local moment to the minute, with its day in one of FORMS."""
    return f"{day_in_words(local, form)} {in_words(local, '%H:%M')}"


def in_words(local: datetime, form: str) -> str:
    """A local moment in the form of strftime; with its offset in the hours that come twice when clocks go back."""
    shown = local.strftime(form)
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    if not twice:
        return shown
    offset = local.strftime("%z")
    return f"{shown} UTC{offset[:3]}:{offset[3:5]}"
