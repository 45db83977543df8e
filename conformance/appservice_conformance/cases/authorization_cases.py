"""The token that proves the homeserver (application service API: Authorization)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from appservice_conformance.case import MUST, ROBUST, SHOULD, case
from appservice_conformance.service import PREFIX, Service
from appservice_conformance.world import BOT, SERVER, ask, transaction_id, word

SECTION = "Authorization"
ENDPOINTS = (
    ("PUT", f"{PREFIX}/transactions/{word()}"),
    ("POST", f"{PREFIX}/ping"),
    ("GET", f"{PREFIX}/users/{BOT.replace('@', '%40')}"),
    ("GET", f"{PREFIX}/rooms/%23nowhere:{SERVER}"),
)
THIRD_PARTY = tuple(f"{PREFIX}/thirdparty/{path}" for path in ("protocol/irc", "user", "location", "user/irc"))
each_endpoint = pytest.mark.parametrize(("method", "path"), ENDPOINTS)


def _body(method: str) -> dict[str, object]:
    return {} if method == "GET" else {"json": {"events": []}}


@case(MUST, SECTION)
def test_taken_with_the_token(service: Service) -> None:
    """The right token in the Authorization header is taken."""
    assert service.push(ask(said := word())).status_code == 200
    assert service.handles(said)


@case(MUST, SECTION)
@each_endpoint
def test_refused_without_a_token(service: Service, method: str, path: str) -> None:
    """A request without a token is refused, at every endpoint."""
    assert service.request(method, path, token="", **_body(method)).status_code in {401, 403}


@case(MUST, f"{SECTION}; Third-party networks")
@pytest.mark.parametrize("path", THIRD_PARTY)
@pytest.mark.parametrize("token", ["", "another-token"], ids=["none", "wrong"])
def test_third_party_lookups_refused(service: Service, path: str, token: str) -> None:
    """A third-party lookup without the token is refused; 404 where the service has no such networks at all."""
    assert service.request("GET", path, token=token).status_code in {401, 403, 404}


@case(SHOULD, SECTION)
@each_endpoint
def test_told_that_the_token_is_missing(service: Service, method: str, path: str) -> None:
    """A request without a token is answered with 401, the table's status for no credentials."""
    assert service.request(method, path, token="", **_body(method)).status_code == 401


@case(MUST, SECTION)
@each_endpoint
def test_refused_with_a_wrong_token(service: Service, method: str, path: str) -> None:
    """A wrong token is refused with M_FORBIDDEN, at every endpoint."""
    answer = service.request(method, path, token="another-token", **_body(method))
    assert answer.status_code in {401, 403}
    assert answer.json()["errcode"] == "M_FORBIDDEN"


@case(MUST, SECTION)
@pytest.mark.parametrize(
    "almost",
    [
        lambda token: token[:-1],
        lambda token: token + "x",
        lambda token: token.upper(),
        lambda token: "é" + token,
        lambda token: "undefined",
        lambda token: "null",
    ],
    ids=["shorter", "longer", "upper", "foreign", "undefined", "null"],
)
def test_refused_with_almost_the_token(service: Service, almost: Callable[[str], str]) -> None:
    """Almost the token is refused as any other: one that is shorter, longer, in capitals, or has a foreign letter."""
    header = f"Bearer {almost(service.adapter.hs_token)}".encode()
    answer = service.push(token="", headers={"Authorization": header})
    assert answer.status_code in {401, 403}


@case(MUST, SECTION)
@pytest.mark.parametrize("header", ["Bearer", "Basic Ym90OmJvdA==", "{token}", "Token {token}"])
def test_refused_in_another_scheme(service: Service, header: str) -> None:
    """An Authorization header of another form is refused."""
    given = header.format(token=service.adapter.hs_token)
    answer = service.push(token="", headers={"Authorization": given})
    assert answer.status_code in {401, 403}


@case(SHOULD, f"{SECTION}; RFC 9110, 11.1")
@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_the_scheme_in_any_case(service: Service, scheme: str) -> None:
    """The word Bearer counts in small letters and capitals, as HTTP has it of all schemes."""
    given = {"Authorization": f"{scheme} {service.adapter.hs_token}"}
    assert service.push(token="", headers=given).status_code == 200


@case(ROBUST, SECTION)
def test_what_was_refused_is_not_handled(service: Service) -> None:
    """What came with a wrong token is not handled, and its transaction id is free for the homeserver."""
    txn, forged, true = transaction_id(), word(), word()
    assert service.push(ask(forged), txn=txn, token="another-token").status_code in {401, 403}
    assert service.push(ask(true), txn=txn).status_code == 200
    assert service.handles(true)
    assert service.times(forged) == 0


@case(ROBUST, SECTION)
def test_a_wrong_header_is_not_made_good_by_the_query(service: Service) -> None:
    """A wrong token in the header is refused although the right one is in the query string."""
    query = {"access_token": service.adapter.hs_token}
    answer = service.push(token="another-token", params=query)
    assert answer.status_code in {401, 403}


@case(ROBUST, SECTION)
def test_both_places_as_homeservers_do_for_old_services(service: Service) -> None:
    """The right token in the header and in the query string is taken, as homeservers send it for old services."""
    query = {"access_token": service.adapter.hs_token}
    assert service.push(ask(said := word()), params=query).status_code == 200
    assert service.handles(said)


@case(ROBUST, f"{SECTION}, before version 1.4")
def test_the_query_alone(service: Service, record_property: Callable[[str, object], None]) -> None:
    """The token in the query string alone, as before 1.4, is taken or refused, and nothing else."""
    query = {"access_token": service.adapter.hs_token}
    status = service.push(token="", params=query).status_code
    assert status in {200, 401, 403}
    record_property("note", "taken" if status == 200 else "refused")
    wrong = service.push(token="", params={"access_token": "another-token"})
    assert wrong.status_code in {401, 403}
