"""Which events are handled, and by whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from bridge.desk import Desk
from bridge.failures import describe, frames
from bridge.firm.files.rules import FileRules
from bridge.handlers.arrival import Arrival, Context, Row
from bridge.handlers.at_once import FromMemory
from bridge.handlers.commands import command_at_once, handle_command, is_command
from bridge.handlers.drift import handle_bot_renamed, handle_drift, is_bot_renamed, is_drift
from bridge.handlers.file_rules import handle_forbidden_file, handle_unlisted, is_forbidden_file, is_unlisted
from bridge.handlers.files import handle_file, is_file_message
from bridge.handlers.membership import handle_membership, is_membership
from bridge.handlers.pins import handle_pinning, is_pinning
from bridge.handlers.places import Places
from bridge.handlers.redactions import handle_redaction, is_redaction
from bridge.handlers.reopening import WRITTEN, call_back, calls_back, without_text
from bridge.handlers.room_changes import handle_room_change, is_room_change
from bridge.handlers.widgets import handle_widget, is_widget
from bridge.mapping.event import Event, event_of
from bridge.matrix.at_work import AtWork
from bridge.operations.telling import Effect
from bridge.reconcile.guarding import rules_of

log = structlog.get_logger(__name__)
Json = dict[str, Any]


def table(
    bot_id: str, bot_name: str, rules: FileRules, for_bot: Callable[[Event], bool], panel: str = ""
) -> tuple[Row, ...]:
    """Who handles what: the first row that matches does. Of what none matches nothing is stored, so that no message
    that is neither a command nor a file is ever kept. `for_bot` says of a message whether it is a command; `panel` is
    where the panel is that stands beside messages, if it does."""
    return (
        Row(lambda event: is_unlisted(event, bot_id), handle_unlisted),
        Row(lambda event: is_forbidden_file(event, rules, bot_id), handle_forbidden_file),
        Row(is_file_message, handle_file),
        Row(for_bot, handle_command),
        Row(lambda event: is_bot_renamed(event, bot_id, bot_name), handle_bot_renamed, in_spaces=True),
        Row(lambda event: is_drift(event, bot_id), handle_drift, in_spaces=True),
        Row(lambda event: is_widget(event, bot_id, panel), handle_widget),
        Row(lambda event: is_membership(event, bot_id), handle_membership, in_spaces=True),
        Row(lambda event: is_pinning(event, bot_id), handle_pinning),
        Row(is_redaction, handle_redaction),
        Row(lambda event: is_room_change(event, bot_id), handle_room_change),
    )


_OWN = (Row(lambda event: event.type == WRITTEN, call_back),)
"""What the bridge itself keeps of a message. Nothing of this type is kept that a client sends."""


def pick(rows: tuple[Row, ...], event: Event) -> Row | None:
    """The row that an event belongs to; None for an event that nobody handles."""
    for row in rows:
        if row.matches(event):
            return row
    return None


class Router:
    """Everything that arrives from Matrix goes through here."""

    def __init__(self, desk: Desk, places: Places, at_work: AtWork | None = None) -> None:
        settings = desk.settings
        self.context = context = Context(desk, places, at_work or AtWork(desk.homeserver))
        self._table = table(
            settings.bot_id,
            settings.appservice.bot_name,
            rules_of(settings.file_rules),
            lambda event: is_command(event, context),
            settings.panel.url if settings.panel.widget else "",
        )

    def kept(self, event: Event, given: Json) -> Json | None:
        """What of an event, which is `given` as it came, is stored and handled; None for nothing.

        Where the look itself fails, the event is handled, where failures count: nothing in one event may keep the
        others of its transaction from being taken in.
        """
        try:
            if pick(self._table, event) is not None:
                return given
            return without_text(event) if calls_back(event, self.context) else None
        except Exception as error:  # noqa: BLE001 - see above
            log.error("not_looked_at", event_id=given["event_id"], error=describe(error), stack=frames(error))  # noqa: TRY400
            return given

    def at_once(self, given: Json) -> FromMemory | None:
        """How a command is answered that needs nothing but what is in memory; None for all else."""
        event, places = event_of(given), self.context.places
        place = places.known_place(event.room_id)
        # Asked first, since to judge a file takes ten times as long.
        if place is None or not is_command(event, self.context):
            return None
        row = pick(self._table, event)
        if row is None or row.handle is not handle_command:
            return None
        return command_at_once(Arrival(event, place, places.known_staff_id(event.sender)), self.context)

    async def handle(self, given: Json) -> Effect | None:
        """Handle one event; what comes back is stored in the same unit that marks it handled."""
        event, places = event_of(given), self.context.places
        place = await places.place(event.room_id)
        row = pick(self._table, event) or pick(_OWN, event)
        if row is None or place is None or (place.kind is None and not row.in_spaces):
            return None
        arrival = Arrival(event, place, await places.staff_id(event.sender))
        return await row.handle(arrival, self.context)
