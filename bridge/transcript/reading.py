"""From a conversation's events, oldest first, to its transcript. Pure; no event of whatever form makes it fail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bridge.mapping.pins import PINNED, listed
from bridge.transcript import words
from bridge.transcript.cleaning import clean, clean_line
from bridge.transcript.model import (
    Attendance,
    Deleted,
    Entry,
    Happening,
    Message,
    Period,
    Pinned,
    Reaction,
    SentFile,
    Transcript,
)

Json = dict[str, Any]
_FILES = frozenset({"m.file", "m.image", "m.video", "m.audio"})
_LATEST = 253_402_214_400_000
"""The last day that a calendar has."""


@dataclass(frozen=True, slots=True)
class PinnedBy:
    """Who pinned a message, and when."""

    name: str
    at_ms: int


@dataclass(slots=True)
class _Event:
    """An event as far as it can be read."""

    event_id: str
    kind: str
    sender: str
    at_ms: int
    content: Json
    state_key: str | None
    deleted: Deleted | None


class Reader:
    """Takes a conversation in event by event, and then gives its transcript.

    Of an event it keeps what the transcript shows, so that a long conversation can be read page by page.
    """

    def __init__(self, name_of: words.NameOf, bot_id: str) -> None:
        """`name_of` names people by their Matrix id. The bot's own coming and inviting is not told."""
        self._name_of = name_of
        self._bot_id = bot_id
        self._entries: list[Entry] = []
        self._place: dict[str, int] = {}
        """Of each message among the entries."""
        self._senders: dict[str, str] = {}
        self._edits: dict[str, list[tuple[str, Message]]] = {}
        """By the message they change: event id and the message with the new text."""
        self._reactions: dict[str, dict[str, tuple[str, str]]] = {}
        """By message: sign and name, by the reaction's event id."""
        self._deleted: dict[str, Deleted] = {}
        self._members: dict[str, str] = {}
        self._periods: dict[str, list[Period]] = {}
        self._pins: tuple[str, ...] = ()
        self._count = 0
        self._last = ("", 0)

    def take(self, events: Iterable[object]) -> None:
        """Take in the next events. What is no event at all is passed over."""
        for given in events:
            event = self._read(given)
            if event is None:
                continue
            self._last = (event.event_id, event.at_ms)
            if event.deleted is not None:
                self._deleted.setdefault(event.event_id, event.deleted)
            if event.state_key is not None:
                self._take_state(event, event.state_key)
            elif event.kind == "m.reaction":
                self._take_reaction(event)
            elif event.kind != "m.room.redaction":
                self._take_message(event)

    def transcript(self, pinned_by: Mapping[str, PinnedBy]) -> Transcript:
        """All that was taken in. `pinned_by` is what is known of pins, by event id."""
        entries = tuple(self._final(one) if isinstance(one, Message) else one for one in self._entries)
        messages = {one.event_id: one for one in entries if isinstance(one, Message)}
        pins = []
        for event_id in self._pins:
            message = messages.get(event_id)
            if message is not None and message.deleted is None:
                by = pinned_by.get(event_id)
                pins.append(Pinned(message, by.name, by.at_ms) if by is not None else Pinned(message))
        attendance = tuple(
            Attendance(self._name_of(user_id), clean_line(user_id), tuple(periods))
            for user_id, periods in self._periods.items()
        )
        return Transcript(entries, tuple(pins), attendance, *self._last)

    def _read(self, given: object) -> _Event | None:
        if not isinstance(given, dict):
            return None
        event_id, kind, sender = given.get("event_id"), given.get("type"), given.get("sender")
        if not (isinstance(event_id, str) and event_id and isinstance(kind, str) and isinstance(sender, str)):
            return None
        content, state_key = _object(given.get("content")), given.get("state_key")
        at_ms = _moment(given.get("origin_server_ts"))
        if kind == "m.room.redaction":
            # Until room version 11 it was not in the content.
            target = content.get("redacts", given.get("redacts"))
            if isinstance(target, str):
                self._deleted.setdefault(
                    target, Deleted(self._name_of(sender), at_ms, clean_line(content.get("reason")))
                )
        because = _object(_object(given.get("unsigned")).get("redacted_because"))
        deleted = None
        if because:
            reason = clean_line(_object(because.get("content")).get("reason"))
            deleted = Deleted(
                self._name_of(_text(because.get("sender"))), _moment(because.get("origin_server_ts")), reason
            )
        state_key = state_key if isinstance(state_key, str) else None
        return _Event(event_id, kind, sender, at_ms, content, state_key, deleted)

    def _take_state(self, event: _Event, state_key: str) -> None:
        if event.kind == "m.room.member":
            self._take_membership(event, state_key)
        elif event.kind == PINNED and state_key == "":
            self._pins = listed(event.content) or ()
        elif event.kind == "m.room.name" and state_key == "":
            self._tell(event, words.named(event.sender, event.content, self._name_of))
        elif event.kind == "m.room.topic" and state_key == "":
            self._tell(event, words.topic_set(event.sender, event.content, self._name_of))

    def _take_membership(self, event: _Event, user_id: str) -> None:
        now, before = _text(event.content.get("membership")), self._members.get(user_id, "")
        self._members[user_id] = now
        if user_id == self._bot_id:
            return
        periods = self._periods.setdefault(user_id, []) if words.PRESENT in {now, before} else []
        if now == words.PRESENT and before != words.PRESENT:
            periods.append(Period(event.at_ms))
        elif before == words.PRESENT and now != words.PRESENT and periods:
            periods[-1] = replace(periods[-1], until=event.at_ms)
        if not (now == "invite" and event.sender == self._bot_id):
            told = words.membership(user_id, event.sender, before, now, self._name_of)
            reason = "" if event.sender == self._bot_id else event.content.get("reason")
            self._tell(event, words.with_reason(told, event.sender, reason, self._name_of))

    def _tell(self, event: _Event, sentence: str) -> None:
        if sentence:
            self._entries.append(Happening(event.at_ms, sentence))

    def _take_reaction(self, event: _Event) -> None:
        relation = _object(event.content.get("m.relates_to"))
        target, sign = relation.get("event_id"), clean_line(relation.get("key"), 50)
        if isinstance(target, str) and sign:
            self._reactions.setdefault(target, {})[event.event_id] = (sign, self._name_of(event.sender))

    def _take_message(self, event: _Event) -> None:
        relation = _object(event.content.get("m.relates_to"))
        target = relation.get("event_id")
        if relation.get("rel_type") == "m.replace" and isinstance(target, str) and self._changes(event, target):
            new = _object(event.content.get("m.new_content")) or event.content
            changed = self._message(_with_content(event, new), 0)
            self._edits.setdefault(target, []).append((event.event_id, changed))
            return
        self._count += 1
        self._place[event.event_id] = len(self._entries)
        self._senders[event.event_id] = event.sender
        self._entries.append(self._message(event, self._count))

    def _changes(self, event: _Event, target: str) -> bool:
        """Whether it is an edit. One of somebody else's message, or of none, is a message of its own."""
        return target in self._place and self._senders[target] == event.sender

    def _message(self, event: _Event, number: int) -> Message:
        content = event.content
        kind = _text(content.get("msgtype")) if event.kind == "m.room.message" else event.kind
        relation = _object(content.get("m.relates_to"))
        thread = _text(relation.get("event_id")) if relation.get("rel_type") == "m.thread" else ""
        falls_back = bool(thread) and relation.get("is_falling_back") is True
        reply_to = "" if falls_back else _text(_object(relation.get("m.in_reply_to")).get("event_id"))
        text, formatted = clean(content.get("body")), ""
        if content.get("format") == "org.matrix.custom.html":
            formatted = clean(content.get("formatted_body"))
        file = None
        if kind in _FILES or kind == "m.sticker":
            name = content.get("filename")
            file = SentFile(clean_line(name or content.get("body")) or "(no name)", _size(content))
            # With a name of its own, the text beside it is a caption.
            if not isinstance(name, str) or name == content.get("body"):
                text, formatted = "", ""
        elif kind == "m.room.encrypted":
            text, formatted = "(an encrypted message, which cannot be read here)", ""
        elif not text:
            text = "(a message without text)" if kind else ""
        if reply_to and not formatted:
            text = _without_quote(text)
        return Message(
            number=number,
            event_id=event.event_id,
            at_ms=event.at_ms,
            author=self._name_of(event.sender),
            text=text,
            formatted=formatted,
            notice=kind == "m.notice",
            emote=kind == "m.emote",
            file=file,
            reply_to=reply_to,
            thread=thread,
        )

    def _final(self, message: Message) -> Message:
        """The message as it stands at the end."""
        if (deleted := self._deleted.get(message.event_id)) is not None:
            return Message(message.number, message.event_id, message.at_ms, message.author, deleted=deleted)
        edits = [new for event_id, new in self._edits.get(message.event_id, ()) if event_id not in self._deleted]
        if edits:
            new = edits[-1]
            message = replace(
                message,
                text=_without_quote(new.text) if message.reply_to else new.text,
                formatted=new.formatted,
                file=new.file,
                edited_at=new.at_ms,
            )
        signs: dict[str, dict[str, None]] = {}
        for event_id, (sign, name) in self._reactions.get(message.event_id, {}).items():
            if event_id not in self._deleted:
                signs.setdefault(sign, {})[name] = None
        return replace(message, reactions=tuple(Reaction(sign, tuple(people)) for sign, people in signs.items()))


def _with_content(event: _Event, content: Json) -> _Event:
    """The event with another content."""
    return _Event(event.event_id, event.kind, event.sender, event.at_ms, content, event.state_key, event.deleted)


def _object(given: object) -> Json:
    return given if isinstance(given, dict) else {}


def _text(given: object) -> str:
    return given if isinstance(given, str) else ""


def _moment(given: object) -> int:
    return min(max(given, 0), _LATEST) if type(given) is int else 0


def _size(content: Json) -> int | None:
    size = _object(content.get("info")).get("size")
    return size if type(size) is int and 0 <= size < 1 << 53 else None


def _without_quote(text: str) -> str:
    """A reply's text without the lines that older clients put before it, which repeat what it answers."""
    lines = text.split("\n")
    quoted = 0
    while quoted < len(lines) and lines[quoted].startswith("> "):
        quoted += 1
    if quoted and quoted < len(lines) and not lines[quoted]:
        return "\n".join(lines[quoted + 1 :])
    return text
