"""What failed is tried again, later and later, and told without what people call it."""

from __future__ import annotations

from bridge.matrix.errors import UnreachableError
from bridge.reconcile.again import Again, account, room
from bridge.reconcile.rooms.context import StepError
from tests.fakes.clock import Clock

BROKEN = UnreachableError("GET /rooms/!x/state", 500, "M_UNKNOWN", "broken")


def test_the_distances_grow_up_to_an_hour_and_begin_anew_once_it_is_well() -> None:
    clock = Clock()
    again = Again(clock)
    waits = []
    for _ in range(13):
        again.failed(room("k"), BROKEN)
        begun = clock.now
        while not again.due():
            clock.now += 1
        waits.append(clock.now - begun)
    assert waits[:4] == [5, 10, 20, 40]
    assert waits[-1] == 3600
    again.done(room("k"))
    assert not again.due() and again.words() == "" and len(again) == 0
    again.failed(room("k"), BROKEN)
    clock.now += 5
    assert again.due() == (room("k"),)


def test_each_is_due_by_itself_and_all_at_once_when_hurried() -> None:
    clock = Clock()
    again = Again(clock)
    again.failed(room("k"), BROKEN)
    clock.now += 3
    again.failed(account("a"), BROKEN)
    clock.now += 2
    assert again.due() == (room("k"),)
    again.hurry()
    assert set(again.due()) == {room("k"), account("a")}


def test_M3_health_names_rooms_by_their_keys_and_says_what_the_homeserver_answers() -> None:
    again = Again(Clock())
    error = StepError("Add @ann:localhost to 2026-0042 Estate of Orla Quill. refused")
    error.__cause__ = BROKEN
    for number in range(5):
        again.failed(room(f"matter-{number}"), error)
    again.failed(account("a"), StepError("It waits for Orla Quill"))
    told = again.words()
    assert "1 account (a), 5 rooms (matter-0, matter-1, matter-2 and 2 more)" in told
    assert "500 M_UNKNOWN" in told and "next in 5 seconds" in told
    assert "Quill" not in told and "ann" not in told
