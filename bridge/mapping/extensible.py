"""Words and polls in events that are no `m.room.message` (MSC1767, MSC3381). Pure.

Clients send polls under the names that the proposal gave them, and will send them under those of the specification.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Json = Mapping[str, object]

POLLS = frozenset({"m.poll.start", "org.matrix.msc3381.poll.start"})
"""Types of the event that asks."""
VOTES = frozenset({"m.poll.response", "org.matrix.msc3381.poll.response"})
POLL_ENDS = frozenset({"m.poll.end", "org.matrix.msc3381.poll.end"})
_TEXTS = ("m.text", "org.matrix.msc1767.text", "m.message", "org.matrix.msc1767.message", "body")
_MOST_ANSWERS = 100
"""Answers of a poll that are looked at. Clients show twenty."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a poll asks."""

    text: str
    answers: tuple[tuple[str, str], ...]
    """Id and text of each."""
    most: int
    """Answers that one person may choose."""
    disclosed: bool
    """Whether clients show the votes before the poll ends."""


def text_in(content: Json) -> str:
    """The words of extensible content, the plain ones where there are several forms; empty for none."""
    for key in _TEXTS:
        given = content.get(key)
        forms = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else [{"body": given}]
        forms.sort(key=lambda form: form.get("mimetype", "text/plain") != "text/plain")
        for form in forms:
            if isinstance(body := form.get("body"), str) and body.strip():
                return body
    return ""


def question_in(content: Json) -> Question | None:
    """The question of a poll; None for content that asks none."""
    told = _mapping(content.get("m.poll")) or _mapping(content.get("org.matrix.msc3381.poll.start"))
    given = told.get("answers")
    answers = [_mapping(one) for one in given[:_MOST_ANSWERS]] if isinstance(given, list) else []
    question = text_in(_mapping(told.get("question"))) or text_in(content)
    if not question and not answers:
        return None
    most = told.get("max_selections")
    return Question(
        text=question,
        answers=tuple((_text(one.get("m.id")) or _text(one.get("id")), text_in(one)) for one in answers),
        most=most if type(most) is int and most > 0 else 1,
        disclosed=not _text(told.get("kind")).endswith("undisclosed"),
    )


def choice_in(content: Json) -> tuple[str, ...]:
    """The ids of the answers that a vote chooses."""
    given = content.get("m.selections", _mapping(content.get("org.matrix.msc3381.poll.response")).get("answers"))
    return tuple(one for one in given[:_MOST_ANSWERS] if isinstance(one, str)) if isinstance(given, list) else ()


def counted(question: Question, choice: tuple[str, ...]) -> frozenset[str]:
    """What counts of a vote: the first answers, as many as may be chosen, and none where one of them is unknown."""
    chosen = frozenset(choice[: question.most])
    return chosen if chosen <= {answer_id for answer_id, _ in question.answers} else frozenset()


def _mapping(given: object) -> Json:
    return given if isinstance(given, dict) else {}


def _text(given: object) -> str:
    return given if isinstance(given, str) else ""
