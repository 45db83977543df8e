"""One arrival: where an event came and who sent it is looked up once, whatever handles it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from unittest.mock import call, patch

import pytest

from bridge.handlers.reopening import WRITTEN
from bridge.mapping.event import event_of
from bridge.mapping.pins import PINNED
from bridge.store.engine.store import Store
from tests.cast import ANN, BEN
from tests.component.firm_on_fake import FirmOnFake, channel, firm_on_fake
from tests.fakes.homeserver import FakeHomeserver

FILE = {"msgtype": "m.file", "body": "a.pdf", "url": "mxc://localhost/a"}
PROGRAM = {"msgtype": "m.file", "body": "a.exe", "url": "mxc://localhost/b"}
UNLISTED = {"msgtype": "m.text", "body": "x", "url": "mxc://localhost/c"}


@pytest.fixture
async def on(fake: FakeHomeserver, store: Store) -> AsyncIterator[FirmOnFake]:
    async with firm_on_fake(fake, store) as firm:
        yield firm


def _said(on: FirmOnFake, room_id: str) -> str:
    return str(on.fake.message(room_id, on.user(ANN), "x")["event_id"])


def _share_power(on: FirmOnFake, room_id: str) -> None:
    levels = on.fake.rooms[room_id].levels
    shared = {**levels, "users": {**levels["users"], on.user(ANN): 100}}
    on.fake.put_state(room_id, on.fake.bot_id, "m.room.power_levels", "", shared)


HAPPENS: dict[str, Callable[[FirmOnFake, str], object]] = {
    "a command": lambda on, room_id: on.fake.message(room_id, on.user(ANN), "!ping"),
    "a file": lambda on, room_id: on.fake.send(room_id, on.user(ANN), "m.room.message", FILE),
    "a forbidden file": lambda on, room_id: on.fake.send(room_id, on.user(ANN), "m.room.message", PROGRAM),
    "an unlisted file": lambda on, room_id: on.fake.send(room_id, on.user(ANN), "m.room.message", UNLISTED),
    "a pin": lambda on, room_id: on.fake.put_state(room_id, on.user(ANN), PINNED, "", {"pinned": []}),
    "shared power": _share_power,
    "a redaction": lambda on, room_id: on.fake.redact(room_id, on.user(ANN), _said(on, room_id)),
    "a leave": lambda on, room_id: on.fake.leave(room_id, on.user(BEN)),
}


@pytest.mark.parametrize("what", HAPPENS)
async def test_place_and_sender_are_looked_up_once(on: FirmOnFake, what: str) -> None:
    room_id = (await on.room(channel("Litigation"))).room_id
    HAPPENS[what](on, room_id)
    event = on.events.pop()
    places = on.places
    with (
        patch.object(places, "place", wraps=places.place) as place,
        patch.object(places, "staff_id", wraps=places.staff_id) as staff_id,
    ):
        await on.handle(event)
    assert place.await_args_list == [call(room_id)]
    # Of a membership it is asked, too, whose it is.
    asked = [event["sender"], event["state_key"]] if event["type"] == "m.room.member" else [event["sender"]]
    assert staff_id.await_args_list == [call(one) for one in asked]


async def test_what_the_bridge_keeps_of_a_message_is_nothing_that_a_client_sends(on: FirmOnFake) -> None:
    """Also where it carries what is taken away: a file that no list has."""
    room_id = (await on.room(channel("Litigation"))).room_id
    on.fake.send(room_id, on.user(ANN), WRITTEN, {})
    on.fake.send(room_id, on.user(ANN), WRITTEN, UNLISTED)
    plain, carrying = on.events
    assert on.router.kept(event_of(plain), plain) is None
    await on.hear()
    (left,) = [one for one in on.fake.events(room_id) if one["event_id"] == carrying["event_id"]]
    assert left["content"] == {}
