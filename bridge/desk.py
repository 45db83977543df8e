"""What everything that is asked for works with, whoever asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from bridge.clock import firm_today
from bridge.directory.following.status import DirectoryStatus
from bridge.directory.sources.statement import Provenance
from bridge.directory.undoing import Undone
from bridge.firm.model import Firm
from bridge.firm.policy import Decision, may_administer
from bridge.firm.sight import Sight
from bridge.matrix.port import Homeserver
from bridge.reconcile.planning.foreseen import Effect
from bridge.reconcile.service import Reconciler
from bridge.settings import Settings
from bridge.store.engine.store import Store


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a held change of the directory would lead to, as far as one admin may know."""

    fingerprint: str
    effects: tuple[Effect, ...]


@dataclass(frozen=True)
class Desk:
    """What commands work with."""

    settings: Settings
    store: Store
    homeserver: Homeserver
    reconciler: Reconciler
    firm: Callable[[], Firm]
    confirm_directory: Callable[[str, str, str], Awaitable[str]]
    """Confirm the held change of the directory as this staff id, only that of this fingerprint where one is given; its
    fingerprint. Asked again for the same cause, which comes last, it is the same. Raises Refusal."""
    directory_status: Callable[[str], Awaitable[DirectoryStatus]]
    """What the directory is and what it waits for, as far as the admin of this staff id may know."""
    undo_directory: Callable[[str, str, str], Awaitable[Undone]]
    """Take back the change of the directory that was confirmed last, as this staff id, only that of this fingerprint
    where one is given, once for each cause. Raises Refusal."""
    foresee_directory: Callable[[str], Awaitable[Foreseen | None]]
    """What the held change would lead to, as far as this staff id may know; None where none is held."""
    origin: Callable[[str, str], Provenance | None] = lambda kind, record_id: None
    """Which sources of the directory say what of a record, by its section and id."""
    planned: dict[str, tuple[str, Any]] = field(default_factory=dict)
    """The plan that each admin reads page by page, with the event id of the command, by staff id: to make it anew for
    each page would ask the homeserver about every room."""
    sights: dict[str, Sight] = field(default_factory=dict)
    """What each admin last might see, by staff id, for as long as firm and day are the same."""
    rehearses: bool = False
    """Whether all that is done is undone again, and no room is made (bridge/operations/rehearsal.py)."""

    @property
    def server_name(self) -> str:
        return self.settings.homeserver.server_name

    def today(self) -> date:
        """The firm's day."""
        return firm_today(self.settings.firm)

    def may_administer(self, staff_id: str) -> Decision:
        """Whether this person is a firm admin at this moment."""
        return may_administer(self.firm(), staff_id, frozenset(self.settings.firm.admin_roles))
