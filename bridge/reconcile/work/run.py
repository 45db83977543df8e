"""One pass under way, or the work on one room: what it is for, and what its steps are taken with."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from bridge.firm.conversation import ADMINS_ID
from bridge.firm.room_keys import KEEPER_SPACE, STAFF_SPACE
from bridge.matrix.errors import HomeserverError
from bridge.matrix.port import Homeserver
from bridge.reconcile.again import Again
from bridge.reconcile.planning.desired import Desired
from bridge.reconcile.planning.observed import Server
from bridge.reconcile.planning.parts import Planning
from bridge.reconcile.rooms import observe
from bridge.reconcile.rooms.context import ApplyContext
from bridge.reconcile.tally import Progress, Tally
from bridge.settings import Settings
from bridge.store.engine.store import Store

OF_NOBODY = frozenset({KEEPER_SPACE, STAFF_SPACE, ADMINS_ID})
"""The keys of the rooms that are in the first slice only."""


@dataclass(frozen=True)
class Run:
    """One pass under way, or the work on one room."""

    planning: Planning
    hands: ApplyContext
    tally: Tally
    epoch: int
    """The count of changes before `wanted` was read."""
    direct: dict[str, observe.Json] | None = None
    """m.direct as read in this pass, by user id; None where it is not read before it is written."""
    untold: HomeserverError | None = None
    """Why the guard could not be told, so that nobody is let in."""

    @property
    def wanted(self) -> Desired:
        """What should be."""
        return self.planning.wanted


class Runs:
    """Begins runs, and counts the changes that one under way must know of."""

    def __init__(
        self, store: Store, homeserver: Homeserver, settings: Settings, again: Again, today: Callable[[], date]
    ) -> None:
        self._store = store
        self._homeserver = homeserver
        self._settings = settings
        self._again = again
        self._today = today
        self._server = Server(settings.bot_id, settings.homeserver.room_version, settings.sender_id)
        self._direct_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.epoch = 0
        """Counts the changes to conversations, so that a pass knows what is newer than what it read."""
        self._changed: dict[str, int] = {}
        """The count at each room's last change, by key."""

    def note_change(self, keys: Iterable[str]) -> None:
        self.epoch += 1
        self._changed.update(dict.fromkeys(keys, self.epoch))

    def changed_since(self, run: Run, *keys: str) -> bool:
        """Whether one of these rooms changed after `run` had read what should be."""
        return any(self._changed.get(key, 0) > run.epoch for key in keys)

    def tally(self, again: Again | None = None, on_progress: Progress | None = None) -> Tally:
        return Tally(self._homeserver, self._again if again is None else again, on_progress=on_progress)

    def begin(
        self, wanted: Desired, tally: Tally, epoch: int | None = None, direct: dict[str, observe.Json] | None = None
    ) -> Run:
        room_ids, today = dict(wanted.world.rooms), self._today()
        hands = ApplyContext(
            homeserver=self._homeserver,
            store=self._store,
            server=self._server,
            alias_key=self._settings.security.alias_key.get_secret_value(),
            wanted=wanted,
            today=today,
            room_ids=room_ids,
            direct_locks=self._direct_locks,
        )
        planning = Planning(wanted, self._server, today, room_ids, direct)
        return Run(planning, hands, tally, self.epoch if epoch is None else epoch, direct)
