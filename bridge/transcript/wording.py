"""The words of a transcript that the page and the PDF share: times, sizes, names of things, and links."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from urllib.parse import quote
from zoneinfo import ZoneInfo

from bridge.mapping.moments import in_words
from bridge.mapping.names import numbered_name
from bridge.transcript.cleaning import clean_line
from bridge.transcript.model import (
    About,
    Attendance,
    Deleted,
    PinnedMessage,
    Poll,
    PollAnswer,
    Transcript,
    TranscriptMessage,
)

_UNITS = ("bytes", "KB", "MB", "GB", "TB")


class Wording:
    """How one transcript says things."""

    def __init__(self, transcript: Transcript, about: About, filed: Mapping[str, str]) -> None:
        """`filed` is where a message's file lies, as a path from the transcript, by event id."""
        self.transcript = transcript
        self.about = about
        self._filed = filed
        self._zone = ZoneInfo(about.timezone)

    def day(self, at_ms: int) -> str:
        """The day of a moment, as a heading."""
        return f"{self._local(at_ms):%A, %d %B %Y}"

    def time(self, at_ms: int) -> str:
        """The time of day, to the second."""
        return in_words(self._local(at_ms), "%H:%M:%S")

    def moment(self, at_ms: int) -> str:
        """A moment, to the second."""
        return in_words(self._local(at_ms), "%Y-%m-%d %H:%M:%S")

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """The number of each message, by its event id."""
        return {message.event_id: message.number for message in self.transcript.messages}

    @property
    def heading(self) -> str:
        """What the transcript is called."""
        return f"{self._matter} · {self.about.conversation}"

    @property
    def _matter(self) -> str:
        return numbered_name(self.about.number, self.about.title)

    def facts(self) -> list[tuple[str, str]]:
        """What stands at the top, each with its label."""
        about, count = self.about, len(self.transcript.messages)
        until = f", the last on {self.moment(self.transcript.messages[-1].at_ms)}" if count else ""
        made = f" on {self.moment(about.made_at)}" if about.made_at is not None else ""
        facts = [
            ("Firm", about.firm),
            ("Matter", self._matter),
            ("Client", about.client),
            ("Conversation", about.conversation),
            ("Messages", f"{count}{until}"),
            ("Times", f"in the time zone {about.timezone}"),
            ("Made", f"by {about.made_by}{made}"),
            (
                "Goes up to",
                f"{self.moment(self.transcript.last_at)}, event {clean_line(self.transcript.last_event_id)}",
            ),
        ]
        return [(label, said) for label, said in facts if said]

    def periods(self, one: Attendance) -> str:
        """When somebody was in the conversation."""
        return "; ".join(
            f"from {self.moment(period.since)}"
            + (f" to {self.moment(period.until)}" if period.until is not None else "")
            for period in one.periods
        )

    def deleted(self, what: Deleted) -> str:
        """That a message was deleted."""
        reason = f" ({what.reason})" if what.reason else ""
        return f"Message deleted by {what.by} at {self.moment(what.at_ms)}{reason}"

    def edited(self, message: TranscriptMessage) -> str:
        """That a message was changed; empty where it was not."""
        return f"edited at {self.moment(message.edited_at)}" if message.edited_at is not None else ""

    def answer(self, answer: PollAnswer) -> str:
        """An answer of a poll, and who chose it."""
        people = f" ({', '.join(answer.people)})" if answer.people else ""
        return f"{answer.text}: {_votes(answer)}{people}"

    def outcome(self, poll: Poll) -> str:
        """How a poll stands, or came out."""
        if poll.ended_at is None:
            return "The poll had not ended." if poll.disclosed else "The poll had not ended; its votes were hidden."
        result = " and ".join(f"“{answer.text}”" for answer in poll.result)
        votes = f", with {_votes(poll.result[0])}{' each' if len(poll.result) > 1 else ''}" if result else ""
        return f"Poll ended by {poll.ended_by} at {self.moment(poll.ended_at)}. Result: {result or 'no votes'}{votes}."

    def relations(self, message: TranscriptMessage) -> list[tuple[str, int]]:
        """What a message refers to: words, and the number of the message meant; 0 where the transcript has it not."""
        found = []
        if message.reply_to:
            found.append(("in reply to", self.numbers.get(message.reply_to, 0)))
        if message.thread:
            found.append(("in the thread of", self.numbers.get(message.thread, 0)))
        return found

    def pinned(self, pin: PinnedMessage) -> str:
        """Who pinned a message and when, as far as that is known."""
        if pin.at_ms is None:
            return ""
        by = f" by {pin.by}" if pin.by else ""
        return f"pinned{by} on {self.moment(pin.at_ms)}"

    def excerpt(self, message: TranscriptMessage) -> str:
        """The beginning of a message on one line."""
        said = message.file.name if message.file is not None else message.text
        line = " ".join(said[:400].split())
        return line if len(line) <= 120 else f"{line[:120]}…"

    def size(self, count: int | None) -> str:
        """A size in bytes, for people; empty where it is not known."""
        if count is None:
            return ""
        size, unit = float(count), 0
        while size >= 1000 and unit < len(_UNITS) - 1:
            size, unit = size / 1000, unit + 1
        return f"{size:.0f} {_UNITS[unit]}" if unit == 0 or size >= 100 else f"{size:.1f} {_UNITS[unit]}"

    def filed(self, message: TranscriptMessage) -> str:
        """Where the message's file lies, as an address from the transcript; empty where it was not filed."""
        path = self._filed.get(message.event_id, "")
        # What begins with a dot is a path to every reader, whatever colons are in it.
        return f"./{quote(path, errors='replace')}" if path else ""

    def message_link(self, message: TranscriptMessage) -> str:
        """A link that opens the message in any client (specification: matrix.to navigation)."""
        there = f"{quote(self.about.room_id, safe='!:')}/{quote(message.event_id, safe='$', errors='replace')}"
        return f"https://matrix.to/#/{there}?via={quote(self.about.server_name)}"

    def _local(self, at_ms: int) -> datetime:
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self._zone)


def _votes(answer: PollAnswer) -> str:
    count = len(answer.people)
    return "1 vote" if count == 1 else f"{count} votes"
