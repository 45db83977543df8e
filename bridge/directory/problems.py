"""What is wrong with the directory's files, and where."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bridge.firm.errors import BridgeError
from bridge.firm.text.visible import shown

MOST_PROBLEMS = 50
"""Problems collected before reading stops: more than anybody corrects in one go."""

_SHOWN = 60
_BLANK = re.compile(r"[^\S ]")
"""Blanks that look like the ordinary one, and breaks of lines."""


@dataclass(frozen=True, slots=True)
class RecordProblem:
    """One thing to correct. `line` is 0 and `column` empty where the whole file is meant."""

    file: str
    line: int
    column: str
    """In CSV the column; in YAML the path of the key, such as staff[3].email, where the first record is staff[1]."""
    value: str
    message: str
    """Whole sentences: what is wrong and what to do."""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        if self.column:
            where += f" column {self.column}" if self.file.endswith(".csv") else f" {self.column}"
        return _printable(f"{where}: {self.message}")


class DirectoryError(BridgeError):
    """The directory cannot be used as it is. Nothing of it was taken over."""

    def __init__(self, problems: tuple[RecordProblem, ...], *, complete: bool = True) -> None:
        self.problems = problems
        self.complete = complete
        """Whether these are all problems, or there may be more once they are corrected."""
        lines = [str(problem) for problem in problems]
        if not complete:
            lines.append("There may be more once these are corrected.")
        super().__init__("\n".join(lines))


class ChangedWhileReadError(DirectoryError):
    """The files changed while they were read, so what was read may be half of one thing and half of another."""


class ProblemList:
    """Problems as they are found. Raises DirectoryError from `add` once there are MOST_PROBLEMS."""

    def __init__(self) -> None:
        self._found: list[RecordProblem] = []

    def add(self, file: str, line: int, column: str, value: str, message: str) -> None:
        """Note a problem."""
        self._found.append(RecordProblem(file, line, column, shorten(value), message))
        if len(self._found) >= MOST_PROBLEMS:
            raise DirectoryError(self._in_order(), complete=False)

    @property
    def found(self) -> tuple[RecordProblem, ...]:
        """What was found, in order."""
        return self._in_order()

    def raise_any(self, *, complete: bool = True) -> None:
        """Raise DirectoryError if anything was found. `complete` says whether all of the directory was looked at."""
        if self._found:
            raise DirectoryError(self._in_order(), complete=complete)

    def _in_order(self) -> tuple[RecordProblem, ...]:
        return tuple(sorted(dict.fromkeys(self._found), key=lambda problem: (problem.file, problem.line)))


def _printable(text: str) -> str:
    """The text with what is not seen escaped, so that it disturbs neither a terminal nor a log."""
    return _BLANK.sub(_escaped, shown(text, ascii_escape))


def ascii_escape(character: str) -> str:
    """A character as its number is written in a program."""
    return ascii(character)[1:-1]


def _escaped(found: re.Match[str]) -> str:
    return ascii_escape(found[0])


def shorten(value: str) -> str:
    """The value, cut to what fits a line."""
    return value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…"


def quoted(value: str) -> str:
    """The value as a message shows it: cut, in quotes, with what is not seen escaped."""
    mark = '"' if "'" in value and '"' not in value else "'"
    return f"{mark}{_printable(shorten(value))}{mark}"
