"""People, by their names."""

from __future__ import annotations

from collections.abc import Iterable

from bridge.firm.model import Staff
from bridge.firm.text.directions import apart
from bridge.wording.markdown import enumerated, escape


def plain_names(people: Iterable[Staff]) -> str:
    """People as a reader lists them: A, B and C."""
    return enumerated([apart(person.name) for person in people])


def names(people: Iterable[Staff]) -> str:
    """The same in Markdown."""
    return escape(plain_names(people))
