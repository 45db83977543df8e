"""Matters by their numbers, which may have blanks (M3)."""

from __future__ import annotations

import re
from datetime import date
from itertools import islice

from bridge.firm.matters.search import matter_numbered, matters_with
from bridge.firm.model import Firm, Matter, Staff
from bridge.firm.names import has_words, plain, searched
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
_AROUND = ",;:.?!()[]#"
"""What people put around a number."""
_LEADING = re.compile(
    r"(?:(?:can\s++see|is\s++on|is\s++in|has\s++access\s++to|of|for|about|on|in|the|matter|case|no\.?+|number)\s++)++",
    re.IGNORECASE,
)
"""What people say before a number."""
_SMALL = {"a", "an", "the", "this", "that", "it", "i", "my", "our", "new", "some", "in", "on", "of", "for", "to", "at"}
"""Words that begin a sentence, and are no number unless they are typed as the firm writes it."""
_SHORTEST = 3
"""Letters of a word by which somebody may mean a matter."""


def read_matter(text: str, firm: Firm, sender: Staff, today: date) -> tuple[Matter | None, str]:
    """The matter whose number comes first, the longest that there is, and the rest. Raises CommandError.

    One that the sender must not see is answered like one that is not there (M3).
    """
    found = first_matter(text, firm, sender, today)
    if found[0] is None and (behind_words := without_leading(text)) != text:
        text, found = behind_words, first_matter(behind_words, firm, sender, today)
    if text and found[0] is None:
        quoted = QUOTED.match(text)
        behind = "" if quoted else before_marks(text).partition(" ")[2]
        raise no_such_matter(quoted[1].strip() if quoted else first_word(text), firm, sender, today, behind)
    return found


def first_matter(text: str, firm: Firm, sender: Staff, today: date) -> tuple[Matter | None, str]:
    """The same, or None and all of the text: for whoever goes on without one, and needs no look at all matters."""
    ends = [word.end() for word in islice(_WORD.finditer(before_marks(text)), _MOST_WORDS)]
    for end in reversed(ends):
        whole = end == len(text)
        bare = text[:end].strip(_AROUND) if whole else text[:end].rstrip(",;:")
        matter = visible_matter(text[:end], firm, sender, today) or visible_matter(bare, firm, sender, today)
        if matter is not None and (whole or bare == matter.number or bare.casefold() not in _SMALL):
            return matter, text[end:].lstrip()
    quoted = QUOTED.match(text)
    if quoted and (matter := visible_matter(quoted[1], firm, sender, today)) is not None:
        return matter, text[quoted.end() :]
    return None, text


def without_leading(text: str) -> str:
    """The text without the words that people say before a number, where anything stands behind them."""
    led = _LEADING.match(text)
    return (text[led.end() :] or text) if led else text


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
    return matter_numbered(firm, number, lambda one: bool(may_access(firm, sender.id, one, today)))


def no_such_matter(typed: str, firm: Firm, sender: Staff, today: date, behind: str = "") -> CommandError:
    """What to say where somebody may not know that there is a matter, or there is none (M3).

    Whoever calls a matter by its client or title is told the number, where only one that they may see has these words;
    of several, that with the words `behind`.
    """
    words = plain(typed).split()
    found = accessible(firm, sender.id, matters_with(firm, words), today) if len(typed) >= _SHORTEST and words else []
    for word in plain(behind).split()[:_MOST_WORDS]:
        found = [one for one in found if has_words(searched(f"{matter_name(one)} {one.client}"), [word])] or found
    near = matter_name(found[0]) if len(found) == 1 else ""
    several = first_word(typed) if len(found) > 1 else ""
    return CommandError(worded(Refusal(Kind.NO_SUCH_MATTER, number=typed, near=near, several=several)))
