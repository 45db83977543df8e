"""Records from CSV as spreadsheets and practice-management systems export it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from bridge.directory.fields import RecordKind, name_key, suggest
from bridge.directory.problems import ProblemList, quoted, shorten
from bridge.directory.rows import MOST_RECORDS, SheetRow, decode, unusable
from bridge.directory.values import Cell

_DELIMITERS = ",;\t"
_SEPARATOR = re.compile(r"\"?sep=([^\w\s\"]|\t)\"?[^\w\r\n\"]*+(?:\r\n|\r|\n)", re.IGNORECASE)
"""The line with which Excel is told what separates, before the header."""
_LONGEST_LINE = 200_000
_MOST_LINES = 200
"""Lines that one record may run over inside quotes; more means that a quote was not closed."""


class _Lines:
    """The lines of a text for csv.reader, counted, with bounds on a line and on a record."""

    def __init__(self, file: str, text: str, skipped: int) -> None:
        """`skipped` are the characters of a line before the header."""
        self._file = file
        self._source = io.StringIO(text[skipped:], newline="")
        self._left = len(text) - skipped
        self.first = 2 if skipped else 1
        """The line where the record under way begins."""
        self.next = self.first
        self.cut_off = False
        """Whether the text ended with the last line, without a line break."""

    def __iter__(self) -> Iterator[str]:
        for line in self._source:
            if len(line) > _LONGEST_LINE:
                raise unusable(
                    self._file, self.next, f"The line has {len(line)} characters. This is not a list of records."
                )
            if self.next - self.first >= _MOST_LINES:
                raise unusable(
                    self._file, self.first, "A quotation mark opens in this record and does not close. Close it."
                )
            self.next += 1
            self._left -= len(line)
            self.cut_off = not self._left and not line.endswith(("\n", "\r"))
            yield line

    def begin(self) -> None:
        """Say that the next line begins a record."""
        self.first = self.next


def csv_rows(kind: RecordKind, data: bytes, problems: ProblemList) -> Iterator[SheetRow]:
    """The records of one CSV file. Raises DirectoryError where the file cannot be read any further."""
    file = kind.csv_name
    text = decode(file, data)
    said = _SEPARATOR.match(text)
    lines = _Lines(file, text, said.end() if said else 0)
    reader = csv.reader(lines, delimiter=said[1] if said else _delimiter(text), skipinitialspace=True, strict=True)
    header: list[str] | None = None
    count = 0
    try:
        for values in reader:
            if any(map(str.strip, values)):
                if header is None:
                    header = _header(kind, lines.first, values)
                else:
                    count += 1
                    if count > MOST_RECORDS:
                        raise unusable(file, lines.first, f"The file has more than {MOST_RECORDS} records.")
                    yield _row(kind, lines, header, values, problems)
            lines.begin()
    except csv.Error as error:
        raise unusable(
            file,
            lines.first,
            f"The record cannot be taken apart ({error}). Check its quotation marks: one inside a value is doubled.",
        ) from error
    if header is None:
        raise unusable(file, 0, f"The file is empty. Write the header line; with no {kind.name}, nothing below it.")


def _delimiter(text: str) -> str:
    first = next((line for line in io.StringIO(text[:_LONGEST_LINE]) if line.strip()), "")
    return max(_DELIMITERS, key=first.count)


def _header(kind: RecordKind, line: int, values: list[str]) -> list[str]:
    """The field name for each column; empty for a column without a name. Raises DirectoryError for any other."""
    known = {name_key(field.name): field.name for field in kind.fields}
    names: list[str] = []
    wrong = ProblemList()
    for value in values:
        name = known.get(name_key(value), "")
        if not name and value.strip():
            wrong.add(
                kind.csv_name,
                line,
                shorten(value),
                value,
                f"{quoted(value)} is not a column of {kind.csv_name}.{suggest(value, known.values())}"
                f" Rename it or take it out. Columns: {', '.join(known.values())}.",
            )
        elif name and name in names:
            wrong.add(kind.csv_name, line, name, value, "The column is there twice. Take one out.")
        names.append(name)
    for field in kind.fields:
        if field.required and field.name not in names:
            wrong.add(kind.csv_name, line, field.name, "", f"The column {field.name!r} is missing. Add it.")
    wrong.raise_any(complete=False)
    return names


def _row(kind: RecordKind, lines: _Lines, header: list[str], values: list[str], problems: ProblemList) -> SheetRow:
    """The record; the values that are missing at its end are empty."""
    line, flaw = lines.first, ""
    if any(value.strip() for value in values[len(header) :]):
        flaw = (
            f"The record has {len(values)} values and the header {len(header)} columns."
            " A value that contains the separator needs quotation marks around it."
        )
    elif len(values) < len(header) and lines.cut_off:
        flaw = (
            f"The file ends in the middle of this record, which has {len(values)} values of {len(header)}."
            " Save it again; if nothing is missing, end the line."
        )
    if flaw:
        problems.add(kind.csv_name, line, "", "", flaw)
    cells: dict[str, Cell] = {}
    for name, value in zip(header, values, strict=False):
        if name:
            cells[name] = Cell(line, value)
        elif value.strip() and not flaw:
            problems.add(
                kind.csv_name, line, "", value, f"{quoted(value)} stands in a column without a name. Name the column."
            )
    return SheetRow(kind, kind.csv_name, line, "", cells, flawed=bool(flaw))
