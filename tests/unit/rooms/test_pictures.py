"""Pictures of rooms and people."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bridge.firm.model import Matter, Staff
from bridge.mapping.pictures import Picture, draw, draw_person, matter_picture, named_picture


def matter(number: str, title: str = "Hollis v. Brightwater Marina") -> Matter:
    return Matter("m", number, title)


@pytest.mark.parametrize(
    ("number", "text", "above"),
    [
        ("2026-0042", "42", "2026"),
        ("2026/7", "7", "2026"),
        ("10234-0001", "1", "0234"),
        ("SMITH-2024-03", "3", "2024"),
        ("202600042", "42", "0260"),
        ("HOL", "HOL", ""),
        ("0000", "0", ""),
        ("№ 7", "7", ""),
        ("--", "HV", ""),
    ],
)
def test_a_matters_picture_has_the_end_of_its_number(number: str, text: str, above: str) -> None:
    shown = matter_picture(matter(number), light=False)
    assert (shown.text, shown.above) == (text, above)


@pytest.mark.parametrize("form", ["2026-{:04}", "{:05}", "10234-{:04}", "LIT/2026/{}"])
def test_matters_whose_numbers_follow_each_other_have_colours_far_from_each_other(form: str) -> None:
    hues = [matter_picture(matter(form.format(number)), light=False).hue for number in range(30, 42)]
    assert len(set(hues)) == len(hues)
    for one, other in pairwise(hues):
        assert 60 < (other - one) % 360 < 300


def test_a_space_and_its_conversations_have_one_matters_colour_and_are_told_apart() -> None:
    space, talk = (matter_picture(matter("2026-0042"), light=light) for light in (False, True))
    assert (space.text, space.hue) == (talk.text, talk.hue)
    assert space.digest != talk.digest
    assert draw(space) != draw(talk)


def test_a_channel_keeps_its_colour_when_it_is_renamed() -> None:
    before, after = named_picture("Court Filings", "channel-1"), named_picture("Hearings", "channel-1")
    assert (before.text, after.text, before.hue) == ("CF", "H", after.hue)


@pytest.mark.parametrize("light", [True, False])
def test_every_colour_can_be_read(light: bool) -> None:
    # WCAG 2.2, 1.4.3: large text needs a contrast of 3 to 1, other text 4.5 to 1.
    for hue in range(360):
        ground, ink = (_luminance(color) for color in Picture("42", hue, light=light).colors)
        brighter, darker = max(ground, ink), min(ground, ink)
        assert (brighter + 0.05) / (darker + 0.05) >= 4.5, hue


def _luminance(color: str) -> float:
    parts = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def colors_in(png: bytes) -> int:
    found = Image.open(io.BytesIO(png)).convert("RGB").getcolors(1 << 16)
    return len(found or ())


@pytest.mark.parametrize("initials", ["ĐL", "ÉÅ", "ЖЯ", "ΑΩ", "am"])
def test_initials_beyond_ascii_are_drawn_each_as_itself(initials: str) -> None:
    one, other = (draw_person(Staff("s", "A", "B", "c", initials=text)) for text in (initials, initials[::-1]))
    assert colors_in(one) > 2
    assert one != other


def test_what_the_font_lacks_is_left_out_and_draws_no_box() -> None:
    assert colors_in(draw(named_picture("事件", "k"))) == 1


@given(number=st.text(max_size=30), title=st.text(max_size=30))
def test_any_number_and_title_has_a_picture(number: str, title: str) -> None:
    shown = matter_picture(matter(number, title), light=True)
    assert len(shown.text) <= 4
    assert 0 <= shown.hue < 360
    assert shown.digest == matter_picture(matter(number, title), light=True).digest
