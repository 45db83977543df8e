"""How a system is asked: what is answered, what is asked again, and when, and the tokens with which it is asked."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bridge.directory.sources.asking import LARGEST, AskedSystem, Bucket, NotAnsweredError, RequestFailedError
from bridge.directory.sources.port import SourceError
from bridge.directory.sources.tokens import (
    AccessTokens,
    NotConnectedError,
    OAuthClient,
    Tokens,
    ask_for_tokens,
    keep_tokens,
    make_key,
)
from bridge.store.engine.store import Store

NOW = 1_800_000_000_000


class System:
    """One that answers what it is told to, and gives tokens by the client's credentials."""

    def __init__(self) -> None:
        self.statuses: deque[int] = deque()
        """What the next requests are answered with; 200 after that."""
        self.tokens: list[str] = []
        self.token: tuple[int, Any] = (200, {})
        """Status and what else is said with a token."""
        self.forms: list[dict[str, str]] = []
        self.asked: list[str] = []
        self.rested: list[float] = []

    async def give_token(self, request: web.Request) -> web.Response:
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        self.tokens.append(f"access-{len(self.tokens) + 1}")
        status, more = self.token
        if more is None:
            return web.Response(text="Signed in.", status=status)
        return web.json_response({"access_token": self.tokens[-1], **more}, status=status)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.headers["Authorization"].removeprefix("Bearer "))
        status = self.statuses.popleft() if self.statuses else 200
        return web.json_response({"answered": status}, status=status)

    async def rest(self, seconds: float) -> None:
        self.rested.append(seconds)


@asynccontextmanager
async def answering(tmp_path: Path) -> AsyncIterator[tuple[System, OAuthClient]]:
    """A system that answers, and the bridge as its client."""
    system = System()
    app = web.Application()
    app.add_routes([web.post("/token", system.give_token), web.get("/thing", system.answer)])
    async with TestServer(app) as server:
        url = str(server.make_url("/token"))
        key_file = tmp_path / "clio.key"
        yield system, OAuthClient("clio", url, url, "", 0, "client", "secret", key_file, by_itself=True)


async def ask(system: System, client: OAuthClient, store: Store) -> Any:
    async with AskedSystem(client, store, Bucket(1e9, 100, sleep=system.rest)) as asked:
        return await asked.ask("GET", client.token_url.replace("/token", "/thing"))


@pytest.mark.parametrize(
    ("statuses", "answer"),
    [((), {"answered": 200}), ((299,), {"answered": 299}), ((404,), None), ((429, 500, 503, 599), {"answered": 200})],
)
async def test_S1_what_passes_is_asked_again(
    store: Store, tmp_path: Path, statuses: tuple[int, ...], answer: Any
) -> None:
    async with answering(tmp_path) as (system, client):
        system.statuses.extend(statuses)
        assert await ask(system, client, store) == answer
        # Longer each time.
        assert system.rested == [0.5, 1, 2, 4][: len(statuses) if len(statuses) > 1 else 0]


def test_S1_an_answer_has_64_mebibytes_at_most() -> None:
    assert LARGEST == 67_108_864


async def test_S1_it_is_asked_six_times(store: Store, tmp_path: Path) -> None:
    async with answering(tmp_path) as (system, client):
        system.statuses.extend([503] * 10)
        with pytest.raises(RequestFailedError, match=r"^Clio answers 503 at /thing\.$"):
            await ask(system, client, store)
        assert len(system.asked) == 6
        assert system.rested == [0.5, 1, 2, 4, 8]


@pytest.mark.parametrize("status", [300, 302, 400, 402, 405, 409, 418, 428, 430, 499])
async def test_S1_what_stays_as_it_is_is_asked_once_and_others_may_be_asked(
    store: Store, tmp_path: Path, status: int
) -> None:
    async with answering(tmp_path) as (system, client):
        system.statuses.append(status)
        with pytest.raises(NotAnsweredError, match=rf"^Clio answers {status} at /thing\.$"):
            await ask(system, client, store)
        assert len(system.asked) == 1


async def test_S1_a_token_that_is_refused_is_renewed_once(store: Store, tmp_path: Path) -> None:
    async with answering(tmp_path) as (system, client):
        system.statuses.append(401)
        assert await ask(system, client, store) == {"answered": 200}
        assert system.asked == ["access-1", "access-2"]
        system.statuses.extend([401, 401])
        with pytest.raises(NotConnectedError, match=r"refuses /thing \(401\)"):
            await ask(system, client, store)
        system.asked.clear()
        system.statuses.append(403)
        # That is no reason not to ask for other things.
        with pytest.raises(NotAnsweredError, match=r"refuses /thing \(403\)"):
            await ask(system, client, store)
        assert len(system.asked) == 1


async def test_S1_a_system_that_hangs_is_waited_for_for_a_minute(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float | None] = []
    post = aiohttp.ClientSession.post

    def hangs(session: aiohttp.ClientSession, *args: Any, **given: Any) -> Any:
        waited.append(session.timeout.total)
        raise TimeoutError

    def posts(session: aiohttp.ClientSession, *args: Any, **given: Any) -> Any:
        waited.append(given["timeout"].total)
        return post(session, *args, **given)

    monkeypatch.setattr(aiohttp.ClientSession, "request", hangs)
    monkeypatch.setattr(aiohttp.ClientSession, "post", posts)
    async with answering(tmp_path) as (system, client):
        with pytest.raises(SourceError, match=r"^Clio does not answer \(TimeoutError\) at /thing\.$"):
            await ask(system, client, store)
        assert system.rested == [0.5, 1, 2, 4, 8]
    assert waited == [60] * 7


@pytest.mark.parametrize(
    ("said", "lasts"),
    [
        ({"expires_in": 3600}, 3_600_000),
        ({"expires_in": 1.5}, 1500),
        ({"expires_in": 400 * 86_400}, 365 * 86_400_000),
        ({"expires_in": 1}, 1000),
        ({"expires_in": 0}, 300_000),
        ({}, 300_000),
    ],
)
async def test_S1_a_token_lasts_as_long_as_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any], lasts: int
) -> None:
    monkeypatch.setattr("bridge.directory.sources.tokens.now_ms", lambda: NOW)
    async with answering(tmp_path) as (system, client), aiohttp.ClientSession() as session:
        system.token = (200, said)
        assert await ask_for_tokens(session, client, {}) == Tokens("access-1", "", NOW + lasts)


async def test_S1_a_token_is_renewed_a_minute_before_its_end(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = NOW
    monkeypatch.setattr("bridge.directory.sources.tokens.now_ms", lambda: time)
    async with answering(tmp_path) as (system, client), aiohttp.ClientSession() as session:
        system.token = (200, {"expires_in": 100})
        mine = replace(client, by_itself=False)
        key = make_key(mine)
        await store.run(keep_tokens, "clio", key, Tokens("kept", "refresh", NOW + 60_000))
        tokens = AccessTokens(mine, store)
        assert await tokens.access(session) == "kept"
        assert await tokens.access(session) == "kept"
        time += 1
        # Another start, which knows only what is kept.
        for login in (tokens, AccessTokens(mine, store)):
            assert await login.access(session) == "access-1"
        assert [form["refresh_token"] for form in system.forms] == ["refresh"]
        time += 40_000
        assert await tokens.access(session) == "access-1"
        time += 1
        assert await tokens.access(session) == "access-2"
        # It said no other, so it is the one from before.
        assert [form["refresh_token"] for form in system.forms] == ["refresh", "refresh"]


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, "invalid_grant", NotConnectedError),
        (401, "invalid_grant", NotConnectedError),
        (403, "invalid_grant", NotConnectedError),
        (402, "invalid_grant", SourceError),
        (201, "", SourceError),
        (500, "", SourceError),
    ],
)
async def test_S1_only_a_refusal_ends_the_connection(tmp_path: Path, status: int, error: str, kind: type) -> None:
    async with answering(tmp_path) as (system, client), aiohttp.ClientSession() as session:
        system.token = (status, {"error": error})
        with pytest.raises(SourceError) as raised:
            await ask_for_tokens(session, replace(client, by_itself=False), {})
    assert type(raised.value) is kind


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"padding": "x" * 65_536}, "is larger than 65536 bytes"),
        (None, r"page for signing in does not answer \(JSONDecodeError\)"),
    ],
)
async def test_S1_what_is_no_answer_about_tokens_is_said(tmp_path: Path, more: Any, why: str) -> None:
    async with answering(tmp_path) as (system, client), aiohttp.ClientSession() as session:
        system.token = (200, more)
        with pytest.raises(SourceError, match=why):
            await ask_for_tokens(session, client, {})


@pytest.mark.parametrize(
    ("by_itself", "error", "told"),
    [
        (True, "invalid_grant", r"refuses the client id and secret \(invalid_grant\)\. Compare clio\.region"),
        (False, "invalid_client", r"refuses the client id and secret \(invalid_client\)\. Compare clio\.region"),
        (False, "invalid_grant", r"lets the bridge in no longer \(invalid_grant\): .*clio connect"),
    ],
)
async def test_S1_a_refusal_says_what_to_do(tmp_path: Path, by_itself: bool, error: str, told: str) -> None:
    async with answering(tmp_path) as (system, client), aiohttp.ClientSession() as session:
        system.token = (400, {"error": error})
        with pytest.raises(NotConnectedError, match=told):
            await ask_for_tokens(session, replace(client, by_itself=by_itself), {})


async def test_S1_a_page_for_signing_in_that_is_gone_is_said(tmp_path: Path) -> None:
    async with answering(tmp_path) as (_, client):
        pass
    async with aiohttp.ClientSession() as session:
        with pytest.raises(SourceError, match=r"page for signing in does not answer \(ClientConnectorError\)"):
            await ask_for_tokens(session, client, {})


async def test_S1_a_key_that_cannot_be_read_is_said_with_what_to_do(store: Store, tmp_path: Path) -> None:
    async with answering(tmp_path) as (_, client), aiohttp.ClientSession() as session:
        mine = replace(client, by_itself=False)
        tokens = AccessTokens(mine, store)
        with pytest.raises(NotConnectedError, match="Nobody has let the bridge into Clio yet"):
            await tokens.access(session)
        await store.run(keep_tokens, "clio", make_key(mine), Tokens("kept", "refresh", 0))
        mine.key_file.write_text("no key")
        with pytest.raises(NotConnectedError, match=r"clio\.key holds no key\. Take it away\. .*clio connect"):
            await tokens.access(session)
        mine.key_file.unlink()
        assert make_key(mine) != b""
        with pytest.raises(NotConnectedError, match=r"encrypted with another key than clio\.key_file\..*clio connect"):
            await tokens.access(session)
        mine.key_file.unlink()
        # As a directory in its place: no file that anybody could read, root neither.
        mine.key_file.mkdir()
        with pytest.raises(NotConnectedError, match=r"clio\.key cannot be read: Is a directory\..*clio connect"):
            await tokens.access(session)
        with pytest.raises(SourceError, match=r"cannot be (read|written)"):
            make_key(mine)


async def test_S1_a_process_that_only_reads_renews_no_token(store: Store, tmp_path: Path) -> None:
    async with answering(tmp_path) as (system, client), aiohttp.ClientSession() as session:
        mine = replace(client, by_itself=False)
        await store.run(keep_tokens, "clio", make_key(mine), Tokens("kept", "refresh", 0))
        with pytest.raises(SourceError, match="The running bridge renews it"):
            await AccessTokens(mine, store, renews=False).access(session)
        assert system.forms == []


async def test_the_bucket_rests_and_begins_with_one() -> None:
    time = [0.0]

    async def sleep(seconds: float) -> None:
        time[0] += seconds

    bucket = Bucket(2, 3, clock=lambda: time[0], sleep=sleep)
    for _ in range(3):
        await bucket.take()
    assert time[0] == 0
    await bucket.rest(10)
    await bucket.take()
    assert time[0] == 10
    await bucket.take()
    assert time[0] == 10.5
    # However long nothing was asked, a few at once are all there is.
    time[0] += 100
    for _ in range(3):
        await bucket.take()
    assert time[0] == 110.5
    await bucket.take()
    assert time[0] == 111


async def test_the_bucket_rests_once_for_all_who_are_told_to_at_the_same_time() -> None:
    at, rested = [0.0], list[float]()

    async def sleep(seconds: float) -> None:
        # The others are told meanwhile.
        await asyncio.sleep(0)
        rested.append(seconds)
        at[0] += seconds

    bucket = Bucket(5, 5, lambda: at[0], sleep)
    await asyncio.gather(bucket.rest(30), bucket.rest(30), bucket.rest(40))
    assert (sum(rested), at[0]) == (40, 40)


async def test_S1_a_token_is_renewed_once_for_all_and_to_its_end(store: Store, tmp_path: Path) -> None:
    async with answering(tmp_path) as (system, client):
        renewing = replace(client, by_itself=False)
        await store.run(keep_tokens, client.source, make_key(renewing), Tokens("old", "refresh-1", 0))
        tokens = AccessTokens(renewing, store)
        async with aiohttp.ClientSession() as session:
            ended = asyncio.create_task(tokens.access(session))
            await asyncio.sleep(0)
            ended.cancel()
            # Whoever began it is gone; the others wait for the same one.
            given = await asyncio.gather(*(tokens.access(session) for _ in range(5)))
        assert ended.cancelled() and set(given) == {"access-1"}
        assert [form["refresh_token"] for form in system.forms] == ["refresh-1"]
