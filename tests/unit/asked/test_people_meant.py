"""Whom people mean by a name or a part of one, as they type it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.commands.asking.people import People
from bridge.firm.model import Firm, Staff
from bridge.operations.everybody import Everybody
from bridge.refusal import CommandError, Refusal

JULIAN = Staff("j1", "Julian", "Marsh", "julian.marsh@firm.example", "Partner")
PRESCOTT = Staff("j2", "Julian", "Prescott", "julian.prescott@firm.example", "Partner", former=True)
CHEN = Staff("c1", "Wei", "Chen", "wchen@firm.example", "Associate")
DANIEL = Staff("d1", "Daniel", "Park", "dpark@firm.example", "Associate")
LI_1 = Staff("l1", "Mei", "Li", "mei.li@firm.example", "Partner")
LI_2 = Staff("l2", "Mei", "Li", "mei.li.2@firm.example", "Clerk")
LUKASZ = Staff("k1", "Łukasz", "Wójcik", "lukasz@firm.example")
SOREN = Staff("k2", "Søren", "Kjærgård", "soren@firm.example")
DORDE = Staff("k3", "Đorđe", "Đukić", "dorde@firm.example")
THOR = Staff("k4", "Þór", "Jónsson", "thor@firm.example")
MUELLER = Staff("k5", "Jörg", "Müller", "jm@firm.example")
MARRIED = Staff("k6", "Ada", "Bell-Quill", "ada.quill@firm.example")
ALL = (JULIAN, PRESCOTT, CHEN, DANIEL, LI_1, LI_2, LUKASZ, SOREN, DORDE, THOR, MUELLER, MARRIED)
ACCOUNTS = {
    "jmarsh": "j1",
    "jprescott": "j2",
    "wei.chen": "c1",
    "daniel": "d1",
    "mei.li": "l1",
    "mei.li.2": "l2",
    "ada.bell": "k6",
}
OFFICE = People(Firm(staff={one.id: one for one in ALL}), ACCOUNTS, "localhost", "bot")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Julian Prescott the offer is 40k", "Julian Prescott has left the firm"),
        ("Julian Prescott: the offer is 40k", "Julian Prescott has left the firm"),
        ("julian prescott, Wei: the offer", "Julian Prescott has left the firm"),
        ("@Julian Prescott the offer is 40k", "Julian Prescott has left the firm"),
        ("@julian prescott the offer is 40k", "Julian Prescott has left the firm"),
        ("@jprescott the offer", "Julian Prescott has left the firm"),
        ("@julian.prescott the offer", "Julian Prescott has left the firm"),
        ("Wei Zhang the offer is 40k", "not sure whom"),
        ("Wei Zhang: the offer is 40k", "I know nobody called Wei Zhang"),
        ("Wei Zhang", "I know nobody called Wei Zhang"),
        ("@Wei Zhang the offer is 40k", "not sure whom"),
        ("@daniel Prescott the offer", None),
        ("Wei the offer is 40k", "not sure whom"),
        ("wei call me", "not sure whom"),
        ("Daniel lunch at 12:30?", "not sure whom"),
        ("Daniel see https://firm.example/x", "not sure whom"),
        ("Wei Chen Prescott the offer", "not sure whom"),
        ("Wei Chen Zhang: the offer", "not sure whom"),
        ("Wei Chen @daniel the offer", "not sure whom"),
        ("Wei Chen and Daniel lunch?", r"not sure whom.*\(`Wei Chen, Daniel: …`\)"),
        ("Wei, Daniel, are you in?", r"not sure whom.*\(`Wei, Daniel: …`\)"),
        ("@daniel, Wei has the file", "not sure whom"),
        ("Mei Li the offer", r"more than one Mei Li: Mei Li \(@mei\.li, Partner\) or Mei Li \(@mei\.li\.2, Clerk\)"),
        ("Mei Li: the offer", "more than one Mei Li"),
        ("@mei the offer", "more than one @mei"),
    ],
)
def test_V5_in_doubt_the_bot_asks_and_nobody_gets_the_message(text: str, said: str | None) -> None:
    if said is None:
        assert OFFICE.find(text) == ((DANIEL,), text.split(maxsplit=1)[1])
        return
    with pytest.raises(CommandError, match=said):
        OFFICE.find(text)


@pytest.mark.parametrize(
    ("text", "person", "rest"),
    [
        ("@wei lunch?", CHEN, "lunch?"),
        ("@wei: Lunch?", CHEN, "Lunch?"),
        ("@Wei Chen lunch?", CHEN, "lunch?"),
        ("@chen lunch?", CHEN, "lunch?"),
        ("@wchen lunch?", CHEN, "lunch?"),
        ("@ada.quill lunch?", MARRIED, "lunch?"),
        ("@ada.bell lunch?", MARRIED, "lunch?"),
        ("@mei.li.2 lunch?", LI_2, "lunch?"),
        ("Julian: lunch?", JULIAN, "lunch?"),
        ("with Julian: lunch?", JULIAN, "lunch?"),
        ("Julian.", JULIAN, ""),
        ("Ada Bell Quill lunch?", MARRIED, "lunch?"),
        ("bell quill: lunch?", MARRIED, "lunch?"),
        ("Wei-Chen: lunch?", CHEN, "lunch?"),
        ("Daniel Park lunch at 12:30?", DANIEL, "lunch at 12:30?"),
        ("Daniel: lunch at 12:30?", DANIEL, "lunch at 12:30?"),
    ],
)
def test_people_are_found_as_people_type(text: str, person: Staff, rest: str) -> None:
    assert OFFICE.find(text) == ((person,), rest)


@pytest.mark.parametrize(
    ("typed", "person"),
    [
        ("Łukasz", LUKASZ),
        ("lukasz wojcik", LUKASZ),
        ("Søren", SOREN),
        ("soren", SOREN),
        ("Soeren Kjaergaard", SOREN),
        ("Soeren Kjaergard", SOREN),
        ("SØREN KJÆRGÅRD", SOREN),
        ("dorde", DORDE),
        ("Djordje Djukic", DORDE),
        ("Đorđe Djukić", DORDE),
        ("thor", THOR),
        ("ÞÓR", THOR),
        ("Muller", MUELLER),
        ("mueller", MUELLER),
        ("Joerg Muller", MUELLER),
        ("Jo\u0308rg Mu\u0308ller", MUELLER),
    ],
)
def test_letters_that_a_keyboard_may_not_have_are_typed_in_everybodys_way(typed: str, person: Staff) -> None:
    assert OFFICE.named(typed) is person


def test_what_sounds_alike_in_another_script_is_somebody_else() -> None:
    wang = Staff("w", "伟", "王", "w@firm.example")
    people = People(Firm(staff={"w": wang}), {}, "localhost", "bot")
    assert people.named("伟 王") is wang
    for typed in ("伟 汪", "Wei Wang"):
        with pytest.raises(CommandError):
            people.named(typed)


@given(st.sampled_from(["wei", "mei.li", "daniel"]), st.text("-_.()…–!'’\"", max_size=3), st.text("-_.…–)", max_size=3))
def test_V5_an_account_with_signs_beside_it_is_no_namesakes(account: str, before: str, behind: str) -> None:
    """Where the account is one person's and somebody else is called so."""
    owners = {"wei": DANIEL, "mei.li": LUKASZ, "daniel": CHEN}
    people = People(OFFICE.firm, {name: one.id for name, one in owners.items()}, "localhost", "bot")
    try:
        found, _ = people.find(f"@{before}{account}{behind} the offer is 40k")
    except CommandError:
        return
    assert found == (owners[account],)


@given(st.sampled_from(ALL), st.text(max_size=30).filter(str.strip))
def test_V5_nobody_gets_a_message_behind_a_part_of_a_name(person: Staff, text: str) -> None:
    for part in (person.first_name, person.last_name):
        try:
            people, rest = OFFICE.find(f"{part} {text}")
        except CommandError:
            continue
        # What was taken for people was the whole text, a list of names, or what stands before a colon.
        names = text.partition(":")[0] if ":" in text else text
        assert rest in {text.partition(":")[2].strip(), ""} or f"{part} {names}".strip() == person.name
        assert people


def test_F2_a_name_that_is_another_persons_account_is_asked_about() -> None:
    everybody = Everybody(OFFICE.firm, {"julian": "j2", "wei": "c1"}, "localhost")
    for typed in ("julian", "Julian"):
        with pytest.raises(Refusal, match="several_called"):
            everybody.named(typed)
    assert everybody.named("@julian") is PRESCOTT
    assert everybody.named("wei") is everybody.named("@wei") is everybody.named("@chen") is CHEN
    assert everybody.named("Julian Marsh") is JULIAN
