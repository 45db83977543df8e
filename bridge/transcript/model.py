"""What a transcript says, before it is a page or a PDF. Every text in it is clean (cleaning.py); times are milliseconds
since the epoch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reaction:
    """What people answered a message with, as a sign or a word."""

    sign: str
    people: tuple[str, ...]
    """Names, in the order in which they came."""


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file that a message brought."""

    name: str
    size: int | None
    """Bytes, as the message says."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """That a message was deleted. What it said is nowhere in a transcript."""

    by: str
    at_ms: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PollAnswer:
    """One answer of a poll."""

    text: str
    people: tuple[str, ...] = ()
    """Names of those whose last vote has it, in the order in which they voted."""


@dataclass(frozen=True, slots=True)
class Poll:
    """What a message asks everybody, and what they chose. The question is the message's text."""

    answers: tuple[PollAnswer, ...]
    disclosed: bool = True
    """Whether clients showed the votes before the end."""
    ended_by: str = ""
    ended_at: int | None = None
    """None for one that is still open."""

    @property
    def result(self) -> tuple[PollAnswer, ...]:
        """The answers that most people chose; none where nobody voted."""
        most = max((len(answer.people) for answer in self.answers), default=0)
        return tuple(answer for answer in self.answers if most and len(answer.people) == most)


@dataclass(frozen=True, slots=True)
class TranscriptMessage:
    """Something that somebody said or sent."""

    number: int
    """From 1, in the order of the conversation: how the transcript itself refers to it."""
    event_id: str
    at_ms: int
    author: str
    text: str = ""
    """Without formatting."""
    formatted: str = ""
    """The same as HTML, as it came: nothing of it may be shown before cleaning.safe_html."""
    notice: bool = False
    """Whether a program said it."""
    emote: bool = False
    """Whether it says what the author does."""
    file: SentFile | None = None
    poll: Poll | None = None
    edited_at: int | None = None
    """When the text shown was written, where that was later than the message."""
    reply_to: str = ""
    """The event id of the message that this one answers."""
    thread: str = ""
    """The event id of the message that its thread begins with."""
    reactions: tuple[Reaction, ...] = ()
    deleted: Deleted | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened in the conversation, as a sentence."""

    at_ms: int
    text: str


Entry = TranscriptMessage | Happening


@dataclass(frozen=True, slots=True)
class PinnedMessage:
    """A pinned message that the transcript has."""

    message: TranscriptMessage
    by: str = ""
    at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Presence:
    """A time in which somebody was in the conversation."""

    since: int
    until: int | None = None
    """None where they are in it."""


@dataclass(frozen=True, slots=True)
class Attendance:
    """A participant, and when they were one."""

    name: str
    user_id: str
    periods: tuple[Presence, ...]


@dataclass(frozen=True)
class Transcript:
    """A conversation from its beginning to one event."""

    entries: tuple[Entry, ...]
    pins: tuple[PinnedMessage, ...]
    attendance: tuple[Attendance, ...]
    last_event_id: str
    """The newest event of all, also of those that a transcript does not show; empty where there is none."""
    last_at: int
    """When that was."""

    @property
    def messages(self) -> tuple[TranscriptMessage, ...]:
        """What was said and sent, what was deleted since included."""
        return tuple(entry for entry in self.entries if isinstance(entry, TranscriptMessage))

    @property
    def files(self) -> tuple[TranscriptMessage, ...]:
        """The messages with a file that are still there."""
        return tuple(message for message in self.messages if message.file is not None)


@dataclass(frozen=True, slots=True)
class About:
    """What a transcript is of, and for whom it was made."""

    firm: str
    number: str
    title: str
    client: str
    conversation: str
    timezone: str
    room_id: str
    server_name: str
    made_by: str
    """Who asked for it, or what made it by itself."""
    made_at: int | None = None
    """None for one that says the same whenever it is made."""
