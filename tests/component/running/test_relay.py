"""A process that stands by hands on what it is asked, and waits for whoever is at work next (R1)."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from bridge.store.engine.errors import OwnedElsewhereError
from bridge.web import arriving
from bridge.web import relay as relaying
from bridge.web.errors import errors_as_json
from bridge.web.relay import Address, Relay, own_routes

TRANSACTION = "/_matrix/app/v1/transactions/1"
FROM_HOMESERVER = {"Authorization": "Bearer token"}
BEYOND = b"x" * 2000
"""A body that is larger than what the relay of the tests keeps of one."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(runner: web.AppRunner) -> AsyncIterator[Address]:
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield "127.0.0.1", runner.addresses[0][1]
    finally:
        await runner.cleanup()


def at_work(handler: Handler) -> web.AppRunner:
    """A process that answers everything so."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    return web.AppRunner(app, access_log=None, shutdown_timeout=0.1)


async def echo(request: web.Request) -> web.Response:
    told = {
        "method": request.method,
        "target": request.raw_path,
        "host": request.headers["Host"],
        "auth": request.headers.get("Authorization", ""),
        "hop": request.headers.get("X-Hop", ""),
        "body": (await request.read()).decode(),
    }
    return web.json_response(told, status=201, headers={"X-Told": "yes", "Keep-Alive": "5"})


async def never(request: web.Request) -> web.Response:
    await request.read()
    await asyncio.Event().wait()
    return web.Response()


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    made = Relay(b"token")
    yield made
    await made.close()


@pytest.fixture
async def url(relay: Relay) -> AsyncIterator[str]:
    """Where the process that stands by is asked."""
    async with serving(relay.runner(0, 1024, own_routes(lambda: ""))) as (host, port):
        yield f"http://{host}:{port}"


@pytest.fixture
async def panel_url(relay: Relay) -> AsyncIterator[str]:
    """Where it is asked at the panel's address."""
    async with serving(relay.runner(1, 1024, [])) as (host, port):
        yield f"http://{host}:{port}"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


async def test_R1_a_request_is_handed_on_as_it_is_and_so_is_the_answer(
    relay: Relay, url: str, session: aiohttp.ClientSession
) -> None:
    async with serving(at_work(echo)) as address:
        relay.point_to((address,))
        headers = {"Host": "panel.firm.example", "Authorization": "Bearer x", "Connection": "X-Hop", "X-Hop": "1"}
        async with session.post(f"{url}/a%2Fb?c=%20d", data=b"said", headers=headers) as answer:
            assert (answer.status, answer.headers["X-Told"]) == (201, "yes")
            assert "Keep-Alive" not in answer.headers
            told = await answer.json()
    assert told == {
        "method": "POST",
        "target": "/a%2Fb?c=%20d",
        "host": "panel.firm.example",
        "auth": "Bearer x",
        "hop": "",
        "body": "said",
    }


async def test_R1_what_one_that_lost_the_database_refused_is_asked_of_the_next(
    relay: Relay, url: str, session: aiohttp.ClientSession
) -> None:
    async def lost(request: web.Request) -> web.Response:
        relay.point_to((after,))
        raise OwnedElsewhereError("Another process works.")

    app = web.Application(middlewares=[errors_as_json])
    app.router.add_route("*", "/{path:.*}", lost)
    async with serving(web.AppRunner(app, access_log=None)) as before, serving(at_work(echo)) as after:
        relay.point_to((before,))
        async with session.put(url + TRANSACTION, data=b"{}", headers=FROM_HOMESERVER) as answer:
            assert (answer.status, (await answer.json())["body"]) == (201, "{}")


async def test_R1_what_a_process_said_as_it_stood_by_is_the_last_on_that_connection(
    relay: Relay, url: str, session: aiohttp.ClientSession
) -> None:
    """Whoever looks at its health and metrics again and again hears what it does since."""
    for path, headers in (("/health/ready", {}), ("/health/live", {}), ("/", {"X-Firm-Bridge-Handed-On": "1"})):
        async with session.get(url + path, headers=headers) as answer:
            assert answer.headers["Connection"] == "close"


async def test_R1_pieces_of_an_answer_come_as_they_are_said(
    relay: Relay, url: str, session: aiohttp.ClientSession
) -> None:
    go_on = asyncio.Event()

    async def in_two(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one")
        await go_on.wait()
        await response.write(b"two")
        return response

    async with serving(at_work(in_two)) as address:
        relay.point_to((address,))
        async with session.get(url) as answer:
            assert await answer.content.readany() == b"one"
            go_on.set()
            assert await answer.read() == b"two"


async def test_R1_what_comes_while_nobody_is_at_work_waits_for_the_next(
    relay: Relay, url: str, session: aiohttp.ClientSession
) -> None:
    asked = asyncio.create_task(session.post(f"{url}/deed", data=b"said"))
    await asyncio.sleep(0.05)
    assert not asked.done()
    async with serving(at_work(echo)) as address:
        relay.point_to((address,))
        assert (await asked).status == 201


async def test_R1_a_transaction_that_one_at_a_standstill_took_is_given_to_the_next(
    relay: Relay, url: str, session: aiohttp.ClientSession
) -> None:
    async with serving(at_work(never)) as silent, serving(at_work(echo)) as next_one:
        relay.point_to((silent,))
        asked = asyncio.create_task(session.put(url + TRANSACTION, data=b"events", headers=FROM_HOMESERVER))
        await asyncio.sleep(0.05)
        relay.point_to((next_one,))
        answer = await asked
        assert (answer.status, (await answer.json())["body"]) == (201, "events")


async def test_R1_what_may_have_been_done_is_not_done_again_but_said(
    relay: Relay, url: str, session: aiohttp.ClientSession
) -> None:
    async with serving(at_work(never)) as silent:
        relay.point_to((silent,))
        asked = asyncio.create_task(session.post(f"{url}/deed", data=b"said"))
        await asyncio.sleep(0.05)
        relay.point_to(None)
        answer = await asked
        assert answer.status == 502
        assert "Look whether it is done" in (await answer.json())["error"]


async def test_R1_two_that_take_each_other_for_the_one_at_work_do_not_send_in_a_circle(
    relay: Relay, url: str, session: aiohttp.ClientSession
) -> None:
    host, port = url.removeprefix("http://").split(":")
    relay.point_to(((host, int(port)),))
    asked = asyncio.create_task(session.put(url + TRANSACTION, data=b"events", headers=FROM_HOMESERVER))
    await asyncio.sleep(0.3)
    async with serving(at_work(echo)) as address:
        relay.point_to((address,))
        assert (await (await asked).json())["body"] == "events"
    relay.point_to(((host, int(port)),))
    async with session.post(f"{url}/deed", data=b"said") as answer:
        assert answer.status == 503


async def test_R1_an_answer_that_breaks_off_is_seen_to(relay: Relay, url: str, session: aiohttp.ClientSession) -> None:
    async def begun(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one")
        await asyncio.Event().wait()
        return response

    async with serving(at_work(begun)) as address:
        relay.point_to((address,))
        async with session.get(url) as answer:
            assert await answer.content.readany() == b"one"
            relay.point_to(None)
            with pytest.raises(aiohttp.ClientError):
                await answer.read()


async def test_R1_whether_it_lives_it_says_itself(url: str, session: aiohttp.ClientSession) -> None:
    for path in ("live", "ready"):
        async with session.get(f"{url}/health/{path}") as answer:
            assert answer.status == 200


async def test_a_body_beyond_the_bound_is_refused(relay: Relay, url: str, session: aiohttp.ClientSession) -> None:
    async with session.put(url + TRANSACTION, data=BEYOND, headers=FROM_HOMESERVER) as answer:
        assert answer.status == 413


@pytest.mark.parametrize(
    ("method", "address", "token", "arrives"),
    [
        *[(method, 0, token, "") for method in ("GET", "HEAD") for token in ("token", "other")],
        *[(method, 1, "token", "") for method in ("GET", "HEAD")],
        *[("PUT", 0, "other", BEYOND.decode()), ("PUT", 1, "token", BEYOND.decode())],
    ],
)
async def test_only_what_the_homeserver_sends_is_kept_while_it_waits(
    relay: Relay, url: str, panel_url: str, session: aiohttp.ClientSession,
    method: str, address: int, token: str, arrives: str,
) -> None:  # fmt: skip
    """Whatever is kept and is this large is refused."""
    told: list[tuple[str, bool]] = []

    async def tell(request: web.Request) -> web.Response:
        told.append(((await request.read()).decode(), "Content-Encoding" in request.headers))
        return web.Response()

    async with serving(at_work(tell)) as worker:
        headers = {"Authorization": f"Bearer {token}"}
        if not arrives:
            headers["Content-Encoding"] = "gzip"
        asked = asyncio.create_task(
            session.request(method, (url, panel_url)[address] + TRANSACTION, data=BEYOND, headers=headers)
        )
        await asyncio.sleep(0.05)
        assert not asked.done()
        relay.point_to((worker, worker))
        assert (await asked).status == 200
    assert told == [(arrives, False)]


@pytest.mark.parametrize("path", ["/scim/v2/Users", TRANSACTION])
async def test_what_is_packed_is_handed_on_packed(
    relay: Relay, url: str, session: aiohttp.ClientSession, path: str
) -> None:
    async with serving(at_work(echo)) as worker:
        relay.point_to((worker,))
        headers = FROM_HOMESERVER | {"Content-Encoding": "gzip"}
        async with session.post(url + path, data=gzip.compress(BEYOND), headers=headers) as answer:
            assert (answer.status, (await answer.json())["body"]) == (201, BEYOND.decode())


async def test_beyond_so_many_that_wait_at_an_address_one_is_told_to_come_again(
    relay: Relay, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "WAITING_MAX", 2)

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one")
        await asyncio.Event().wait()
        return response

    async with (
        serving(relay.runner(0, 1024, own_routes(lambda: ""))) as (host, port),
        serving(relay.runner(1, 1024, [])) as (_, panel_port),
        serving(at_work(stream)) as worker,
    ):
        waiting = {asyncio.create_task(session.get(f"http://{host}:{panel_port}/events")) for _ in range(3)}
        refused, waiting = await asyncio.wait(waiting, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        [answer] = [await one for one in refused]
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        waiting.add(asyncio.create_task(session.get(f"http://{host}:{port}/_matrix/app/v1/users/a")))
        async with session.get(f"http://{host}:{port}/health/live") as live:
            assert live.status == 200
        relay.point_to((worker, worker))
        streams = [await one for one in waiting]
        # Whose answer has begun waits no more.
        streams += [await session.get(f"http://{host}:{panel_port}/events") for _ in range(3)]
        assert [one.status for one in streams] == [200] * 6
        for one in streams:
            one.close()


@pytest.mark.parametrize("token", ["token", "other"])
async def test_a_body_that_does_not_come_in_time_gives_up_its_place(
    relay: Relay, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setattr(relaying, "WAITING_MAX", 1)
    monkeypatch.setattr(arriving, "BODY_SECONDS", 0.2)
    goes_on = asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        await request.read()
        await goes_on.wait()
        return web.Response(status=201)

    async with (
        serving(relay.runner(0, 1024, own_routes(lambda: ""))) as (host, port),
        serving(at_work(slow)) as worker,
    ):
        relay.point_to((worker,))
        reader, writer = await asyncio.open_connection(host, port)
        head = f"PUT {TRANSACTION} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 9\r\n\r\n"
        writer.write(head.encode() + b"a")
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        # Whose body is there may wait for its answer as long as before.
        asked = asyncio.create_task(session.put(f"http://{host}:{port}{TRANSACTION}", data=b"all of it"))
        asyncio.get_running_loop().call_later(0.4, goes_on.set)
        assert (await asked).status == 201
        writer.close()
