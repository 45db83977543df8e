"""A record as it stands in a file, before its values are read; and what both forms check of a file's text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bridge.directory.fields import RecordKind
from bridge.directory.forms.sheet_form import Encoding, line_after, text_of
from bridge.directory.problems import DirectoryError, RecordProblem
from bridge.directory.values import Cell

MOST_RECORDS = 250_000
"""Records in one file: far above any firm, and a bound to what a broken file can cost."""

# Control characters, and the two line breaks that editors do not count as lines.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One record: where it begins, and its cells by field name."""

    kind: RecordKind
    file: str
    line: int
    path: str
    """In YAML the record's place, such as staff[3]; empty in CSV."""
    cells: dict[str, Cell] = field(default_factory=dict)
    flawed: bool = False
    """Whether its values may stand in the wrong columns. That was said; nothing else is said of it."""

    def column(self, name: str) -> str:
        """How a problem report names a field of this record."""
        return f"{self.path}.{name}" if self.path else name

    def line_of(self, name: str) -> int:
        """The line of a field, or of the record where the field is not there."""
        cell = self.cells.get(name)
        return cell.line if cell else self.line


def unusable(file: str, line: int, message: str, column: str = "", value: str = "") -> DirectoryError:
    """The error for a file that cannot be read any further."""
    return DirectoryError((RecordProblem(file, line, column, value, message),), complete=False)


def decode(file: str, data: bytes, encoding: Encoding = "utf-8") -> str:
    """The text of a file, as `text_of` reads it, without control characters. Raises DirectoryError naming the line."""
    text = text_of(file, data, encoding)
    if found := _CONTROL.search(text):
        raise unusable(
            file,
            line_after(text[: found.start()]),
            f"There is a control character (U+{ord(found[0]):04X}) in this line. Type the line again;"
            " if there are many, this is not a text file.",
        )
    return text
