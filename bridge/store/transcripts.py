"""Which transcripts are in the filing cabinet. All are units of work."""

from __future__ import annotations

from bridge.firm.audit import Deed
from bridge.store.audit import record
from bridge.store.conversations import now_ms
from bridge.store.models import FiledTranscript


def filed_mark(conversation_id: str) -> str:
    """How far the transcript of a conversation in the cabinet goes; empty where there is none."""
    row = FiledTranscript.get_or_none(FiledTranscript.conversation_id == conversation_id)
    return "" if row is None else str(row.mark)


def note_filed(conversation_id: str, mark: str, *, by: str = "", cause: str = "") -> None:
    """Note that a transcript is in the cabinet, and how far it goes.

    `by` is the staff id of whoever asked for it, empty for the bridge; `cause` is the event id of their command.
    """
    row = FiledTranscript
    now = now_ms()
    row.insert(conversation_id=conversation_id, mark=mark, at_ms=now).on_conflict(
        conflict_target=[row.conversation_id], update={row.mark: mark, row.at_ms: now}
    ).execute()
    record(Deed.TRANSCRIPT_FILED, actor=by, subject=conversation_id, cause=cause)
