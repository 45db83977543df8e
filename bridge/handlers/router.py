"""Which events are handled, and by whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from bridge.desk import Desk
from bridge.failures import describe, frames
from bridge.handlers.addressing import heard
from bridge.handlers.at_once import FromMemory
from bridge.handlers.at_work import AtWork
from bridge.handlers.bot_profile import handle_bot_renamed, is_bot_renamed
from bridge.handlers.commands import command_at_once, handle_command
from bridge.handlers.drift import handle_drift, is_drift
from bridge.handlers.file_rules import handle_forbidden_file, handle_unlisted, is_forbidden_file, is_unlisted
from bridge.handlers.files import handle_file, is_file_message
from bridge.handlers.membership import handle_membership, is_membership
from bridge.handlers.pins import handle_pinning, is_pinning
from bridge.handlers.places import Places
from bridge.handlers.redactions import handle_redaction, is_redaction
from bridge.handlers.reopening import WRITTEN, call_back, calls_back, without_text
from bridge.handlers.room_changes import handle_room_change, is_room_change
from bridge.mapping.pins import PINNED
from bridge.reconcile.guarding import rules_of

log = structlog.get_logger(__name__)
Json = dict[str, Any]
Effect = Callable[[], None]
_REMEMBERED = 4096
"""Commands that are remembered between the look at an event and its handling. Of others the event is read again."""


class Router:
    """Everything that arrives from Matrix goes through here."""

    def __init__(self, desk: Desk, places: Places, at_work: AtWork | None = None) -> None:
        self._desk = desk
        self._at_work = at_work or AtWork(desk.homeserver)
        self._places = places
        self._bot_id = desk.settings.bot_id
        self._file_rules = rules_of(desk.settings.file_rules)
        self._bot_name = desk.settings.appservice.bot_name
        self._commands: dict[str, str] = {}
        """What was heard in events that are not handled yet, by event id."""

    def interesting(self, event: Json) -> bool:
        """Whether an event needs handling. Of the others nothing is stored, so no message that is neither a
        command nor a file is ever kept."""
        if is_unlisted(event, self._bot_id):
            return True
        if event["type"] == "m.room.message":
            return self._is_for_bot(event) or is_file_message(event)
        if event["type"] == "m.room.redaction":
            return is_redaction(event)
        if is_bot_renamed(event, self._bot_id, self._bot_name):
            return True
        return any(kind(event, self._bot_id) for kind in (is_membership, is_room_change, is_pinning, is_drift))

    def kept(self, event: Json) -> Json | None:
        """What of an event is stored and handled; None for nothing.

        Where the look itself fails, the event is handled, where failures count: nothing in one event may keep the
        others of its transaction from being taken in.
        """
        try:
            if self.interesting(event):
                return event
            return without_text(event) if calls_back(event, self._desk, self._places) else None
        except Exception as error:  # noqa: BLE001 - see above
            log.error("not_looked_at", event_id=event["event_id"], error=describe(error), stack=frames(error))  # noqa: TRY400
            return event

    def _is_for_bot(self, event: Json) -> bool:
        """Whether a message is for the bot; what was heard is remembered until it is handled."""
        command = heard(event, self._bot_id, self._places.bot_chats, self._bot_name)
        if command is None:
            return False
        if len(self._commands) >= _REMEMBERED:
            del self._commands[next(iter(self._commands))]
        self._commands[event["event_id"]] = command
        return True

    def at_once(self, event: Json) -> FromMemory | None:
        """How a command is answered that needs nothing but what is in memory; None for all else."""
        if event["type"] != "m.room.message" or is_file_message(event) or is_unlisted(event, self._bot_id):
            return None
        return command_at_once(event, self._desk, self._places, self._commands.get(event["event_id"]))

    async def handle(self, event: Json) -> Effect | None:
        """Handle one event; what comes back is stored in the same unit that marks it handled."""
        if event["type"] == WRITTEN:
            await call_back(event, self._desk, self._places)
            return None
        if is_unlisted(event, self._bot_id):
            return await handle_unlisted(event, self._desk, self._places)
        if is_forbidden_file(event, self._file_rules, self._bot_id):
            return await handle_forbidden_file(event, self._desk, self._places)
        if is_file_message(event):
            if calls_back(event, self._desk, self._places):
                await call_back(event, self._desk, self._places)
            return await handle_file(event, self._desk, self._places)
        if event["type"] == "m.room.message":
            command = self._commands.pop(event["event_id"], None)
            return await handle_command(event, self._desk, self._places, self._at_work, command)
        return await self._handle_change(event)

    async def _handle_change(self, event: Json) -> Effect | None:
        """Handle what is no message."""
        if is_bot_renamed(event, self._bot_id, self._bot_name):
            return await handle_bot_renamed(event, self._desk, self._places)
        if is_drift(event, self._bot_id):
            return await handle_drift(event, self._desk, self._places)
        if event["type"] == "m.room.member":
            return await handle_membership(event, self._desk, self._places)
        if event["type"] == PINNED:
            return await handle_pinning(event, self._desk, self._places)
        if event["type"] == "m.room.redaction":
            return await handle_redaction(event, self._desk, self._places)
        return await handle_room_change(event, self._desk, self._places)
