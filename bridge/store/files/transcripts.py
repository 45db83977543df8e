"""Which transcripts are in the filing cabinet, and which are old.

Something that happens in a conversation is noted once, when it is the first since its transcript was made: so the night
knows what to make without asking the homeserver about every matter there ever was.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bridge.clock import now_ms
from bridge.firm.audit import Deed
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import FiledTranscript
from bridge.store.record.audit import record

_DUE = """
    SELECT conversation.id, conversation.matter_id FROM conversation
    LEFT JOIN filed_transcript filed ON filed.conversation_id = conversation.id
    WHERE conversation.kind = 'matter' AND (filed.seen IS NULL OR filed.seen < filed.changed) AND conversation.id > ?
    ORDER BY conversation.id LIMIT ?
"""
_UP_TO_DATE = "SELECT conversation_id FROM filed_transcript WHERE changed <= seen"


@dataclass(frozen=True, slots=True)
class TranscriptWatched:
    """News: what happens in this conversation from now on makes its transcript old."""

    conversation_id: str


@dataclass(frozen=True, slots=True)
class TranscriptOld:
    """News: what else happens in this conversation changes nothing any more."""

    conversation_id: str


def transcripts_due(unit: ReadUnit, after: str, limit: int) -> list[tuple[str, str]]:
    """The next conversations, behind this one, whose transcript is missing or old, and their matters."""
    return unit.rows(_DUE, after, limit)


def begin_transcript(unit: Unit, conversation_id: str) -> tuple[str, int]:
    """Have it noted when something happens in a conversation from now on.

    Returns how far its transcript in the cabinet goes, empty for none, and what is to be given to `note_seen`.
    """
    new = FiledTranscript.insert(conversation_id=conversation_id, mark="", at_ms=now_ms())
    unit.run(new.on_conflict_ignore())
    row = unit.get(FiledTranscript, FiledTranscript.conversation_id == conversation_id)
    unit.announce(TranscriptWatched(conversation_id))
    return str(row.mark), int(row.changed)


def note_seen(unit: Unit, conversation_id: str, seen: int) -> None:
    """Note that the transcript is as it should be, but for what happened since `begin_transcript`."""
    unit.run(
        FiledTranscript.update({FiledTranscript.seen: seen}).where(FiledTranscript.conversation_id == conversation_id)
    )


def transcripts_up_to_date(unit: ReadUnit) -> set[str]:
    """The conversations whose transcript becomes old when something happens in them."""
    return {conversation_id for (conversation_id,) in unit.rows(_UP_TO_DATE)}


def note_changed(unit: Unit, conversation_ids: Collection[str]) -> None:
    """Note that something happened in these conversations."""
    for conversation_id in conversation_ids:
        unit.execute("UPDATE filed_transcript SET changed = changed + 1 WHERE conversation_id = ?", conversation_id)
        unit.announce(TranscriptOld(conversation_id))


def all_old(unit: Unit) -> None:
    """Have every transcript compared with its conversation again."""
    unit.run(FiledTranscript.update({FiledTranscript.changed: FiledTranscript.changed + 1}))


def note_filed(unit: Unit, conversation_id: str, mark: str, *, by: str = "", cause: str = "") -> None:
    """Note that a transcript is in the cabinet, and how far it goes.

    `by` is the staff id of whoever asked for it, empty for the bridge; `cause` is the event id of their command.
    """
    row = FiledTranscript
    now = now_ms()
    unit.run(
        row.insert(conversation_id=conversation_id, mark=mark, at_ms=now).on_conflict(
            conflict_target=[row.conversation_id], update={row.mark: mark, row.at_ms: now}
        )
    )
    record(unit, Deed.TRANSCRIPT_FILED, actor=by, subject=conversation_id, cause=cause)
