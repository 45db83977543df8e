"""Which matter people mean by a number or a word, as they type it."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.commands.asking.parse import Reading, parse
from bridge.commands.asking.people import People
from bridge.commands.asking.screened import walls_named
from bridge.firm.model import Firm, Matter, Staff, Wall
from bridge.refusal import CommandError
from tests.unit.asked.typed import FIRM, PEOPLE, RUTH, TODAY, TOM, find_command


def test_M3_only_an_answer_that_there_is_no_matter_takes_a_look_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a quarter of a second in a firm with 60,000 matters."""
    looked: list[str] = []

    def counted(firm: Firm, words: list[str]) -> tuple[Matter, ...]:
        looked.extend(words)
        return ()

    monkeypatch.setattr("bridge.commands.asking.matter_numbers.matters_with", counted)
    here = Reading(PEOPLE, TOM, TODAY, {}, FIRM.matters["m1"])
    command, rest = find_command("matter start Disclosure plan")
    assert parse(command, rest, here) == {"matter": FIRM.matters["m1"], "title": "Disclosure plan"}
    with pytest.raises(CommandError, match="no wall or matter Estate"):
        walls_named("Estate", FIRM.walls.values(), FIRM, TOM, TODAY)
    assert looked == []
    with pytest.raises(CommandError, match=r"no matter 2026-0099 .* goes in quotation marks"):
        parse(command, "2026-0099 plan", here)
    with pytest.raises(CommandError, match="no matter Nothing"):
        parse(command, '"Nothing" "Disclosure plan"', here)
    assert looked == ["2026-0099", "nothing"]


ODD = Firm(
    staff=FIRM.staff,
    matters={
        one.id: one
        for one in (
            Matter("o1", "2026-0042", "Hollis v. Marina"),
            Matter("o2", "HO 17/4", "Hollis pensions"),
            Matter("o3", "A", "A child"),
            Matter("o4", "2026/0042", "Sealed"),
            Matter("o5", "1", "Estate of Quill"),
        )
    },
    walls={"w": Wall("w", matter_id="o4", people=("s2",))},
)


def matter_meant(text: str, sender: Staff = TOM, here: str = "") -> tuple[str, str]:
    people = People(ODD, PEOPLE.localparts, "localhost", "bot")
    command, rest = find_command(f"matter start {text}")
    found: dict[str, Any] = parse(command, rest, Reading(people, sender, TODAY, {}, ODD.matters.get(here)))
    return found["matter"].id, found["title"]


@pytest.mark.parametrize(
    ("text", "matter"),
    [
        ("2026 0042 Costs", "o1"),
        ("#2026-0042 Costs", "o1"),
        ("(2026-0042): Costs", "o1"),
        ("matter no. 2026-0042 Costs", "o1"),
        ("about 2026-0042 - Costs", "o1"),
        ("HO17/4 Costs", "o2"),
        ("ho 17 / 4 Costs", "o2"),
        ("A Costs", "o3"),
        ("1 Costs", "o5"),
    ],
)
def test_a_number_is_read_as_people_type_it(text: str, matter: str) -> None:
    assert matter_meant(text)[0] == matter
    if matter != "o5":
        assert matter_meant(text, here="o5")[0] == matter


@pytest.mark.parametrize("text", ["a chat about costs", "the costs", "my new idea", "for 1 hour"])
def test_a_small_word_is_no_matter(text: str) -> None:
    assert matter_meant(text, here="o1") == ("o1", text)
    if "1" not in text:
        with pytest.raises(CommandError, match="There is no matter"):
            matter_meant(text)


def test_M3_what_is_hidden_changes_nothing_of_how_a_number_is_read() -> None:
    for typed in ("2026/0042 Costs", "2026 / 0042 Costs"):
        assert matter_meant(typed)[0] == "o1"
    assert matter_meant("2026/0042 Costs", RUTH)[0] == "o4"
    with pytest.raises(CommandError, match="There is no matter"):
        matter_meant("2026 0042 Costs", RUTH)


def test_M3_a_matter_called_by_more_than_one_word_is_told_and_of_several_the_list() -> None:
    for typed, said in (
        ("Hollis", "`!matter list Hollis` shows those that are called so"),
        ("Hollis v. Marina", r"Did you mean 2026\-0042 Hollis v\. Marina\?"),
        ("the Hollis pensions", "Did you mean HO 17/4 Hollis pensions"),
        ("Sealed", r"that you can see\. `!matter list` shows those you can"),
    ):
        with pytest.raises(CommandError, match=said):
            matter_meant(typed)
