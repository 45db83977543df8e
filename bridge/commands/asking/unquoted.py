"""Titles without quotation marks: where one ends, and names without an @ or another title begin, is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bridge.commands.asking.matter_numbers import unquoted
from bridge.commands.asking.people import People
from bridge.firm.names import plain
from bridge.mapping.marks import as_typed
from bridge.refusal import CommandError
from bridge.wording.markdown import code, repeated

_SEPARATOR = re.compile(r"[,;&]|(?<!\S)and(?!\S)", re.IGNORECASE)
_WORD = re.compile(r"\S++")
_WORDS_OF_NAME = 8
_AROUND = ".:!?()\"'“”„ "
_BEFORE_NAMES = ' \t\n,;:&"“”„–—-'
_LINKING = ("and", "with", "for", "to")
_THIS = re.compile(
    r"(?:(?i:this|it|the)(?:\s++(?:channel|conversation|chat|room|one))?+\s++(?:to|as|into)|to)\s++(?=\S)",
)
"""What people say before a new title. "To" alone is of it where it has a capital: "To do"."""
_TO = re.compile(r"(?<=\s)to\s++(?=\S)")


def new_title(text: str, own: str, others: Iterable[str]) -> str:
    """The new title of what is called `own`, in what is typed where it is renamed.

    Raises CommandError where one of the `others` may be meant.
    """
    if (said := _THIS.match(text)) is not None:
        return unquoted(text[said.end() :])
    known = {plain(one): one for one in others}
    for to in _TO.finditer(text):
        old = plain(unquoted(text[: to.start()]))
        if old == plain(own):
            return unquoted(text[to.end() :])
        if old in known:
            raise CommandError(
                f"Do you mean to rename {repeated(known[old])}, or is all of that the new name? If you mean that one,"
                f" type {code(f'!rename {as_typed(text[to.end() :])}')} in it. If all of it is the new name, put it in"
                " quotation marks."
            )
    return unquoted(text)


def names_in(title: str, people: People) -> int | None:
    """Where in a title without quotation marks names of colleagues seem to begin; None where none do.

    A name counts where it ends the title or something of a list in it: "Grace period" is a title.
    """
    at = 0
    ends = [*((one.start(), one.end()) for one in _SEPARATOR.finditer(title)), (len(title), len(title))]
    for end, following in ends:
        for word in [*_WORD.finditer(title, at, end)][-_WORDS_OF_NAME:]:
            if people.names_somebody(title[word.start() : end].strip(_AROUND)):
                return word.start()
        at = following
    return None


def title_or_people(typed: str, before: str, at: int, text: str, what: str) -> CommandError:
    """The question to somebody who typed names behind a title.

    `typed` is the command and `before` what stands in front of the title, `text` the title and all behind it, in which
    names begin `at`; `what` says what the title is.
    """
    people = as_typed(text[at:]).strip()
    title = without_link(as_typed(text[:at]))
    start = " ".join(filter(None, (typed, as_typed(before).strip())))
    with_them = code(f'{start} "{title or what.capitalize()}" {people}')
    return CommandError(
        f"Do you mean people by “{repeated(people)}”, or is it part of the {what}? If people, type {with_them}."
        f" If it is part of the {what}, put the whole {what} in quotation marks."
    )


def without_link(title: str) -> str:
    """A title without what only led to the names behind it."""
    title = title.strip(_BEFORE_NAMES)
    first, _, last = title.rpartition(" ")
    return first.rstrip(_BEFORE_NAMES) if last.casefold() in _LINKING else title
