"""The Matrix client against a homeserver that misbehaves on demand."""

from __future__ import annotations

import asyncio
import gc
import traceback
import warnings
from collections.abc import AsyncIterator
from typing import Any

import nio
import pytest
import structlog
from pydantic import SecretStr

from bridge.matrix.client import MatrixClient
from bridge.matrix.connection import DEVICE, route_of
from bridge.matrix.errors import (
    AliasTaken,
    BadRequest,
    HomeserverError,
    NotFound,
    Refused,
    TokenRejected,
    Unreachable,
    UserTaken,
)
from bridge.matrix.port import Homeserver
from tests.fakes import faults
from tests.fakes.faults import DROP_AFTER, DROP_BEFORE, DUPLICATE, Answer, Behaviour, Slow
from tests.fakes.homeserver import AS_TOKEN, FakeHomeserver

Json = dict[str, Any]
TEXT = {"msgtype": "m.text", "body": "pong"}


@pytest.fixture
async def fake() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as homeserver:
        for localpart in ("ann", "ben"):
            homeserver.add_user(localpart)
        yield homeserver


@pytest.fixture
async def client(fake: FakeHomeserver) -> AsyncIterator[MatrixClient]:
    opened = MatrixClient(fake.homeserver_settings(), fake.appservice_settings())
    yield opened
    await opened.close()


@pytest.fixture
def room(fake: FakeHomeserver) -> str:
    """A closed room with the bot and Ann."""
    room_id = fake.create_room(fake.bot_id, {"invite": ["@ann:localhost"]})
    fake.join(room_id, "@ann:localhost")
    return room_id


def short(fake: FakeHomeserver, **changed: Any) -> MatrixClient:
    """A client that soon gives up."""
    return MatrixClient(fake.homeserver_settings(deadline=0.2, **changed), fake.appservice_settings())


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


async def test_versions_need_no_token(fake: FakeHomeserver) -> None:
    wrong = MatrixClient(
        fake.homeserver_settings(), fake.appservice_settings(as_token=SecretStr("not-the-token-at-all"))
    )
    assert "v1.12" in (await wrong.versions())["versions"]
    with pytest.raises(TokenRejected, match="401 M_UNKNOWN_TOKEN"):
        await wrong.whoami()
    await wrong.close()


async def test_a_user_who_is_not_registered_cannot_be_acted_as(client: MatrixClient, room: str) -> None:
    with pytest.raises(Refused, match="has not registered this user"):
        await client.join(room, "@nobody:localhost")


async def test_nios_own_methods_go_the_same_way(fake: FakeHomeserver, client: MatrixClient) -> None:
    fake.script("GET", "/joined_rooms$", faults.bad_gateway())
    answer = await client.connection.joined_rooms()
    assert isinstance(answer, nio.JoinedRoomsResponse)
    assert [request.user_id for request in fake.requests] == [fake.bot_id, fake.bot_id]
    assert "access_token" not in fake.requests[-1].query
    with pytest.raises(Refused):
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


# What may pass is repeated


@pytest.mark.parametrize(
    "behaviour",
    [
        faults.too_many_in_body(1),
        faults.too_many_in_header(0),
        faults.bad_gateway(),
        faults.refusal(500, "M_UNKNOWN"),
        Answer(503, b"", "text/plain"),
        Answer(404, b"404 page not found", "text/plain"),
        Answer(200, b"<html>Back soon</html>", "text/html"),
        Answer(200, b'{"status": "ok"}'),
        Answer(200, b"[1]"),
        DROP_BEFORE,
        DROP_AFTER,
        DUPLICATE,
    ],
)
async def test_a_send_survives_and_sends_once(
    fake: FakeHomeserver, client: MatrixClient, room: str, behaviour: Behaviour
) -> None:
    fake.script("PUT", "/send/", behaviour)
    event_id = await client.send(room, fake.bot_id, "m.room.message", TEXT, "t1")
    assert [event["event_id"] for event in fake.events(room, "m.room.message")] == [event_id]


async def test_a_pause_asked_for_is_kept(fake: FakeHomeserver, client: MatrixClient) -> None:
    fake.script("GET", "/joined_rooms$", faults.too_many_in_body(40))
    with structlog.testing.capture_logs() as logs:
        assert await client.joined_rooms(fake.bot_id) == []
    assert [entry["event"] for entry in logs] == ["request_repeated"]
    assert logs[0]["pause"] >= 0.04


async def test_a_time_out_after_which_the_homeserver_acts_sends_once(fake: FakeHomeserver, room: str) -> None:
    client = MatrixClient(fake.homeserver_settings(request_timeout=0.1), fake.appservice_settings())
    slow = Slow(asyncio.Event())
    fake.script("PUT", "/send/", slow)
    event_id = await client.send(room, fake.bot_id, "m.room.message", TEXT, "t1")
    slow.until.set()
    await client.close()
    assert [event["event_id"] for event in fake.events(room, "m.room.message")] == [event_id]


@pytest.mark.parametrize("behaviour", [DROP_AFTER, DUPLICATE])
async def test_a_room_made_by_an_attempt_without_an_answer_is_known_by_its_alias(
    fake: FakeHomeserver, client: MatrixClient, behaviour: Behaviour
) -> None:
    fake.script("POST", "/createRoom$", behaviour)
    with pytest.raises(AliasTaken):
        await client.create_room({"room_alias_name": "firm"})
    assert list(fake.rooms) == [await client.resolve_alias("#firm:localhost")]


@pytest.mark.parametrize("behaviour", [DROP_AFTER, DUPLICATE])
async def test_membership_and_state_may_be_repeated(
    fake: FakeHomeserver, client: MatrixClient, room: str, behaviour: Behaviour
) -> None:
    for path in ("/invite$", "/join/", "/kick$", "/leave$", "/forget$"):
        fake.script("POST", path, behaviour)
    fake.script("PUT", "/state/", behaviour)
    fake.script("DELETE", "/directory/", behaviour)
    await client.invite(room, "@ben:localhost")
    await client.join(room, "@ben:localhost")
    await client.kick(room, "@ben:localhost", "done")
    await client.leave(room, "@ann:localhost")
    await client.forget(room, "@ann:localhost")
    await client.put_state(room, "m.room.topic", "", {"topic": "Fees"})
    await client.delete_alias("#none:localhost")
    assert fake.rooms[room].members == {
        fake.bot_id: "join",
        "@ann:localhost": "leave",
        "@ben:localhost": "leave",
    }
    assert len(fake.events(room, "m.room.topic")) == 1


async def test_it_ends_at_the_deadline(fake: FakeHomeserver) -> None:
    client = short(fake)
    fake.script("GET", "/joined_rooms$", *[faults.refusal(503, "M_UNKNOWN", "Busy")] * 100)
    with pytest.raises(Unreachable, match=r"^GET /_matrix/client/v3/joined_rooms: 503 M_UNKNOWN: Busy$"):
        await client.joined_rooms(fake.bot_id)
    assert len(fake.requests) < 100
    await client.close()


@pytest.mark.parametrize("answer", [faults.too_many_in_header(3600), faults.too_many_in_body(3_600_000)])
async def test_a_pause_beyond_the_deadline_is_not_waited_for(fake: FakeHomeserver, answer: Answer) -> None:
    client = short(fake)
    fake.script("GET", "/joined_rooms$", answer)
    with pytest.raises(Unreachable) as caught:
        await client.joined_rooms(fake.bot_id)
    assert caught.value.errcode == "M_LIMIT_EXCEEDED"
    assert len(fake.requests) == 1
    await client.close()


async def test_a_homeserver_that_is_down_is_said_to_be(unused_tcp_port: int, fake: FakeHomeserver) -> None:
    client = short(fake, url=f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(Unreachable, match=f"cannot connect to 127.0.0.1:{unused_tcp_port}; is the homeserver running"):
        await client.whoami()
    await client.close()


async def test_a_homeserver_that_never_answers_is_given_up(fake: FakeHomeserver) -> None:
    client = short(fake, request_timeout=0.05)
    fake.script("GET", "/whoami$", *[Slow(asyncio.Event()) for _ in range(50)])
    with pytest.raises(Unreachable, match="no answer"):
        await client.whoami()
    await client.close()


# What stays is told by its type


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (faults.refusal(401, "M_UNKNOWN_TOKEN"), TokenRejected),
        (faults.refusal(401, "M_MISSING_TOKEN"), TokenRejected),
        (faults.refusal(403, "M_FORBIDDEN"), Refused),
        (faults.refusal(404, "M_NOT_FOUND"), NotFound),
        (faults.refusal(404, "M_UNKNOWN"), NotFound),
        (faults.refusal(404, "M_UNRECOGNIZED"), BadRequest),
        (faults.refusal(400, "M_ROOM_IN_USE"), AliasTaken),
        (faults.refusal(409, "M_UNKNOWN", "Room alias #x:localhost already exists"), AliasTaken),
        (faults.refusal(400, "M_USER_IN_USE"), UserTaken),
        (faults.refusal(400, "M_BAD_JSON"), BadRequest),
        (Answer(413, b"<html>too large</html>", "text/html"), BadRequest),
        (Answer(301, b"", headers={"Location": "https://elsewhere.example/?access_token=x"}), BadRequest),
    ],
)
async def test_a_refusal_is_raised_at_once_as_its_type(
    fake: FakeHomeserver, client: MatrixClient, answer: Answer, kind: type[HomeserverError]
) -> None:
    fake.script("POST", "/createRoom$", answer)
    with pytest.raises(kind) as caught:
        await client.create_room({"room_alias_name": "x"})
    assert type(caught.value) is kind
    assert caught.value.request == "POST /_matrix/client/v3/createRoom"
    assert caught.value.status == answer.status
    assert len(fake.requests) == 1


async def test_a_ping_that_does_not_reach_the_bridge_is_told_at_once(
    fake: FakeHomeserver, client: MatrixClient, unused_tcp_port: int
) -> None:
    with pytest.raises(BadRequest, match="M_URL_NOT_SET"):
        await client.ping("x")
    fake.bridge_url = f"http://127.0.0.1:{unused_tcp_port}"
    with pytest.raises(Unreachable, match="M_CONNECTION_FAILED"):
        await client.ping("x")
    assert len(fake.requests) == 2


@pytest.mark.parametrize("behaviour", [faults.bad_gateway(), faults.refusal(401, "M_UNKNOWN_TOKEN"), DROP_BEFORE])
async def test_no_secret_is_in_an_error_or_the_log(fake: FakeHomeserver, behaviour: Behaviour) -> None:
    client = short(fake)
    fake.script("PUT", "/devices/", *[behaviour] * 100)
    with structlog.testing.capture_logs() as logs, pytest.raises(HomeserverError) as caught:
        await client.ensure_device("@ann:localhost")
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(logs)
    assert AS_TOKEN not in told
    assert "user_id=" not in told
    await client.close()


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
        with pytest.raises(Refused):
            await act
    fake.script("POST", "/leave$", faults.refusal(403, "M_FORBIDDEN", "You stay in the firm-wide channel."))
    with pytest.raises(Refused, match="You stay"):
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
    assert (await client.is_admin(fake.bot_id), await client.is_admin("@new:localhost")) == (True, False)
    with pytest.raises(UserTaken):
        await client.register("new")
    fake.accounts[fake.bot_id].admin = False
    with pytest.raises(Refused, match="not a server admin"):
        await client.is_admin(fake.bot_id)
    with pytest.raises(Refused, match="not a server admin"):
        await client.admin_user("@new:localhost")
    with pytest.raises(NotFound):
        fake.accounts[fake.bot_id].admin = True
        await client.admin_room_state("!nowhere")


async def test_media_and_capabilities(fake: FakeHomeserver, client: MatrixClient) -> None:
    assert await client.upload(b"\x89PNG", "image/png", "a b.png") == "mxc://localhost/media1"
    assert fake.media == {"media1": ("a b.png", b"\x89PNG")}
    assert "12" in (await client.capabilities())["m.room_versions"]["available"]


def test_it_is_the_port(client: MatrixClient) -> None:
    port: Homeserver = client
    assert port.bot_id == "@bot:localhost"


# Measured, closed, cancelled


async def test_every_attempt_is_measured(fake: FakeHomeserver, room: str) -> None:
    seen: list[tuple[str, str, int]] = []
    client = MatrixClient(
        fake.homeserver_settings(),
        fake.appservice_settings(),
        on_request=lambda method, route, status, seconds: seen.append((method, route, status)),
    )
    fake.script("POST", "/kick$", faults.bad_gateway(), DROP_BEFORE)
    await client.kick(room, "@ben:localhost", "x")
    route = "/_matrix/client/v3/rooms/{id}/kick"
    assert seen == [("POST", route, 502), ("POST", route, 0), ("POST", route, 403)]
    await client.close()


@pytest.mark.parametrize(
    ("path", "route"),
    [
        (
            "/_matrix/client/v3/rooms/%21a%3Ab/send/m.room.message/t1",
            "/_matrix/client/v3/rooms/{id}/send/m.room.message/{id}",
        ),
        (
            "/_matrix/client/v3/rooms/%21a/state/m.space.child/%21b",
            "/_matrix/client/v3/rooms/{id}/state/m.space.child/{id}",
        ),
        ("/_matrix/client/v3/devices/FIRMBRIDGE", "/_matrix/client/v3/devices/{id}"),
        ("/_synapse/admin/v2/users/%40a%3Ab/delete_devices", "/_synapse/admin/v2/users/{id}/delete_devices"),
        ("/_matrix/client/v3/createRoom", "/_matrix/client/v3/createRoom"),
    ],
)
def test_routes_have_no_ids(path: str, route: str) -> None:
    assert route_of(path) == route


async def test_a_cancelled_request_does_no_harm(fake: FakeHomeserver, client: MatrixClient, room: str) -> None:
    slow = Slow(asyncio.Event())
    fake.script("PUT", "/send/", slow)
    task = asyncio.create_task(client.send(room, fake.bot_id, "m.room.message", TEXT, "t1"))
    await slow.arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    event_id = await client.send(room, fake.bot_id, "m.room.message", TEXT, "t1")
    assert [event["event_id"] for event in fake.events(room, "m.room.message")] == [event_id]


async def test_nothing_stays_open_and_nothing_is_asked_after_closing(fake: FakeHomeserver, room: str) -> None:
    client = MatrixClient(fake.homeserver_settings(), fake.appservice_settings())
    slow = Slow(asyncio.Event())
    fake.script("GET", "/whoami$", slow)
    waiting = asyncio.create_task(client.whoami())
    await slow.arrived.wait()
    await client.close()
    with pytest.raises(Unreachable):
        await waiting
    with pytest.raises(Unreachable, match="closed"):
        await client.joined_rooms(fake.bot_id)
    await client.close()
    session = client.connection.client_session
    assert session is None
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        del client, waiting
        gc.collect()


async def test_a_client_that_asked_nothing_closes_too(fake: FakeHomeserver) -> None:
    await MatrixClient(fake.homeserver_settings(), fake.appservice_settings()).close()
