"""Whatever firm is stored comes back as it was."""

from __future__ import annotations

from dataclasses import fields
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.directory.fields import CHANNELS, GROUPS, MATTERS, STAFF, WALLS, RecordKind
from bridge.directory.records import KINDS, StoredDirectoryError, firm_from_records, record_of
from bridge.firm.model import ChannelSeed, Firm, Group, Matter, Staff, Wall

Record = TypeVar("Record", Staff, Group, Matter, Wall)


def by_id(kind: type[Record]) -> st.SearchStrategy[dict[str, Record]]:
    records = st.lists(st.from_type(kind), max_size=3, unique_by=lambda record: record.id)
    return records.map(lambda found: {record.id: record for record in found})


firms = st.builds(
    Firm,
    staff=by_id(Staff),
    groups=by_id(Group),
    matters=by_id(Matter),
    walls=by_id(Wall),
    channels=st.lists(st.builds(ChannelSeed), max_size=3).map(lambda found: {seed.name: seed for seed in found}),
)


def records_of(firm: Firm) -> list[tuple[str, str, str]]:
    """Every record of the firm, as it is stored."""
    return [record_of(firm, kind, record_id) for kind, (_, of) in KINDS.items() for record_id in of(firm)]


@given(firms)
def test_a_stored_firm_comes_back(firm: Firm) -> None:
    records = records_of(firm)
    assert len({record[:2] for record in records}) == len(records)
    assert firm_from_records(reversed(records)) == firm


@pytest.mark.parametrize("record", [("staff", "x", "{}"), ("staff", "x", "no json"), ("planet", "x", "{}")])
def test_a_damaged_record_is_named(record: tuple[str, str, str]) -> None:
    with pytest.raises(StoredDirectoryError, match=f"{record[0]} 'x'"):
        firm_from_records([record])


def test_a_record_of_an_older_version_is_read() -> None:
    data = '{"id":"x","first_name":"Nora","last_name":"Quill","email":"n@firm.example"}'
    assert firm_from_records([("staff", "x", data)]).staff["x"].active


@pytest.mark.parametrize(
    ("kind", "model", "renamed"),
    [
        (STAFF, Staff, {}),
        (GROUPS, Group, {}),
        (MATTERS, Matter, {"client": "roles", "other_side": "roles"}),
        (WALLS, Wall, {"matter": "matter_id"}),
        (CHANNELS, ChannelSeed, {}),
    ],
)
def test_every_field_of_the_model_can_be_given(kind: RecordKind, model: type, renamed: dict[str, str]) -> None:
    given_names = {renamed.get(field.name, field.name) for field in kind.fields}
    assert given_names == {field.name for field in fields(model)}
