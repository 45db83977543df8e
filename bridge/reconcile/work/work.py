"""The work's parts, put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from bridge.firm.model import Firm
from bridge.matrix.port import Homeserver
from bridge.reconcile.again import Again
from bridge.reconcile.guarding import Guarding
from bridge.reconcile.work.accounts import AccountWork
from bridge.reconcile.work.desired_now import DesiredNow
from bridge.reconcile.work.rooms import RoomWork
from bridge.reconcile.work.run import Runs
from bridge.settings import Settings
from bridge.store.engine.store import Store
from bridge.store.rooms.accounts import Accounts


@dataclass(frozen=True)
class Work:
    """What passes, plans and convergence are made of."""

    desired: DesiredNow
    runs: Runs
    accounts: AccountWork
    rooms: RoomWork


def make_work(
    store: Store,
    homeserver: Homeserver,
    settings: Settings,
    firm: Callable[[], Firm],
    guarding: Guarding,
    again: Again,
    today: Callable[[], date],
    accounts: Accounts,
) -> Work:
    """`firm` and `today` are as of now. A room or account that fails is noted in `again`."""
    desired_now = DesiredNow(store, settings, firm, today, accounts)
    runs = Runs(store, homeserver, settings, again, today)
    return Work(
        desired=desired_now,
        runs=runs,
        accounts=AccountWork(store, homeserver, settings, firm, guarding),
        rooms=RoomWork(store, homeserver, firm, settings.firm.name, guarding, desired_now, runs),
    )
