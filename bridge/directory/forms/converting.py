"""A foreign system's export made into one of the directory's CSV files. Pure.

A mapping says which column of the export each field comes from; columns whose names are the directory's own need none.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain, islice

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bridge.directory.fields import KINDS, STAFF, RecordKind, name_key, suggest
from bridge.directory.forms.csv_form import DELIMITERS, SheetLine, csv_rows, sheet_lines
from bridge.directory.forms.people import ids_by_name, name_parts, people_meant, person_meant
from bridge.directory.forms.rows import SheetRow
from bridge.directory.forms.sheet_form import SheetForm, as_iso
from bridge.directory.problems import DirectoryError, ProblemList, RecordProblem, quoted
from bridge.directory.values import DATE, Refers, Shape
from bridge.firm.model import Staff
from bridge.yaml_lines import YamlError, read_yaml

_BY_NAME = frozenset({Refers.STAFF, Refers.PEOPLE})
_SEPARATORS = f"{DELIMITERS}|"
_TITLE_LINES = 20
"""So many lines at most stand above a report's header, with it."""


class KindMapping(BaseModel):
    """For one kind of record: where its fields come from."""

    model_config = ConfigDict(extra="forbid")

    columns: dict[str, str] = Field(default_factory=dict)
    """The export's column for each field. Several fields may come from one column."""
    values: dict[str, dict[str, str]] = Field(default_factory=dict)
    """For a field: what the export writes, and what the directory writes for it. Capitals make no difference."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the export."""

    name: str
    becomes: tuple[str, ...]
    """The fields that are made from it; empty where it is passed over."""
    example: str
    """The first value in it that is not empty."""


@dataclass(frozen=True, slots=True)
class Converted:
    """What was made of an export."""

    kind: RecordKind
    columns: tuple[Column, ...]
    records: int
    data: bytes = field(repr=False)
    """The directory's CSV file, UTF-8, with each record on a line of its own."""
    file: str = ""
    """What the export is called."""
    lines: tuple[int, ...] = field(default=(), repr=False)
    """Where each record begins in the export."""

    def rows(self) -> Iterator[SheetRow]:
        """The records, each where it stands in the export."""
        for row, line in zip(csv_rows(self.kind, self.data, ProblemList()), self.lines, strict=True):
            cells = {name: replace(cell, line=line) for name, cell in row.cells.items()}
            yield replace(row, file=self.file, line=line, cells=cells)


def read_mapping(file: str, text: str) -> Mapping[str, KindMapping]:
    """The mappings in a YAML file, by the name of the kind of record. Raises DirectoryError."""
    known = {kind.name: kind for kind in KINDS}
    try:
        data = read_yaml(text, as_text=True).data
    except YamlError as error:
        raise DirectoryError((RecordProblem(file, error.line, "", "", str(error)),)) from error
    problems = ProblemList()
    if not isinstance(data, dict):
        problems.add(file, 0, "", "", f"The file has no sections. Write one for each of: {', '.join(known)}.")
        data = {}
    found = {}
    for name, section in data.items():
        if name not in known:
            problems.add(
                file, 0, str(name), "", f"{quoted(str(name))} is no kind of record.{suggest(str(name), known)}"
            )
            continue
        try:
            found[name] = KindMapping.model_validate(section)
        except ValidationError as error:
            for one in error.errors():
                path = ".".join((name, *map(str, one["loc"])))
                problems.add(file, 0, path, "", f"{one['msg']}. Write columns: and values:, each with names and texts.")
            continue
        for each in {*found[name].columns, *found[name].values} - {*known[name].names}:
            message = f"{quoted(each)} is not a field of {name}.{suggest(each, known[name].names)}"
            problems.add(file, 0, f"{name}.{each}", "", message)
    problems.raise_any()
    return found


def converted(
    kind: RecordKind, file: str, data: bytes, form: SheetForm, mapping: KindMapping, staff: Mapping[str, Staff]
) -> Converted:
    """An export as the directory's CSV file. People who stand in it by their name get their id where only one has it.

    Raises DirectoryError where it cannot be read, or the mapping names a column that is not there.
    """
    header, sources, lines = _header(kind, file, data, form, mapping)
    people = ids_by_name(staff)
    one_name = kind is STAFF and sources["first_name"] == sources.get("last_name")
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(name for name in kind.names if name in sources)
    examples: dict[int, str] = {}
    places: list[int] = []
    for line in lines:
        for place, value in enumerate(line.values[: len(header)]):
            if value.strip():
                examples.setdefault(place, value.strip())
        made = {name: line.values[place] for name, place in sources.items() if place < len(line.values)}
        if one_name:
            made["first_name"], made["last_name"] = name_parts(made.get("first_name", ""))
        values = [
            _value(kind, name, made.get(name, ""), form, mapping, people) for name in kind.names if name in sources
        ]
        # A line of sums says nothing of a record.
        if any(values):
            places.append(line.number)
            writer.writerow(values)
    columns = tuple(
        Column(name, tuple(each for each, at in sources.items() if at == place), examples.get(place, ""))
        for place, name in enumerate(header)
        if name.strip() or place in examples
    )
    return Converted(kind, columns, len(places), out.getvalue().encode(), file, tuple(places))


def people_in(made: Converted) -> Mapping[str, Staff]:
    """The staff in an export of staff, by id; nobody for other kinds. What is wrong with them is not said here."""
    if made.kind is not STAFF:
        return {}
    texts = ({name: cell.text.strip() for name, cell in row.cells.items()} for row in made.rows())
    return {
        one["id"]: Staff(one["id"], one.get("first_name", ""), one.get("last_name", ""), one.get("email", ""))
        for one in texts
    }


def _header(
    kind: RecordKind, file: str, data: bytes, form: SheetForm, mapping: KindMapping
) -> tuple[list[str], dict[str, int], Iterator[SheetLine]]:
    """The header, for each field the place of the column it comes from, and the lines that follow.

    Reports begin with their title and date, in which other separators may stand, so it is the first line that has what
    is needed, whatever separates it.
    """
    for separator in ("", *_SEPARATORS):
        lines = sheet_lines(file, data, form, separator)
        try:
            first = list(islice(lines, _TITLE_LINES))
        except DirectoryError:
            if not separator:
                raise
            continue
        for place, line in enumerate(first):
            with suppress(DirectoryError):
                return line.values, _sources(kind, file, line, mapping), chain(first[place + 1 :], lines)
    head = next(sheet_lines(file, data, form))
    return head.values, _sources(kind, file, head, mapping), iter(())


def _sources(kind: RecordKind, file: str, line: SheetLine, mapping: KindMapping) -> dict[str, int]:
    """For each field the place of the column it comes from. Raises DirectoryError where it cannot be this line."""
    header = line.values
    places: dict[str, list[int]] = {}
    for place, name in enumerate(header):
        if name.strip():
            places.setdefault(name_key(name), []).append(place)
    problems = ProblemList()
    found = {}
    claimed = {name_key(name) for name in mapping.columns.values()}
    for each in kind.fields:
        wanted = mapping.columns.get(each.name)
        # What the mapping uses is not what it happens to be called.
        key = name_key(each.name) if wanted is None else name_key(wanted)
        at = [] if wanted is None and key in claimed else places.get(key, [])
        if len(at) > 1:
            message = f"{len(at)} columns are called {quoted(header[at[0]])}. Rename the one that is not meant."
            problems.add(file, line.number, each.name, "", message)
        elif at:
            found[each.name] = at[0]
        elif wanted is not None:
            message = f"The export has no column {quoted(wanted)}, from which the mapping takes {each.name}."
            problems.add(file, line.number, each.name, "", message + suggest(wanted, header))
        elif each.required:
            message = (
                f"No column gives {each.name}, which every {kind.one} needs. Say in a mapping file which one does:"
                f" {kind.name}: columns: {each.name}: NAME."
            )
            problems.add(file, line.number, each.name, "", message)
    problems.raise_any(complete=False)
    return found


def _value(
    kind: RecordKind, name: str, written: str, form: SheetForm, mapping: KindMapping, people: Mapping[str, str]
) -> str:
    each = next(one for one in kind.fields if one.name == name)
    value = written.strip()
    said = {theirs.strip().casefold(): ours for theirs, ours in mapping.values.get(name, {}).items()}
    value = said.get(value.casefold(), value)
    # In a cell a list stands one below the other.
    separator = " " if each.type.shape is Shape.ONE else "; "
    value = separator.join(line.strip() for line in value.splitlines() if line.strip())
    if each.type is DATE:
        return as_iso(value, form.dates)
    if each.type.refers in _BY_NAME and each.type.shape is not Shape.PAIRS:
        return "; ".join(
            people_meant(value, people) if each.type.shape is Shape.LIST else [person_meant(value, people)]
        )
    return value
