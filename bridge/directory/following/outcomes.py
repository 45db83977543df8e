"""What comes of a look at the directory's files and sources."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.directory.change import DirectoryChange
from bridge.directory.problems import RecordProblem


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The files say what the firm already is, or are being written at this moment."""


@dataclass(frozen=True, slots=True)
class Applied:
    """The change was taken over."""

    change: DirectoryChange


@dataclass(frozen=True, slots=True)
class Held:
    """The change waits for a firm admin."""

    change: DirectoryChange


@dataclass(frozen=True, slots=True)
class Invalid:
    """The files cannot be used; the last accepted firm stays in force."""

    problems: tuple[RecordProblem, ...]


Outcome = Unchanged | Applied | Held | Invalid
