"""What makes the firm's rooms and accounts as they should be, put together. The only way in which they change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bridge.clock import firm_today
from bridge.firm.model import Firm
from bridge.matrix.port import Homeserver
from bridge.reconcile.again import Again
from bridge.reconcile.convergence import Convergence
from bridge.reconcile.guarding import Guarding
from bridge.reconcile.passes import Passes
from bridge.reconcile.planner import Planner
from bridge.reconcile.rooms.visits import Visits
from bridge.reconcile.work.work import make_work
from bridge.settings import Settings
from bridge.store.engine.store import Store
from bridge.store.rooms.accounts import Accounts


@dataclass(frozen=True)
class Reconciler:
    """Its parts; who works with it takes those that they need.

    One room is worked on by one task at a time, which reads it, plans and applies; nothing of what was read is kept. A
    room or account that fails is noted in `again` and keeps nothing else from being done.
    """

    planner: Planner
    passes: Passes
    rooms: Convergence
    visits: Visits
    guarding: Guarding
    accounts: Accounts
    again: Again
    """What could not be made as it should be."""


def make_reconciler(store: Store, homeserver: Homeserver, settings: Settings, firm: Callable[[], Firm]) -> Reconciler:
    """`firm` is as of now."""
    today, limit = partial(firm_today, settings.firm), settings.homeserver.concurrency
    again, guarding = Again(), Guarding(store, homeserver, settings, firm)
    accounts = Accounts(store)
    work = make_work(store, homeserver, settings, firm, guarding, again, today, accounts)
    passes = Passes(store, homeserver, settings, firm, today, guarding, work)
    return Reconciler(
        planner=Planner(store, settings, firm, today, work),
        passes=passes,
        rooms=Convergence(store, guarding, again, work, passes, limit),
        visits=Visits(store, homeserver, settings.bot_id, work.rooms.locks),
        guarding=guarding,
        accounts=accounts,
        again=again,
    )
