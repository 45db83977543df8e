"""What a case says of itself: how binding it is, and which part of the specification it proves."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

import pytest

F = TypeVar("F", bound=Callable[..., Any])


class Level(Enum):
    """How binding a case is."""

    MUST = "must"
    """The specification's words, or its table of answers."""
    SHOULD = "should"
    """The specification advises it, or follows from it where a homeserver does what it may."""
    ROBUST = "robust"
    """Beyond the specification: what real homeservers and networks do to a service."""


MUST, SHOULD, ROBUST = Level.MUST, Level.SHOULD, Level.ROBUST


def case(level: Level, section: str) -> Callable[[F], F]:
    """Declare a test as a case. Its docstring is what the published table says."""

    def declared(function: F) -> F:
        marked: F = pytest.mark.case(level, section)(function)
        return marked

    return declared
