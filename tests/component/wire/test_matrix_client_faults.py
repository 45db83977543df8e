"""The Matrix client against a homeserver that misbehaves: what is repeated, what is raised, what stays open."""

from __future__ import annotations

import asyncio
import gc
import traceback
import warnings
from typing import Any

import pytest
import structlog

from bridge.matrix.client import MatrixClient
from bridge.matrix.connection import route_of
from bridge.matrix.errors import (
    AliasTakenError,
    BadRequestError,
    ForbiddenError,
    HomeserverError,
    NotFoundError,
    TokenRejectedError,
    UnreachableError,
    UserTakenError,
)
from tests.fakes import faults
from tests.fakes.anybody import Anybody
from tests.fakes.faults import DROP_AFTER, DROP_BEFORE, DUPLICATE, Answer, Behaviour, Slow
from tests.fakes.homeserver import AS_TOKEN, FakeHomeserver

Json = dict[str, Any]
pytestmark = pytest.mark.both_loops

TEXT = {"msgtype": "m.text", "body": "pong"}


def short(fake: FakeHomeserver, **changed: Any) -> MatrixClient:
    """A client that soon gives up."""
    return MatrixClient(fake.homeserver_settings(deadline=0.2, **changed), fake.appservice_settings(), Anybody())


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


@pytest.mark.parametrize("act_first", [True, False])
async def test_a_send_that_timed_out_before_or_after_it_was_done_sends_once(
    fake: FakeHomeserver, room: str, act_first: bool
) -> None:
    client = MatrixClient(fake.homeserver_settings(request_timeout=0.1), fake.appservice_settings(), Anybody())
    slow = Slow(asyncio.Event(), act_first)
    fake.script("PUT", "/send/", slow)
    event_id = await client.send(room, fake.bot_id, "m.room.message", TEXT, "t1")
    await client.close()
    slow.until.set()
    await slow.done.wait()
    assert [event["event_id"] for event in fake.events(room, "m.room.message")] == [event_id]


@pytest.mark.parametrize("behaviour", [DROP_AFTER, DUPLICATE])
async def test_a_room_made_by_an_attempt_without_an_answer_is_known_by_its_alias(
    fake: FakeHomeserver, client: MatrixClient, behaviour: Behaviour
) -> None:
    fake.script("POST", "/createRoom$", behaviour)
    with pytest.raises(AliasTakenError):
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
    with pytest.raises(UnreachableError, match=r"^GET /_matrix/client/v3/joined_rooms: 503 M_UNKNOWN: Busy$"):
        await client.joined_rooms(fake.bot_id)
    assert len(fake.requests) < 100
    await client.close()


@pytest.mark.parametrize("answer", [faults.too_many_in_header(3600), faults.too_many_in_body(3_600_000)])
async def test_a_pause_beyond_the_deadline_is_not_waited_for(
    fake: FakeHomeserver, client: MatrixClient, answer: Answer
) -> None:
    fake.script("GET", "/joined_rooms$", answer)
    with pytest.raises(UnreachableError) as caught:
        await client.joined_rooms(fake.bot_id)
    assert caught.value.errcode == "M_LIMIT_EXCEEDED"
    assert len(fake.requests) == 1


async def test_a_homeserver_that_is_down_is_said_to_be(unused_tcp_port: int, fake: FakeHomeserver) -> None:
    client = short(fake, url=f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(
        UnreachableError, match=f"cannot connect to 127.0.0.1:{unused_tcp_port}; is the homeserver running"
    ):
        await client.whoami()
    await client.close()


async def test_a_homeserver_that_never_answers_is_given_up(fake: FakeHomeserver) -> None:
    client = short(fake, request_timeout=0.05)
    fake.script("GET", "/whoami$", *[Slow(asyncio.Event()) for _ in range(50)])
    with pytest.raises(UnreachableError, match="no answer"):
        await client.whoami()
    await client.close()


# What stays is told by its type


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (faults.refusal(401, "M_UNKNOWN_TOKEN"), TokenRejectedError),
        (faults.refusal(401, "M_MISSING_TOKEN"), TokenRejectedError),
        (faults.refusal(403, "M_FORBIDDEN"), ForbiddenError),
        (faults.refusal(404, "M_NOT_FOUND"), NotFoundError),
        (faults.refusal(404, "M_UNKNOWN"), NotFoundError),
        (faults.refusal(404, "M_UNRECOGNIZED"), BadRequestError),
        (faults.refusal(400, "M_ROOM_IN_USE"), AliasTakenError),
        (faults.refusal(409, "M_UNKNOWN", "Room alias #x:localhost already exists"), AliasTakenError),
        (faults.refusal(400, "M_USER_IN_USE"), UserTakenError),
        (faults.refusal(400, "M_BAD_JSON"), BadRequestError),
        (Answer(413, b"<html>too large</html>", "text/html"), BadRequestError),
        (Answer(301, b"", headers={"Location": "https://elsewhere.example/?access_token=x"}), BadRequestError),
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
    with pytest.raises(BadRequestError, match="M_URL_NOT_SET"):
        await client.ping("x")
    fake.bridge_url = f"http://127.0.0.1:{unused_tcp_port}"
    with pytest.raises(UnreachableError, match="M_CONNECTION_FAILED"):
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


# Measured, closed, cancelled


async def test_every_attempt_is_measured(fake: FakeHomeserver, room: str) -> None:
    seen: list[tuple[str, str, int]] = []
    client = MatrixClient(
        fake.homeserver_settings(),
        fake.appservice_settings(),
        Anybody(),
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
    client = MatrixClient(fake.homeserver_settings(), fake.appservice_settings(), Anybody())
    slow = Slow(asyncio.Event())
    fake.script("GET", "/whoami$", slow)
    waiting = asyncio.create_task(client.whoami())
    await slow.arrived.wait()
    await client.close()
    with pytest.raises(UnreachableError):
        await waiting
    with pytest.raises(UnreachableError, match="closed"):
        await client.joined_rooms(fake.bot_id)
    await client.close()
    session = client.connection.client_session
    assert session is None
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        del client, waiting
        gc.collect()


async def test_a_client_that_asked_nothing_closes_too(fake: FakeHomeserver) -> None:
    await MatrixClient(fake.homeserver_settings(), fake.appservice_settings(), Anybody()).close()
