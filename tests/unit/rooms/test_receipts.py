"""Read receipts as they come: those for everybody, and nothing of what is none (P5)."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.mapping.clients.receipts import Receipt, is_in_thread, receipts_in

ROOM, EVENT, RUTH = "!r:localhost", "$e", "@ruth:localhost"


def told(content: Any, **more: Any) -> list[Receipt]:
    return list(receipts_in({"type": "m.receipt", "room_id": ROOM, "content": content, **more}))


def read(**said: Any) -> dict[str, Any]:
    return {EVENT: {"m.read": {RUTH: {"ts": 7, **said}}}}


def test_P5_of_each_reader_who_tells_everybody_it_is_known_up_to_where() -> None:
    assert told(read()) == [Receipt(ROOM, RUTH, EVENT, 7, threads=True)]
    assert told(read(thread_id="main")) == [Receipt(ROOM, RUTH, EVENT, 7, threads=False)]
    assert told({EVENT: {"m.read.private": {RUTH: {"ts": 7}}, "m.read": {}}}) == []


@pytest.mark.parametrize(
    "content",
    [
        [],
        {EVENT: []},
        {EVENT: {"m.read": []}},
        {EVENT: {"m.read": {RUTH: 7}}},
        {EVENT: {"m.read": {RUTH: {}}}},
        {"e": {"m.read": {RUTH: {"ts": 7}}}},
        {"$" + "e" * 255: {"m.read": {RUTH: {"ts": 7}}}},
        {"$\0": {"m.read": {RUTH: {"ts": 7}}}},
        {EVENT: {"m.read": {"ruth": {"ts": 7}}}},
        read(ts="7"),
        read(ts=True),
        read(ts=-1),
        read(ts=2**60),
        read(thread_id="$root"),
        read(thread_id=7),
    ],
)
def test_P5_what_is_no_receipt_for_all_to_know_is_left_out(content: Any) -> None:
    assert told(content) == []


def test_P5_other_things_that_pass_by_are_no_receipts() -> None:
    assert told(read(), type="m.typing") == told(read(), room_id=None) == told(read(), room_id="r") == []


def test_a_thread_is_told_from_other_relations() -> None:
    assert is_in_thread({"content": {"m.relates_to": {"rel_type": "m.thread", "event_id": "$r"}}})
    others: list[Any] = [{}, {"m.relates_to": []}, {"m.relates_to": {"rel_type": "m.replace"}}, None]
    for content in others:
        assert not is_in_thread({"content": content})
