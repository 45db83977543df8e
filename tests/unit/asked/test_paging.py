"""A page of a list, whatever stands in it, fits into one event."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.commands.asking.paging import MOST_CHARACTERS, fitting
from bridge.wording.markdown import escape, notice

MOST_BYTES = 65_536
"""Of an event (specification, size limits)."""
ROUND_IT = 5_000
"""Bytes that are left for the rest of the event and what stands behind the list."""


@given(st.lists(st.text(max_size=3 * MOST_CHARACTERS), min_size=1, max_size=40))
def test_the_first_lines_are_taken_and_at_least_one(lines: list[str]) -> None:
    found = fitting(lines)
    assert 1 <= len(found) <= len(lines)
    assert sum(map(len, found)) <= MOST_CHARACTERS
    assert all(line.startswith(cut.removesuffix("…")) for line, cut in zip(lines, found, strict=False))
    if len(found) < len(lines):
        following = min(len(lines[len(found)]), MOST_CHARACTERS)
        assert sum(len(line) + 1 for line in found) + following + 1 > MOST_CHARACTERS


@pytest.mark.parametrize("piece", ["&", "<", '"', "😀", "* ", "[a](b)", "é", "\\", "`", "1. ", "> "])
def test_a_full_page_of_anything_fits_into_an_event(piece: str) -> None:
    # Text from elsewhere is always escaped.
    text = escape(piece)
    line = f"- {text * (MOST_CHARACTERS // len(text))}"
    for lines in ([line], [f"- {text * 10}"] * MOST_CHARACTERS):
        content = notice("\n".join(fitting(lines)))
        assert len(orjson.dumps(content)) < MOST_BYTES - ROUND_IT
