"""From rows to records: each value read, what is required there, what must be unique unique."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from bridge.directory.barriers import UNTIL_KNOWN, UNTIL_KNOWN_OF
from bridge.directory.fields import Field
from bridge.directory.forms.rows import SheetRow
from bridge.directory.problems import ProblemList, quoted
from bridge.directory.values import Refers, read_cell


@dataclass(frozen=True, slots=True)
class Record:
    """A row with its values read. A field that was empty, or could not be read, is not among them."""

    row: SheetRow
    values: dict[str, Any] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    """What stands in fields that could not be read, by their name. That was said; nothing follows from it."""

    def known_as(self, name: str) -> str:
        """The value of a field by which others name this record, also where it could not be read."""
        return str(self.values.get(name, self.unread.get(name, "")))

    def get(self, name: str, default: Any = "") -> Any:
        """The value of a field, or what stands for none."""
        return self.values.get(name, default)

    def problem(self, problems: ProblemList, name: str, message: str, value: str = "") -> None:
        """Note a problem of this record's field, unless the whole record was said to be wrong."""
        if self.row.flawed:
            return
        problems.add(self.row.file, self.row.line_of(name), self.row.column(name), value, message)


Records = dict[str, list[Record]]
"""Records by the name of their kind."""


Seen = dict[tuple[str, str, str], SheetRow]
"""Where a value stands first that must be each one's own, by kind, field and value."""


def read_rows(rows: Iterable[SheetRow], problems: ProblemList, source: str = "", seen: Seen | None = None) -> Records:
    """All records, with a problem noted for each value that cannot be used. `source` is who says it, if not a file;
    `seen` are records that were read before these."""
    records: Records = defaultdict(list)
    seen = {} if seen is None else seen
    for row in rows:
        record = Record(row)
        same: list[int] = []
        for each in row.kind.fields:
            _read_field(record, each, problems)
        if source:
            # Its cells say no more than its values, and stand in no lines.
            record = replace(record, row=replace(row, cells={}))
        for each in row.kind.fields:
            if each.unique and each.name in record.values and not row.flawed:
                _check_unique(record, each, seen, same, problems)
            if source != UNTIL_KNOWN_OF:
                _check_reserved(record, each, problems)
        records[row.kind.name].append(record)
    return records


def check_repeated(records: Records, problems: ProblemList) -> None:
    """Note where two records have a value that must be each one's own: those of several sources, put together."""
    seen: Seen = {}
    for some in records.values():
        for record in some:
            same: list[int] = []
            for each in record.row.kind.fields:
                if each.unique and each.name in record.values:
                    _check_unique(record, each, seen, same, problems)


def _read_field(record: Record, field_read: Field, problems: ProblemList) -> None:
    cell = record.row.cells.get(field_read.name)
    value: Any = ""
    if cell is not None and not cell.empty:
        try:
            value = read_cell(field_read.type, cell)
        except ValueError as error:
            record.problem(problems, field_read.name, str(error), cell.shown)
            record.unread[field_read.name] = cell.shown.strip()
            return
    if value not in ("", ()):
        record.values[field_read.name] = value
    elif field_read.required:
        message = f"The {record.row.kind.one} has no {field_read.name}, which every {record.row.kind.one} needs."
        record.problem(problems, field_read.name, f"{message} Write one.")


def _check_reserved(record: Record, each: Field, problems: ProblemList) -> None:
    """Nobody else may say that a matter is restricted until its source has spoken: that it opens waits for nobody."""
    value = record.get(each.name)
    names = each.name == "id" or each.type.refers is not Refers.NOTHING
    if names and (value == UNTIL_KNOWN or (isinstance(value, tuple) and UNTIL_KNOWN in value)):
        message = f"{quoted(UNTIL_KNOWN)} is a name that the bridge gives by itself. Use another here."
        record.problem(problems, each.name, message, UNTIL_KNOWN)


def _check_unique(record: Record, unique: Field, seen: Seen, same: list[int], problems: ProblemList) -> None:
    """Note where another record has the value; of one record that is in the lists twice that is said once.

    `same` are the lines of the records that were named for this one.
    """
    value = record.values[unique.name]
    assert unique.unique is not None
    key = record.row.kind.name, unique.name, unique.unique(value)
    if (first := seen.get(key)) is None:
        # Where it stands is all that is said of it.
        seen[key] = record.row
    elif not first.line or first.line not in same:
        same.append(first.line)
        where = f"in line {first.line_of(unique.name)}" if first.line else f"that {first.file} has"
        record.problem(
            problems,
            unique.name,
            f"{quoted(value)} is already the {unique.name} of the {record.row.kind.one} {where}."
            f" Each {record.row.kind.one} needs its own.",
            value,
        )
