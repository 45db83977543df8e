"""The Matrix client against the fake homeserver: who acts, with what, and every method of the port."""

from __future__ import annotations

import asyncio
from typing import Any

import nio
import pytest
from pydantic import SecretStr

from bridge.matrix.client import MatrixClient
from bridge.matrix.connection import DEVICE
from bridge.matrix.errors import (
    ForbiddenError,
    NotFoundError,
    TokenRejectedError,
    UserTakenError,
)
from bridge.matrix.port import Homeserver
from tests.fakes import faults
from tests.fakes.anybody import Anybody
from tests.fakes.homeserver import AS_TOKEN, FakeHomeserver

Json = dict[str, Any]
pytestmark = pytest.mark.both_loops

TEXT = {"msgtype": "m.text", "body": "pong"}


# Who acts, and with what


async def test_every_request_acts_as_the_bot_and_hides_the_token(fake: FakeHomeserver, client: MatrixClient) -> None:
    room_id = await client.create_room({})
    await client.room_state(room_id)
    await client.upload(b"png", "image/png", "a b.png")
    assert {request.user_id for request in fake.requests} == {fake.bot_id}
    assert not any(AS_TOKEN in str(request.query) or "access_token" in request.query for request in fake.requests)


async def test_it_acts_as_whom_it_is_told(fake: FakeHomeserver, client: MatrixClient, room: str) -> None:
    await client.leave(room, "@ann:localhost")
    assert fake.requests[-1].user_id == "@ann:localhost"
    assert fake.rooms[room].members["@ann:localhost"] == "leave"


async def test_the_service_itself_registers_pings_and_is_asked_who_it_is(
    fake: FakeHomeserver, client: MatrixClient
) -> None:
    await client.register("cyd")
    assert await client.whoami() == fake.sender
    assert await client.whoami("@cyd:localhost") == "@cyd:localhost"
    assert [request.user_id for request in fake.requests] == [fake.sender, fake.sender, "@cyd:localhost"]


async def test_a_wrong_token_is_told_from_a_refusal(fake: FakeHomeserver) -> None:
    wrong = MatrixClient(
        fake.homeserver_settings(), fake.appservice_settings(as_token=SecretStr("not-the-token-at-all")), Anybody()
    )
    with pytest.raises(TokenRejectedError, match="401 M_UNKNOWN_TOKEN"):
        await wrong.whoami()
    await wrong.close()


async def test_a_user_who_is_not_registered_cannot_be_acted_as(client: MatrixClient, room: str) -> None:
    with pytest.raises(ForbiddenError, match="has not registered this user"):
        await client.join(room, "@nobody:localhost")


async def test_nios_own_methods_go_the_same_way(fake: FakeHomeserver, client: MatrixClient) -> None:
    fake.script("GET", "/joined_rooms$", faults.bad_gateway())
    answer = await client.connection.joined_rooms()
    assert isinstance(answer, nio.JoinedRoomsResponse)
    assert [request.user_id for request in fake.requests] == [fake.bot_id, fake.bot_id]
    assert "access_token" not in fake.requests[-1].query
    with pytest.raises(ForbiddenError):
        await client.connection.room_get_state("!nowhere:localhost")


# Sending


async def test_V5_a_message_is_sent_by_the_sender_with_the_bridges_device(
    fake: FakeHomeserver, client: MatrixClient, room: str
) -> None:
    event_id = await client.send(room, "@ann:localhost", "m.room.message", TEXT, "t/1 ü")
    event = fake.rooms[room].timeline[-1]
    assert (event["event_id"], event["sender"], event["content"]) == (event_id, "@ann:localhost", TEXT)
    assert fake.requests[-1].query["device_id"] == DEVICE


async def test_a_txn_id_sends_once(fake: FakeHomeserver, client: MatrixClient, room: str) -> None:
    first = await client.send(room, fake.bot_id, "m.room.message", TEXT, "t1")
    assert await client.send(room, fake.bot_id, "m.room.message", TEXT, "t1") == first
    assert await client.send(room, fake.bot_id, "m.room.message", TEXT, "t2") != first
    assert len(fake.events(room, "m.room.message")) == 2


async def test_a_device_is_made_once_also_by_many_at_once(
    fake: FakeHomeserver, client: MatrixClient, room: str
) -> None:
    await asyncio.gather(*(client.send(room, fake.bot_id, "m.room.message", TEXT, f"t{n}") for n in range(10)))
    assert len(fake.asked("PUT", "/devices/")) == 1
    assert fake.accounts[fake.bot_id].devices == {DEVICE}


async def test_a_device_that_was_deleted_is_made_again(fake: FakeHomeserver, client: MatrixClient, room: str) -> None:
    await client.send(room, fake.bot_id, "m.room.message", TEXT, "t1")
    fake.accounts[fake.bot_id].devices.clear()
    await client.send(room, fake.bot_id, "m.room.message", TEXT, "t2")
    assert len(fake.events(room, "m.room.message")) == 2


async def test_F2_ending_sessions_ends_the_bridges_too(fake: FakeHomeserver, client: MatrixClient) -> None:
    fake.accounts["@ann:localhost"].devices |= {"PHONE"}
    await client.ensure_device("@ann:localhost")
    await client.delete_devices("@ann:localhost")
    assert fake.accounts["@ann:localhost"].devices == set()
    await client.ensure_device("@ann:localhost")
    assert fake.accounts["@ann:localhost"].devices == {DEVICE}


# What is so already is no error


async def test_what_is_so_already_is_no_error(fake: FakeHomeserver, client: MatrixClient, room: str) -> None:
    await client.invite(room, "@ann:localhost")
    await client.join(room, "@ann:localhost")
    await client.kick(room, "@ben:localhost", "never here")
    await client.leave(room, "@ben:localhost")
    await client.leave("!nowhere:localhost", "@ben:localhost")
    await client.forget(room, "@ben:localhost")
    await client.delete_alias("#none:localhost")
    assert fake.rooms[room].members == {fake.bot_id: "join", "@ann:localhost": "join"}


async def test_what_is_forbidden_is_an_error_all_the_same(fake: FakeHomeserver, client: MatrixClient) -> None:
    closed = fake.create_room("@ben:localhost", {"invite": ["@ann:localhost"]})
    fake.join(closed, "@ann:localhost")
    for act in (
        client.invite(closed, "@ann:localhost"),
        client.kick(closed, "@ann:localhost", "out"),
        client.room_state(closed),
        client.put_state(closed, "m.room.topic", "", {"topic": "x"}),
        client.join(closed, fake.bot_id),
        client.send(closed, fake.bot_id, "m.room.message", TEXT, "t"),
    ):
        with pytest.raises(ForbiddenError):
            await act
    fake.script("POST", "/leave$", faults.refusal(403, "M_FORBIDDEN", "You stay in the firm-wide channel."))
    with pytest.raises(ForbiddenError, match="You stay"):
        await client.leave(closed, "@ann:localhost")


# The rest of the port


@pytest.mark.parametrize("version", ["11", "12"])
async def test_rooms_of_both_versions(fake: FakeHomeserver, client: MatrixClient, version: str) -> None:
    state = [{"type": "m.room.member", "state_key": "@ann:localhost", "content": {"membership": "invite"}}]
    body = {"room_version": version, "room_alias_name": "firm", "initial_state": state}
    room_id = await client.create_room(body)
    assert (":" in room_id) is (version == "11")
    assert await client.resolve_alias("#firm:localhost") == room_id
    assert await client.resolve_alias("#none:localhost") is None
    await client.join(room_id, "@ann:localhost")
    event_id = await client.put_state(room_id, "m.space.child", "!a/b:localhost", {"via": ["localhost"]})
    state_now = await client.room_state(room_id)
    assert state_now == await client.admin_room_state(room_id)
    assert {"event_id": event_id, "state_key": "!a/b:localhost"}.items() <= state_now[-1].items()
    assert fake.rooms[room_id].members == {fake.bot_id: "join", "@ann:localhost": "join"}
    assert await client.joined_rooms("@ann:localhost") == [room_id]
    await client.send(room_id, "@ann:localhost", "m.room.message", TEXT, "t1")
    await client.set_typing(room_id, True)
    assert fake.typing == {(room_id, fake.bot_id)}
    await client.delete_alias("#firm:localhost")
    assert fake.aliases == {}


async def test_D3_account_data_is_the_users_own(fake: FakeHomeserver, client: MatrixClient) -> None:
    assert await client.account_data("@ann:localhost", "m.direct") == {}
    await client.put_account_data("@ann:localhost", "m.direct", {"@ben:localhost": ["!x:localhost"]})
    assert await client.account_data("@ann:localhost", "m.direct") == {"@ben:localhost": ["!x:localhost"]}


async def test_accounts(fake: FakeHomeserver, client: MatrixClient) -> None:
    assert await client.admin_user("@new:localhost") is None
    made = await client.admin_put_user("@new:localhost", {"displayname": "Nell Ward"})
    assert made == await client.admin_user("@new:localhost")
    assert made["displayname"] == "Nell Ward"
    with pytest.raises(UserTakenError):
        await client.register("new")
    fake.accounts[fake.bot_id].admin = False
    with pytest.raises(ForbiddenError, match="not a server admin"):
        await client.admin_user("@new:localhost")
    with pytest.raises(NotFoundError):
        fake.accounts[fake.bot_id].admin = True
        await client.admin_room_state("!nowhere")


async def test_media(fake: FakeHomeserver, client: MatrixClient) -> None:
    assert await client.upload(b"\x89PNG", "image/png", "a b.png") == "mxc://localhost/media1"
    assert fake.media == {"media1": ("a b.png", b"\x89PNG")}


def test_it_is_the_port(client: MatrixClient) -> None:
    port: Homeserver = client
    assert port.bot_id == "@bot:localhost"
