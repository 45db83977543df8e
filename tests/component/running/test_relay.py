"""A process that stands by hands on what it is asked, and waits for whoever is at work next (R1)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from bridge.web.relay import Address, Relay, own_routes

TRANSACTION = "/_matrix/app/v1/transactions/1"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[Address]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield "127.0.0.1", runner.addresses[0][1]
    finally:
        await runner.cleanup()


def at_work(handler: Handler) -> web.Application:
    """A process that answers everything so."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    return app


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
    made = Relay()
    yield made
    await made.close()


@pytest.fixture
async def url(relay: Relay) -> AsyncIterator[str]:
    """Where the process that stands by is asked."""
    async with serving(relay.app(0, 1024, own_routes(lambda: ""))) as (host, port):
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
        asked = asyncio.create_task(session.put(url + TRANSACTION, data=b"events"))
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
    asked = asyncio.create_task(session.put(url + TRANSACTION, data=b"events"))
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
    async with session.put(url + TRANSACTION, data=b"x" * 2000) as answer:
        assert answer.status == 413
