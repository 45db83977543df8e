"""What a person did before they asked is known when they are answered, though it was done in another room."""

from __future__ import annotations

import asyncio

import pytest

from bridge import own_before
from bridge.handlers.inbox import Inbox
from bridge.own_before import OwnBefore, TooEarlyError
from bridge.store.engine.store import Store
from tests.component.wire.traffic import Json, event, make_inbox, until

DID, ASKED, ROOM, CHAT = "did", "asked", "!room:localhost", "!chat:localhost"


class Handling:
    """Handles what somebody did once `go_on` is set, and what they asked once that is settled."""

    def __init__(self, store: Store) -> None:
        self.done: list[str] = []
        self.begun: list[str] = []
        self.go_on = asyncio.Event()
        self.fails = False
        self.own_before = OwnBefore()
        self.inbox: Inbox = make_inbox(store, self.handle, lambda _: 3600.0, own_before=self.own_before)

    async def handle(self, given: Json) -> None:
        event_id, body = given["event_id"], given["content"]["body"]
        self.begun.append(event_id)
        if body == ASKED:
            self.own_before.settle(event_id)
        else:
            await self.go_on.wait()
            if self.fails:
                raise RuntimeError
        self.done.append(event_id)


async def test_a_question_waits_for_what_its_asker_did_in_another_room(store: Store) -> None:
    handling = Handling(store)
    await handling.inbox.accept([event("$did", ROOM, body=DID)])
    await handling.inbox.accept([event("$asked", CHAT, body=ASKED)])
    await until(lambda: handling.begun.count("$asked") > 1)
    assert handling.done == []
    handling.go_on.set()
    await until(lambda: not len(handling.inbox))
    assert handling.done == ["$did", "$asked"]
    assert len(handling.own_before) == 0


async def test_nobody_waits_for_what_others_did_or_for_what_came_later(store: Store) -> None:
    handling = Handling(store)
    others = {**event("$other", ROOM, body=DID), "sender": "@sam:localhost"}
    await handling.inbox.accept([others, event("$asked", CHAT, body=ASKED), event("$later", ROOM, body=DID)])
    await until(lambda: handling.done)
    assert handling.done == ["$asked"]
    handling.go_on.set()
    await until(lambda: not len(handling.inbox))


async def test_what_failed_once_holds_up_no_answer(store: Store) -> None:
    handling = Handling(store)
    handling.fails = True
    handling.go_on.set()
    await handling.inbox.accept([event("$did", ROOM, body=DID), event("$asked", CHAT, body=ASKED)])
    await until(lambda: handling.done)
    assert handling.done == ["$asked"]


async def test_what_takes_long_holds_up_no_answer_for_long(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    handling = Handling(store)
    monkeypatch.setattr(own_before, "WAIT_SECONDS", 0.0)
    await handling.inbox.accept([event("$did", ROOM, body=DID), event("$asked", CHAT, body=ASKED)])
    await until(lambda: handling.done)
    assert handling.done == ["$asked"]
    handling.go_on.set()
    await until(lambda: not len(handling.inbox))


async def test_a_question_asked_again_by_the_homeserver_is_answered_once(store: Store) -> None:
    handling = Handling(store)
    handling.go_on.set()
    both = [event("$did", ROOM, body=DID), event("$asked", CHAT, body=ASKED)]
    await handling.inbox.accept(both)
    await handling.inbox.accept(both)
    await until(lambda: not len(handling.inbox))
    assert (handling.done, len(handling.own_before)) == (["$did", "$asked"], 0)


def test_only_what_somebody_did_themselves_before_is_waited_for() -> None:
    own = OwnBefore()
    own.settle("$unknown")
    own.arrived("$1", "@ann:localhost")
    own.arrived("$other", "@ben:localhost")
    own.arrived("$2", "@ann:localhost")
    own.settle("$1")
    own.settle("$other")
    with pytest.raises(TooEarlyError):
        own.settle("$2")
    own.tried("$1")
    own.settle("$2")
