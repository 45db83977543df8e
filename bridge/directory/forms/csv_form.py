"""Records from CSV as spreadsheets and practice-management systems export it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from bridge.directory.fields import Field, RecordKind, name_key, suggest
from bridge.directory.forms.rows import MOST_RECORDS, SheetRow, decode, unusable
from bridge.directory.forms.sheet_form import AS_EVERYBODY, SheetForm, as_iso
from bridge.directory.forms.spreadsheets import as_meant, damage
from bridge.directory.problems import ProblemList, quoted, shorten
from bridge.directory.values import DATE, Cell

DELIMITERS = ",;\t"
"""What separates values."""
_SEPARATOR = re.compile(r"\"?sep=([^\w\s\"]|\t)\"?[^\w\r\n\"]*+(?:\r\n|\r|\n)", re.IGNORECASE)
"""The line with which Excel is told what separates, before the header."""
_NO_CSV = {
    b"PK\x03\x04": "a workbook",
    b"\xd0\xcf\x11\xe0": "a workbook of an old Excel",
    b"%PDF": "a PDF",
    b"<": "a web page",
}
"""What people take for CSV, by how it begins."""
_QUOTED = re.compile(r'"[^"]*"')
_LONGEST_LINE = 200_000
_MOST_LINES = 200
"""Lines that one record may run over inside quotes; more means that a quote was not closed."""


@dataclass(frozen=True, slots=True)
class _Column:
    """What stands in a column."""

    field: Field | None
    """None for a column without a name, and for one that is not known."""
    passed_over: bool
    """Whether it has a name that the directory does not know, and what stands in it is nobody's business."""


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


@dataclass(frozen=True, slots=True)
class SheetLine:
    """One record of a CSV file, or its header."""

    number: int
    """The line where it begins."""
    values: list[str]
    cut_off: bool
    """Whether the file ends behind it without a line break."""


def sheet_lines(file: str, data: bytes, form: SheetForm, separator: str = "") -> Iterator[SheetLine]:
    """The header of a CSV file and its records, without the empty ones; `separator` stands between values, where that
    is known.

    Raises DirectoryError where the file cannot be read any further, and where it has no header.
    """
    if other := next((called for begins, called in _NO_CSV.items() if data.lstrip().startswith(begins)), ""):
        raise unusable(file, 0, f"The file is {other} and no CSV. Save it as CSV; in Excel the file type is CSV UTF-8.")
    text = decode(file, data, form.encoding)
    said = _SEPARATOR.match(text)
    lines = _Lines(file, text, said.end() if said else 0)
    reader = csv.reader(
        lines, delimiter=said[1] if said else separator or _delimiter(text), skipinitialspace=True, strict=True
    )
    count = 0
    try:
        for values in reader:
            if any(map(str.strip, values)):
                if count > MOST_RECORDS:
                    raise unusable(file, lines.first, f"The file has more than {MOST_RECORDS} records.")
                count += 1
                yield SheetLine(lines.first, [as_meant(value) for value in values], lines.cut_off)
            lines.begin()
    except csv.Error as error:
        raise unusable(
            file,
            lines.first,
            f"The record cannot be taken apart ({error}). Check its quotation marks: one inside a value is doubled.",
        ) from error
    if not count:
        raise unusable(
            file, 0, "The file is empty. Write the header line; where there are no records, nothing below it."
        )


def csv_rows(
    kind: RecordKind, data: bytes, problems: ProblemList, form: SheetForm = AS_EVERYBODY
) -> Iterator[SheetRow]:
    """The records of one CSV file. Raises DirectoryError where the file cannot be read any further."""
    lines = sheet_lines(kind.csv_name, data, form)
    first = next(lines)
    header = _header(kind, first.number, first.values, form)
    for line in lines:
        yield _row(kind, line, header, problems, form)


def _delimiter(text: str) -> str:
    """What separates the values: of what may, what is there most often in the first line that has any of it."""
    lines = (_QUOTED.sub("", line) for line in io.StringIO(text[:_LONGEST_LINE]))
    first = next((line for line in lines if any(each in line for each in DELIMITERS)), "")
    return max(DELIMITERS, key=first.count)


def _header(kind: RecordKind, line: int, values: list[str], form: SheetForm) -> list[_Column]:
    """What each column is. Raises DirectoryError for one that is not known, unless such columns are passed over."""
    known = {name_key(field.name): field for field in kind.fields}
    written = {name_key(value) for value in values}
    columns: list[_Column] = []
    wrong = ProblemList()
    if written.isdisjoint(known):
        message = (
            f"This line names no column of {kind.csv_name}. It is the header: take out what stands above it, have"
            f" commas, semicolons or tabs between the names, and write them as here: {', '.join(kind.names)}."
        )
        raise unusable(kind.csv_name, line, message)
    for value in values:
        field = known.get(name_key(value))
        if field is not None and field in (column.field for column in columns):
            wrong.add(kind.csv_name, line, field.name, value, "The column is there twice. Take one out.")
        meant = suggest(value, (name.name for key, name in known.items() if key not in written))
        passed_over = field is None and form.extra_columns == "ignore" and not meant
        if field is None and value.strip() and not passed_over:
            wrong.add(
                kind.csv_name,
                line,
                shorten(value),
                value,
                f"{quoted(value)} is not a column of {kind.csv_name}.{meant or suggest(value, kind.names)}"
                f" Rename it or take it out. Columns: {', '.join(kind.names)}.",
            )
        columns.append(_Column(field, passed_over and bool(value.strip())))
    for field in kind.fields:
        if field.required and field not in (column.field for column in columns):
            wrong.add(kind.csv_name, line, field.name, "", f"The column {field.name!r} is missing. Add it.")
    wrong.raise_any(complete=False)
    return columns


def _row(kind: RecordKind, read: SheetLine, header: list[_Column], problems: ProblemList, form: SheetForm) -> SheetRow:
    """The record; the values that are missing at its end are empty."""
    line, values, flaw = read.number, read.values, ""
    if any(value.strip() for value in values[len(header) :]):
        flaw = (
            f"The record has {len(values)} values and the header {len(header)} columns."
            " A value that contains the separator needs quotation marks around it."
        )
    elif len(values) < len(header) and read.cut_off:
        flaw = (
            f"The file ends in the middle of this record, which has {len(values)} values of {len(header)}."
            " Save it again; if nothing is missing, end the line."
        )
    if flaw:
        problems.add(kind.csv_name, line, "", "", flaw)
    cells: dict[str, Cell] = {}
    for column, value in zip(header, values, strict=False):
        if column.field is not None:
            text = as_iso(value, form.dates) if column.field.type is DATE else value
            cells[column.field.name] = Cell(line, text, wrong=damage(text))
        elif value.strip() and not flaw and not column.passed_over:
            problems.add(
                kind.csv_name, line, "", value, f"{quoted(value)} stands in a column without a name. Name the column."
            )
    return SheetRow(kind, kind.csv_name, line, "", cells, flawed=bool(flaw))
