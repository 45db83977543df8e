"""Names and words as they are compared where people should not have to type them exactly. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

from anyascii import anyascii

from bridge.firm.model import Staff
from bridge.firm.text.directions import UNTURNED

_APOSTROPHES = str.maketrans("’‘ʼ´`", "'''''")
_TWO_LETTERS = {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "đ": "dj", "ð": "dh"}
"""The other way in which a letter is written where a keyboard does not have it (as in passports: ICAO Doc 9303-3,
section 6), beside the plain letter that stands in its place."""
_MOST_SPELLINGS = 32


def folded(text: str) -> str:
    """A text without regard to case, accents and how characters are composed."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(one for one in decomposed if not unicodedata.combining(one))


@lru_cache(maxsize=16_384)
def spellings(text: str) -> tuple[str, ...]:
    """How people may spell a text, the plainest first: without regard to case, accents, blanks and kinds of apostrophe,
    and to what keeps a name apart in an answer that it may be copied from.

    Latin letters that a keyboard may not have are spelled by their plain letters or by two, each by itself: Søren is
    soren and soeren. Letters of other scripts stay, since what sounds alike there may be somebody else.
    """
    # Before composing, which would make two characters of the acute accent.
    plain = text.translate(_APOSTROPHES)
    if plain.isascii():
        return (" ".join(plain.casefold().split()),)
    found = [""]
    for character in unicodedata.normalize("NFKC", plain.translate(UNTURNED)):
        forms = _forms(character)
        if len(found) * len(forms) > _MOST_SPELLINGS:
            forms = forms[:1]
        found = [start + form for start in found for form in forms]
    return tuple(dict.fromkeys(" ".join(one.split()) for one in found))


@lru_cache(maxsize=4096)
def _forms(character: str) -> tuple[str, ...]:
    """How one character is spelled, the plainest form first."""
    if not unicodedata.name(character, "").startswith("LATIN"):
        return (folded(character),)
    plain, two = anyascii(character).casefold(), _TWO_LETTERS.get(character.casefold(), "")
    return (plain, two) if two else (plain,)


def plain(text: str) -> str:
    """The plainest spelling of a text."""
    return spellings(text)[0]


def searched(text: str) -> str:
    """A text to look for words in, by every spelling (`has_words`)."""
    if text.isascii():
        return text.translate(_APOSTROPHES).casefold()
    return "\n".join([plain(text), *(one for word in text.split() for one in spellings(word))])


def has_words(text: str, words: Iterable[str]) -> bool:
    """Whether each of these words stands in a text made by `searched`, by any of its spellings."""
    return all(any(one in text for one in spellings(word)) for word in words)


class Called:
    """People by what they are called, so that many names are looked up without going through everybody each time."""

    def __init__(self, people: Iterable[Staff]) -> None:
        self._whole: dict[str, list[Staff]] = {}
        self._part: dict[str, list[Staff]] = {}
        for person in people:
            for one in _also_apart(spellings(person.name)):
                self._whole.setdefault(one, []).append(person)
            parts = (person.first_name, person.last_name)
            for one in _also_apart(form for part in parts for form in spellings(part) if form):
                self._part.setdefault(one, []).append(person)

    def whole(self, name: str) -> list[Staff]:
        """Those with this full name. Of people whose names differ in spelling alone, those typed exactly are meant."""
        found = _all(self._whole, name)
        exact = [person for person in found if person.name.casefold() == " ".join(name.split()).casefold()]
        return exact or found

    def part(self, name: str) -> list[Staff]:
        """Those with this first or last name."""
        return _all(self._part, name)

    def found(self, name: str) -> list[Staff]:
        """Those with this full name, or where nobody has it those with this first or last name."""
        typed = name.strip().strip("\"'“”„")
        return self.whole(typed) or self.part(typed)

    def names(self) -> dict[str, Staff]:
        """Somebody for each full name, by its spellings."""
        return {name: people[0] for name, people in self._whole.items()}


def _also_apart(forms: Iterable[str]) -> Iterable[str]:
    """These forms, and those with a hyphen also with a blank in its place: Mary-Ann is Mary Ann."""
    return dict.fromkeys(each for form in forms for each in (form, form.replace("-", " ")))


def called(staff: Mapping[str, Staff]) -> Called:
    """Everybody by what they are called, leavers included."""
    return Called(staff.values())


def called_here(staff: Mapping[str, Staff]) -> Called:
    """Who works here by what they are called."""
    return Called(person for person in staff.values() if person.active)


def by_email(staff: Mapping[str, Staff]) -> dict[str, list[Staff]]:
    """Everybody, leavers included, by their e-mail address, case folded."""
    found: dict[str, list[Staff]] = {}
    for person in staff.values():
        found.setdefault(person.email.casefold(), []).append(person)
    return found


def by_mailbox(staff: Mapping[str, Staff]) -> dict[str, list[Staff]]:
    """Who works here, by what stands before the @ of their e-mail address, case folded."""
    found: dict[str, list[Staff]] = {}
    for person in staff.values():
        if person.active:
            found.setdefault(person.email.casefold().partition("@")[0], []).append(person)
    return found


def _all(index: dict[str, list[Staff]], name: str) -> list[Staff]:
    return list(dict.fromkeys(person for one in _also_apart(spellings(name)) if one for person in index.get(one, ())))
