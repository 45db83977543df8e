"""Matters by their numbers, which may have blanks (M3)."""

from __future__ import annotations

import re
from datetime import date
from itertools import islice

from bridge.firm.matters.search import matters_numbered, matters_with
from bridge.firm.model import Firm, Matter, Staff
from bridge.firm.names import plain
from bridge.firm.policy import accessible, may_access
from bridge.mapping.marks import as_typed, before_marks
from bridge.mapping.names import matter_name
from bridge.refusal import CommandError, Kind, Refusal
from bridge.wording.refusals import worded

QUOTED = re.compile(r"[\"“”„«]([^\"“”»]*+)[\"“”»]\s*+")
"""Something in quotation marks."""
_WORD = re.compile(r"\S++")
_MOST_WORDS = 10
"""Of a number that is typed without quotation marks."""
_SHORTEST = 3
"""Letters of a word by which somebody may mean a matter."""


def read_matter(text: str, firm: Firm, sender: Staff, today: date) -> tuple[Matter | None, str]:
    """The matter whose number comes first, the longest that there is, and the rest. Raises CommandError.

    One that the sender must not see is answered like one that is not there (M3).
    """
    found = first_matter(text, firm, sender, today)
    if text and found[0] is None:
        quoted = QUOTED.match(text)
        raise no_such_matter(quoted[1].strip() if quoted else first_word(text), firm, sender, today)
    return found


def first_matter(text: str, firm: Firm, sender: Staff, today: date) -> tuple[Matter | None, str]:
    """The same, or None and all of the text: for whoever goes on without one, and needs no look at all matters."""
    ends = [word.end() for word in islice(_WORD.finditer(before_marks(text)), _MOST_WORDS)]
    for end in reversed(ends):
        for number in (text[:end], text[:end].rstrip(",;:")):
            if (matter := visible_matter(number, firm, sender, today)) is not None:
                return matter, text[end:].lstrip()
    quoted = QUOTED.match(text)
    if quoted and (matter := visible_matter(quoted[1], firm, sender, today)) is not None:
        return matter, text[quoted.end() :]
    return None, text


def unquoted(text: str) -> str:
    """The text without the quotation marks that it has around it as a whole."""
    quoted = QUOTED.fullmatch(text.strip())
    return (quoted[1] if quoted else text).strip()


def first_word(text: str) -> str:
    """The first word of a text that is not blank, a mention being one word."""
    found = _WORD.match(before_marks(text))
    return found[0].rstrip(",;:") if found else as_typed(text)


def visible_matter(number: str, firm: Firm, sender: Staff, today: date) -> Matter | None:
    """The one matter with this number that the sender may see."""
    found = [one for one in matters_numbered(firm, number) if may_access(firm, sender.id, one, today)]
    return found[0] if len(found) == 1 else None


def no_such_matter(typed: str, firm: Firm, sender: Staff, today: date) -> CommandError:
    """What to say where somebody may not know that there is a matter, or there is none (M3).

    Whoever calls a matter by its client or title is told the number, where only one that they may see has these words.
    """
    words = plain(typed).split()
    found = accessible(firm, sender.id, matters_with(firm, words), today) if len(typed) >= _SHORTEST and words else []
    near = matter_name(found[0]) if len(found) == 1 else ""
    return CommandError(worded(Refusal(Kind.NO_SUCH_MATTER, number=typed, near=near)))
