"""From a conversation's events, oldest first, to its transcript. Pure; no event of whatever form makes it fail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bridge.firm.typed import without_fallback
from bridge.mapping.extensible import POLL_ENDS, VOTES, Question
from bridge.mapping.pins import PINNED, listed
from bridge.transcript import words
from bridge.transcript.cleaning import clean_line
from bridge.transcript.events import TimelineEvent, as_object, as_text, event_in
from bridge.transcript.messages import is_message, message_of, question_of
from bridge.transcript.model import (
    Attendance,
    Deleted,
    Entry,
    Happening,
    PinnedMessage,
    Presence,
    Reaction,
    Transcript,
    TranscriptMessage,
)
from bridge.transcript.polls import Polls


@dataclass(frozen=True, slots=True)
class PinnedBy:
    """Who pinned a message, and when."""

    name: str
    at_ms: int


class Reader:
    """Takes a conversation in event by event, and then gives its transcript.

    Of an event it keeps what the transcript shows, so that a long conversation can be read page by page.
    """

    def __init__(self, name_of: words.NameOf, bot_id: str) -> None:
        """`name_of` names people by their Matrix id. The bot's own coming and inviting is not told."""
        self._name_of = name_of
        self._bot_id = bot_id
        self._entries: list[Entry] = []
        self._said: dict[str, tuple[str, str]] = {}
        """Sender and kind of each message."""
        self._edited: dict[str, str] = {}
        """The message that an edit changes, by the edit's event id: people answer the one as the other."""
        self._edits: dict[str, list[tuple[str, TranscriptMessage]]] = {}
        """By the message they change: event id and the message with the new text."""
        self._reactions: dict[str, dict[str, tuple[str, str]]] = {}
        """By message: sign and name, by the reaction's event id."""
        self._questions: dict[str, Question] = {}
        """By the event that asks, or asks anew."""
        self._polls = Polls(name_of)
        self._deleted: dict[str, Deleted] = {}
        self._under_way: set[tuple[str, str]] = set()
        """Calls and shared places that somebody is in now: type and state key."""
        self._members: dict[str, str] = {}
        self._periods: dict[str, list[Presence]] = {}
        self._pins: tuple[str, ...] = ()
        self._count = 0
        self._last = ("", 0)

    def take(self, events: Iterable[object]) -> None:
        """Take in the next events. What is no event at all is passed over."""
        for given in events:
            event = event_in(given)
            if event is not None:
                self._take(event)

    def _take(self, event: TimelineEvent) -> None:
        self._last = (event.event_id, event.at_ms)
        if (one := event.deletes) is not None:
            self._deleted.setdefault(one.event_id, Deleted(self._name_of(one.sender), one.at_ms, one.reason))
            if one.event_id == event.event_id and event.state_key is None and not is_message(event):
                # A vote or the like that was taken back: nothing is left of it.
                return
        if event.state_key is not None:
            self._take_state(event, event.state_key)
        elif event.kind == "m.reaction":
            self._take_reaction(event)
        elif is_message(event):
            self._take_message(event)
        elif event.kind in VOTES:
            self._take_vote(event)
        elif event.kind in POLL_ENDS:
            self._take_poll_end(event)
        else:
            self._tell(event, words.other(event.kind, event.sender, event.content, self._name_of))

    def transcript(self, pinned_by: Mapping[str, PinnedBy]) -> Transcript:
        """All that was taken in. `pinned_by` is what is known of pins, by event id."""
        entries = tuple(self._final(one) if isinstance(one, TranscriptMessage) else one for one in self._entries)
        messages = {one.event_id: one for one in entries if isinstance(one, TranscriptMessage)}
        pins = []
        for event_id in self._pins:
            message = messages.get(event_id)
            if message is not None and message.deleted is None:
                by = pinned_by.get(event_id)
                pins.append(PinnedMessage(message, by.name, by.at_ms) if by is not None else PinnedMessage(message))
        attendance = tuple(
            Attendance(self._name_of(user_id), clean_line(user_id), tuple(periods))
            for user_id, periods in self._periods.items()
        )
        return Transcript(entries, tuple(pins), attendance, *self._last)

    def _take_state(self, event: TimelineEvent, state_key: str) -> None:
        if event.kind == "m.room.member":
            self._take_membership(event, state_key)
        elif event.kind == PINNED and state_key == "":
            self._pins = listed(event.content) or ()
        elif event.kind == "m.room.name" and state_key == "":
            self._tell(event, words.named(event.sender, event.content, self._name_of))
        elif event.kind == "m.room.topic" and state_key == "":
            self._tell(event, words.topic_set(event.sender, event.content, self._name_of))
        elif (begins_and_ends := words.UNDER_WAY.get(event.kind)) is not None:
            this = (event.kind, state_key)
            now, before = words.is_under_way(event.content), this in self._under_way
            if now:
                self._under_way.add(this)
            else:
                self._under_way.discard(this)
            if now != before:
                begins, ends = begins_and_ends
                self._tell(event, f"{self._name_of(event.sender)} {begins if now else ends}")

    def _take_membership(self, event: TimelineEvent, user_id: str) -> None:
        now, before = as_text(event.content.get("membership")), self._members.get(user_id, "")
        self._members[user_id] = now
        if user_id == self._bot_id:
            return
        periods = self._periods.setdefault(user_id, []) if words.PRESENT in {now, before} else []
        if now == words.PRESENT and before != words.PRESENT:
            periods.append(Presence(event.at_ms))
        elif before == words.PRESENT and now != words.PRESENT and periods:
            periods[-1] = replace(periods[-1], until=event.at_ms)
        if not (now == "invite" and event.sender == self._bot_id):
            reason = "" if event.sender == self._bot_id else clean_line(event.content.get("reason"), 1000)
            self._tell(event, words.membership(user_id, event.sender, before, now, self._name_of, reason))

    def _tell(self, event: TimelineEvent, sentence: str) -> None:
        if sentence:
            self._entries.append(Happening(event.at_ms, sentence))

    def _take_reaction(self, event: TimelineEvent) -> None:
        sign = clean_line(event.relation.get("key"), 50)
        if event.target and sign:
            target = self._edited.get(event.target, event.target)
            self._reactions.setdefault(target, {})[event.event_id] = (sign, self._name_of(event.sender))

    def _take_message(self, event: TimelineEvent) -> None:
        said = event.sender, event.kind
        if event.relation.get("rel_type") == "m.replace" and self._said.get(event.target) == said:
            # One of somebody else's message, of another kind or of none is a message of its own.
            self._take_edit(event)
            return
        self._count += 1
        self._said[event.event_id] = said
        self._ask(event)
        self._entries.append(message_of(event, self._count, self._name_of(event.sender)))

    def _take_edit(self, event: TimelineEvent) -> None:
        new = replace(event, content=as_object(event.content.get("m.new_content")) or event.content)
        self._ask(new)
        changed = message_of(new, 0, self._name_of(event.sender))
        self._edited[event.event_id] = event.target
        self._edits.setdefault(event.target, []).append((event.event_id, changed))

    def _ask(self, event: TimelineEvent) -> None:
        if (question := question_of(event)) is not None:
            self._questions[event.event_id] = question

    def _take_vote(self, event: TimelineEvent) -> None:
        if event.target in self._questions:
            self._polls.vote(event.target, event.event_id, event.sender, event.content)
        else:
            self._tell(event, f"{self._name_of(event.sender)} voted in a poll that is not here")

    def _take_poll_end(self, event: TimelineEvent) -> None:
        who = self._name_of(event.sender)
        if event.target not in self._questions:
            self._tell(event, f"{who} ended a poll that is not here")
        elif event.sender in {self._said.get(event.target, ("", ""))[0], self._bot_id}:
            self._polls.end(event.target, event.event_id, event.sender, event.at_ms)
        else:
            self._tell(event, f"{who} tried to end a poll of somebody else's")

    def _final(self, message: TranscriptMessage) -> TranscriptMessage:
        """The message as it stands at the end."""
        if (deleted := self._deleted.get(message.event_id)) is not None:
            return TranscriptMessage(message.number, message.event_id, message.at_ms, message.author, deleted=deleted)
        edits = [edit for edit in self._edits.get(message.event_id, ()) if edit[0] not in self._deleted]
        question = self._questions.get(message.event_id)
        if edits:
            event_id, new = edits[-1]
            question = self._questions.get(event_id, question)
            message = replace(
                message,
                text=without_fallback(new.text) if message.reply_to else new.text,
                formatted=new.formatted,
                notice=new.notice,
                emote=new.emote,
                file=new.file,
                poll=new.poll,
                edited_at=new.at_ms,
            )
        if message.poll is not None and question is not None:
            message = replace(message, poll=self._polls.outcome(message.event_id, question, self._deleted))
        signs: dict[str, dict[str, None]] = {}
        for event_id, (sign, name) in self._reactions.get(message.event_id, {}).items():
            if event_id not in self._deleted:
                signs.setdefault(sign, {})[name] = None
        return replace(
            message,
            reply_to=self._edited.get(message.reply_to, message.reply_to),
            reactions=tuple(Reaction(sign, tuple(people)) for sign, people in signs.items()),
        )
