"""The fake homeserver's own promises, on which other tests build: pushing, the ping, and what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import web

from bridge.matrix.client import MatrixClient
from tests.fakes.anybody import Anybody
from tests.fakes.homeserver import HS_TOKEN, FakeHomeserver
from tests.fakes.room import Denied

Json = dict[str, Any]


class Service:
    """A bridge that only notes what it is sent."""

    def __init__(self) -> None:
        self.transactions: list[tuple[str, list[Json]]] = []
        self.tokens: set[str] = set()
        self.refuse = 0

    async def take(self, request: web.Request) -> web.Response:
        self.tokens.add(request.headers["Authorization"])
        if self.refuse:
            self.refuse -= 1
            return web.Response(status=503)
        if request.method == "PUT":
            body = orjson.loads(await request.read())
            self.transactions.append((request.path.rpartition("/")[2], body["events"]))
        return web.json_response({})


@pytest.fixture
async def fake() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as homeserver:
        homeserver.add_user("ann")
        homeserver.add_user("ben")
        yield homeserver


@pytest.fixture
async def service(fake: FakeHomeserver) -> AsyncIterator[Service]:
    noted = Service()
    app = web.Application()
    app.router.add_route("*", "/_matrix/app/v1/{path:.*}", noted.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.bridge_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield noted
    await runner.cleanup()


async def test_events_are_pushed_in_order_until_they_are_taken(fake: FakeHomeserver, service: Service) -> None:
    service.refuse = 2
    room_id = fake.create_room(fake.bot_id, {})
    fake.auto_push = True
    sent = [fake.message(room_id, fake.bot_id, f"message {number}")["event_id"] for number in range(250)]
    await fake.delivered()
    assert [event["event_id"] for _, events in service.transactions for event in events] == sent
    assert [number for number, _ in service.transactions] == ["1", "2", "3"]
    assert service.tokens == {f"Bearer {HS_TOKEN}"}


async def test_a_transaction_can_be_pushed_by_hand_with_numbers_that_begin_anew(
    fake: FakeHomeserver, service: Service
) -> None:
    assert await fake.push([{"type": "m.x"}]) == 200
    fake.transactions = 0
    assert await fake.push([{"type": "m.x"}]) == 200
    assert service.transactions == [("1", [{"type": "m.x"}])] * 2


async def test_the_ping_calls_back(fake: FakeHomeserver, service: Service) -> None:
    client = MatrixClient(fake.homeserver_settings(), fake.appservice_settings(), Anybody())
    assert await client.ping("start") == 1
    assert service.tokens == {f"Bearer {HS_TOKEN}"}
    assert fake.changes() == []
    await client.close()


@pytest.mark.parametrize("version", ["11", "12"])
@pytest.mark.parametrize(("invite_level", "returns"), [(0, True), (100, False)])
def test_D3_the_bot_returns_by_the_rule_only_where_members_may_invite(
    version: str, invite_level: int, returns: bool
) -> None:
    # As measured on Synapse 1.163; if it changes there, change it here.
    fake = FakeHomeserver()
    ann = fake.add_user("ann")
    keeper = fake.create_room(fake.bot_id, {"room_version": version})
    rule = {"join_rule": "restricted", "allow": [{"type": "m.room_membership", "room_id": keeper}]}
    direct = fake.create_room(
        fake.bot_id,
        {
            "room_version": version,
            "initial_state": [
                {"type": "m.room.join_rules", "state_key": "", "content": rule},
                {"type": "m.room.member", "state_key": ann, "content": {"membership": "invite"}},
            ],
            "power_level_content_override": {"invite": invite_level},
        },
    )
    fake.join(direct, ann)
    fake.leave(direct, fake.bot_id)
    if returns:
        fake.join(direct, fake.bot_id)
        assert fake.rooms[direct].members[fake.bot_id] == "join"
    else:
        with pytest.raises(Denied, match="404"):
            fake.join(direct, fake.bot_id)
    ben = fake.add_user("ben")
    with pytest.raises(Denied):
        fake.join(direct, ben)


@pytest.mark.parametrize("version", ["11", "12"])
def test_nobody_gives_a_level_above_their_own(version: str) -> None:
    fake = FakeHomeserver()
    levels = {"events": {"m.room.encryption": 101}}
    room_id = fake.create_room(fake.bot_id, {"room_version": version, "power_level_content_override": levels})
    kept = fake.rooms[room_id].levels
    fake.put_state(room_id, fake.bot_id, "m.room.power_levels", "", {**kept, "ban": 100})
    if version == "11":
        with pytest.raises(Denied, match="own"):
            fake.put_state(room_id, fake.bot_id, "m.room.power_levels", "", {**kept, "events": {"m.x": 102}})
        with pytest.raises(Denied, match="user_level"):
            fake.put_state(room_id, fake.bot_id, "m.room.encryption", "", {"algorithm": "x"})
    else:
        with pytest.raises(Denied, match="must not appear"):
            fake.put_state(room_id, fake.bot_id, "m.room.power_levels", "", {**kept, "users": {fake.bot_id: 100}})


async def test_changes_are_what_succeeded_and_may_have_changed_something(fake: FakeHomeserver) -> None:
    client = MatrixClient(fake.homeserver_settings(), fake.appservice_settings(), Anybody())
    room_id = await client.create_room({"room_alias_name": "firm"})
    await client.set_typing(room_id, True)
    await client.room_state(room_id)
    await client.kick(room_id, "@ann:localhost", "not there")
    await asyncio.gather(client.resolve_alias("#firm:localhost"), client.admin_user("@ann:localhost"))
    assert [(request.method, request.path) for request in fake.changes()] == [("POST", "/_matrix/client/v3/createRoom")]
    await client.close()
