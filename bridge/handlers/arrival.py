"""What arrives from Matrix, made once for whatever handles it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bridge.desk import Desk
from bridge.handlers.places import Place, Places
from bridge.mapping.event import Event
from bridge.matrix.at_work import AtWork
from bridge.operations.telling import Effect
from bridge.own_before import OwnBefore


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event in a room of the firm's."""

    event: Event
    place: Place
    staff_id: str | None
    """The sender's; None for an account that the firm does not know."""

    @property
    def actor(self) -> str:
        """Who did it, as the audit log names them: by staff id, or by Matrix id where there is none."""
        return self.staff_id or self.event.sender


@dataclass(frozen=True, slots=True)
class Context:
    """What handlers work with."""

    desk: Desk
    places: Places
    at_work: AtWork
    commands: dict[str, str] = field(default_factory=dict)
    """What was heard in messages for the bot that are not handled yet, by event id."""
    own_before: OwnBefore = field(default_factory=OwnBefore)
    """What people did and is not handled yet."""


Handle = Callable[[Arrival, Context], Awaitable[Effect | None]]
"""Handles an arrival. What comes back is stored in the same unit that marks the event handled."""


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of event, and who handles it."""

    matches: Callable[[Event], bool]
    handle: Handle
    in_spaces: bool = False
    """Whether it is handled in spaces as well as in conversations."""
