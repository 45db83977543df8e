"""Ping, queries, third-party networks, and addresses that are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from appservice_conformance.case import MUST, ROBUST, SHOULD, case
from appservice_conformance.service import PREFIX, Service
from appservice_conformance.world import BOT, SERVER, ask, transaction_id, word


@case(MUST, "Pinging")
def test_ping(service: Service) -> None:
    """A ping is answered with 200 and an object."""
    answer = service.request("POST", f"{PREFIX}/ping", json={"transaction_id": transaction_id()})
    assert answer.status_code == 200
    assert isinstance(answer.json(), dict)


@case(MUST, "Pinging")
def test_ping_without_an_id(service: Service) -> None:
    """The transaction id of a ping may be left out."""
    assert service.request("POST", f"{PREFIX}/ping", json={}).status_code == 200


@case(MUST, "Pinging; unknown properties are ignored")
def test_ping_with_more(service: Service) -> None:
    """Unknown properties of a ping change nothing."""
    assert service.request("POST", f"{PREFIX}/ping", json={"example.unknown": {}}).status_code == 200


@case(ROBUST, "Pinging")
@pytest.mark.parametrize("body", [b"", b"ping", b"[]", b'{"transaction_id": 1}'])
def test_malformed_ping(service: Service, body: bytes) -> None:
    """A malformed ping is taken or refused, never a failure of the service."""
    answer = service.request("POST", f"{PREFIX}/ping", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {200, 400}


@case(ROBUST, "Pinging")
def test_a_ping_is_no_transaction(service: Service) -> None:
    """A transaction under the id of a ping is handled."""
    txn = transaction_id()
    assert service.request("POST", f"{PREFIX}/ping", json={"transaction_id": txn}).status_code == 200
    assert service.push(ask(said := word()), txn=txn).status_code == 200
    assert service.handles(said)


@case(MUST, "Querying: users")
def test_an_unknown_user(service: Service) -> None:
    """A user that does not exist is answered with 404."""
    assert service.request("GET", f"{PREFIX}/users/%40nobody{word()}:{SERVER}").status_code == 404


@case(MUST, "Querying: users")
def test_a_known_user(service: Service) -> None:
    """A user that exists is answered with 200 and an object."""
    if not service.adapter.known_user:
        pytest.skip("The adapter names no user that the service knows.")
    answer = service.request("GET", f"{PREFIX}/users/{service.adapter.known_user.replace('@', '%40')}")
    assert (answer.status_code, answer.json()) == (200, {})


@case(MUST, "Querying: room aliases")
def test_an_unknown_alias(service: Service) -> None:
    """An alias that does not exist is answered with 404."""
    assert service.request("GET", f"{PREFIX}/rooms/%23nowhere{word()}:{SERVER}").status_code == 404


@case(MUST, "Querying: room aliases")
def test_a_known_alias(service: Service) -> None:
    """An alias that exists is answered with 200 and an object."""
    if not service.adapter.known_alias:
        pytest.skip("The adapter names no alias that the service knows.")
    answer = service.request("GET", f"{PREFIX}/rooms/{service.adapter.known_alias.replace('#', '%23')}")
    assert (answer.status_code, answer.json()) == (200, {})


@case(ROBUST, "Querying")
@pytest.mark.parametrize("kind", ["users", "rooms"])
@pytest.mark.parametrize("wrong", ["nobody", "%40", "%23", "%40a%2Fb:c", "%E2%82%AC", "x" * 1000])
def test_no_id_at_all(service: Service, kind: str, wrong: str) -> None:
    """What is no user id and no alias is refused or unknown, never a failure of the service."""
    assert service.request("GET", f"{PREFIX}/{kind}/{wrong}").status_code in {400, 404}


THIRD_PARTY = ("protocol/example", "user/example", "location/example")


@case(MUST, "Third-party networks")
@pytest.mark.parametrize("path", THIRD_PARTY)
def test_an_unknown_protocol(service: Service, path: str) -> None:
    """A third-party protocol that the service does not have is answered with 404."""
    assert service.request("GET", f"{PREFIX}/thirdparty/{path}").status_code == 404


@case(MUST, "Third-party networks")
@pytest.mark.parametrize(
    ("path", "query"),
    [("user", {"userid": BOT}), ("location", {"alias": f"#nowhere:{SERVER}"})],
    ids=["user", "location"],
)
def test_third_party_lookups(service: Service, path: str, query: dict[str, str]) -> None:
    """A lookup of what is in no third-party network is answered with 404, or 200 and a list."""
    answer = service.request("GET", f"{PREFIX}/thirdparty/{path}", params=query)
    assert answer.status_code == 404 or (answer.status_code == 200 and isinstance(answer.json(), list))


@case(MUST, "Unknown routes")
@pytest.mark.parametrize("path", [f"{PREFIX}/example", "/_matrix/app/v99/ping", "/_matrix/client/v3/sync", "/example"])
def test_an_unknown_address(service: Service, path: str) -> None:
    """An unknown address is answered with 404 and M_UNRECOGNIZED."""
    answer = service.request("GET", path)
    assert (answer.status_code, answer.json()["errcode"]) == (404, "M_UNRECOGNIZED")


METHODS = (
    ("GET", f"{PREFIX}/transactions/1"),
    ("POST", f"{PREFIX}/transactions/1"),
    ("DELETE", f"{PREFIX}/transactions/1"),
    ("GET", f"{PREFIX}/ping"),
    ("PUT", f"{PREFIX}/ping"),
    ("POST", f"{PREFIX}/users/%40nobody:{SERVER}"),
    ("DELETE", f"{PREFIX}/rooms/%23nowhere:{SERVER}"),
)


@case(MUST, "Unknown routes")
@pytest.mark.parametrize(("method", "path"), METHODS)
def test_a_method_that_is_none(service: Service, method: str, path: str) -> None:
    """A method that an address does not have is answered with 405 and M_UNRECOGNIZED."""
    answer = service.request(method, path)
    assert (answer.status_code, answer.json()["errcode"]) == (405, "M_UNRECOGNIZED")


@case(SHOULD, "Standard error response")
@pytest.mark.parametrize(
    ("method", "path", "token"),
    [
        ("GET", f"{PREFIX}/example", None),
        ("GET", f"{PREFIX}/users/%40nobody:{SERVER}", None),
        ("GET", f"{PREFIX}/rooms/%23nowhere:{SERVER}", None),
        ("POST", f"{PREFIX}/ping", "another-token"),
        ("POST", f"{PREFIX}/ping", ""),
    ],
    ids=["address", "user", "alias", "wrong token", "no token"],
)
def test_errors_in_the_standard_form(service: Service, method: str, path: str, token: str | None) -> None:
    """What is refused is refused as JSON, with an error code that begins with M_ and a sentence."""
    answer = service.request(method, path, token=token)
    assert answer.headers["Content-Type"].startswith("application/json")
    body: dict[str, Any] = answer.json()
    assert body["errcode"].startswith("M_")
    assert isinstance(body["error"], str)


@case(ROBUST, "Legacy routes")
@pytest.mark.parametrize("path", ["/users/%40nobody:" + SERVER, "/rooms/%23nowhere:" + SERVER])
def test_addresses_of_old(service: Service, path: str, record_property: Callable[[str, object], None]) -> None:
    """The addresses before 1.0 are answered as today's or as unknown, in the standard form."""
    answer = service.request("GET", path)
    assert answer.status_code == 404
    record_property("note", "unknown" if answer.json()["errcode"] == "M_UNRECOGNIZED" else "known")
