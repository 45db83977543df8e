"""Files: what messages carry is noted when they arrive, and leaves the lists when they are deleted (V3)."""

from __future__ import annotations

from bridge.desk import Desk
from bridge.firm.conversation import ConversationKind
from bridge.firm.files.carried import edited_with_file, edits_file
from bridge.handlers.arrival import Arrival, Context
from bridge.handlers.file_rules import handle_unlisted
from bridge.handlers.reopening import call_back, calls_back
from bridge.mapping.event import MESSAGE, Event
from bridge.mapping.files import file_in, may_carry
from bridge.matrix.errors import NotAllowedError
from bridge.operations.telling import Effect
from bridge.store.engine.unit import Unit, later
from bridge.store.files.files import NewFile, add_file, edit_file, file_row, remove_file, take_back_edit

INDEXED = frozenset({ConversationKind.DIRECT, ConversationKind.MATTER, ConversationKind.CHANNEL})
"""Kinds of conversations whose files are listed: those between people."""


def is_file_message(event: Event) -> bool:
    """Whether an event may be a message with a file, or the edit of one, by its types alone."""
    return event.type == MESSAGE and event.state_key is None and may_carry(event.content)


async def handle_file(arrival: Arrival, context: Context) -> Effect | None:
    """Note the file that a message carries, or what an edit makes of it."""
    if calls_back(arrival.event, context):
        await call_back(arrival, context)
    if await _makes_file(arrival, context.desk):
        return await handle_unlisted(arrival, context)
    return noting(arrival)


async def _makes_file(arrival: Arrival, desk: Desk) -> bool:
    """Whether it is an edit that makes a file of what was none, which no list would have. Raises RequestError."""
    event = arrival.event
    edited = edited_with_file(event.content)
    if edited is None or arrival.place.kind not in INDEXED or event.sender == desk.settings.bot_id:
        return False
    row = await desk.store.read(file_row, edited)
    if row is not None and (row.sender, row.room_id) == (event.sender, event.room_id):
        return False
    try:
        found = await desk.homeserver.event(event.room_id, edited, event.sender) if edited else None
    except NotAllowedError:
        # For somebody who has left nothing can be looked at: what it made a file of counts as none.
        found = None
    return not edits_file(event.sender, event.room_id, found)


def noting(arrival: Arrival) -> Effect | None:
    """The unit that notes what a message says of a file; None for one that says nothing."""
    event, place = arrival.event, arrival.place
    carried = file_in(event.content)
    if carried is None or place.kind not in INDEXED:
        return None
    sent = NewFile(
        event_id=event.event_id,
        room_id=event.room_id,
        conversation_id=place.key,
        sender=event.sender,
        staff_id=arrival.staff_id or "",
        at_ms=event.at_ms,
        carried=carried,
    )
    return later(_note, sent)


def _note(unit: Unit, sent: NewFile) -> None:
    if sent.carried.replaces:
        edit_file(unit, sent)
    else:
        add_file(unit, sent)


def forgetting(arrival: Arrival) -> Effect:
    """The unit that takes what a redaction deleted off the lists: a file, or the edit of one."""
    event, deleted = arrival.event, arrival.event.redacts

    def work(unit: Unit) -> None:
        row = file_row(unit, deleted)
        if row is None:
            take_back_edit(unit, deleted, event.room_id)
        elif row.room_id == event.room_id:
            remove_file(unit, deleted, event.at_ms, arrival.actor)

    return work
