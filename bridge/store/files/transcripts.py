"""Which transcripts are in the filing cabinet, and which are old. All are units of work.

Something that happens in a conversation is noted once, when it is the first since its transcript was made: so the night
knows what to make without asking the homeserver about every matter there ever was.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import cast

from bridge.clock import now_ms
from bridge.firm.audit import Deed
from bridge.store.engine.news import announce
from bridge.store.engine.sql import execute
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


def transcripts_due(after: str, limit: int) -> list[tuple[str, str]]:
    """The next conversations, behind this one, whose transcript is missing or old, and their matters."""
    return cast("list[tuple[str, str]]", execute(_DUE, after, limit).fetchall())


def begin_transcript(conversation_id: str) -> tuple[str, int]:
    """Have it noted when something happens in a conversation from now on.

    Returns how far its transcript in the cabinet goes, empty for none, and what is to be given to `note_seen`.
    """
    new = FiledTranscript.insert(conversation_id=conversation_id, mark="", at_ms=now_ms())
    new.on_conflict_ignore().execute()
    row = FiledTranscript.get(FiledTranscript.conversation_id == conversation_id)
    announce(TranscriptWatched(conversation_id))
    return str(row.mark), int(row.changed)


def note_seen(conversation_id: str, seen: int) -> None:
    """Note that the transcript is as it should be, but for what happened since `begin_transcript`."""
    FiledTranscript.update({FiledTranscript.seen: seen}).where(
        FiledTranscript.conversation_id == conversation_id
    ).execute()


def transcripts_up_to_date() -> set[str]:
    """The conversations whose transcript becomes old when something happens in them."""
    return {conversation_id for (conversation_id,) in execute(_UP_TO_DATE).fetchall()}


def note_changed(conversation_ids: Collection[str]) -> None:
    """Note that something happened in these conversations."""
    for conversation_id in conversation_ids:
        execute("UPDATE filed_transcript SET changed = changed + 1 WHERE conversation_id = ?", conversation_id)
        announce(TranscriptOld(conversation_id))


def all_old() -> None:
    """Have every transcript compared with its conversation again."""
    FiledTranscript.update({FiledTranscript.changed: FiledTranscript.changed + 1}).execute()


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
