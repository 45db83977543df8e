"""Telling the participants of a matter's conversations that it was closed or opened again (M4)."""

from __future__ import annotations

from bridge.clock import now_ms
from bridge.directory.change import DirectoryChange
from bridge.directory.keeping import stored_matter
from bridge.firm.model import Matter, MatterStatus
from bridge.store.engine.unit import Unit
from bridge.store.queues.outbox import enqueue
from bridge.store.rooms.matters import conversations_of_matter
from bridge.wording.markdown import escape, notice


def tell_of_status(unit: Unit, change: DirectoryChange, bot_id: str) -> None:
    """Queue a notice for each conversation of each matter that this change closes or opens again.

    A part of the unit that stores the change, before it is stored: so a notice is queued once, also where another
    process takes the same change over or a crash comes right behind.
    """
    for matter_id in change.kinds["matter"].changed:
        after = change.new.matters[matter_id]
        if not _notice(change.old.matters[matter_id], after):
            continue
        before = stored_matter(unit, matter_id)
        text = _notice(before, after) if before is not None else ""
        if not text:
            continue
        at_ms = now_ms()
        for one in conversations_of_matter(unit, matter_id):
            if one.room_id is not None and not one.conversation.archived:
                key = f"{one.conversation.id}/{after.status}/{at_ms}"
                enqueue(unit, key, one.room_id, bot_id, "m.room.message", notice(text))


def _notice(before: Matter, after: Matter) -> str:
    was_closed, is_closed = (matter.status is MatterStatus.CLOSED for matter in (before, after))
    if was_closed == is_closed or MatterStatus.DELETED in {before.status, after.status}:
        return ""
    number = escape(after.number)
    if is_closed:
        return f"Matter {number} is closed. What is here can still be read; nobody can write until it is open again."
    return f"Matter {number} is open again. You can write here."
