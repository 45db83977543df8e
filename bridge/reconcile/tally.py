"""What came of applying a plan, counted while it is done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from bridge.failures import describe, frames
from bridge.matrix.errors import RequestError, TokenRejectedError
from bridge.matrix.port import ServiceRequests
from bridge.reconcile.again import HANDOUTS, Again, Thing, ThingKind
from bridge.reconcile.rooms.context import StepError
from bridge.reconcile.rooms.presence import require_presence
from bridge.store.engine.store import StoreError

log = structlog.get_logger(__name__)
Progress = Callable[[int, int, str], None]
"""Called with how many of how many accounts and rooms are done, and the one just done."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of applying a plan."""

    done: int = 0
    """Steps taken."""
    failed: tuple[str, ...] = ()
    """What could not be done, as sentences."""
    accounts: tuple[str, ...] = ()
    """Those of them that are about accounts. The others name rooms, of which not everybody may hear (M3, D4)."""
    suspended: frozenset[str] = frozenset()
    """The user ids of those who could not be brought in, because the homeserver has suspended their account."""


@dataclass(slots=True)
class Item:
    """One account or room while it is worked on."""

    label: str
    steps: int = 0
    """How many steps it took."""


@dataclass
class Tally:
    """Counts what is done, and keeps one failure from stopping the rest."""

    homeserver: ServiceRequests
    again: Again
    total: int = 0
    on_progress: Progress | None = None
    steps: int = 0
    finished: set[Thing] = field(default_factory=set)
    """The accounts and rooms that are done with, some of which are worked on twice."""
    failed: list[str] = field(default_factory=list)
    about: dict[str, Thing] = field(default_factory=dict)
    """What each of them is about, but for what only a person can put right."""
    suspended: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    """The keys of rooms that were gone."""
    _failed_things: set[Thing] = field(default_factory=set)

    @asynccontextmanager
    async def item(self, thing: Thing, label: str, *, in_part: bool = False) -> AsyncIterator[Item]:
        """Around the work on one account or room. What fails is its own failure: noted, logged, and tried again.

        Raises what is nobody's own: HomeserverAwayError, TokenRejectedError and StoreError. `in_part` is for work after
        which more is left to do, so that nothing is done with yet; there a database that fails keeps nothing else
        either.
        """
        item = Item(label)
        try:
            yield item
        except TokenRejectedError:
            raise
        except Exception as error:
            if isinstance(error, StoreError) and not in_part:
                raise
            if isinstance(error, RequestError):
                await require_presence(self.homeserver, error)
            self._note(thing, item, error)
        else:
            self.steps += item.steps
            if not in_part and thing not in self._failed_things:
                self.again.done(thing)
        if not in_part and thing != HANDOUTS:
            self.finished.add(thing)
            if self.on_progress is not None:
                # What came into being during the work was not foreseen.
                self.on_progress(len(self.finished), max(self.total, len(self.finished)), item.label)

    def _note(self, thing: Thing, item: Item, error: Exception) -> None:
        self.again.failed(thing, error)
        self._failed_things.add(thing)
        if isinstance(error, RequestError | StepError | StoreError):
            told = str(error)
            log.warning("not_reconciled", item=item.label, reason=told)
        else:
            told = describe(error)
            log.error("not_reconciled", item=item.label, reason=told, stack=frames(error))
        self.failed.append(f"{item.label}: {told}")
        self.about[self.failed[-1]] = thing
        if isinstance(error, StepError):
            self.suspended |= error.suspended

    def outcome(self) -> Result:
        """What came of it so far."""
        accounts = tuple(told for told, thing in self.about.items() if thing.kind is ThingKind.ACCOUNT)
        return Result(self.steps, tuple(dict.fromkeys(self.failed)), accounts, frozenset(self.suspended))
