"""Names and ids: channels, direct sets, localparts, aliases."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.firm.conversation import (
    CHANNEL_NAME_MAX,
    ChannelNameError,
    bot_chat_id,
    channel_key,
    clean_channel_name,
    direct_id,
)
from bridge.firm.model import Firm, Staff
from bridge.firm.names import has_words, searched, spellings
from bridge.mapping.ids import LOCALPART, assign_localparts, channel_alias, hidden_alias, localpart_for


@given(st.lists(st.text(min_size=1), min_size=1))
def test_D1_the_set_decides_in_any_order(people: list[str]) -> None:
    assert direct_id(people) == direct_id(reversed(people)) == direct_id(people + people)


def test_D1_different_sets_have_different_conversations() -> None:
    assert direct_id(["a", "b"]) != direct_id(["a", "b", "c"]) != bot_chat_id("a")


@pytest.mark.parametrize(
    "other", ["court filings", "Court  Filings", "COURT-FILINGS", "court_filings", "Ｃourt Filings"]
)
def test_C1_one_name_however_it_is_written(other: str) -> None:
    assert channel_key(other) == channel_key("Court Filings")


@pytest.mark.parametrize("name", ["", "   ", "#", "--", "x" * (CHANNEL_NAME_MAX + 1), "Filings\u200b", "a\x00b"])
def test_C1_impossible_names_are_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(ChannelNameError, match=r"\w+"):
        clean_channel_name(name)


def test_C1_a_name_is_kept_as_people_write_it() -> None:
    assert clean_channel_name("  #Wills &  Estates ") == "Wills & Estates"


@given(st.text(min_size=1, max_size=90))
def test_every_channel_name_gives_an_alias_the_homeserver_takes(name: str) -> None:
    alias = channel_alias(channel_key(name), set())
    assert alias
    assert ":" not in alias
    assert not any(character.isspace() for character in alias)
    assert channel_alias(channel_key(name), {alias}) != alias


def test_hidden_aliases_differ_by_key_and_cannot_be_made_without_the_secret() -> None:
    assert hidden_alias("m1", "secret") == hidden_alias("m1", "secret")
    assert len({hidden_alias("m1", "secret"), hidden_alias("m2", "secret"), hidden_alias("m1", "other")}) == 3


def person(staff_id: str, email: str, localpart: str = "") -> Staff:
    return Staff(staff_id, "Siobhán", "O'Neill", email, localpart=localpart)


def test_localparts_come_from_the_e_mail_or_the_template_without_accents() -> None:
    siobhan = person("s1", "Siobhan.ONeill@firm.example")
    assert localpart_for(siobhan, "{email}") == "siobhan.oneill"
    assert localpart_for(siobhan, "{first}.{last}") == "siobhan.oneill"
    assert localpart_for(person("s1", "x@y.example", localpart="son"), "{email}") == "son"


def test_a_collision_names_both_and_gives_neither_the_others_localpart() -> None:
    firm = Firm(staff={"s1": person("s1", "son@a.example"), "s2": Staff("s2", "Sonja", "Vik", "son@b.example")})
    assigned, problems = assign_localparts(firm, {}, "{email}", set())
    assert assigned == {"s1": "son"}
    assert "Siobhán O'Neill" in problems[0].message
    assert "Sonja Vik" in problems[0].message


def test_a_localpart_never_changes_and_a_leavers_is_never_given_again() -> None:
    firm = Firm(staff={"s2": Staff("s2", "Sonja", "Vik", "son@b.example")})
    assert assign_localparts(firm, {"s2": "sonja"}, "{email}", set()) == ({}, ())
    assigned, problems = assign_localparts(firm, {"gone": "son"}, "{email}", set())
    assert assigned == {}
    assert problems


def test_nobody_gets_the_bots_localpart() -> None:
    firm = Firm(staff={"s1": person("s1", "bot@firm.example")})
    assigned, problems = assign_localparts(firm, {}, "{email}", {"bot"})
    assert not assigned
    assert "the bridge's own" in problems[0].message


@given(st.text(max_size=30), st.text(max_size=30))
def test_localparts_are_within_the_grammar_or_reported(first: str, email: str) -> None:
    firm = Firm(staff={"s1": Staff("s1", first, "Vik", email)})
    assigned, problems = assign_localparts(firm, {}, "{first}.{email}", set())
    assert bool(assigned) is not bool(problems)
    assert all(LOCALPART.fullmatch(localpart) for localpart in assigned.values())


@pytest.mark.parametrize(
    ("first", "last", "localpart"),
    [
        ("Þór", "Jónsson", "thor.jonsson"),
        ("Łukasz", "Ærø", "lukasz.aero"),
        ("Đorđe", "Müller-Groß", "dorde.muller-gross"),
    ],
)
def test_localparts_have_the_plain_letters_of_a_name(first: str, last: str, localpart: str) -> None:
    assert localpart_for(Staff("s", first, last, "x@y.example"), "{first}.{last}") == localpart


@given(st.text(max_size=40))
@example("D`Angelo")
def test_every_spelling_of_a_name_is_found_by_each_of_its_own_spellings(name: str) -> None:
    spelled = spellings(name)
    assert 1 <= len(spelled) <= 32
    for one in spelled:
        assert set(spellings(one)) & set(spelled) or not one.strip()
        assert has_words(searched(name), one.split())


@pytest.mark.parametrize(
    "name", ["Łukasz", "Søren Kjær", "Đorđe", "Ærø", "Þór", "Müller", "O’Neill", "İnci", "Straße", "ﬁ"]
)
def test_a_name_has_a_spelling_for_every_keyboard(name: str) -> None:
    assert any(one.isascii() for one in spellings(name))
