"""Who or what a message points to, marked in its text: the id for whoever looks for people and rooms, and the words as
they were typed for everything else.

The marks are noncharacters, which Unicode keeps for use inside a program; what somebody types has none (`unmarked`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_TARGET, _WORDS, END, _UNPLACED = "\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3"
_INSIDE = rf"[^{_TARGET}{_WORDS}{END}]*+"
MARK = rf"{_TARGET}{_INSIDE}{_WORDS}{_INSIDE}{END}"
"""A mark, as part of a pattern."""
PERSON_MARK = rf"{_TARGET}@{_INSIDE}{_WORDS}{_INSIDE}{END}"
"""A mark that points to a person, as part of a pattern."""
ROOM_MARK = re.compile(rf"{_TARGET}[#!]{_INSIDE}{_WORDS}{_INSIDE}{END}")
"""A mark that points to a room."""
ANY = f"{_TARGET}{_WORDS}{END}{_UNPLACED}"
"""The characters that marks are made of."""
EMAIL = rf"[^\s,;&@{ANY}]++@[^\s,@{ANY}]+\.[^\s,@{ANY}]+"
"""An e-mail address, as part of a pattern."""
MARKED = re.compile(rf"{PERSON_MARK}|@[^\s,:{ANY}]++(?::[^\s,{ANY}]++)?|{EMAIL}")
"""A mention, an @name, a full id, or an e-mail address."""
_BEGINS = re.compile(rf"(?:(?<=[\s{END}])|^)(?:{MARKED.pattern})|{PERSON_MARK}")
_MARK = re.compile(rf"{_TARGET}({_INSIDE}){_WORDS}({_INSIDE}){END}")
_CLEARED = str.maketrans(ANY, "\N{REPLACEMENT CHARACTER}" * len(ANY))
_DROPPED = str.maketrans("", "", ANY)


def has_marked(text: str) -> re.Match[str] | None:
    """The first person in a text who is given by mention, @name or e-mail."""
    return _BEGINS.search(text)


def mark_of(target: str) -> str:
    """A mark that points to this, as part of a pattern."""
    return rf"{_TARGET}{re.escape(target)}{_WORDS}{_INSIDE}{END}"


def unmarked(text: str) -> str:
    """A text from elsewhere, in which nothing can be taken for a mark."""
    return text.translate(_CLEARED)


def marked(target: str, words: str) -> str:
    """A mark: what is pointed to, and the words that stand there."""
    return f"{_TARGET}{unmarked(target)}{_WORDS}{words}{END}"


def with_unplaced(text: str) -> str:
    """The text, noting that it mentions somebody in a place that could not be told."""
    return f"{text} {_UNPLACED}"


def has_unplaced(text: str) -> bool:
    """Whether the text mentions somebody in a place that could not be told."""
    return _UNPLACED in text


def as_typed(text: str) -> str:
    """The text in the words that were typed."""
    if _TARGET not in text and _UNPLACED not in text:
        return text
    return _MARK.sub(r"\2", text).translate(_DROPPED).rstrip()


def with_ids(text: str) -> str:
    """The text with ids in the place of the words that point to them, as words of their own."""
    if _TARGET not in text and _UNPLACED not in text:
        return text
    return _MARK.sub(r" \1 ", text).translate(_DROPPED).strip()


def targets(text: str) -> list[str]:
    """Everything that the text points to, in order, each once."""
    return list(dict.fromkeys(found[1] for found in _MARK.finditer(text)))


def replaced(text: str, words: Mapping[str, str]) -> str:
    """The text with these words, by target, in the place of what points there; the other marks stay."""
    return _MARK.sub(lambda found: words.get(found[1], found[0]), text) if words else text


def before_marks(text: str) -> str:
    """The text up to its first mark."""
    return text.partition(_TARGET)[0]


def first_target(text: str) -> tuple[str, str] | None:
    """What the text points to where it begins with a mark, and the rest of it."""
    found = _MARK.match(text)
    return (found[1], text[found.end() :].lstrip()) if found else None
