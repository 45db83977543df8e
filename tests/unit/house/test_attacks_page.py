"""The attempts as they are declared: enough of them, each once, and on the page (sixty at least)."""

from __future__ import annotations

from tests.synapse.attacks.page import FILE, page
from tests.synapse.attacks.table import DECLARED


def test_the_page_of_attempts_is_what_is_tried() -> None:
    assert FILE.read_text(encoding="utf-8") == page()


def test_each_attempt_is_declared_once_and_there_are_sixty_at_least() -> None:
    names = [(one.who, one.name) for one in DECLARED]
    assert len(names) == len(set(names)) >= 60
    assert len({one.steps.__repr__() for one in DECLARED}) >= 60


def test_the_guard_stops_what_is_stopped_without_it_but_for_one_known_thing() -> None:
    weaker = {one.name for one in DECLARED if one.bare.stopped and not one.guarded.stopped}
    # Channels in the room directory need a join rule that Synapse shows to everybody (docs/security.md).
    assert weaker == {"asks for a channel's summary, which has its name"}
