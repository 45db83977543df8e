"""Matters by the words in them, and what else is looked up in the whole firm. Pure.

The guard does without this module: Synapse's environment has no library for how words are spelled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridge.firm.model import Firm, Matter, Matters
from bridge.firm.names import called, called_here, has_words, plain, searched

_DASHES = str.maketrans("‐‑‒–—−", "------")
"""What programs for texts make of a hyphen."""


def matters_numbered(firm: Firm, number: str) -> Sequence[Matter]:
    """The matter with this number; where there is none, those whose numbers differ from it in spelling alone."""
    typed = " ".join(number.split()).casefold()
    exact = firm.matter_by_number.get(typed)
    return (exact,) if exact is not None else firm.found_in_matters(_by_spelling).get(_spelled(typed), ())


def matters_with(firm: Firm, words: Sequence[str]) -> Sequence[Matter]:
    """The matters that have all these words in their number, title, clients or status, as people list them."""
    if not words:
        return firm.listed
    return [matter for text, matter in firm.found_in_matters(_texts) if has_words(text, words)]


def prepare(firm: Firm) -> None:
    """Find beforehand what takes a look at everything, for this firm and all that have the same matters and staff."""
    _ = firm.matter_by_number, firm.matters_of_client
    _ = firm.found_in_matters(_texts), firm.found_in_matters(_by_spelling)
    _ = firm.found_in_staff(called), firm.found_in_staff(called_here)


def _texts(matters: Matters) -> tuple[tuple[str, Matter], ...]:
    return tuple((searched(f"{one.number} {one.title} {one.client} {one.status}"), one) for one in matters.listed)


def _by_spelling(matters: Matters) -> Mapping[str, Sequence[Matter]]:
    found: dict[str, list[Matter]] = {}
    for matter in matters.values():
        found.setdefault(_spelled(matter.number), []).append(matter)
    return found


def _spelled(number: str) -> str:
    return plain(number.translate(_DASHES))
