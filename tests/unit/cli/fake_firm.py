"""A firm without a homeserver, for what commands ask of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bridge.directory.following.status import DirectoryStatus, HeldChange
from bridge.firm.model import Firm, Staff
from bridge.matrix.errors import ForbiddenError
from bridge.reconcile.planning.foreseen import Effect
from bridge.reconcile.planning.steps import Action, Plan, Step
from bridge.reconcile.tally import Result
from bridge.settings import Settings
from bridge.store import models
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit

Run = Callable[..., tuple[int, str, str]]
PEOPLE = (
    Staff("s1", "Ruth", "Adeyemi", "ruth.adeyemi@firm.example", "Owner"),
    Staff("s2", "Tom", "Price", "tom.price@firm.example", "Paralegal"),
    Staff("s3", "Tom", "Price", "tom.price2@firm.example", "Paralegal"),
    Staff("s4", "Ida", "Brandt", "ida.brandt@firm.example", "Associate", former=True),
)
STEPS = (
    Step(Action.CREATE_ROOM, "channel-1", "Everyone"),
    Step(Action.SET_STATE, "channel-1", "Everyone", what="m.room.topic"),
)


@dataclass
class FakeFirm:
    """A firm without a homeserver: what commands ask of it is noted."""

    planned: Plan = field(default_factory=lambda: Plan(accounts=STEPS))
    outcome: Result = field(default_factory=lambda: Result(2, ()))
    error: Exception | None = None
    effects: tuple[Effect, ...] = ()
    synced: bool = False
    passwords: dict[str, Any] = field(default_factory=dict)
    confirmed_by: str = ""
    devices: dict[str, list[str]] = field(default_factory=dict)
    """Where people are signed in, by user id."""
    refuses: str = ""
    """The user whose password it does not take."""

    @asynccontextmanager
    async def open(self, settings: Settings, *, reading: bool = False) -> AsyncIterator[Any]:
        if self.error is not None:
            raise self.error
        store = Store(settings.database.url.get_secret_value())
        await store.open()
        try:
            yield SimpleNamespace(
                settings=settings,
                store=store,
                homeserver=SimpleNamespace(set_password=self._set_password, admin_device_ids=self._device_ids),
                firm=Firm(staff={person.id: person for person in PEOPLE}),
                directory=SimpleNamespace(
                    firm=Firm(staff={person.id: person for person in PEOPLE}),
                    held=SimpleNamespace(fingerprint=lambda: "abc"),
                    problems=(),
                    status=self._status,
                    confirm=self._confirm,
                ),
                reconciler=SimpleNamespace(planner=SimpleNamespace(plan=self._plan)),
                sync=self._sync,
                foresee=self._foresee,
            )
        finally:
            await store.close()

    async def _foresee(self) -> tuple[Effect, ...]:
        return self.effects

    async def _plan(self) -> Plan:
        return self.planned

    async def _sync(self, on_progress: Callable[[int, int, str], None]) -> Result:
        on_progress(1, 1, "Everyone")
        self.synced = True
        return self.outcome

    async def _set_password(self, user_id: str, password: str, *, end_sessions: bool) -> None:
        if user_id == self.refuses:
            raise ForbiddenError("PUT /users", 400, "M_WEAK_PASSWORD", "The password is too weak.")
        self.passwords[user_id] = {"password": password, "end_sessions": end_sessions}

    async def _device_ids(self, user_id: str) -> list[str]:
        return ["FIRMBRIDGE", *self.devices.get(user_id, ())]

    async def _status(self) -> DirectoryStatus:
        held = HeldChange("abc", (), as_undone=False)
        return DirectoryStatus(3, 0, whole=True, problems=(), held=held)

    async def _confirm(self, by: str, fingerprint: str) -> str:
        self.confirmed_by = by
        return fingerprint


def stored(path: Path, *rows: models.Base) -> None:
    """Put rows into the database of the folder."""

    async def put() -> None:
        store = Store(f"sqlite:///{path / 'bridge.db'}")
        await store.open()
        for row in rows:
            await store.run(Unit.add, row)
        await store.close()

    asyncio.run(put())
