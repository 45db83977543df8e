"""What rooms are called, and their places in lists."""

from __future__ import annotations

import re

import pytest

from bridge.firm.model import Matter
from bridge.mapping.names import conversation_name, direct_name, place_in_list, title_in

HOLLIS = Matter("m", "2026-0042", "Hollis v. Brightwater Marina")
UNTITLED = Matter("m", "2026-0042", "")
GENERAL = "General"


def test_M1_what_tells_a_conversation_from_the_others_of_its_matter_stands_first() -> None:
    assert conversation_name(HOLLIS, "Disclosure", GENERAL) == "Disclosure · 2026-0042 Hollis v. Brightwater Marina"


def test_M1_the_first_conversation_is_called_by_the_matters_name() -> None:
    assert conversation_name(HOLLIS, GENERAL, GENERAL) == "2026-0042 Hollis v. Brightwater Marina"


def test_a_matter_without_a_title_is_called_by_its_number_alone() -> None:
    assert conversation_name(UNTITLED, "Disclosure", GENERAL) == "Disclosure · 2026-0042"
    assert conversation_name(UNTITLED, GENERAL, GENERAL) == "2026-0042"


@pytest.mark.parametrize("matter", [HOLLIS, UNTITLED])
@pytest.mark.parametrize("title", ["Disclosure", GENERAL, "Costs · second round", "2026", "2026-0042 papers", "·"])
def test_a_title_is_read_back_from_the_name(title: str, matter: Matter) -> None:
    assert title_in(conversation_name(matter, title, GENERAL), matter, GENERAL) == title


@pytest.mark.parametrize("now", [HOLLIS, UNTITLED])
@pytest.mark.parametrize("then", [HOLLIS, UNTITLED])
def test_a_title_is_read_back_also_where_the_matter_got_or_lost_its_own(then: Matter, now: Matter) -> None:
    for title in ("Disclosure", GENERAL):
        assert title_in(conversation_name(then, title, GENERAL), now, GENERAL) == title
    # Earlier versions left a blank behind a number without a title.
    assert title_in("Disclosure · 2026-0042 ", now, GENERAL) == "Disclosure"
    assert title_in("Disclosure · 2026-00421 Else", UNTITLED, GENERAL) == "2026-00421 Else"


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("2026-0042 Hollis v. Brightwater Marina · Disclosure", "Disclosure"),
        ("2026-0042 Hollis v. Brightwater Marina · Costs · second round", "Costs · second round"),
        ("2026-0042 Hollis v. Brightwater · Disclosure", "Disclosure"),
        ("Disclosure · 2026-0042 Hollis v. Brightwater", "Disclosure"),
        ("2026-0042 Hollis v. Brightwater", GENERAL),
    ],
)
def test_a_title_is_read_back_from_a_name_of_earlier_versions_or_of_a_matter_renamed_since(
    name: str, title: str
) -> None:
    assert title_in(name, HOLLIS, GENERAL) == title


GRACE, DANIEL, TOM = "@grace:x", "@daniel:x", "@tom:x"
CALLED = {GRACE: "Grace Whitlock", DANIEL: "Daniel Okafor", TOM: "Tom Price"}


@pytest.mark.parametrize(
    ("present", "name"),
    [
        ({GRACE, DANIEL, TOM}, ""),
        ({GRACE, DANIEL}, "Daniel Okafor, Grace Whitlock, Tom Price"),
        ({GRACE}, "Daniel Okafor, Tom Price"),
        (set(), ""),
    ],
)
def test_D3_a_direct_conversation_has_a_name_only_while_somebody_of_its_people_is_not_in_it(
    present: set[str], name: str
) -> None:
    assert direct_name(CALLED, present) == name


def test_D3_a_conversation_of_two_that_one_left_is_named_after_that_one() -> None:
    assert direct_name({GRACE: "Grace Whitlock", TOM: "Tom Price"}, {GRACE}) == "Tom Price"


def test_many_people_are_counted() -> None:
    many = {f"@p{number:02}:x": f"Person {number:02}" for number in range(12)}
    assert direct_name(many, many.keys() - {"@p00:x"}).endswith("Person 06, Person 07 and 4 more")


def test_names_are_listed_by_letters_and_numbers_and_the_first_conversation_before_all_others() -> None:
    names = ["Team 10", "Éva's room", "team 2", "Zoning", "archive", "書類"]
    found = sorted(names, key=place_in_list)
    assert found == ["archive", "Éva's room", "書類", "team 2", "Team 10", "Zoning"]
    assert place_in_list("Zoning", first=True) < place_in_list("!") < place_in_list("archive", last=True)
    assert place_in_list("zebra") < place_in_list("archive", last=True)


@pytest.mark.parametrize("name", ["Court Filings", "書類" * 60, "9" * 200, "\N{PARTY POPPER}", "", "a\tb\x7f"])
def test_a_place_in_a_list_is_what_the_specification_allows(name: str) -> None:
    for place in (place_in_list(name), place_in_list(name, first=True), place_in_list(name, last=True)):
        assert re.fullmatch(r"[\x20-\x7e]{0,50}", place)
