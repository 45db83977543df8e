"""Who voted for what in the polls of a conversation. Pure."""

from __future__ import annotations

from collections.abc import Container

from bridge.mapping.extensible import Json, Question, choice_in, counted
from bridge.transcript.cleaning import clean_line
from bridge.transcript.model import Poll, PollAnswer
from bridge.transcript.words import NameOf


class Polls:
    """Takes votes and ends in as they come, and tells what came of a poll."""

    def __init__(self, name_of: NameOf) -> None:
        self._name_of = name_of
        self._votes: dict[str, list[tuple[str, str, tuple[str, ...]]]] = {}
        """By poll: event id, voter and chosen answers of each vote before the poll's end."""
        self._ends: dict[str, list[tuple[str, str, int]]] = {}
        """By poll: event id, sender and moment."""
        self._after: set[str] = set()
        """Votes that came behind an end, by event id."""

    def vote(self, poll: str, event_id: str, voter: str, content: Json) -> None:
        """Somebody voted. `poll` is the event id of the question."""
        self._votes.setdefault(poll, []).append((event_id, voter, choice_in(content)))
        if poll in self._ends:
            self._after.add(event_id)

    def end(self, poll: str, event_id: str, sender: str, at_ms: int) -> None:
        """Whoever asked ended it."""
        self._ends.setdefault(poll, []).append((event_id, sender, at_ms))

    def outcome(self, poll: str, question: Question, gone: Container[str]) -> Poll:
        """What came of the poll. `gone` are the events that were deleted: votes taken back, and ends."""
        end = next((one for one in self._ends.get(poll, ()) if one[0] not in gone), None)
        last: dict[str, frozenset[str]] = {}
        for event_id, voter, choice in self._votes.get(poll, ()):
            if event_id not in gone and not (end is not None and event_id in self._after):
                last[voter] = counted(question, choice)
        answers = tuple(
            PollAnswer(
                clean_line(text) or "(no text)",
                tuple(self._name_of(voter) for voter, chosen in last.items() if answer_id in chosen),
            )
            for answer_id, text in question.answers
        )
        if end is None:
            return Poll(answers, question.disclosed)
        return Poll(answers, question.disclosed, self._name_of(end[1]), end[2])
