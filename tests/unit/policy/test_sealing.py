"""Places in lists, which count what their reader must not hear of (M3)."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest

from bridge.web.sealing import opened, sealed

KEY, LIST = b"key", b"audit\nwalt"
PLACES = [(1,), (2**63,), ("annex \N{SNOWMAN}", 7), (), ("x" * 300, 0)]


@pytest.mark.parametrize("place", PLACES)
def test_A2_a_place_is_read_again_in_its_own_list_alone(place: tuple[object, ...]) -> None:
    text = sealed(KEY, LIST, place)
    assert opened(KEY, LIST, text) == place
    assert sealed(KEY, LIST, place) == text
    assert opened(KEY, b"audit\nruth", text) is None
    assert opened(b"other", LIST, text) is None


def test_M3_neither_the_text_nor_its_length_tells_a_number() -> None:
    texts = [sealed(KEY, LIST, (10**digits,)) for digits in range(19)]
    assert len({len(text) for text in texts}) == 1
    assert not any(b"1000" in urlsafe_b64decode(f"{text}==") for text in texts)
    near = [urlsafe_b64decode(f"{sealed(KEY, LIST, (number,))}==") for number in (1000, 1001)]
    assert sum(a == b for a, b in zip(*near, strict=True)) < len(near[0]) // 2


@pytest.mark.parametrize("at", [0, 15, 16, 47])
def test_A2_a_changed_text_is_none(at: int) -> None:
    raw = bytearray(urlsafe_b64decode(f"{sealed(KEY, LIST, (7,))}=="))
    raw[at] ^= 1
    assert opened(KEY, LIST, urlsafe_b64encode(raw).decode()) is None


@pytest.mark.parametrize("text", ["", "x", "7", "A" * 21, "A" * 22, "A" * 64, "\N{SNOWMAN}", "\ud800", "=", "a b"])
def test_A2_what_is_no_place_is_none(text: str) -> None:
    assert opened(KEY, LIST, text) is None
