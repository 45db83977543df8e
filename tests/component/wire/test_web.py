"""The bridge's endpoints over HTTP: tokens, shapes, sizes, and what nobody expects."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiohttp import ClientResponse, ClientSession
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from bridge.handlers.inbox import Inbox
from bridge.metrics import Metrics
from bridge.store.engine.store import Store, StoreError
from bridge.store.models import InboxEvent
from bridge.store.queues.limits import QueueLimits
from bridge.web import appservice
from bridge.web.app import make_app, serve
from bridge.web.listening import ListenError
from tests.component.wire.traffic import TOKEN, Json, at_once, event, settings, until

PREFIX = "/_matrix/app/v1"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@dataclass
class Served:
    """The application with its inbox, and a client that has the token."""

    client: TestClient[Any, Any]
    inbox: Inbox
    handled: list[str]
    problems: dict[str, str] = field(default_factory=dict)
    beside: list[Json] = field(default_factory=list)

    async def push(self, body: object, raw: bytes | None = None, txn_id: str = "1") -> ClientResponse:
        data = orjson.dumps(body) if raw is None else raw
        return await self.client.put(f"{PREFIX}/transactions/{txn_id}", data=data, headers=BEARER)


@pytest.fixture
async def served(store: Store) -> AsyncIterator[Served]:
    handled: list[str] = []

    async def handle(given: Json) -> None:
        handled.append(given["event_id"])

    async def user_known(user_id: str) -> bool:
        return user_id == "@robin:localhost"

    async def alias_known(alias: str) -> bool:
        if alias == "#broken:localhost":
            raise RuntimeError(alias)
        return alias == "#everyone:localhost"

    metrics = Metrics(CollectorRegistry())
    inbox = Inbox(store, handle, metrics, at_once, limits=QueueLimits(max_waiting=100))
    problems: dict[str, str] = {}
    beside: list[Json] = []
    app = make_app(
        settings().appservice,
        beside=beside.extend,
        max_body_bytes=100_000,
        inbox=inbox,
        kept=lambda event, given: (
            given if event.type == "m.room.message" and event.content.get("body") != "chat" else None
        ),
        user_known=user_known,
        alias_known=alias_known,
        health=lambda: problems,
        metrics=metrics,
    )
    async with TestClient(TestServer(app)) as client:
        yield Served(client, inbox, handled, problems, beside)
    await inbox.stop()


async def error_of(answer: ClientResponse) -> tuple[int, str]:
    assert answer.content_type == "application/json"
    body = await answer.json()
    assert body["error"].endswith((".", "$", "@", "!")) or ":" in body["error"]
    return answer.status, body["errcode"]


async def test_events_that_need_handling_are_stored_and_others_never(served: Served, store: Store) -> None:
    answer = await served.push({"events": [event("$1"), event("$2", body="chat"), event("$3")]})
    assert (answer.status, await answer.json()) == (200, {})
    assert await store.run(lambda unit: [row.event_id for row in unit.all(InboxEvent.select())]) == ["$1", "$3"]
    await until(lambda: served.handled == ["$1", "$3"])


async def test_an_empty_transaction_and_one_of_ephemeral_events_are_fine(served: Served) -> None:
    assert (await served.push({"events": []})).status == 200
    typing = {"type": "m.typing", "room_id": "!a:localhost", "content": {"user_ids": []}}
    assert (await served.push({"events": [], "ephemeral": [typing], "de.sorunome.msc2409.ephemeral": 7})).status == 200
    assert served.beside == [typing]


async def test_transaction_ids_that_start_again_do_not_matter(served: Served) -> None:
    await served.push({"events": [event("$1")]}, txn_id="1")
    await served.push({"events": [event("$2")]}, txn_id="1")
    await served.push({"events": [event("$1")]}, txn_id="2")
    await until(lambda: served.handled == ["$1", "$2"])


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (401, "M_MISSING_TOKEN")),
        ({"Authorization": TOKEN}, (401, "M_MISSING_TOKEN")),
        ({"Authorization": f"Basic {TOKEN}"}, (401, "M_MISSING_TOKEN")),
        ({"Authorization": "Bearer "}, (401, "M_MISSING_TOKEN")),
        ({"Authorization": f"Bearer {TOKEN}x"}, (403, "M_FORBIDDEN")),
        ({"Authorization": f"Bearer {TOKEN[:-1]}"}, (403, "M_FORBIDDEN")),
        ({"Authorization": "Bearer \xe9\xff"}, (403, "M_FORBIDDEN")),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/transactions/1"),
        ("POST", "/ping"),
        ("GET", "/users/@robin:localhost"),
        ("GET", "/rooms/%23everyone:localhost"),
        ("GET", "/thirdparty/protocol/irc"),
        ("GET", "/thirdparty/user"),
        ("GET", "/thirdparty/user/irc"),
        ("GET", "/thirdparty/location"),
        ("GET", "/thirdparty/location/irc"),
    ],
)
async def test_nothing_is_answered_without_the_token(
    served: Served, method: str, path: str, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    answer = await served.client.request(method, PREFIX + path, headers=headers, data=b'{"events": []}')
    assert await error_of(answer) == expected


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
async def test_the_word_before_the_token_counts_in_any_case(served: Served, scheme: str) -> None:
    answer = await served.client.post(f"{PREFIX}/ping", headers={"Authorization": f"{scheme} {TOKEN}"}, data=b"{}")
    assert answer.status == 200


async def test_a_token_in_the_query_is_not_taken(served: Served) -> None:
    answer = await served.client.post(f"{PREFIX}/ping?access_token={TOKEN}", data=b"{}")
    assert await error_of(answer) == (401, "M_MISSING_TOKEN")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"events": [\x00]}',
        b'{"events": [NaN]}',
        b'{"events": [], "a": "\\ud800"}',
        b'{"events": [], "a": ' + b"[" * 100_00 + b"]" * 100_00 + b"}",
        b'{"events": []} and more',
    ],
)
async def test_a_body_that_is_no_json_is_refused(served: Served, raw: bytes) -> None:
    assert await error_of(await served.push(None, raw)) == (400, "M_NOT_JSON")


async def test_an_event_nested_too_deeply_keeps_no_other_of_its_transaction_out(served: Served, store: Store) -> None:
    deep = orjson.dumps(event("$2")).replace(b'"!ping"', b'"!ping","x":' + b"[" * 500 + b"]" * 500)
    raw = b'{"events": [' + b",".join([orjson.dumps(event("$1")), deep, orjson.dumps(event("$3"))]) + b"]}"
    assert (await served.push(None, raw)).status == 200
    assert await store.run(lambda unit: [row.event_id for row in unit.all(InboxEvent.select())]) == ["$1", "$3"]


async def test_the_wrong_shape_is_refused_with_its_place_and_nothing_is_stored(served: Served, store: Store) -> None:
    bad = event("$2")
    bad["sender"] = 7
    answer = await served.push({"events": [event("$1"), bad]})
    assert (await answer.json())["error"].startswith("events[1].sender:")
    assert await error_of(answer) == (400, "M_BAD_JSON")
    assert await store.run(lambda unit: unit.count(InboxEvent.select())) == 0


@pytest.mark.parametrize("number", [b"1e400", b"123456789012345678901234567890", b"-9223372036854775809"])
async def test_numbers_beyond_all_bounds_are_no_accident(served: Served, number: bytes) -> None:
    raw = orjson.dumps({"events": [event("$1")]}).replace(b'"!ping"', b'"!ping","x":' + number)
    answer = await served.push(None, raw)
    assert answer.status in {200, 400}


async def test_nul_characters_in_what_people_wrote_are_stored(served: Served) -> None:
    assert (await served.push({"events": [event("$1", body="!ping \0")]})).status == 200
    await until(lambda: served.handled == ["$1"])


async def test_a_body_larger_than_allowed_is_refused(served: Served) -> None:
    answer = await served.push({"events": [event("$1", body="x" * 200_000)]})
    assert await error_of(answer) == (413, "M_TOO_LARGE")


async def test_a_small_body_that_unpacks_to_a_large_one_is_refused(served: Served) -> None:
    packed = gzip.compress(orjson.dumps({"events": [event("$1", body="x" * 5_000_000)]}))
    headers = {**BEARER, "Content-Encoding": "gzip"}
    answer = await served.client.put(f"{PREFIX}/transactions/1", data=packed, headers=headers)
    assert await error_of(answer) == (413, "M_TOO_LARGE")


async def test_a_body_that_says_it_is_packed_and_is_not_is_refused(served: Served) -> None:
    headers = {**BEARER, "Content-Encoding": "gzip"}
    answer = await served.client.put(f"{PREFIX}/transactions/1", data=b"plain", headers=headers)
    assert await error_of(answer) == (400, "M_NOT_JSON")


@pytest.mark.parametrize("path", ["/", "/_matrix/app/v1/nothing", "/_matrix/app/v2/transactions/1", "/users/@a:b"])
async def test_an_unknown_path_is_unrecognized(served: Served, path: str) -> None:
    assert await error_of(await served.client.get(path, headers=BEARER)) == (404, "M_UNRECOGNIZED")


async def test_an_unknown_method_is_unrecognized_and_told_what_is_possible(served: Served) -> None:
    answer = await served.client.delete(f"{PREFIX}/transactions/1", headers=BEARER)
    assert answer.headers["Allow"] == "PUT"
    assert await error_of(answer) == (405, "M_UNRECOGNIZED")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/users/%40robin%3Alocalhost", 200),
        ("/users/@robin:localhost", 200),
        ("/users/@nobody:localhost", 404),
        ("/users/robin", 404),
        ("/users/%40a%00b%3Alocalhost", 404),
        ("/users/%FF", 404),
        ("/users/", 404),
        ("/rooms/%23everyone%3Alocalhost", 200),
        ("/rooms/%23nothing%3Alocalhost", 404),
        ("/rooms/%23a%2Fb%3Alocalhost", 404),
    ],
)
async def test_users_and_aliases_are_known_or_not_found(served: Served, path: str, status: int) -> None:
    answer = await served.client.get(PREFIX + path, headers=BEARER)
    assert answer.status == status
    assert (await answer.json()).get("errcode") == ({200: None, 404: "M_NOT_FOUND"}[status])


async def test_the_ping_is_answered(served: Served) -> None:
    for data in (b"", b"{}", b'{"transaction_id": "start"}'):
        answer = await served.client.post(f"{PREFIX}/ping", data=data, headers=BEARER)
        assert (answer.status, await answer.json()) == (200, {})
    answer = await served.client.post(f"{PREFIX}/ping", data=b'{"transaction_id": 7}', headers=BEARER)
    assert await error_of(answer) == (400, "M_BAD_JSON")


async def test_an_unexpected_failure_is_a_500_that_tells_nothing_and_is_logged(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await served.client.get(f"{PREFIX}/rooms/%23broken:localhost", headers=BEARER)
    assert "broken" not in await answer.text()
    assert await error_of(answer) == (500, "M_UNKNOWN")
    written = capsys.readouterr()
    assert "request_failed" in written.out
    assert "alias_known" in written.out
    assert "RuntimeError: " not in written.out


async def test_a_transaction_that_cannot_be_stored_is_not_acknowledged(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(events: list[Json], news: object) -> int:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(served.inbox, "accept", full)
    assert await error_of(await served.push({"events": [event("$1")]})) == (503, "M_UNKNOWN")
    monkeypatch.undo()
    assert (await served.push({"events": [event("$1")]})).status == 200


async def test_a_full_inbox_answers_late_and_then_not_at_all(
    served: Served, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    release = asyncio.Event()

    async def held_up(given: Json) -> None:
        await release.wait()

    monkeypatch.setattr(served.inbox, "handle", held_up)
    assert (await served.push({"events": [event(f"${n}") for n in range(100)]})).status == 200
    monkeypatch.setattr(appservice, "ANSWER_WITHIN", 0.01)
    assert await error_of(await served.push({"events": [event("$late")]})) == (503, "M_UNKNOWN")
    assert (await served.push({"events": [event("$c", body="chat")]})).status == 200
    monkeypatch.setattr(appservice, "ANSWER_WITHIN", 45)
    late = asyncio.create_task(served.push({"events": [event("$late")]}))
    await asyncio.sleep(0.01)
    assert not late.done()
    release.set()
    assert (await late).status == 200


async def test_health_names_each_check(served: Served) -> None:
    answer = await served.client.get("/health/live")
    assert (answer.status, await answer.json()) == (200, {"status": "ok"})
    served.problems.update(homeserver="", outbox="")
    answer = await served.client.get("/health/ready")
    assert (answer.status, (await answer.json())["checks"]) == (200, {"homeserver": "ok", "outbox": "ok"})
    served.problems["outbox"] = "Nothing can be sent."
    answer = await served.client.get("/health/ready")
    assert answer.status == 503
    body = await answer.json()
    assert body == {"status": "not ready", "checks": {"homeserver": "ok", "outbox": "Nothing can be sent."}}


@pytest.mark.parametrize(
    "check",
    ["accounts", "clock", "directory", "filing", "rooms", "scim", "sign_on", "sources", "webhooks"],
)
async def test_health_tells_degraded_from_not_ready(served: Served, check: str) -> None:
    served.problems.update({"homeserver": "", check: "A person has to put this right."})
    answer = await served.client.get("/health/ready")
    assert (answer.status, (await answer.json())["status"]) == (200, "degraded")
    served.problems["homeserver"] = "It does not answer."
    answer = await served.client.get("/health/ready")
    assert (answer.status, (await answer.json())["status"]) == (503, "not ready")


async def test_metrics_count_what_happened(served: Served) -> None:
    await served.push({"events": [event("$1"), event("$2", body="chat")]})
    await served.push({"events": [event("$1")]})
    await served.push({"events": 7})
    await served.client.post(f"{PREFIX}/ping")
    await until(lambda: served.handled == ["$1"])
    answer = await served.client.get("/metrics")
    assert answer.status == 200
    lines = (await answer.text()).splitlines()
    for line in (
        'firm_bridge_transactions_total{outcome="accepted"} 2.0',
        'firm_bridge_transactions_total{outcome="refused"} 1.0',
        "firm_bridge_tokens_refused_total 1.0",
        "firm_bridge_events_received_total 3.0",
        "firm_bridge_events_stored_total 1.0",
        "firm_bridge_events_duplicate_total 1.0",
        "firm_bridge_events_handled_total 1.0",
        "firm_bridge_inbox_waiting 0.0",
    ):
        assert line in lines


async def test_listening_where_another_program_does_is_a_sentence(served: Served) -> None:
    app = make_app(
        settings().appservice,
        inbox=served.inbox,
        kept=lambda event, given: given,
        user_known=_no,
        alias_known=_no,
        health=dict,
        metrics=Metrics(CollectorRegistry()),
    )
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = settings().appservice.model_copy(update={"listen_port": other.getsockname()[1]})
        with pytest.raises(ListenError, match=r"Another program listens on 127\.0\.0\.1 port"):
            async with serve(app, taken):
                pass
    nowhere = settings().appservice.model_copy(update={"listen_host": "192.0.2.1"})
    with pytest.raises(ListenError, match=r"appservice\.listen_host"):
        async with serve(app, nowhere):
            pass


async def test_serving_ends_with_its_block(served: Served) -> None:
    app = make_app(
        settings().appservice,
        inbox=served.inbox,
        kept=lambda event, given: given,
        user_known=_no,
        alias_known=_no,
        health=dict,
        metrics=Metrics(CollectorRegistry()),
    )
    anywhere = settings().appservice.model_copy(update={"listen_port": 0})
    async with ClientSession() as session:
        async with serve(app, anywhere) as port, session.get(f"http://127.0.0.1:{port}/health/live") as answer:
            assert answer.status == 200
        with pytest.raises(OSError, match="Connect"):
            await session.get(f"http://127.0.0.1:{port}/health/live")


async def _no(given: str) -> bool:
    return False
