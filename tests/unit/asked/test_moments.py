"""Days and moments as the firm writes them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from bridge.mapping.moments import FORMS, day_in_words, day_typed, moment_in_words
from bridge.settings import FirmSettings

LAST_OF_2026 = date(2026, 12, 31)


def test_every_form_shows_itself_and_can_be_set() -> None:
    assert [day_in_words(LAST_OF_2026, form) for form in FORMS] == list(FORMS)
    assert get_args(FirmSettings.model_fields["date_format"].annotation) == tuple(FORMS)


@pytest.mark.parametrize(("form", "shown"), [("31 Dec 2026", "9 Mar 2026"), ("Dec 31, 2026", "Mar 9, 2026")])
def test_a_day_of_one_figure_has_one(form: str, shown: str) -> None:
    assert day_in_words(date(2026, 3, 9), form) == shown


def test_a_moment_has_no_seconds_and_its_offset_where_the_clock_shows_it_twice() -> None:
    there = ZoneInfo("Europe/Berlin")
    once = datetime(2026, 7, 1, 10, 15, 59, tzinfo=UTC).astimezone(there)
    assert moment_in_words(once, "31.12.2026") == "01.07.2026 12:15"
    twice = datetime(2026, 10, 25, 1, 30, tzinfo=UTC).astimezone(there)
    assert moment_in_words(twice, "31/12/2026") == "25/10/2026 02:30 UTC+01:00"


@pytest.mark.parametrize("form", FORMS)
def test_a_day_is_read_as_it_is_shown_or_as_iso_has_it(form: str) -> None:
    assert day_typed("2026-03-09", form) == date(2026, 3, 9)
    if " " not in form:
        assert day_typed(day_in_words(date(2026, 3, 9), form), form) == date(2026, 3, 9)
    for wrong in ("", "soon", "2026-13-01", "31/31/2026", "9" * 5000):
        assert day_typed(wrong, form) is None
