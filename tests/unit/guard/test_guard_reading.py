"""What a request names is read as Synapse reads it."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.guard.reading import NamedByRequest, asked

V3 = "/_matrix/client/v3/"
ROOM, EVENT = "!room:firm.example", "$event"


@pytest.mark.parametrize(
    "url",
    [
        f"{V3}rooms/{ROOM}/messages",
        f"{V3}rooms/{quote(ROOM, safe='')}/state/m.room.name/",
        "/_matrix/client/v3/rooms/%21room%3Afirm.example/members?at=s1",
        f"{V3}events?room_id={quote(ROOM)}",
        f"{V3}events?x=1;room_id={ROOM}",
        f"/_synapse/admin/v1/rooms/{ROOM}/messages",
        f"{V3}user/@a:firm.example/rooms/{ROOM}/tags",
    ],
)
def test_a_room_is_found_wherever_it_is_named(url: str) -> None:
    assert asked("GET", url).rooms == {ROOM}


@pytest.mark.parametrize("what", ["leave", "forget"])
def test_a_room_can_be_left_and_forgotten(what: str) -> None:
    assert not asked("POST", f"{V3}rooms/{ROOM}/{what}").rooms
    assert asked("GET", f"{V3}rooms/{ROOM}/{what}").rooms == {ROOM}


def test_an_event_is_found_beside_another_room() -> None:
    found = asked("GET", f"{V3}rooms/!other/context/{quote(EVENT)}")
    assert found.rooms == {"!other"} and found.events == {EVENT}


@pytest.mark.parametrize(
    ("query", "since"),
    [
        ("", None),
        ("?timeout=0", None),
        ("?since=s17_1_2", 17),
        ("?since=m17~1.20_1_2", 17),
        ("?since=t5-17_1_2", 17),
        ("?since=s99_1&since=s17_1", 17),
        ("?since=s99_1;since=s17_1", 17),
        ("?%73ince=s17_1", 17),
        ("?since=", 0),
        ("?since=+s17_1", 0),
        ("?since=s-17_1", 0),
        ("?since=nonsense", 0),
        (f"?since=s{'9' * 5000}", 10**18 - 1),
    ],
)
def test_the_earliest_place_counts_and_what_is_not_understood_is_the_earliest(query: str, since: int | None) -> None:
    assert asked("GET", f"{V3}sync{query}").since == since


def test_the_newer_sync_has_positions_of_its_own() -> None:
    found = asked("POST", "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?pos=4%2Fs17_1_2")
    assert (found.sliding, found.since) == (True, 17)


def test_a_page_of_messages_is_no_place_in_the_sync() -> None:
    assert asked("GET", f"{V3}rooms/{ROOM}/messages?from=nonsense").since is None


@pytest.mark.parametrize(("value", "all_state"), [("true", True), ("false", False), ("1", True)])
def test_all_state(value: str, all_state: bool) -> None:
    assert asked("GET", f"{V3}sync?full_state={value}").all_state is all_state


@pytest.mark.parametrize(
    "path",
    [
        "/_matrix/client/v1/media/download/firm.example/abc",
        "/_matrix/client/v1/media/download/firm.example/abc/a%2Fb.txt",
        "/_matrix/client/v1/media/thumbnail/firm.example/abc?width=32",
        "/_matrix/media/v3/download/firm.example/%61bc",
        "/_matrix/media/r0/thumbnail/firm.example/abc",
    ],
)
def test_a_file(path: str) -> None:
    assert asked("GET", path).media == "abc"


@pytest.mark.parametrize("path", ["/_matrix/client/v1/media/config", "/_matrix/client/v3/rooms/!a/state/download/x/y"])
def test_no_file(path: str) -> None:
    assert not asked("GET", path).media


@given(st.sampled_from(["GET", "POST", "PUT", ""]), st.text(max_size=200))
def test_any_address_is_read(method: str, url: str) -> None:
    """F1: whatever is asked, the guard does not fail."""
    assert isinstance(asked(method, url), NamedByRequest)


@given(st.text(st.characters(codec="ascii", exclude_characters="/?;&"), max_size=20))
def test_every_room_of_a_path_is_found_however_it_is_written(name: str) -> None:
    """M3: one written in percent signs is the same room."""
    assert f"!{name}" in asked("GET", f"/_matrix/client/v3/rooms/{quote('!' + name, safe='')}/messages").rooms
