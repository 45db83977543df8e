"""Names and words as they are compared where people should not have to type them exactly. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from bridge.firm.model import Staff

_APOSTROPHES = str.maketrans("’‘ʼ´`", "'''''")


def folded(text: str) -> str:
    """A text without regard to case, accents and how characters are composed."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(one for one in decomposed if not unicodedata.combining(one))


def folded_name(name: str) -> str:
    """A person's name folded, also without regard to blanks and to the kind of apostrophe that a keyboard gives."""
    # Before folding, which would make two characters of the acute accent.
    return " ".join(folded(name.translate(_APOSTROPHES)).split())


def who_is_called(name: str, people: Iterable[Staff]) -> list[Staff]:
    """Those with this full name, or where nobody has it those with this first or last name.

    Accents need not be typed. Of people whose full names differ in nothing else, those typed exactly are meant.
    """
    typed = " ".join(name.split()).strip("\"'“”„")
    wanted = folded_name(typed)
    listed = list(people) if wanted else []
    full = [person for person in listed if folded_name(person.name) == wanted]
    exact = [person for person in full if person.name.casefold() == typed.casefold()]
    part = [person for person in listed if wanted in {folded_name(person.first_name), folded_name(person.last_name)}]
    return exact or full or part
