"""The other processes of Synapse, as the guard in its main process knows them (R2).

A worker's guard asks the main process's again and again, and decides by what it was answered for a lease and no longer:
counted by the worker from when it asked, by the main process from when it was asked, which is later, and with a margin
on top. So whoever has not been heard of for that long decides nothing by itself, whether it was killed, hangs or cannot
be reached. Which workers hold a lease is on disk before they get it, so that a main process that is started anew waits
for those of the one before.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.guard.clock import boot_time
from bridge.guard.keeper import write_anew

log = logging.getLogger(__name__)
LEASE_SECONDS = 8.0
"""How long a worker may decide by what it was last told, counted from when it asked."""
MARGIN_SECONDS = 1.0
"""For clocks that do not run at the same speed."""
FORGOTTEN_SECONDS = 3600.0
"""So long it is told of a worker that it does not answer."""
_HERE, _SILENT, _ABSENT = "here", "silent", "absent"


@dataclass(frozen=True, slots=True)
class _Run:
    """A worker from its start to its end."""

    name: str
    version: int
    """Of the policy that it said it has."""
    until: float
    """When its lease is over at the latest."""


class Processes:
    """Which workers may decide something at this moment, and by what version of the policy. Of one thread."""

    def __init__(self, path: Path, clock: Callable[[], float] = boot_time) -> None:
        """Read which workers held a lease from the main process that ran before."""
        self._path = path
        self._clock = clock
        self._runs: dict[str, _Run] = {}
        self._kept: Set[str] = frozenset()
        """What is on disk."""
        until = clock() + LEASE_SECONDS + MARGIN_SECONDS
        try:
            kept = json.loads(path.read_bytes())
            self._runs = {str(run): _Run(str(name), 0, until) for run, name in kept.items()}
        except FileNotFoundError:
            return
        except (OSError, ValueError, AttributeError) as error:
            # Any may be there.
            log.error("%s cannot be read, so the guard waits for workers that it does not know: %s", path, error)  # noqa: TRY400
            self._runs = {"": _Run("(a worker from before the main process started)", 0, until)}

    def asked(self, run: str, name: str, version: int) -> None:
        """A worker has asked just now, and said what version it has. Raises OSError, and then it must get no answer."""
        now = self._clock()
        if run not in self._kept:
            kept = {known: one.name for known, one in self._runs.items() if one.until > now} | {run: name}
            # So rare that Synapse may wait for the disk.
            write_anew(self._path, json.dumps(kept).encode())
            self._kept = kept.keys()
        self._runs[run] = _Run(name, version, now + LEASE_SECONDS + MARGIN_SECONDS)

    def behind(self, version: int) -> tuple[str, ...]:
        """The names of the workers that may still decide by an older version."""
        now = self._clock()
        return tuple(sorted({one.name for one in self._runs.values() if one.until > now and one.version < version}))

    def standings(self, expected: tuple[str, ...]) -> list[dict[str, Any]]:
        """Each worker that is known or expected, by name: whether it is `here`, `silent`, or was never there, `absent`;
        and the version that it has."""
        self._forget()
        now = self._clock()
        found = {name: {"name": name, "standing": _ABSENT, "version": 0} for name in expected}
        for one in sorted(self._runs.values(), key=lambda run: run.until):
            here = one.until > now and one.version > 0
            found[one.name] = {"name": one.name, "standing": _HERE if here else _SILENT, "version": one.version}
        return [found[name] for name in sorted(found)]

    def _forget(self) -> None:
        now = self._clock()
        here = {one.name for one in self._runs.values() if one.until > now}
        self._runs = {
            run: one
            for run, one in self._runs.items()
            if one.until > now or (one.name not in here and now - one.until < FORGOTTEN_SECONDS)
        }


def processes_behind(names: tuple[str, ...]) -> str:
    """What the bridge is told where workers may still decide by an older version."""
    return (
        f"Synapse's {'process' if len(names) == 1 else 'processes'} {', '.join(names)} did not answer, and may go by an"
        f" older policy for up to {LEASE_SECONDS + MARGIN_SECONDS:.0f} seconds. Nobody is added meanwhile."
    )
