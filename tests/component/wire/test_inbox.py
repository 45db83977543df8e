"""The inbox: every event handled once, in order within its room, and none forgotten or in the way of others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from unittest.mock import patch

import pytest

from bridge.handlers.inbox import Effect, Inbox
from bridge.matrix.errors import ForbiddenError, TokenRejectedError, UnreachableError
from bridge.store.engine.store import Store, StoreError
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import InboxEvent, OutboxMessage
from bridge.store.queues import inbox as rows
from tests.component.conftest import database_of
from tests.component.wire.traffic import Json, event, make_inbox, reply, reply_to, until

DOWN = UnreachableError("PUT /send", 0, "M_UNKNOWN", "connection lost")


class Handled:
    """A handler that notes what it is given, and does as told."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.fail: Callable[[str], Exception | None] = lambda event_id: None

    async def __call__(self, given: Json) -> Effect | None:
        self.ids.append(given["event_id"])
        await asyncio.sleep(0)
        if (error := self.fail(given["event_id"])) is not None:
            raise error
        return reply_to(given)


def statuses(unit: ReadUnit) -> dict[str, str]:
    return {row.event_id: row.status for row in unit.all(InboxEvent.select())}


async def test_an_event_is_handled_and_its_body_forgotten(store: Store) -> None:
    handle = Handled()
    inbox = make_inbox(store, handle)
    assert await inbox.accept([event("$1", body="!ping secret")]) == 1
    await until(lambda: not len(inbox))
    assert handle.ids == ["$1"]
    kept = await store.run(lambda unit: [(row.status, bytes(row.body)) for row in unit.all(InboxEvent.select())])
    assert kept == [("handled", b"")]


async def test_the_same_event_twice_in_one_transaction_is_handled_once(store: Store) -> None:
    handle = Handled()
    inbox = make_inbox(store, handle)
    assert await inbox.accept([event("$1"), event("$2"), event("$1")]) == 2
    await until(lambda: not len(inbox))
    assert handle.ids == ["$1", "$2"]


async def test_what_comes_at_the_moment_of_a_start_is_handled_behind_what_waited(store: Store) -> None:
    handle, loop = Handled(), asyncio.get_running_loop()
    inbox = make_inbox(store, handle)
    inbox.hold()
    await inbox.accept([event("$1")])
    entered, go_on = asyncio.Event(), threading.Event()

    def keep_busy(unit: Unit) -> None:
        loop.call_soon_threadsafe(entered.set)
        go_on.wait(10)

    busy = asyncio.create_task(store.run(keep_busy))
    await entered.wait()
    accepting = asyncio.create_task(inbox.accept([event("$2")]))
    await asyncio.sleep(0)
    starting = asyncio.create_task(inbox.start())
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(busy, accepting, starting)
    await until(lambda: not len(inbox))
    assert handle.ids == ["$1", "$2"]


async def test_an_event_that_cannot_be_stored_does_not_keep_the_others_of_its_transaction_out(store: Store) -> None:
    handle, deep = Handled(), event("$2")
    for _ in range(500):
        deep["content"] = {"deeper": deep["content"]}
    inbox = make_inbox(store, handle)
    assert await inbox.accept([event("$1"), deep, event("$3")]) == 2
    await until(lambda: not len(inbox))
    assert handle.ids == ["$1", "$3"]


async def test_the_same_event_in_two_transactions_is_handled_once(store: Store) -> None:
    handle = Handled()
    inbox = make_inbox(store, handle)
    await inbox.accept([event("$1")])
    assert await inbox.accept([event("$1"), event("$2")]) == 1
    await until(lambda: not len(inbox))
    assert await inbox.accept([event("$1")]) == 0
    assert handle.ids == ["$1", "$2"]


async def test_the_same_event_after_a_restart_of_the_bridge_is_handled_once(store: Store) -> None:
    handle = Handled()
    before = make_inbox(store, handle)
    await before.accept([event("$1")])
    await until(lambda: not len(before))
    await before.stop()
    after = make_inbox(store, handle)
    await after.start()
    assert await after.accept([event("$1")]) == 0
    assert handle.ids == ["$1"]


async def test_events_of_a_room_are_handled_in_order_one_after_the_other(store: Store) -> None:
    order: list[str] = []
    busy: set[str] = set()

    async def handle(given: Json) -> None:
        room = given["room_id"]
        assert room not in busy
        busy.add(room)
        await asyncio.sleep(0)
        order.append(given["event_id"])
        busy.remove(room)

    inbox = make_inbox(store, handle)
    for start in range(0, 60, 20):
        await inbox.accept([event(f"${n:02}", f"!{n % 3}:localhost") for n in range(start, start + 20)])
    await until(lambda: not len(inbox))
    for room in range(3):
        of_room = [event_id for event_id in order if int(event_id[1:]) % 3 == room]
        assert of_room == sorted(of_room)
    assert len(order) == 60


async def test_a_room_that_takes_long_does_not_hold_up_another(store: Store) -> None:
    release, done = asyncio.Event(), []

    async def handle(given: Json) -> None:
        if given["room_id"] == "!slow:localhost":
            await release.wait()
        done.append(given["event_id"])

    inbox = make_inbox(store, handle)
    await inbox.accept([event("$1", "!slow:localhost"), event("$2", "!fast:localhost")])
    await until(lambda: done == ["$2"])
    release.set()
    await until(lambda: done == ["$2", "$1"])


async def test_more_rooms_than_are_worked_on_at_once_all_come_to_their_turn(store: Store) -> None:
    handle = Handled()
    inbox = make_inbox(store, handle)
    await inbox.accept([event(f"${n}", f"!{n}:localhost") for n in range(300)])
    await until(lambda: not len(inbox))
    assert len(set(handle.ids)) == 300


async def test_a_handler_that_always_fails_makes_a_dead_letter_and_later_events_go_on(store: Store) -> None:
    handle = Handled()
    handle.fail = lambda event_id: ValueError("the client's secret words") if event_id == "$1" else None
    inbox = make_inbox(store, handle, max_attempts=3)
    await inbox.accept([event("$1"), event("$2")])
    await until(lambda: not len(inbox))
    assert handle.ids == ["$1", "$1", "$1", "$2"]
    (letter,) = await store.run(rows.dead_letters)
    assert (letter.event_id, letter.attempts) == ("$1", 3)
    assert letter.error.startswith("ValueError at ")


async def test_what_people_wrote_is_in_no_log_line(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    async def handle(given: Json) -> None:
        raise ValueError(given["content"]["body"])

    inbox = make_inbox(store, handle, max_attempts=2)
    await inbox.accept([event("$1", body="!ping privileged")])
    await until(lambda: not len(inbox))
    written = capsys.readouterr()
    assert "event_dead" in written.out + written.err
    assert "privileged" not in written.out + written.err


async def test_the_pause_grows_with_each_attempt_and_is_per_room(store: Store) -> None:
    asked: list[int] = []
    handle = Handled()
    handle.fail = lambda event_id: ValueError("no")

    def pause(attempt: int) -> float:
        asked.append(attempt)
        return 0.0

    inbox = make_inbox(store, handle, pause, max_attempts=4)
    await inbox.accept([event("$1")])
    await until(lambda: not len(inbox))
    assert asked == [1, 2, 3]


@pytest.mark.parametrize(
    "error",
    [
        DOWN,
        UnreachableError("PUT /send", 502, "M_UNKNOWN", "bad gateway"),
        TokenRejectedError("PUT /send", 401, "M_UNKNOWN_TOKEN", "unknown token"),
        StoreError("The disk is full."),
    ],
)
async def test_an_absent_homeserver_or_database_uses_up_no_attempt(store: Store, error: Exception) -> None:
    handle = Handled()
    handle.fail = lambda event_id: error if len(handle.ids) < 20 else None
    inbox = make_inbox(store, handle, max_attempts=3)
    await inbox.accept([event("$1")])
    await until(lambda: not len(inbox))
    assert len(handle.ids) == 20
    assert await store.run(statuses) == {"$1": "handled"}


@pytest.mark.parametrize(
    "error",
    [
        UnreachableError("PUT /send", 500, "M_UNKNOWN", "internal server error"),
        ForbiddenError("PUT /send", 403, "M_FORBIDDEN", "not in the room"),
    ],
)
async def test_a_request_that_the_homeserver_cannot_or_will_not_do_uses_up_attempts(
    store: Store, error: Exception
) -> None:
    handle = Handled()
    handle.fail = lambda event_id: error
    inbox = make_inbox(store, handle, max_attempts=3)
    await inbox.accept([event("$1")])
    await until(lambda: not len(inbox))
    assert await store.run(statuses) == {"$1": "dead"}


async def test_a_dead_letter_let_wait_by_another_process_is_found_and_handled(store: Store) -> None:
    handle = Handled()
    handle.fail = lambda event_id: ValueError("no")
    inbox = make_inbox(store, handle, max_attempts=1)
    await inbox.accept([event("$1"), event("$2")])
    await until(lambda: not len(inbox))
    first = (await store.run(rows.dead_letters))[0]
    handle.fail = lambda event_id: None
    handle.ids.clear()
    assert await store.run(rows.replay, [first.position]) == 1
    await inbox.refresh()
    await until(lambda: not len(inbox))
    assert handle.ids == ["$1"]
    assert await store.run(rows.replay) == 1
    await inbox.refresh()
    await until(lambda: not len(inbox))
    assert handle.ids == ["$1", "$2"]
    assert await store.run(rows.dead_letters) == []


async def test_a_refresh_does_not_take_up_what_is_being_handled(store: Store) -> None:
    release, ids = asyncio.Event(), []

    async def handle(given: Json) -> None:
        ids.append(given["event_id"])
        await release.wait()

    inbox = make_inbox(store, handle)
    await inbox.accept([event("$1")])
    await until(lambda: ids)
    await inbox.refresh()
    release.set()
    await until(lambda: not len(inbox))
    assert ids == ["$1"]


async def test_what_an_event_caused_is_stored_with_its_mark_or_not_at_all(store: Store) -> None:
    def bad_effect(given: Json) -> Effect:
        def effect(unit: Unit) -> None:
            reply_to(given)(unit)
            raise RuntimeError("after the reply was queued")

        return effect

    async def handle(given: Json) -> Effect:
        return bad_effect(given)

    inbox = make_inbox(store, handle, max_attempts=1)
    await inbox.accept([event("$1")])
    await until(lambda: not len(inbox))
    assert await store.run(statuses) == {"$1": "dead"}
    assert await store.run(lambda unit: unit.count(OutboxMessage.select())) == 0


async def test_an_event_handled_again_causes_nothing_a_second_time(store: Store) -> None:
    """As after a crash between the two, or by a second bridge on the same database."""
    inbox = make_inbox(store, reply)
    await inbox.accept([event("$1")])
    await until(lambda: not len(inbox))
    await store.run(lambda unit: unit.run(OutboxMessage.delete()))
    await store.run(lambda unit: unit.run(InboxEvent.update(body=b"{}")))
    inbox.take_up([rows.WaitingEvent("$1", "!a:localhost", b'{"event_id":"$1","room_id":"!a:localhost"}', 0)])
    await until(lambda: not len(inbox))
    assert await store.run(lambda unit: unit.count(OutboxMessage.select())) == 0


async def test_a_commit_that_failed_leaves_no_effect_and_the_events_can_come_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Handling begins before the commit; when that fails, the homeserver sends the same events again."""
    database, handle = await database_of(store), Handled()

    def refuse() -> None:
        monkeypatch.undo()
        raise StoreError("The disk is full.")

    inbox = make_inbox(store, handle)
    monkeypatch.setattr(database, "commit", refuse)
    with pytest.raises(StoreError):
        await inbox.accept([event("$1"), event("$2")])
    await until(lambda: not len(inbox))
    assert await store.run(lambda unit: unit.count(OutboxMessage.select())) == 0
    assert await inbox.accept([event("$1"), event("$2")]) == 2
    await until(lambda: not len(inbox))
    assert await store.run(lambda unit: unit.count(OutboxMessage.select())) == 2


async def test_events_left_when_the_bridge_stopped_are_handled_at_the_next_start(store: Store) -> None:
    async def never(given: Json) -> None:
        await asyncio.Event().wait()

    before = make_inbox(store, never)
    await before.accept([event(f"${n}") for n in range(5)])
    await _stop_at_once(before)
    handle = Handled()
    after = make_inbox(store, handle)
    await after.start()
    await until(lambda: not len(after))
    assert handle.ids == [f"${n}" for n in range(5)]


async def _stop_at_once(inbox: Inbox) -> None:
    with patch("bridge.handlers.inbox.STOP_SECONDS", 0):
        await inbox.stop()


async def test_stopping_lets_the_event_under_way_come_to_its_end(store: Store) -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    async def handle(given: Json) -> None:
        entered.set()
        await release.wait()

    inbox = make_inbox(store, handle)
    await inbox.accept([event("$1"), event("$2")])
    await entered.wait()
    stopping = asyncio.create_task(inbox.stop())
    await asyncio.sleep(0)
    release.set()
    await stopping
    assert await store.run(statuses) == {"$1": "handled", "$2": "waiting"}


async def test_no_more_events_are_taken_than_fit_under_the_bound(store: Store) -> None:
    release = asyncio.Event()

    async def handle(given: Json) -> None:
        await release.wait()

    inbox = make_inbox(store, handle, max_waiting=100)
    await inbox.room_for(100)
    await inbox.accept([event(f"${n}") for n in range(95)])
    await inbox.room_for(5)
    waiting = asyncio.create_task(inbox.room_for(6))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    release.set()
    await waiting


async def test_more_events_at_once_than_the_bound_wait_for_an_empty_inbox(store: Store) -> None:
    release = asyncio.Event()

    async def handle(given: Json) -> None:
        await release.wait()

    inbox = make_inbox(store, handle, max_waiting=100)
    await inbox.room_for(1000)
    await inbox.accept([event("$1")])
    waiting = asyncio.create_task(inbox.room_for(1000))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    release.set()
    await waiting


async def test_a_thousand_events_in_one_transaction_are_stored(store: Store) -> None:
    handle = Handled()
    inbox = make_inbox(store, handle)
    assert await inbox.accept([event(f"${n:04}", f"!{n % 7}:localhost") for n in range(1200)]) == 1200
    await until(lambda: not len(inbox))
    assert sorted(handle.ids) == [f"${n:04}" for n in range(1200)]


async def test_events_older_than_the_bridge_remembers_are_left_out(store: Store) -> None:
    handle = Handled()
    inbox = make_inbox(store, handle, keep_days=14)
    assert await inbox.accept([event("$old", age_days=15), event("$new", age_days=13)]) == 1
    await until(lambda: not len(inbox))
    assert handle.ids == ["$new"]


async def test_events_handled_are_forgotten_after_their_time_and_dead_letters_are_not(store: Store) -> None:
    handle = Handled()
    handle.fail = lambda event_id: ValueError("no") if event_id == "$dead" else None
    inbox = make_inbox(store, handle, max_attempts=1, keep_days=14)
    await inbox.accept([event("$old"), event("$dead"), event("$new")])
    await until(lambda: not len(inbox))
    await store.run(lambda unit: unit.run(InboxEvent.update(received_at=1).where(InboxEvent.event_id != "$new")))
    assert await inbox.forget_handled() == 1
    assert await store.run(statuses) == {"$dead": "dead", "$new": "handled"}
