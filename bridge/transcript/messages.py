"""What one event says or brings, as a message of the transcript. Pure."""

from __future__ import annotations

from bridge.firm.typed import without_fallback
from bridge.mapping.extensible import POLL_ENDS, POLLS, VOTES, Question, question_in, text_in
from bridge.mapping.files import name_and_caption
from bridge.transcript.cleaning import clean, clean_line
from bridge.transcript.events import Json, TimelineEvent, as_object, as_text
from bridge.transcript.model import Poll, SentFile, TranscriptMessage
from bridge.transcript.rich import plain_text

_FILES = frozenset({"m.file", "m.image", "m.video", "m.audio", "m.sticker"})
_ALWAYS = frozenset({"m.room.message", "m.room.encrypted", "m.sticker"}) | POLLS
"""Types of events that are messages whatever they hold; others are where they have words."""


def is_message(event: TimelineEvent) -> bool:
    """Whether somebody said or sent something with it."""
    return event.kind in _ALWAYS or (event.kind not in VOTES | POLL_ENDS and bool(text_in(event.content)))


def question_of(event: TimelineEvent) -> Question | None:
    """What it asks everybody; None for what is no poll."""
    return question_in(event.content) if event.kind in POLLS else None


def message_of(event: TimelineEvent, number: int, author: str) -> TranscriptMessage:
    """The message, before its edits, reactions and votes."""
    content = event.content
    kind = as_text(content.get("msgtype")) if event.kind == "m.room.message" else event.kind
    relation = event.relation
    thread = event.target if relation.get("rel_type") == "m.thread" else ""
    falls_back = bool(thread) and relation.get("is_falling_back") is True
    reply_to = "" if falls_back else as_text(as_object(relation.get("m.in_reply_to")).get("event_id"))
    text, formatted = _words(event)
    if reply_to:
        text = without_fallback(text)
    file = None
    if kind in _FILES:
        name, caption = name_and_caption(content)
        file = SentFile(clean_line(name) or "(no name)", _size(content))
        if not caption:
            text, formatted = "", ""
    elif not text:
        text = plain_text(formatted) or ("(a message without text)" if kind else "")
    question = question_of(event)
    return TranscriptMessage(
        number=number,
        event_id=event.event_id,
        at_ms=event.at_ms,
        author=author,
        text=text,
        formatted=formatted,
        notice=kind == "m.notice",
        emote=kind == "m.emote",
        file=file,
        poll=Poll(()) if question is not None else None,
        reply_to=reply_to,
        thread=thread,
    )


def _words(event: TimelineEvent) -> tuple[str, str]:
    """The text of an event, plain and as HTML."""
    content = event.content
    if event.kind == "m.room.encrypted":
        return "(an encrypted message, which cannot be read here)", ""
    if (question := question_of(event)) is not None:
        return clean(question.text) or "(no question)", ""
    text = clean(content.get("body")) or clean(text_in(content))
    if content.get("msgtype") == "m.location" and (place := clean_line(content.get("geo_uri"))) not in text:
        text = f"{text}\n{place}".strip()
    formatted = content.get("formatted_body") if content.get("format") == "org.matrix.custom.html" else ""
    return text, clean(formatted)


def _size(content: Json) -> int | None:
    size = as_object(content.get("info")).get("size")
    return size if type(size) is int and 0 <= size < 1 << 53 else None
