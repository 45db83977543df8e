"""What a file is found by: the words of its name and caption, and marks for what it is (V3). Pure.

Both databases get words that are spelled here as people spell names (bridge/firm/names.py), so that they find alike.
Nothing that somebody types is ever read as the syntax of a search: a word has letters and digits only, a mark is a
hexadecimal sum.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bridge.firm.names import spellings

_WORD = re.compile(r"[^\W_]+")
WORD_MAX = 40
"""Characters of a word that are compared."""
WORDS_MAX = 400
"""Words of a file that are kept."""


class Order(StrEnum):
    """An order of files."""

    DATE = "date"
    """The newest first."""
    NAME = "name"
    SIZE = "size"
    """The largest first."""


@dataclass(frozen=True, slots=True)
class FileSearch:
    """Which files are asked for."""

    conversation_id: str = ""
    """Empty for those of all conversations."""
    words: tuple[tuple[str, ...], ...] = ()
    """Beginnings of words, each by the ways to spell it (`sought`)."""
    marks: tuple[str, ...] = ()
    """What the files are (`of_type`, `sent_by` and the like)."""
    since_ms: int | None = None
    until_ms: int | None = None
    """The first moment that is too late."""
    order: Order = Order.DATE

    @property
    def everything(self) -> bool:
        """Whether nothing is asked of a file but where it is."""
        return not (self.words or self.marks or self.since_ms is not None or self.until_ms is not None)


def words(text: str) -> list[str]:
    """The words of a text by every way to spell them, each once, the plainest first."""
    plain, other = list[str](), list[str]()
    for piece in text.split():
        first, *more = spellings(piece)
        plain += _words(first)
        other += [word for spelling in more for word in _words(spelling)]
    return list(dict.fromkeys([*plain, *other]))[:WORDS_MAX]


def sought(text: str) -> list[tuple[str, ...]]:
    """The words that are looked for, each by every way to spell it: one of them is enough."""
    found = list[tuple[str, ...]]()
    for piece in text.split():
        ways = [_words(spelling) for spelling in spellings(piece)]
        # Some ways may have fewer parts; what then stands in no place of its own is looked for by the plainest.
        same = [way for way in ways if len(way) == len(ways[0])]
        found += [tuple(dict.fromkeys(place)) for place in zip(*same, strict=True)]
    return list(dict.fromkeys(found))


def _words(spelling: str) -> list[str]:
    return [word[:WORD_MAX] for word in _WORD.findall(spelling)]


def in_conversation(conversation_id: str) -> str:
    """The mark of the files of a conversation."""
    return _mark("c", conversation_id)


def in_matter(matter_id: str) -> str:
    """The mark of the files of a matter's conversations."""
    return _mark("m", matter_id)


def sent_by(sender: str) -> str:
    """The mark of the files that somebody sent, by staff id, or by Matrix id where there is none."""
    return _mark("s", sender)


def of_type(told: str) -> str:
    """The mark of a type: an ending, a media type or its first half, or a kind, in lower case."""
    return _mark("t", told)


def type_marks(kind: str, ending: str, media_types: Iterable[str]) -> list[str]:
    """The marks of all types that a file can be asked for by."""
    told = {kind, ending, *media_types, *(one.partition("/")[0] for one in media_types)} - {""}
    return sorted(map(of_type, told))


def _mark(what: str, value: str) -> str:
    return what + hashlib.sha256(value.encode()).hexdigest()[:16]
