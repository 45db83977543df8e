"""Single facts that must outlive the process, each with the name it is kept under."""

from __future__ import annotations

from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import Kept

DAY_DONE = "day_done"
"""The firm's day, as YYYY-MM-DD, of the last pass over everything: by days walls begin and end."""

DIRECTORY_TOLD = "directory_told"
"""What the firm admins were last told to be wrong with the directory; empty where it is followed."""

DIRECTORY_UNDONE = "directory_undone"
"""Fingerprints, with blanks between, of what the directory's files said when a confirmed change was taken back.

It waits until it is confirmed anew or the files say something else."""

DIRECTORY_READ = "directory_read"
"""What stands for the directory's files that were found to say what the accepted firm is; empty for none."""

PROCESSES_TOLD = "processes_told"
"""What the firm admins were last told to be wrong with the processes of Synapse; empty where all answer."""

GUARD_VERSION = "guard_version"
"""The highest version of its policy that the guard may have been told, noted before it is told."""


def kept(unit: ReadUnit, name: str) -> str:
    """What is kept under this name; empty where nothing is."""
    row = unit.find(Kept, Kept.name == name)
    return "" if row is None else str(row.value)


def keep(unit: Unit, name: str, value: str) -> None:
    """Keep this under the name, and no longer what was there."""
    unit.run(Kept.insert(name=name, value=value).on_conflict(conflict_target=[Kept.name], preserve=[Kept.value]))
