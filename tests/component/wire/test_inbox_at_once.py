"""What can be answered from memory is answered at once, never before what waits in its room, and once."""

from __future__ import annotations

import asyncio

import pytest

from bridge.firm.conversation import Conversation, ConversationKind
from bridge.handlers.at_once import FromMemory
from bridge.handlers.inbox import Effect, Inbox
from bridge.store.engine import write_behind
from bridge.store.engine.store import Store, StoreError
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import InboxEvent, OutboxMessage
from bridge.store.queues.outbox import Said
from bridge.store.rooms.accounts import add_accounts
from bridge.store.rooms.conversations import NewConversation, add_conversations, are_in
from tests.component.conftest import database_of
from tests.component.wire.traffic import BOT, Json, event, make_inbox, reply_to, until

TALK = Conversation("talk", ConversationKind.CHANNEL, "Talk", participants=frozenset({"robin"}))
QUICK, SLOW = "!ping", "!matter list"


@pytest.fixture(autouse=True)
async def talk(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A conversation with Robin in it; what was answered is marked as soon as can be."""
    monkeypatch.setattr(write_behind, "TOGETHER_SECONDS", 0.0)

    def rows(unit: Unit) -> None:
        add_accounts(unit, {"robin": "robin", "sam": "sam"})
        add_conversations(unit, [NewConversation(TALK)])

    await store.run(rows)


class Answers:
    """Answers messages that begin with !ping at once and all others in their turn, and notes what went which way."""

    def __init__(self, staff_id: str = "robin") -> None:
        self.said: list[str] = []
        self.handled: list[str] = []
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.reachable = True
        self._staff_id = staff_id

    def quick(self, given: Json) -> FromMemory | None:
        if not given["content"]["body"].startswith(QUICK):
            return None
        content = {"msgtype": "m.notice", "body": given["event_id"]}
        said = Said(f"{given['event_id']}/reply", given["room_id"], BOT, "m.room.message", content)
        return FromMemory("talk", self._staff_id, lambda: said)

    async def say(self, said: Said) -> bool:
        await self.go_on.wait()
        if self.reachable:
            self.said.append(said.content["body"])
        return self.reachable

    async def handle(self, given: Json) -> Effect | None:
        await self.go_on.wait()
        self.handled.append(given["event_id"])
        return reply_to(given)

    async def inbox(self, store: Store) -> Inbox:
        inbox = make_inbox(store, self.handle, quick=self.quick, say=self.say)
        await inbox.start()
        return inbox


def statuses(unit: ReadUnit) -> dict[str, tuple[str, bytes]]:
    return {
        row.event_id: (row.status, bytes(row.body))
        for row in unit.all(InboxEvent.select().order_by(InboxEvent.position))
    }


def queued(unit: ReadUnit) -> list[str]:
    rows = OutboxMessage.select().order_by(OutboxMessage.position)
    return [bytes(row.content).decode().rpartition("to ")[2].rstrip('"}') for row in unit.all(rows)]


async def all_marked(store: Store) -> None:
    while any(status == "waiting" for status, _ in (await store.run(statuses)).values()):
        pass


async def test_it_is_sent_without_being_queued_and_marked_a_moment_later(store: Store) -> None:
    answers = Answers()
    inbox = await answers.inbox(store)
    assert await inbox.accept([event("$1"), event("$2", "!b:localhost")]) == 2
    await all_marked(store)
    assert await store.run(statuses) == {"$1": ("handled", b""), "$2": ("handled", b"")}
    assert await store.run(queued) == []
    assert (sorted(answers.said), answers.handled, len(inbox)) == (["$1", "$2"], [], 0)


async def test_a_repeated_transaction_causes_nothing_a_second_time(store: Store) -> None:
    answers = Answers()
    inbox = await answers.inbox(store)
    assert await inbox.accept([event("$1"), event("$1")]) == 1
    assert await inbox.accept([event("$1"), event("$2", "!b:localhost")]) == 1
    await until(lambda: not len(inbox))
    assert answers.said == ["$1", "$2"]


async def test_it_waits_behind_what_waits_in_its_room_and_for_no_other_room(store: Store) -> None:
    answers = Answers()
    inbox = await answers.inbox(store)
    answers.go_on.clear()
    await inbox.accept([event("$1", body=SLOW), event("$2"), event("$3", "!b:localhost")])
    await inbox.accept([event("$4")])
    answers.go_on.set()
    await until(lambda: not len(inbox))
    assert (answers.said, answers.handled) == (["$3"], ["$1", "$2", "$4"])
    await inbox.accept([event("$5")])
    await until(lambda: not len(inbox))
    assert answers.said == ["$3", "$5"]


async def test_one_that_comes_while_another_is_being_sent_is_handled_after_it(store: Store) -> None:
    answers = Answers()
    inbox = await answers.inbox(store)
    answers.go_on.clear()
    await inbox.accept([event("$1"), event("$2")])
    answers.go_on.set()
    await until(lambda: not len(inbox))
    assert (answers.said, answers.handled) == (["$1"], ["$2"])


async def test_before_what_was_left_is_taken_up_nothing_is_answered_at_once(store: Store) -> None:
    answers = Answers()
    inbox = make_inbox(store, answers.handle, quick=answers.quick, say=answers.say)
    await inbox.accept([event("$1")])
    await until(lambda: not len(inbox))
    assert (answers.said, answers.handled) == ([], ["$1"])


async def test_an_answer_that_cannot_be_sent_at_once_is_queued(store: Store) -> None:
    answers = Answers()
    answers.reachable = False
    inbox = await answers.inbox(store)
    await inbox.accept([event("$1")])
    await until(lambda: not len(inbox))
    assert (answers.said, answers.handled) == ([], ["$1"])
    assert await store.run(queued) == ["$1"]
    assert await store.run(statuses) == {"$1": ("handled", b"")}


async def test_D4_M3_who_is_not_in_the_conversation_is_answered_in_their_turn(store: Store) -> None:
    answers = Answers("sam")
    inbox = await answers.inbox(store)
    await inbox.accept([event("$1")])
    await until(lambda: not len(inbox))
    assert (answers.said, answers.handled) == ([], ["$1"])


@pytest.mark.parametrize("fails", ["asked", "made"])
async def test_what_fails_at_once_is_handled_in_its_turn_where_it_can_become_a_dead_letter(
    store: Store, fails: str
) -> None:
    answers = Answers()

    def fail() -> Said | None:
        raise ValueError("the client's secret words")

    def quick(given: Json) -> FromMemory | None:
        if given["event_id"] != "$2":
            return answers.quick(given)
        if fails == "asked":
            fail()
        return FromMemory("talk", "robin", fail)

    async def handle(given: Json) -> Effect | None:
        return fail if given["event_id"] == "$2" else reply_to(given)  # type: ignore[return-value]

    inbox = make_inbox(store, handle, quick=quick, say=answers.say, max_attempts=2)
    await inbox.start()
    rooms = {"$1": "!a:localhost", "$2": "!b:localhost", "$3": "!c:localhost"}
    assert await inbox.accept([event(event_id, room_id) for event_id, room_id in rooms.items()]) == 3
    await until(lambda: not len(inbox))
    await all_marked(store)
    assert sorted(answers.said) == ["$1", "$3"]
    assert {one: status for one, (status, _) in (await store.run(statuses)).items()} == {
        "$1": "handled",
        "$2": "dead",
        "$3": "handled",
    }


async def test_an_answer_may_turn_out_to_take_more(store: Store) -> None:
    answers = Answers()
    inbox = make_inbox(
        store, answers.handle, quick=lambda given: FromMemory("talk", "robin", lambda: None), say=answers.say
    )
    await inbox.start()
    await inbox.accept([event("$1")])
    await until(lambda: not len(inbox))
    assert (answers.said, answers.handled) == ([], ["$1"])


async def test_a_commit_that_failed_leaves_nothing_and_the_events_can_come_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was said meanwhile is said again with the same txn_id, which the homeserver knows."""

    def refuse() -> None:
        monkeypatch.undo()
        raise StoreError("The disk is full.")

    answers = Answers()
    inbox = await answers.inbox(store)
    monkeypatch.setattr(await database_of(store), "commit", refuse)
    with pytest.raises(StoreError):
        await inbox.accept([event("$1")])
    await until(lambda: not len(inbox))
    assert await store.run(statuses) == {}
    assert await inbox.accept([event("$1")]) == 1
    await until(lambda: not len(inbox))
    await all_marked(store)
    assert set(answers.said) == {"$1"}


async def test_what_is_answered_and_not_marked_yet_is_not_taken_up_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_behind, "TOGETHER_SECONDS", 3600.0)
    answers = Answers()
    inbox = await answers.inbox(store)
    await inbox.accept([event("$1")])
    await until(lambda: answers.said)
    await inbox.refresh()
    await until(lambda: not len(inbox))
    assert (answers.said, answers.handled) == (["$1"], [])
    assert (await store.run(statuses))["$1"][0] == "waiting"
    await inbox.stop()
    assert (await store.run(statuses))["$1"][0] == "handled"


async def test_whether_people_are_in_their_conversations(store: Store) -> None:
    everybodys = Conversation("all", ConversationKind.CHANNEL, "All", everyone=True)
    await store.run(add_conversations, [NewConversation(everybodys)])
    for asked, expected in (
        ([], True),
        ([("talk", "robin")], True),
        ([("talk", "robin"), ("all", "sam")], True),
        ([("talk", "sam")], False),
        ([("talk", "robin"), ("talk", "sam")], False),
        ([("none", "robin")], False),
    ):
        assert await store.run(are_in, asked) is expected, asked
