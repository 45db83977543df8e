"""What networks and proxies do to a transaction, and bodies that are none."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from appservice_conformance.case import ROBUST, SHOULD, case
from appservice_conformance.service import PREFIX, Service
from appservice_conformance.world import ROOMS, ask, event, transaction_id, word

SECTION = "Pushing events"
MIB = 1024 * 1024
JSON = {"Content-Type": "application/json"}


def _raw(*events: Any) -> bytes:
    return httpx.Request("PUT", "http://x", json={"events": list(events)}).content


def _broken() -> dict[str, Any]:
    return {
        "no JSON": b"events",
        "half": _raw(event())[:-9],
        "nothing": b"",
        "list": [],
        "number": 1,
        "null": None,
        "text": "events",
        "no events": {},
        "events null": {"events": None},
        "events object": {"events": {}},
        "events text": {"events": "none"},
        "event text": {"events": ["event"]},
        "event empty": {"events": [{}]},
        "no type": {"events": [{key: value for key, value in event().items() if key != "type"}]},
        "type number": {"events": [event(type=1)]},
        "content text": {"events": [event(content="text")]},
        "event id number": {"events": [event(event_id=1)]},
        "room id null": {"events": [event(room_id=None)]},
        "sender list": {"events": [event(sender=[])]},
        "time text": {"events": [event(origin_server_ts="now")]},
    }


each_broken = pytest.mark.parametrize("name", list(_broken()))


@case(ROBUST, SECTION)
@each_broken
def test_a_malformed_body_is_no_failure(service: Service, name: str) -> None:
    """A body that is no transaction (no JSON, a part missing, a wrong type) is no failure of the service (5xx)."""
    body = _broken()[name]
    answer = service.request("PUT", f"{PREFIX}/transactions/{transaction_id()}", **_as(body))
    assert answer.status_code < 500


@case(SHOULD, f"{SECTION}; standard error response")
@each_broken
def test_a_malformed_body_is_refused(service: Service, name: str) -> None:
    """Such a body is refused with 400 and the standard error, so that what it held is not taken for handled."""
    answer = service.request("PUT", f"{PREFIX}/transactions/{transaction_id()}", **_as(_broken()[name]))
    assert answer.status_code == 400
    assert answer.json()["errcode"].startswith("M_")


@case(ROBUST, SECTION)
@each_broken
def test_a_malformed_body_holds_up_nothing(service: Service, name: str) -> None:
    """After such a body, the next transaction is handled."""
    service.request("PUT", f"{PREFIX}/transactions/{transaction_id()}", **_as(_broken()[name]))
    assert service.goes_on()


def _as(body: Any) -> dict[str, Any]:
    return {"content": body, "headers": JSON} if isinstance(body, bytes) else {"json": body}


@case(ROBUST, SECTION)
def test_the_id_of_what_was_refused_is_free(service: Service) -> None:
    """A transaction that was refused as malformed is handled when it comes whole under the same id."""
    txn, whole = transaction_id(), _raw(ask(said := word()))
    refused = service.put(whole[:-9], txn, headers=JSON)
    assert refused.status_code >= 400
    assert service.put(whole, txn, headers=JSON).status_code == 200
    assert service.handles(said)


@case(ROBUST, SECTION)
@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "APPLICATION/JSON"])
def test_other_ways_to_say_json(service: Service, content_type: str) -> None:
    """The content type may have a character set, or capitals."""
    body = _raw(ask(said := word()))
    assert service.put(body, headers={"Content-Type": content_type}).status_code == 200
    assert service.handles(said)


@case(ROBUST, SECTION)
def test_in_chunks(service: Service) -> None:
    """A body in chunks, without a length, is taken: proxies send it so."""
    body = _raw(ask(said := word()))
    answer = service.request(
        "PUT",
        f"{PREFIX}/transactions/{transaction_id()}",
        content=(body[at : at + 7] for at in range(0, len(body), 7)),
        headers=JSON,
    )
    assert answer.status_code == 200
    assert service.handles(said)


@case(ROBUST, SECTION)
def test_slowly(service: Service) -> None:
    """A body that trickles in is taken, and meanwhile others are."""
    body = _raw(ask(said := word()))
    meanwhile: list[int] = []

    def trickle() -> Iterator[bytes]:
        for at in range(0, len(body), len(body) // 10):
            yield body[at : at + len(body) // 10]
            time.sleep(0.05)  # what is tried: a slow sender
            if not meanwhile:
                ping = httpx.post(f"{service.url}{PREFIX}/ping", headers=_bearer(service), json={})
                meanwhile.append(ping.status_code)

    answer = service.request(
        "PUT",
        f"{PREFIX}/transactions/{transaction_id()}",
        content=trickle(),
        headers={"Content-Type": "application/json", "Content-Length": str(len(body))},
    )
    assert answer.status_code == 200
    assert service.handles(said)
    assert meanwhile[0] < 500


def _bearer(service: Service) -> dict[str, str]:
    return {"Authorization": f"Bearer {service.adapter.hs_token}"}


@case(ROBUST, SECTION)
def test_broken_off(service: Service) -> None:
    """A body that breaks off is not handled, and is when it comes whole under the same id."""
    txn, body = transaction_id(), _raw(ask(said := word()))
    url = httpx.URL(service.url)
    head = (
        f"PUT {PREFIX}/transactions/{txn} HTTP/1.1\r\nHost: {url.host}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {service.adapter.hs_token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((url.host, url.port or 80), 5) as connection:
        connection.sendall(head.encode() + body[: len(body) // 2])
    assert service.goes_on()
    assert service.homeserver.pongs().count(said) == 0
    assert service.put(body, txn, headers=JSON).status_code == 200
    assert service.handles(said)
    assert service.times(said) == 1


@case(ROBUST, f"{SECTION}; client-server API, size limits")
def test_the_largest_that_homeservers_send(service: Service) -> None:
    """A hundred events of nearly 64 KiB, the most that homeservers put together, are taken."""
    said = [word() for _ in range(100)]
    events = [ask(one, ROOMS[at % len(ROOMS)]) for at, one in enumerate(said)]
    for one in events:
        one["content"]["example.large"] = "x" * 60_000
    assert service.push(*events).status_code == 200
    assert service.handles(*said, within=service.adapter.pong_seconds * 3)


@case(ROBUST, SECTION)
def test_far_too_large(service: Service) -> None:
    """A body of 80 MiB is refused or taken, and the service goes on."""

    def body() -> Iterator[bytes]:
        yield b'{"events": []'
        for _ in range(80):
            yield b" " * MIB
        yield b"}"

    try:
        answer = service.request(
            "PUT",
            f"{PREFIX}/transactions/{transaction_id()}",
            content=body(),
            headers={"Content-Type": "application/json", "Content-Length": str(80 * MIB + 14)},
        )
    except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
        pass  # hung up on without reading it whole, as RFC 9110, 15.5.14 allows
    else:
        assert answer.status_code in {200, 400, 413}
    assert service.goes_on()
