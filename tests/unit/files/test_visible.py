"""What of a name is seen, in every place that decides it: channels, matters, people, files."""

from __future__ import annotations

import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.directory.values import EMAIL, NAME, PEOPLE, Cell, read_cell
from bridge.firm.conversation import ChannelNameError, channel_key, clean_channel_name
from bridge.firm.text import visible
from bridge.mapping.files import shown_name

TEXT = [
    "می‌خواهم",
    "نامه‌ای",
    "ه‍",
    "क्‍ष",
    "ශ්‍රී",
    "नेपाल्‌ब",
    "👨‍👩‍👧‍👦",
    "🏳️‍🌈",
    "1️⃣ first",
    "Floor #️⃣",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "👩🏽‍⚖️",
    "☎️ Calls",
    "☎︎",
    "🇬🇧",
    "\U0001fae8 shaking",
    "\U0001fae9",
    "\U0001f6d8",
    "葛\U000e0100城",
    "⠓⠊⠀⠽⠕⠥",
    "ᠮᠣᠩᠭᠣᠯ\u180b",
    "\u0600123",
    "Zoë Łódź한국",
]
"""Names in which everything is text: emoji of newer versions than Python's own data, families, joined letters."""
HIDDEN = [
    "Te\u200bam",
    "Te\u200dam",
    "Te\u200cam",
    "\u200e+44 20 7946\u200f",
    "\u202a+44 20 7946\u202c",
    "\u2066x\u2069",
    "Team\ufe0f",
    "a\ufeff",
    "ab\u00ad",
    "a\u034fb",
    "می‌‌خ",
    "1\u200d2",
    "😀\ufe0f\ufe0f",
    "😀\U000e0061\U000e0062\U000e007f",
    "G\u2800",
    "G\u3164",
    "\u200d😀",
]
"""Names with a sign that is not seen and says nothing."""
NOTHING = [
    "\u200b",
    "\u3164",
    "\u2800",
    "\u200d\u200c",
    "\ufe0f",
    "\U000e0041",
    "\u2060 \u2063",
    "\u00ad",
    "\u115f\u1160",
]


@pytest.mark.parametrize("name", TEXT)
def test_what_is_text_stays_as_it_is_everywhere(name: str) -> None:
    composed = unicodedata.normalize("NFC", name)
    assert visible.unseen_in(name) == ""
    assert clean_channel_name(name) == composed
    assert read_cell(NAME, Cell(1, name)) == composed
    assert shown_name(name) == name


@pytest.mark.parametrize("name", HIDDEN)
def test_what_is_not_seen_is_refused_dropped_or_marked(name: str) -> None:
    bare = visible.shown(name, "")
    assert visible.unseen_in(bare) == ""
    assert set(name) - set(bare) <= set(visible.unseen_in(name))
    with pytest.raises(ChannelNameError, match="invisible"):
        clean_channel_name(name)
    assert read_cell(NAME, Cell(1, name)) == bare, "as a directory has it, which is not refused for it"
    assert shown_name(name).count("\ufffd") == len(visible.unseen_in(name))


@pytest.mark.parametrize("name", NOTHING)
def test_a_name_of_nothing_is_no_name(name: str) -> None:
    assert not visible.says_something(name)
    with pytest.raises(ChannelNameError):
        clean_channel_name(name)
    with pytest.raises(ValueError, match="nothing in it that can be seen"):
        read_cell(NAME, Cell(1, name))


@pytest.mark.parametrize("turning", ["\u202eabc", "a\u202eb", "a\x07b", "a\ue000b", "a\ud800b"])
def test_what_turns_the_writing_round_or_is_no_character_is_refused_in_the_directory(turning: str) -> None:
    with pytest.raises(ValueError, match="invisible character U\\+"):
        read_cell(NAME, Cell(1, turning))
    assert "\ufffd" in shown_name(turning)


def test_marks_are_dropped_from_addresses_and_lists_too() -> None:
    assert read_cell(EMAIL, Cell(1, "\u200enora@firm.example\u200b")) == "nora@firm.example"
    assert read_cell(PEOPLE, Cell(1, "\ufeffnquill; \u2068ehart\u2069")) == ("nquill", "ehart")


def test_a_joiner_makes_no_other_channel() -> None:
    assert channel_key("می‌خواهم") == channel_key("میخواهم")
    assert channel_key("👨‍👩‍👧") == channel_key("👨👩👧")


@given(st.text())
def test_of_any_text_what_is_shown_is_seen(text: str) -> None:
    bare = visible.shown(text, "")
    assert visible.shown(bare, "") == bare or len(visible.shown(bare, "")) < len(bare)
    assert not set(shown_name(text)) & set("\n\t\x1b\u200b\u202e\u2066")
    assert len(visible.shown(text, "?")) == len(text)


def test_what_the_guard_needs_of_the_firm_is_there_without_the_library() -> None:
    sources = [path.read_text() for path in Path("bridge/guard").glob("*.py")]
    needed = sorted({name for source in sources for name in re.findall(r"from (bridge\.firm[\w.]*) import", source)})
    assert "bridge.firm.conversation" in needed
    code = f"import sys; sys.modules['regex'] = None; import {', '.join(needed)}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
