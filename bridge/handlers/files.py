"""Files: what messages carry is noted when they arrive, and leaves the lists when they are deleted (V3)."""

from __future__ import annotations

from functools import partial
from typing import Any

from bridge.desk import Desk
from bridge.firm.conversation import ConversationKind
from bridge.handlers.places import Place, Places
from bridge.mapping.files import file_in, may_carry
from bridge.operations.telling import Effect
from bridge.store.files.files import NewFile, add_file, edit_file, file_row, remove_file, take_back_edit

Json = dict[str, Any]
INDEXED = frozenset({ConversationKind.DIRECT, ConversationKind.MATTER, ConversationKind.CHANNEL})
"""Kinds of conversations whose files are listed: those between people."""


def is_file_message(event: Json) -> bool:
    """Whether an event may be a message with a file, or the edit of one, by its types alone."""
    return event.get("type") == "m.room.message" and "state_key" not in event and may_carry(event["content"])


async def handle_file(event: Json, desk: Desk, places: Places) -> Effect | None:
    """Note the file that a message carries, or what an edit makes of it."""
    place = await places.place(event["room_id"])
    return None if place is None else await noting(event, place, places)


async def noting(event: Json, place: Place, places: Places) -> Effect | None:
    """The unit that notes what a message says of a file; None for one that says nothing."""
    carried = file_in(event["content"])
    if carried is None or place.kind not in INDEXED:
        return None
    sent = NewFile(
        event_id=event["event_id"],
        room_id=event["room_id"],
        conversation_id=place.key,
        sender=event["sender"],
        staff_id=await places.staff_id(event["sender"]) or "",
        at_ms=int(event["origin_server_ts"]),
        carried=carried,
    )
    return partial(_note, sent)


def _note(sent: NewFile) -> None:
    if sent.carried.replaces:
        edit_file(sent)
    else:
        add_file(sent)


async def forgetting(event: Json, deleted: str, places: Places) -> Effect:
    """The unit that takes what a redaction deleted off the lists: a file, or the edit of one."""
    by = await places.staff_id(event["sender"]) or event["sender"]

    def unit() -> None:
        row = file_row(deleted)
        if row is None:
            take_back_edit(deleted, event["room_id"])
        elif row.room_id == event["room_id"]:
            remove_file(deleted, int(event["origin_server_ts"]), by)

    return unit
