"""JSON from outside has no NUL behind the entrance, and is otherwise what was said."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import json_in

TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from('\0\\u0"n'), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


def without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, list):
        return [without_nul(one) for one in value]
    if isinstance(value, dict):
        return {without_nul(key): without_nul(one) for key, one in value.items()}
    return value


@given(VALUES)
def test_every_nul_and_nothing_else_is_replaced(value: Any) -> None:
    for raw in (orjson.dumps(value), json.dumps(value).encode()):
        assert json_in.loads(raw) == without_nul(value)


@pytest.mark.parametrize("slashes", range(1, 8))
def test_text_about_a_nul_stays(slashes: int) -> None:
    raw = b'"' + b"\\" * slashes + b'u0000"'
    assert json_in.loads(raw) == orjson.loads(raw).replace("\0", "\ufffd")


def test_as_deep_as_json_is_read_at_all() -> None:
    assert json_in.loads(b"[" * 1000 + b'"\\u0000"' + b"]" * 1000)


def test_what_is_no_json_is_refused_as_ever() -> None:
    for raw in (b"", b"{", b'"\\ud800"', b'"\\u0000'):
        with pytest.raises(orjson.JSONDecodeError):
            json_in.loads(raw)
