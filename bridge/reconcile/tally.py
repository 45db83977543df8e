"""What came of applying a plan, counted while it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from bridge.matrix.errors import HomeserverError, TokenRejected, Unreachable
from bridge.reconcile.apply import StepError

log = structlog.get_logger(__name__)
Progress = Callable[[int, int, str], None]
"""Called with how many of how many accounts and rooms are done, and the one just done."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of applying a plan."""

    done: int = 0
    """Steps taken."""
    failed: tuple[str, ...] = ()
    """What could not be done, as sentences."""
    suspended: frozenset[str] = frozenset()
    """The user ids of those who could not be brought in, because the homeserver has suspended their account."""


@dataclass
class Tally:
    """Counts what is done, and keeps one failure from stopping the rest."""

    total: int
    on_progress: Progress | None
    steps: int = 0
    finished: int = 0
    failed: list[str] = field(default_factory=list)
    suspended: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    """The keys of rooms that were gone."""

    def outcome(self) -> Outcome:
        """What came of it."""
        return Outcome(self.steps, tuple(self.failed), frozenset(self.suspended))

    @contextmanager
    def item(self, label: str, steps: int) -> Iterator[None]:
        """Around one account or room with that many steps: it is counted, and what fails is noted and logged."""
        try:
            yield
            self.steps += steps
        except (Unreachable, TokenRejected):
            raise
        except (HomeserverError, StepError) as error:
            log.warning("not_reconciled", item=label, reason=str(error))
            self.failed.append(f"{label}: {error}")
            if isinstance(error, StepError):
                self.suspended |= error.suspended
        self.finished += 1
        if self.on_progress is not None:
            self.on_progress(self.finished, self.total, label)
