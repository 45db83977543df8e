"""The processes of Synapse besides the main one, as the guard there says that they stand (R2). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class GuardStanding(StrEnum):
    """Whether the guard in a process answers the one in the main process."""

    HERE = "here"
    SILENT = "silent"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class GuardProcess:
    """A worker of Synapse."""

    name: str
    standing: GuardStanding
    version: int
    """Of the policy that it said it has."""


def read_processes(status: Mapping[str, Any]) -> tuple[GuardProcess, ...]:
    """The workers in what the guard says of itself. Raises ValueError, KeyError and TypeError for another form."""
    return tuple(
        GuardProcess(str(one["name"]), GuardStanding(one["standing"]), int(one["version"]))
        for one in status.get("processes", ())
    )


_TROUBLE = {
    GuardStanding.SILENT: "Synapse's process {} no longer answers, and lets nobody in until it does.",
    GuardStanding.ABSENT: "Synapse's process {} never answered: it does not run, or the guard is not in force there.",
}


def trouble_with(processes: Sequence[GuardProcess]) -> str:
    """What is wrong with them, a sentence for each; empty where all answer."""
    return " ".join(_TROUBLE[one.standing].format(one.name) for one in processes if one.standing in _TROUBLE)
