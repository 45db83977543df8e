"""What is needed to take steps, and why one could not be taken."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from bridge.firm.errors import BridgeError
from bridge.matrix.port import Homeserver
from bridge.reconcile.planning.desired import Desired
from bridge.reconcile.planning.observed import Server
from bridge.store.engine.store import Store


class StepError(BridgeError):
    """A step that cannot be taken until a person has done something."""

    suspended: frozenset[str] = frozenset()
    """The user ids of those who cannot be brought in, because the homeserver has suspended their account."""


class SuspendedError(StepError):
    """Somebody cannot be brought in until a server admin lifts the suspension of their account."""

    def __init__(self, user_ids: Iterable[str], message: str = "") -> None:
        self.suspended = frozenset(user_ids)
        listed = ", ".join(sorted(self.suspended))
        super().__init__(message or f"{listed}: the account is suspended on the homeserver, so it stays invited only.")


@dataclass(frozen=True)
class ApplyContext:
    """What is needed to take steps."""

    homeserver: Homeserver
    store: Store
    server: Server
    alias_key: str
    wanted: Desired
    today: date
    room_ids: dict[str, str]
    """Room ids by key; grows as rooms are made."""
    direct_locks: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    @property
    def server_name(self) -> str:
        return self.server.bot_id.partition(":")[2]

    def name_of(self, user_id: str) -> str:
        """What somebody is called; their user id where they are nobody of the firm."""
        person = self.wanted.firm.staff.get(self.wanted.owners.get(user_id, ""))
        return user_id if person is None else person.name
