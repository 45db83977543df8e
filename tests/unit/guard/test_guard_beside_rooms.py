"""What the guard decides beside rooms: requests, what a membership says, and whose account is closed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.firm.audit import Deed
from bridge.guard.farewells import SECONDS, Farewells
from bridge.guard.keeper import Keeper, PushRefusedError
from bridge.guard.memberships import without_words
from bridge.guard.protocol import OUTDATED, sign_farewell, sign_push
from bridge.guard.requests import Entering, asked_of, deleting, entering, pushes_ids_alone, request_refusal

BOT, DAN = "@bot:firm.example", "@dan:firm.example"
KEY = "key-of-the-tests-0001"
V3, ADMIN = "/_matrix/client/v3/", "/_synapse/admin/"


@pytest.mark.parametrize(
    ("method", "url", "deed"),
    [
        ("PUT", V3 + "profile/@dan:firm.example/org.example.title", Deed.TRIED_TO_CHANGE_PROFILE),
        ("PUT", V3 + "profile/%40dan%3Afirm.example/m.tz?access_token=x", Deed.TRIED_TO_CHANGE_PROFILE),
        ("PUT", "/_matrix/client/unstable/uk.tcpip.msc4133/profile/@dan:x/m.status", Deed.TRIED_TO_CHANGE_PROFILE),
        ("PUT", "/_matrix/client/r0/profile/@dan:x/m%2Etz", Deed.TRIED_TO_CHANGE_PROFILE),
        ("PUT", V3 + "profile/@dan:x/displayname", None),
        ("DELETE", V3 + "profile/@dan:x/org.example.title", None),
        ("GET", V3 + "profile/@dan:x/org.example.title", None),
        ("POST", ADMIN + f"v1/deactivate/{BOT}", Deed.TRIED_TO_ACT_AS_BOT),
        ("PUT", ADMIN + f"v2/users/{quote(BOT)}", Deed.TRIED_TO_ACT_AS_BOT),
        ("DELETE", ADMIN + f"v2/users/{BOT}/devices/x", Deed.TRIED_TO_ACT_AS_BOT),
        ("PUT", f"/_matrix/client/v1/admin/suspend/{BOT}", Deed.TRIED_TO_ACT_AS_BOT),
        ("POST", f"/_synapse//admin/v1/users/{BOT}/login", Deed.TRIED_TO_ACT_AS_BOT),
        ("PUT", ADMIN + f"v1/users/{BOT}/admin", None),
        ("GET", ADMIN + f"v2/users/{BOT}", None),
        ("POST", ADMIN + f"v1/deactivate/{DAN}", None),
        ("POST", V3 + f"rooms/!a/kick/{BOT}", None),
        ("POST", V3 + "keys/query", None),
        ("PUT", "/", None),
        ("PUT", "", None),
    ],
)
def test_which_requests_are_refused(method: str, url: str, deed: Deed | None) -> None:
    asked = asked_of(method, url)
    found = request_refusal(asked, BOT) if asked is not None else None
    assert (found[0] if found else None) == deed


@pytest.mark.parametrize(
    ("method", "url", "found"),
    [
        ("POST", V3 + "join/!a%3Ax", ("!a:x", "join")),
        ("POST", V3 + "join/%23court%3Ax?server_name=y", ("#court:x", "join")),
        ("POST", "/_matrix/client/r0/rooms/!a:x/join?access_token=x", ("!a:x", "join")),
        ("POST", "/_matrix/client/api/v1/join/!a:x", ("!a:x", "join")),
        ("PUT", V3 + "join/!a:x/txn1", ("!a:x", "join")),
        ("PUT", V3 + "rooms/!a:x/join/txn1", ("!a:x", "join")),
        ("PUT", V3 + "knock/!a:x/txn1", ("!a:x", "knock")),
        ("PUT", V3 + "rooms/!a:x/send/m.room.message/txn1", None),
        ("PUT", V3 + "join", None),
        ("POST", V3 + "knock/!a:x", ("!a:x", "knock")),
        ("PUT", V3 + f"rooms/!a:x/state/m.room.member/{quote(DAN)}", ("!a:x", "join")),
        ("PUT", V3 + f"rooms/!a:x/state/m.room.member/{BOT}", None),
        ("POST", V3 + "rooms/!a:x/invite", None),
        ("POST", V3 + "rooms/!a:x/leave", None),
        ("POST", ADMIN + "v1/join/!a:x", None),
        ("POST", V3 + "rooms/join/leave", None),
    ],
)
def test_which_requests_would_bring_somebody_into_a_room(method: str, url: str, found: tuple[str, str] | None) -> None:
    asked = asked_of(method, url)
    assert asked is not None
    assert entering(asked, DAN) == (Entering(*found) if found is not None else None)


@pytest.mark.parametrize(
    ("method", "url", "room_id"),
    [
        ("POST", V3 + "rooms/!a%3Ax/receipt/m.read/%24e", "!a:x"),
        ("POST", "/_matrix/client/api/v1/rooms/!a:x/receipt/m.read.private/$e", "!a:x"),
        ("POST", "/_matrix/client/r0/rooms/!a:x/read_markers", "!a:x"),
        ("POST", V3 + "rooms/!a:x/send/m.room.message/receipt", ""),
        ("PUT", V3 + "rooms/!a:x/typing/@dan:x", ""),
        ("GET", V3 + "rooms/!a:x/read_markers", ""),
    ],
)
def test_which_requests_say_how_far_somebody_has_read(method: str, url: str, room_id: str) -> None:
    asked = asked_of(method, url)
    assert (asked.room_marked_as_read if asked is not None else "") == room_id


@given(st.text(), st.text())
def test_any_request_can_be_looked_at(method: str, url: str) -> None:
    asked = asked_of(method, url)
    if asked is not None:
        request_refusal(asked, BOT)
        assert isinstance(asked.room_marked_as_read, str)


@pytest.mark.parametrize(
    ("data", "alone"),
    [({"format": "event_id_only"}, True), ({"format": "full"}, False), ({}, False), (None, False), ("x", False)],
)
def test_F4_only_ids_are_pushed(data: Any, alone: bool) -> None:
    assert pushes_ids_alone(data) is alone


def test_M4_a_membership_says_nothing_where_nobody_writes() -> None:
    plain = {"membership": "join", "displayname": "Dan", "avatar_url": None, "join_authorised_via_users_server": "@a:x"}
    for read_only in (True, False):
        assert without_words(plain, read_only=read_only) is None
        assert without_words({**plain, "is_direct": True}, read_only=read_only) is None
        for words in (
            {"org.example": "words"},
            {"third_party_invite": {"display_name": "words"}},
            {"is_direct": "words"},
            {"reason": ["words"]},
        ):
            assert without_words({**plain, **words}, read_only=read_only) == plain
    assert without_words({**plain, "reason": "words"}, read_only=True) == plain
    assert without_words({**plain, "reason": "words"}, read_only=False) is None


def farewells(path: Path, clock: Any) -> Farewells:
    keeper = Keeper(path / "policy", KEY)
    push = json.dumps({"version": 7, "records": {}}).encode()
    keeper.accept(push, sign_push(KEY, push))
    return Farewells(keeper, KEY, clock)


def said(user_id: object = DAN, version: object = 7) -> bytes:
    return json.dumps({"user": user_id, "version": version}).encode()


def test_F2_what_the_bridge_says_of_an_account_holds_for_it_alone_for_a_minute_and_once(tmp_path: Path) -> None:
    now = [1000.0]
    told = farewells(tmp_path, lambda: now[0])
    assert not told.is_said(DAN)
    told.take(said(), sign_farewell(KEY, said()))
    assert told.is_said(DAN)
    assert not told.is_said(BOT)
    now[0] += SECONDS
    assert not told.is_said(DAN)
    told.take(said(), sign_farewell(KEY, said()))
    told.done(DAN)
    assert not told.is_said(DAN)


@pytest.mark.parametrize(
    ("body", "key", "status", "code"),
    [
        (said(), "another-key-0001", 403, "M_FORBIDDEN"),
        (said(version=6), KEY, 409, OUTDATED),
        (said(version="7"), KEY, 409, OUTDATED),
        (b"{}", KEY, 400, "M_BAD_JSON"),
        (b"[" * 900, KEY, 400, "M_BAD_JSON"),
        (b"x" * 2000, KEY, 403, "M_FORBIDDEN"),
    ],
)
def test_F2_nobody_else_says_so_and_not_on_an_old_policy(
    body: bytes, key: str, status: int, code: str, tmp_path: Path
) -> None:
    told = farewells(tmp_path, lambda: 1.0)
    with pytest.raises(PushRefusedError) as caught:
        told.take(body, sign_farewell(key, body))
    assert (caught.value.status, caught.value.errcode) == (status, code)
    assert not told.is_said(DAN)


@pytest.mark.parametrize(
    ("method", "url", "found"),
    [
        ("POST", ADMIN + "v1/purge_history/!a%3Ax", "!a:x"),
        ("POST", ADMIN + "v1/purge_history/!a:x/$event", "!a:x"),
        ("POST", "/_synapse//admin/v2/purge_history/!a:x?y", "!a:x"),
        ("POST", ADMIN + "v1/media/delete?before_ts=1", ""),
        ("POST", ADMIN + "v1/media/firm.example/delete", ""),
        ("DELETE", ADMIN + "v1/media/firm.example/abc", ""),
        ("DELETE", ADMIN + "v1/users/@dan:x/media", ""),
        ("POST", ADMIN + "v1/media/quarantine/firm.example/abc", None),
        ("POST", ADMIN + "v1/purge_media_cache", None),
        ("GET", ADMIN + "v1/media/firm.example/delete", None),
        ("DELETE", ADMIN + "v2/users/@dan:x/devices/media", None),
        ("POST", V3 + "rooms/!a:x/leave", None),
    ],
)
def test_what_a_request_deletes_for_good(method: str, url: str, found: str | None) -> None:
    asked = asked_of(method, url)
    wanted = deleting(asked) if asked is not None else None
    assert (wanted.room if wanted else None) == found
