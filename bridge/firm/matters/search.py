"""Matters by the words in them, and what else is looked up in the whole firm. Pure.

The guard does without this module: Synapse's environment has no library for how words are spelled.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bridge.firm.matters.number_forms import forms_of
from bridge.firm.model import Firm, Matter
from bridge.firm.names import by_email, by_mailbox, called, called_here, has_words, plain, searched

_WORD = re.compile(r"\w+")
_DASHES = str.maketrans("‐‑‒–—−", "------")
"""What programs for texts make of a hyphen."""


def matters_numbered(firm: Firm, number: str) -> Sequence[Matter]:
    """The matter with this number; where there is none, those whose numbers differ from it in spelling alone."""
    typed = " ".join(number.split()).casefold()
    exact = firm.matter_by_number.get(typed)
    if exact is not None:
        return (exact,)
    return [firm.matters[one] for one in sorted(firm.matters_under(_numbers).get(_spelled(typed), ()))]


def matters_with(firm: Firm, words: Sequence[str]) -> Sequence[Matter]:
    """The matters that have all these words in their number, title, clients or status, as people list them."""
    if not words:
        return firm.listed
    texts = firm.found_in_matter(_text)
    return [matter for matter in firm.listed if has_words(texts[matter.id], words)]


def prepare(firm: Firm) -> None:
    """Find beforehand what takes a look at everything, for this firm and all that have the same matters and staff."""
    _ = firm.matter_by_number, firm.matters_of_client
    _ = firm.found_in_matter(_text), firm.matters_under(_numbers), firm.found_in_matter(names_by_first_word)
    _ = firm.found_in_staff(called), firm.found_in_staff(called_here)
    _ = firm.found_in_staff(by_email), firm.found_in_staff(by_mailbox)
    _ = (
        firm.matters_under(forms_of),
        firm.matters_under(responsible_for),
        firm.matters_under(on_team_of),
        firm.matters_under(allowed_in),
    )


def responsible_for(matter: Matter) -> Sequence[str]:
    """Who is responsible for the matter, if anybody is."""
    return (matter.responsible,) if matter.responsible else ()


def on_team_of(matter: Matter) -> Sequence[str]:
    """Who has a role on the matter."""
    return matter.team


def allowed_in(matter: Matter) -> Sequence[str]:
    """The staff and group ids that a restricted matter is open to."""
    return matter.allowed if matter.restricted else ()


def names_by_first_word(matter: Matter) -> Sequence[tuple[str, str]]:
    """What a matter is called, case folded, each behind its first word."""
    names = (name.casefold() for name in (matter.number, matter.title, *matter.clients) if name)
    return [(next(iter(words_in(name)), ""), name) for name in names]


def words_in(text: str) -> list[str]:
    """The words in a text."""
    return _WORD.findall(text)


def _text(matter: Matter) -> str:
    return searched(f"{matter.number} {matter.title} {matter.client} {matter.status}")


def _numbers(matter: Matter) -> Sequence[str]:
    return (_spelled(matter.number),)


def _spelled(number: str) -> str:
    return plain(number.translate(_DASHES))
