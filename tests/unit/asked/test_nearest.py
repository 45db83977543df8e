"""Words for commands: their own names, words that people know from elsewhere, and slips of the finger."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.commands.all import COMMANDS
from bridge.commands.asking.nearest import called, nearest
from bridge.commands.asking.where import Where
from bridge.refusal import CommandError
from tests.unit.asked.typed import find_command

NAMES = {command.name for command in COMMANDS}


def test_other_words_are_no_commands_names_and_are_told_apart_by_the_place() -> None:
    words = Counter(word for command in COMMANDS for word in command.also)
    assert not NAMES & set(words)
    assert not {name.split()[0] for name in NAMES if " " in name} & set(words)
    for word, count in words.items():
        sharing = called(word, COMMANDS)
        kinds = Counter(kind for one in sharing for kind in {place.kind for place in one.where - {Where.CHAT}})
        assert len(sharing) == count
        assert count == 1 or set(kinds.values()) == {1}, word


@pytest.mark.parametrize(
    ("typed", "where", "name"),
    [
        ("invite @ruth", Where.CHANNEL, "add"),
        ("kick @ruth", Where.MATTER, "remove"),
        ("who", Where.DIRECT, "participants"),
        ("members", Where.MATTER, "participants"),
        ("msg @ruth hello", Where.CHAT, "dm"),
        ("join Court Filings", Where.CHAT, "channel join"),
        ("join Court Filings", Where.MATTER, "channel join"),
        ("leave", Where.CHANNEL, "channel leave"),
        ("leave", Where.FIRM_CHANNEL, "channel leave"),
        ("leave", Where.MATTER, "matter leave"),
        ("leave", Where.CLOSED_MATTER, "matter leave"),
        ("rename Dates", Where.CHANNEL, "channel rename"),
        ("rename Dates", Where.MATTER, "matter rename"),
        ("info", Where.ARCHIVED, "channel info"),
        ("info", Where.MATTER, "matter show"),
        ("topic Dates", Where.CHANNEL, "channel topic"),
        ("header Dates", Where.CHANNEL, "channel topic"),
        ("archive", Where.CHANNEL, "channel archive"),
        ("unarchive", Where.ARCHIVED, "channel restore"),
        ("unarchive", Where.CLOSED_MATTER, "matter restore"),
        ("channels", Where.CHAT, "channel list"),
        ("channels?", Where.CHAT, "channel list"),
        ("Channel list.", Where.CHAT, "channel list"),
        ("add: @ruth", Where.CHANNEL, "add"),
        ("list the channels", Where.CHAT, "channel list"),
        ("show my matters", Where.CHAT, "matter list"),
        ("show matter 2026-0042", Where.CHAT, "matter show"),
        ("create a channel called Court Filings", Where.CHAT, "channel create"),
        ("make channel Court Filings", Where.CHAT, "channel create"),
        ("matters estate", Where.CHAT, "matter list"),
    ],
)
def test_words_from_elsewhere_and_short_forms_are_commands(typed: str, where: Where, name: str) -> None:
    assert find_command(typed, where)[0].name == name


@pytest.mark.parametrize(
    ("typed", "name", "rest"),
    [
        ("create a channel called Court Filings", "channel create", "Court Filings"),
        ("new channel: Court Filings", "channel create", "Court Filings"),
        ("create Channel Islands", "channel create", "Channel Islands"),
        ("channel create channel club", "channel create", "channel club"),
        ("Find channels about filings", "channel search", "filings"),
        ("rename channel club", "channel rename", "channel club"),
        ("start matter of costs", "matter start", "matter of costs"),
    ],
)
def test_what_is_to_be_done_may_come_first_and_no_name_is_cut(typed: str, name: str, rest: str) -> None:
    command, behind = find_command(typed, Where.CHANNEL)
    assert (command.name, behind) == (name, rest)


@pytest.mark.parametrize("typed", ["leave", "rename Dates", "info", "LEAVE", "archive", "unarchive Dates"])
@pytest.mark.parametrize("where", [Where.CHAT, Where.DIRECT])
def test_a_short_form_that_the_place_does_not_decide_is_asked_about(typed: str, where: Where) -> None:
    with pytest.raises(CommandError, match=r"From here it is one of these:\n\n- `!matter .*\n- `!channel "):
        find_command(typed, where)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("chanel create", "channel create"),
        ("chanel crate", "channel create"),
        ("channel crate", "channel create"),
        ("mater list", "matter list"),
        ("particpants", "participants"),
        ("invit", "add"),
        ("hlep", "help"),
        ("hello", "help"),
        ("remov", "remove"),
        ("direcotry status", "directory status"),
    ],
)
def test_a_slip_of_the_finger_finds_the_nearest(typed: str, meant: str) -> None:
    assert [command.name for command in nearest(typed, COMMANDS)] == [meant]
    with pytest.raises(CommandError, match=f"Did you mean `!{meant}`\\?"):
        find_command(f"{typed} Court Filings")


@pytest.mark.parametrize("typed", ["xyzzy", "thanks", "lunch?", "important", "2026-0042", "🙂", ""])
def test_what_is_like_no_command_gets_no_suggestion(typed: str) -> None:
    assert nearest(typed, COMMANDS) == ()


def test_a_first_word_alone_gets_its_family() -> None:
    assert {command.name.split()[0] for command in nearest("chanel", COMMANDS)} == {"channel"}
    assert {command.name.split()[0] for command in nearest("matter 2026-0042", COMMANDS)} == {"matter"}


def test_what_stands_behind_a_known_word_is_not_repeated() -> None:
    for typed in ("matter 2026-0042", "mater 2026-0042", "matter strat 2026-0042"):
        with pytest.raises(CommandError) as error:
            find_command(typed)
        assert "2026-0042" not in str(error.value).replace("`!matter show 2026-0042`", "")


@given(st.text(max_size=100))
def test_whatever_is_typed_a_suggestion_is_a_command(typed: str) -> None:
    assert set(nearest(typed, COMMANDS)) <= set(COMMANDS)


def test_looking_for_the_nearest_takes_no_longer_for_long_words() -> None:
    assert nearest("q" * 4000 + " " + "z" * 4000, COMMANDS) == ()
