"""What is found in every record of a table, taken over from the table before where a record stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from bridge.firm.difference import differing
from bridge.firm.table import Table

RECORDS = st.dictionaries(st.sampled_from("abcdef"), st.text("xyz", max_size=3))


def letters(record: str) -> Sequence[str]:
    return tuple(record)


def by_hand(records: Mapping[str, str]) -> dict[str, set[str]]:
    """The ids of the records that have a letter, by letter."""
    found: dict[str, set[str]] = {}
    for one, record in records.items():
        for letter in record:
            found.setdefault(letter, set()).add(one)
    return found


@given(st.lists(RECORDS, min_size=1, max_size=6))
def test_after_any_changes_it_is_as_if_found_anew(after_each: list[dict[str, str]]) -> None:
    before: Table[str] = Table({"a": "xy", "z": "z"})
    for records in after_each:
        now = Table(records)
        differing(before, now)
        assert now.of_each(str.upper) == {one: record.upper() for one, record in records.items()}
        assert {letter: ids for letter, ids in now.under(letters).items() if ids} == by_hand(records)
        before = now


def test_only_what_differs_is_looked_at() -> None:
    looked_at: list[str] = []

    def look(record: str) -> str:
        looked_at.append(record)
        return record

    def keys(record: str) -> Sequence[str]:
        return (look(record),)

    def in_each(table: Table[str]) -> None:
        table.of_each(look)

    def under_keys(table: Table[str]) -> None:
        table.under(keys)

    for find in (in_each, under_keys):
        before = Table({"same": "s", "changed": "c", "gone": "g"})
        find(before)
        now = Table({"same": "s", "changed": "d", "new": "n"})
        differing(before, now)
        looked_at.clear()
        find(now)
        find(now)
        assert "s" not in looked_at
        assert set(looked_at) >= {"d", "n"}


def test_without_the_table_before_it_is_found_anew() -> None:
    before = Table({"a": "x"})
    before.of_each(str.upper)
    now = Table({"a": "x", "b": "y"})
    differing(before, now)
    del before
    assert now.of_each(str.upper) == {"a": "X", "b": "Y"}
