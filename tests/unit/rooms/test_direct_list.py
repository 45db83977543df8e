"""m.direct: where a direct conversation is listed, beside all that people and their clients wrote there (D3)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.direct import with_room

WEI, TOM, NOBODY = "@wei:firm.example", "@tom:firm.example", "@_sender:firm.example"
BOT = "@bot:firm.example"
PAIR, THREE = "!pair", "!three"


def newest_listed_under(content: dict[str, Any], person: str, rooms: list[str]) -> str:
    """What matrix-dart-sdk opens for "Start chat", given the rooms by their newest message."""
    listed = content.get(person, [])
    return next((room for room in rooms if room in listed), "")


@pytest.mark.parametrize("first", [PAIR, THREE])
def test_D3_start_chat_finds_the_conversation_of_two_whichever_was_first_or_is_newest(first: str) -> None:
    content: dict[str, Any] = {}
    for room in sorted((PAIR, THREE), key=lambda one: one != first):
        content = with_room(content, room, {WEI} if room == PAIR else {WEI, TOM}, NOBODY, BOT)
    for order in ([PAIR, THREE], [THREE, PAIR]):
        assert newest_listed_under(content, WEI, order) == PAIR
    # matrix-ios-sdk takes the first that is listed.
    assert content[WEI][0] == PAIR
    # Clients take a room for a direct message that is listed anywhere.
    assert THREE in content[NOBODY]


def test_D3_a_list_from_before_is_put_right_and_keeps_what_others_wrote() -> None:
    before = {WEI: [THREE, PAIR, "!elsewhere"], TOM: [THREE], "@odd:x": {"not": "a list"}}
    assert with_room(before, THREE, {WEI, TOM}, NOBODY, BOT) == {
        WEI: [PAIR, "!elsewhere"],
        "@odd:x": {"not": "a list"},
        NOBODY: [THREE],
    }


def test_D3_a_conversation_of_two_stays_where_a_client_lists_it() -> None:
    before = {"@an-address:of-wei": [PAIR]}
    assert with_room(before, PAIR, {WEI}, NOBODY, BOT) is before


@pytest.mark.parametrize(("room", "others", "there"), [(PAIR, {WEI}, WEI), (THREE, {WEI, TOM}, NOBODY)])
def test_D3_what_a_client_lists_under_the_bot_is_listed_where_it_belongs(
    room: str, others: set[str], there: str
) -> None:
    assert with_room({BOT: ["!chat", room]}, room, others, NOBODY, BOT) == {BOT: ["!chat"], there: [room]}
    assert with_room({BOT: [room]}, room, others, NOBODY, BOT) == {there: [room]}
    assert with_room({BOT: ["!chat"]}, "!chat", {BOT}, NOBODY, BOT) == {BOT: ["!chat"]}


_lists = st.dictionaries(
    st.sampled_from([WEI, TOM, NOBODY, BOT, "@x:y"]),
    st.lists(st.sampled_from([PAIR, THREE, "!other"]), unique=True) | st.none() | st.text(max_size=3) | st.integers(),
)


@given(_lists, st.sampled_from([frozenset({WEI}), frozenset({WEI, TOM})]))
def test_D3_it_is_listed_once_it_was_and_then_nothing_changes(before: dict[str, Any], others: frozenset[str]) -> None:
    after = with_room(before, THREE, others, NOBODY, BOT)
    assert any(isinstance(rooms, list) and THREE in rooms for rooms in after.values())
    assert with_room(after, THREE, others, NOBODY, BOT) == after
    if len(others) > 1:
        assert not any(THREE in after[one] for one in others if isinstance(after.get(one), list))
    for user_id, rooms in before.items():
        if isinstance(rooms, list):
            assert set(rooms) - {THREE} <= set(after.get(user_id, []))
        elif user_id not in {*others, NOBODY}:
            assert after[user_id] == rooms
