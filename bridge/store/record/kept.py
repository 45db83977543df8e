"""Single facts that must outlive the process, each with the name it is kept under. All are units of work."""

from __future__ import annotations

from bridge.store.models import Kept

DAY_DONE = "day_done"
"""The firm's day, as YYYY-MM-DD, of the last pass over everything: by days walls begin and end."""

DIRECTORY_TOLD = "directory_told"
"""What the firm admins were last told to be wrong with the directory; empty where it is followed."""

DIRECTORY_UNDONE = "directory_undone"
"""Fingerprints, with blanks between, of what the directory's files said when a confirmed change was taken back.

It waits until it is confirmed anew or the files say something else."""

GUARD_VERSION = "guard_version"
"""The highest version of its policy that the guard may have been told, noted before it is told."""


def kept(name: str) -> str:
    """What is kept under this name; empty where nothing is."""
    row = Kept.get_or_none(Kept.name == name)
    return "" if row is None else str(row.value)


def keep(name: str, value: str) -> None:
    """Keep this under the name, and no longer what was there."""
    Kept.insert(name=name, value=value).on_conflict(conflict_target=[Kept.name], preserve=[Kept.value]).execute()
