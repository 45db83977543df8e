"""What a source of the directory is: a system that says who works at the firm and which matters there are (S1, S2).

A source gives the same records as a file of the directory, with the values as text; they are read and checked as those
of a file are. What it gave is kept in the store (`keeping`), so that it stays while the source is down.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bridge.directory.fields import KINDS
from bridge.directory.forms.rows import SheetRow
from bridge.directory.values import Cell
from bridge.firm.errors import BridgeError

Value = str | tuple[str, ...] | tuple[tuple[str, str], ...]
"""One value, a list, or pairs, as they would stand in a file."""
FILES = "files"
"""The source that the files of `directory.path` are."""
SCIM = "scim"
SOURCE_NAMES: Mapping[str, str] = {FILES: "The files", "smokeball": "Smokeball", "clio": "Clio", SCIM: "SCIM"}
"""What people call each source."""
_KINDS = {kind.name: kind for kind in KINDS}


class SourceError(BridgeError):
    """A source cannot be read at the moment. What it gave last stays; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One record of one source."""

    kind: str
    """A section of the directory, such as staff or matters."""
    id: str
    """The source's own id of it, which never changes and is its id in the directory where no other source has it."""
    values: Mapping[str, Value]
    """By the names of the section's fields, the id among them where the section has one."""
    file: str = ""
    """Where it stands, of a record from a file."""
    line: int = 0
    path: str = ""
    wrong: tuple[str, ...] = ()
    """What of it the source does not say in the form that its description has."""

    def row(self, source: str) -> SheetRow:
        """The record as a row of a file: its own, or one that is called as the source is."""
        cells = {name: _cell(value, self.line) for name, value in self.values.items()}
        path = self.path if self.file else f"{self.kind}[{self.id}]"
        return SheetRow(_KINDS[self.kind], self.file or source, self.line, path, cells)


@dataclass(frozen=True, slots=True)
class Flaw:
    """A record that cannot be read as it is now: it stays as it was read last, and lets nobody in."""

    kind: str
    id: str
    why: str
    """In words, with the field and its value."""
    read: SourceRecord | None = None
    """As far as it could be read; None where nothing is to be taken from it."""
    unread: frozenset[str] = frozenset()
    """The fields that could not be."""


@dataclass(frozen=True, slots=True)
class SourceRead:
    """What a source says."""

    records: tuple[SourceRecord, ...]
    whole: bool
    """Whether these are all there are, so that what is not among them is gone; else those that changed."""
    cursor: str | None = None
    """From where the next changes are to be read; None where that stays as it was."""
    gone: tuple[tuple[str, str], ...] = ()
    """Kinds and ids of what is there no longer, in a read that is not whole."""
    flaws: tuple[Flaw, ...] = ()
    """What is there and cannot be read."""


@dataclass(frozen=True, slots=True)
class Hint:
    """That something may have changed, as a webhook says it: never what is so (S2)."""

    kind: str
    """A section of the directory."""
    id: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a source can say."""

    gives: Mapping[str, frozenset[str]]
    """The fields it knows of, by section. Of others it says nothing, so another source may."""
    changes: bool = False
    """Whether it can be read since a cursor."""
    hints_at_once: int = 8
    """How many hints are read back before something else has its turn."""


@dataclass(frozen=True, slots=True)
class SourceStanding:
    """How a source stands."""

    source: str
    read_at: int | None
    """When it was last read well, in milliseconds since the epoch; None where it never was."""
    tried_at: int | None
    trouble: str = ""
    """Why it could not be read the last time; empty where it could."""
    cursor: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    """How many records it has of each kind, without those that are gone."""
    flaws: tuple[Flaw, ...] = ()
    """The first of what of it cannot be read."""
    flawed: int = 0
    """How much there is of that."""


class Source(Protocol):
    """A source that is asked. One that tells by itself, as SCIM does, only keeps what it was told."""

    @property
    def name(self) -> str:
        """As it stands in directory.sources."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can say."""

    async def read(self, cursor: str = "") -> SourceRead:
        """All it says, or what changed since the cursor of an earlier read. Raises SourceError; never half of it."""

    async def verify(self, hints: Sequence[Hint]) -> SourceRead | None:
        """What is so of the records that hints name, read back; None where nothing changed. Raises SourceError."""

    def in_turn(self, now: int) -> Sequence[Hint]:
        """What nobody tells of and is to be looked at again now, the most pressing first."""


def record_of_row(row: SheetRow) -> SourceRecord:
    """A row of a file as a record of the source that the files are."""
    values = {name: _value(cell) for name, cell in row.cells.items() if not cell.empty}
    return SourceRecord(row.kind.name, _id_in(values, row.kind.name), values, row.file, row.line, row.path)


def _id_in(values: Mapping[str, Value], kind: str) -> str:
    named = {"access": ("matter", "person"), "channels": ("name",)}.get(kind, ("id",))
    parts = [unicodedata.normalize("NFC", " ".join(str(values.get(name, "")).split())) for name in named]
    return parts[0] if len(parts) == 1 else json.dumps(parts, ensure_ascii=False)


def _value(cell: Cell) -> Value:
    if cell.pairs is not None:
        return cell.pairs
    return cell.text if cell.items is None else cell.items


def _cell(value: Value, line: int) -> Cell:
    if isinstance(value, str):
        return Cell(line, value)
    pairs = tuple(item for item in value if not isinstance(item, str))
    if pairs:
        return Cell(line, pairs=pairs)
    return Cell(line, items=tuple(item for item in value if isinstance(item, str)))
