"""Matters by the words in them, and what else is looked up in the whole firm. Pure.

The guard does without this module: Synapse's environment has no library for how words are spelled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from bridge.firm.matters.number_forms import forms_of, in_parts, numbers_in_parts
from bridge.firm.model import Firm, Matter
from bridge.firm.names import by_email, by_mailbox, called, called_here, has_words, plain, searched

_WORD = re.compile(r"\w+")
_DASHES = str.maketrans("‐‑‒–—−", "------")
"""What programs for texts make of a hyphen."""


def matter_numbered(firm: Firm, number: str, is_seen: Callable[[Matter], bool]) -> Matter | None:
    """The matter with this number that `is_seen` says yes to; where there is none, the only one whose number differs
    from it in spelling alone, else in what stands between its parts. None also where several do.

    Matters that are not seen count for nothing (M3).
    """
    typed = " ".join(number.split()).casefold()
    exact = firm.matter_by_number.get(typed)
    if exact is not None and is_seen(exact):
        return exact
    for alike, key in ((_numbers, _spelled(typed)), (numbers_in_parts, in_parts(typed))):
        found = [matter for one in firm.matters_under(alike).get(key, ()) if is_seen(matter := firm.matters[one])]
        if found:
            return found[0] if len(found) == 1 else None
    return None


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
        firm.matters_under(numbers_in_parts),
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
