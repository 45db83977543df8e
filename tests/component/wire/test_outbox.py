"""The outbox: what is queued is sent once, in order within its room, and survives what can go wrong."""

from __future__ import annotations

import asyncio

import pytest

from bridge.matrix import outbox as sender
from bridge.matrix.errors import ForbiddenError, TokenRejectedError, UnreachableError
from bridge.store.engine import write_behind
from bridge.store.engine.store import Store
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import OutboxMessage
from bridge.store.queues import outbox as rows
from bridge.store.queues.outbox import Said, enqueue, transaction_id
from tests.component.wire.traffic import BOT, GIVE_UP_SECONDS, Takes, make_outbox, settings, until

A, B = "!a:localhost", "!b:localhost"
DOWN = UnreachableError("PUT /send", 0, "M_UNKNOWN", "connection lost")


def queue(unit: Unit, *bodies: str, room_id: str = A, who: str = BOT) -> None:
    for body in bodies:
        enqueue(unit, body, room_id, who, "m.room.message", {"msgtype": "m.notice", "body": body})


def statuses(unit: ReadUnit) -> list[str]:
    return [row.status for row in unit.all(OutboxMessage.select().order_by(OutboxMessage.position))]


async def sent_and_marked(store: Store, count: int) -> None:
    def marked(unit: ReadUnit) -> bool:
        return unit.count(OutboxMessage.select().where(OutboxMessage.status == "sent")) >= count

    async with asyncio.timeout(GIVE_UP_SECONDS):
        while not await store.run(marked):
            pass


@pytest.fixture(autouse=True)
def mark_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_behind, "TOGETHER_SECONDS", 0.0)


async def test_what_is_committed_is_sent_without_being_asked_for(store: Store) -> None:
    homeserver = Takes()
    outbox = make_outbox(store, homeserver)
    await outbox.start()
    await store.run(queue, "one", "two")
    await sent_and_marked(store, 2)
    assert homeserver.rooms == {A: ["one", "two"]}
    kept = await store.run(
        lambda unit: [(bytes(row.content), row.sent_at is not None) for row in unit.all(OutboxMessage.select())]
    )
    assert kept == [(b"", True), (b"", True)]
    await outbox.stop()


async def test_what_was_left_is_sent_at_the_next_start_before_what_is_new(store: Store) -> None:
    await store.run(queue, *(f"{n:04}" for n in range(30)))
    homeserver = Takes()
    outbox = make_outbox(store, homeserver)
    await outbox.start()
    await store.run(queue, "new")
    await sent_and_marked(store, 31)
    assert homeserver.rooms[A] == [*(f"{n:04}" for n in range(30)), "new"]
    await outbox.stop()


async def test_more_than_a_page_is_sent_in_order_while_more_is_queued(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "ROWS_AT_ONCE", 10)
    homeserver = Takes()
    outbox = make_outbox(store, homeserver)
    await store.run(queue, *(f"{n:04}" for n in range(95)))
    await outbox.start()
    for n in range(95, 150):
        await store.run(queue, f"{n:04}")
        assert len(outbox) <= 20
    await sent_and_marked(store, 150)
    assert homeserver.rooms[A] == [f"{n:04}" for n in range(150)]
    assert len(homeserver.requests) == 150
    await outbox.stop()


async def test_the_same_key_and_sender_are_queued_once(store: Store) -> None:
    await store.run(queue, "one", "one")
    await store.run(queue, "one")
    assert await store.run(statuses) == ["waiting"]


async def test_two_senders_with_the_same_key_send_two_messages(store: Store) -> None:
    homeserver = Takes()
    outbox = make_outbox(store, homeserver)
    await outbox.start()
    await store.run(queue, "same", who="@robin:localhost")
    await store.run(queue, "same", who="@wei:localhost")
    await sent_and_marked(store, 2)
    assert homeserver.rooms[A] == ["same", "same"]
    await outbox.stop()


def test_a_txn_id_is_the_same_at_every_run_and_fits_in_a_path() -> None:
    made = transaction_id("$event/reply", BOT)
    assert made.isalnum()
    assert made == transaction_id("$event/reply", BOT)
    assert len({transaction_id(key, who) for key in "ab" for who in "xy"} | {transaction_id("a\nb", "x")}) == 5


async def test_a_unit_that_is_undone_sends_nothing(store: Store) -> None:
    homeserver = Takes()
    outbox = make_outbox(store, homeserver)
    await outbox.start()

    def work(unit: Unit) -> None:
        queue(unit, "never")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await store.run(work)
    await store.run(queue, "after")
    await sent_and_marked(store, 1)
    assert homeserver.rooms == {A: ["after"]}
    await outbox.stop()


async def test_rooms_are_sent_to_side_by_side_up_to_the_bound(store: Store) -> None:
    homeserver = Takes()
    outbox = make_outbox(store, homeserver)

    def work(unit: Unit) -> None:
        for n in range(40):
            queue(unit, f"{n}", room_id=f"!{n % 20}:localhost")

    await store.run(work)
    await outbox.start()
    await sent_and_marked(store, 40)
    assert homeserver.most_under_way == 4
    assert all(int(bodies[0]) < int(bodies[1]) for bodies in homeserver.rooms.values())
    await outbox.stop()


async def test_a_homeserver_that_is_down_uses_up_no_attempt(store: Store) -> None:
    homeserver = Takes()
    homeserver.fail = lambda body: DOWN if len(homeserver.requests) < 30 else None
    outbox = make_outbox(store, homeserver, max_attempts=2)
    await outbox.start()
    await store.run(queue, "one", "two")
    await sent_and_marked(store, 2)
    assert homeserver.rooms == {A: ["one", "two"]}
    await outbox.stop()


async def test_a_message_that_is_refused_becomes_a_dead_letter_and_the_next_goes_on(store: Store) -> None:
    homeserver = Takes()
    refused = ForbiddenError("PUT /send", 403, "M_FORBIDDEN", "not in the room")
    homeserver.fail = lambda body: refused if body == "one" else None
    outbox = make_outbox(store, homeserver, max_attempts=3)
    await outbox.start()
    await store.run(queue, "one", "two")
    await sent_and_marked(store, 1)
    assert homeserver.requests == [(A, "one")] * 3 + [(A, "two")]
    (letter,) = await store.run(rows.dead_letters)
    assert (letter.attempts, letter.error) == (3, "ForbiddenError: PUT /send: 403 M_FORBIDDEN: not in the room")

    homeserver.fail = lambda body: None
    assert await store.run(rows.replay) == 1
    outbox.refresh()
    await sent_and_marked(store, 2)
    assert homeserver.rooms == {A: ["two", "one"]}
    await outbox.stop()


async def test_a_rejected_token_is_told_and_nothing_is_lost_meanwhile(store: Store) -> None:
    homeserver = Takes()
    homeserver.fail = lambda body: TokenRejectedError("PUT /send", 401, "M_UNKNOWN_TOKEN", "unknown token")
    outbox = make_outbox(store, homeserver, max_attempts=2)
    await outbox.start()
    await store.run(queue, "one")
    await until(lambda: len(homeserver.requests) > 5)
    assert "appservice.as_token" in outbox.stopped_because
    homeserver.fail = lambda body: None
    await sent_and_marked(store, 1)
    assert outbox.stopped_because == ""
    await outbox.stop()


async def test_a_refresh_sends_nothing_again(store: Store) -> None:
    homeserver = Takes()
    outbox = make_outbox(store, homeserver)
    await outbox.start()
    for n in range(50):
        await store.run(queue, str(n), room_id=f"!{n % 3}:localhost")
        outbox.refresh()
    await sent_and_marked(store, 50)
    assert len(homeserver.requests) == 50
    await outbox.stop()


async def test_a_message_sent_but_not_marked_is_sent_again_as_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_behind, "TOGETHER_SECONDS", 3600.0)
    monkeypatch.setattr(write_behind.WriteBehind, "write", _never)
    homeserver = Takes()
    before = make_outbox(store, homeserver)
    await before.start()
    await store.run(queue, "one")
    await until(lambda: homeserver.requests)
    await before.stop()
    monkeypatch.undo()
    after = make_outbox(store, homeserver)
    await after.start()
    await until(lambda: len(homeserver.requests) == 2)
    assert homeserver.rooms == {A: ["one"]}
    await after.stop()


async def _never(waiting: object) -> None:
    """Stands for a crash before the mark."""


async def test_what_was_sent_is_marked_when_the_bridge_stops(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_behind, "TOGETHER_SECONDS", 3600.0)
    homeserver = Takes()
    outbox = make_outbox(store, homeserver)
    await outbox.start()
    await store.run(queue, "one")
    await until(lambda: homeserver.requests)
    await outbox.stop()
    assert await store.run(statuses) == ["sent"]


async def test_messages_sent_are_forgotten_after_their_time_and_others_are_not(store: Store) -> None:
    homeserver = Takes()
    outbox = make_outbox(store, homeserver, keep_days=14)
    await outbox.start()
    await store.run(queue, "old", "new")
    await sent_and_marked(store, 2)
    await outbox.stop()
    old = transaction_id("old", BOT)
    await store.run(lambda unit: unit.run(OutboxMessage.update(sent_at=1).where(OutboxMessage.txn_id == old)))
    await store.run(queue, "waiting")
    assert await outbox.forget_sent() == 1
    assert await store.run(statuses) == ["sent", "waiting"]


# Past the rows


def said(body: str, room_id: str = A) -> Said:
    return Said(body, room_id, BOT, "m.room.message", {"msgtype": "m.notice", "body": body})


async def test_what_is_said_goes_out_at_once_and_is_the_same_message_when_it_is_queued_too(store: Store) -> None:
    homeserver = Takes()
    outbox = make_outbox(store, homeserver)
    await outbox.start()
    await until(lambda: outbox.caught_up)
    assert await outbox.say(said("one"))
    assert await store.run(statuses) == []
    await store.run(queue, "one", "two")
    await sent_and_marked(store, 2)
    assert homeserver.rooms == {A: ["one", "two"]}
    await outbox.stop()


async def test_nothing_is_said_before_what_waits_in_its_room(store: Store) -> None:
    homeserver = Takes()
    outbox = make_outbox(store, homeserver, pause=lambda attempt: 3600)
    await store.run(queue, "left")
    assert not await outbox.say(said("before it is known what was left"))
    homeserver.fail = lambda body: UnreachableError("PUT", 502, "M_UNKNOWN", "away") if body == "left" else None
    await outbox.start()
    await until(lambda: ("!a:localhost", "left") in homeserver.requests and outbox.caught_up)
    assert not await outbox.say(said("behind it"))
    assert await outbox.say(said("elsewhere", "!b:localhost"))
    assert homeserver.rooms == {"!b:localhost": ["elsewhere"]}
    await outbox.stop()


@pytest.mark.parametrize(
    "error",
    [
        UnreachableError("PUT", 0, "M_UNKNOWN", "away"),
        ForbiddenError("PUT", 403, "M_FORBIDDEN", "No"),
        ValueError("odd"),
    ],
)
async def test_what_cannot_be_said_is_told_to_be_so(store: Store, error: Exception) -> None:
    homeserver = Takes()
    homeserver.fail = lambda body: error
    outbox = make_outbox(store, homeserver)
    await outbox.start()
    await until(lambda: outbox.caught_up)
    assert not await outbox.say(said("one"))
    await outbox.stop()


async def test_no_more_is_said_at_a_time_than_the_homeserver_is_asked_for(store: Store) -> None:
    homeserver = Takes()
    outbox = make_outbox(store, homeserver)
    await outbox.start()
    await until(lambda: outbox.caught_up)
    all_of_them = await asyncio.gather(*(outbox.say(said(str(n), f"!{n}:localhost")) for n in range(100)))
    assert all(all_of_them)
    assert homeserver.most_under_way == settings().homeserver.concurrency
    await outbox.stop()
