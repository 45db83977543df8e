"""Walls set by command beside those of the directory, and what a report counts. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.commands.asking.people import People
from bridge.commands.asking.screened import read_around, read_screened, walls_named
from bridge.commands.walls.setting import read_memo
from bridge.firm.model import Firm, Group, Matter, MatterRole, Staff, Wall, WallKind
from bridge.firm.policy import may_access
from bridge.firm.sight import Sight
from bridge.firm.walls import covered, may_know, screens, with_walls
from bridge.mapping.disclosure import Happened, Period, periods
from bridge.operations.walls.setting import require_terms
from bridge.refusal import CommandError, Kind, Refusal
from bridge.wording.refusals import worded
from tests.cast import ANN, BEN

TODAY = date(2026, 11, 23)
BREWING = (MatterRole("Client", "Tidewell Brewing", is_client=True),)
FIRM = Firm(
    staff={"a": ANN, "b": BEN, "f": Staff("f", "Fay", "Fell", "fay@firm.example", former=True)},
    groups={"g": Group("g", "Property Team", ("b",)), "old": Group("old", "Old", ("b",), deleted=True)},
    matters={
        "m1": Matter("m1", "2026-0042", "Estate"),
        "m2": Matter("m2", "2026-0055", "Sale", roles=BREWING),
        "m3": Matter("m3", "2026-0056", "Lease", roles=BREWING, restricted=True),
        "m4": Matter("m4", "2026-0057", "Will", roles=(MatterRole("Client", "Orla Quill", is_client=True),)),
    },
    walls={"w1": Wall("w1", matter_id="m4", people=("a",))},
)
PEOPLE = People(FIRM, {"ann": "a", "ben": "b", "fay": "f"}, "localhost", "bot")


def test_walls_of_both_kinds_stand_and_the_directory_is_left_as_it_is() -> None:
    mine = Wall("wall-1", matter_id="m1", people=("b",))
    firm = with_walls(FIRM, [mine])
    assert set(firm.walls) == {"w1", "wall-1"}
    assert firm.walls["wall-1"] is mine
    assert not may_access(firm, "b", firm.matters["m1"], TODAY)
    assert set(FIRM.walls) == {"w1"}
    assert with_walls(FIRM, []) is FIRM


@given(st.lists(st.sampled_from(["wall-1", "wall-1 of the directory", "wall-2"]), unique=True))
def test_M3_no_wall_hides_another_by_its_id(of_directory: list[str]) -> None:
    firm = Firm(walls={wall_id: Wall(wall_id, matter_id="m1", people=("a",)) for wall_id in of_directory})
    merged = with_walls(firm, [Wall("wall-1", matter_id="m2", people=("b",))])
    assert [wall.matter_id for wall in merged.walls.values()].count("m1") == len(of_directory)
    assert merged.walls["wall-1"].matter_id == "m2"
    assert all(key == wall.id for key, wall in merged.walls.items())


def test_what_a_wall_stands_around_and_whom_it_screens() -> None:
    wall = Wall("wall-1", client="TIDEWELL brewing", people=("g",))
    assert [matter.id for matter in covered(FIRM, wall)] == ["m2", "m3"]
    assert (screens(FIRM, wall, "b"), screens(FIRM, wall, "a")) == (True, False)
    only = Wall("wall-2", WallKind.ONLY, matter_id="m1", people=("g",))
    assert (screens(FIRM, only, "b"), screens(FIRM, only, "a")) == (False, True)


def test_M3_an_admin_knows_no_wall_around_what_they_must_not_see() -> None:
    assert not may_know(FIRM, FIRM.walls["w1"], "a", TODAY)
    over = Wall("w2", matter_id="m1", people=("a",), expires=date(2026, 11, 22))
    assert may_know(FIRM, over, "a", TODAY)
    restricted = Wall("w3", matter_id="m3", people=("b",))
    assert not may_know(FIRM, restricted, "a", TODAY)
    assert may_know(FIRM, Wall("w4", matter_id="gone", people=("b",)), "a", TODAY)


@pytest.mark.parametrize(
    ("text", "around", "rest"),
    [
        ("2026-0042 @ben Kin", ("m1", ""), "@ben Kin"),
        ("client:Tidewell Brewing @ben Kin", (None, "Tidewell Brewing"), "@ben Kin"),
        ('CLIENT: "tidewell brewing" group:g Kin', (None, "Tidewell Brewing"), "group:g Kin"),
        ("client:Tidewell  Brewing group:g Kin", (None, "Tidewell Brewing"), "group:g Kin"),
    ],
)
def test_a_matter_or_a_client_is_read(text: str, around: tuple[str | None, str], rest: str) -> None:
    found, left = read_around(text, FIRM, ANN, TODAY)
    assert found is not None
    assert ((found.matter.id if found.matter else None), found.client) == around
    assert left == rest


def test_M3_a_hidden_matter_and_client_read_like_those_that_are_not_there() -> None:
    for hidden, missing in (("2026-0057", "2026-9999"), ("client:Orla Quill", "client:Orna Quill")):
        said = []
        for text in (hidden, missing):
            with pytest.raises(CommandError) as caught:
                read_around(f"{text} @ben Kin", FIRM, ANN, TODAY)
            said.append(str(caught.value).replace(text.rpartition(":")[2], "IT"))
        assert said[0] == said[1]


@pytest.mark.parametrize(
    ("text", "ids", "rest"),
    [
        ("@ben His cousin", ["b"], "His cousin"),
        ("@ben, @ann, group:Old Kin", None, "no group Old"),
        ("@ben ben@firm.example @ann: Kin", ["b", "a"], "Kin"),
        ('group:"property team" @ann\nActed @ben once', ["g", "a"], "Acted @ben once"),
        ("@fay Kin", ["f"], "Kin"),
        ("@nobody Kin", None, "I know nobody"),
        ("Kin", [], "Kin"),
    ],
)
def test_people_and_groups_are_read(text: str, ids: list[str] | None, rest: str) -> None:
    if ids is None:
        with pytest.raises(CommandError, match=rest):
            read_screened(text, PEOPLE)
        return
    found, left = read_screened(text, PEOPLE)
    assert [one.id for one in found] == ids
    assert left.lstrip(": ") == rest


@pytest.mark.parametrize(
    ("text", "memo", "last"),
    [
        ("Kin", "Kin", None),
        ("until:2027-03-31 Kin", "Kin", date(2027, 3, 31)),
        ("Kin of  the\nclient until:2026-11-23", "Kin of the client", TODAY),
    ],
)
def test_a_memo_and_its_last_day_are_read(text: str, memo: str, last: date | None) -> None:
    assert read_memo(text) == (memo, last)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("until:2027-03-31", "needs a memo"),
        ("Kin until:tomorrow", "like this"),
        ("Kin until:2027-01-01 until:2027-01-02", "written once"),
        ("Kin until:2026-11-22", "is over"),
        ("K" * 1001, "at most 1000"),
    ],
)
def test_a_memo_that_cannot_be_used(text: str, said: str) -> None:
    with pytest.raises((CommandError, Refusal)) as caught:
        memo, last = read_memo(text)
        require_terms(Wall("", matter_id="m1", people=("b",), memo=memo, expires=last), Sight(FIRM, "a", TODAY))
    assert isinstance(caught.value, CommandError | Refusal)
    assert said in worded(caught.value)


@pytest.mark.parametrize(
    ("kind", "people", "refused"),
    [
        (WallKind.ONLY, (), Kind.WALL_NAMES_NOBODY),
        (WallKind.EXCLUDE, (), Kind.WALL_NAMES_NOBODY),
        (WallKind.ONLY, ("f",), Kind.WALL_LETS_NOBODY_IN),
        (WallKind.ONLY, ("empty",), Kind.WALL_LETS_NOBODY_IN),
        (WallKind.ONLY, ("b", "x"), Kind.WALL_NAMES_UNKNOWN),
        (WallKind.EXCLUDE, ("b", "old"), Kind.WALL_NAMES_UNKNOWN),
    ],
)
def test_M3_a_wall_that_names_nobody_or_lets_nobody_in_is_refused(
    kind: WallKind, people: tuple[str, ...], refused: Kind
) -> None:
    firm = replace(FIRM, groups={**FIRM.groups, "empty": Group("empty", "Nobody Yet")})
    with pytest.raises(Refusal) as caught:
        require_terms(Wall("", kind, matter_id="m1", people=people, memo="Kin"), Sight(firm, "a", TODAY))
    assert caught.value.kind is refused


def test_M3_a_wall_may_keep_out_who_is_not_there_yet_or_any_more() -> None:
    firm = replace(FIRM, groups={**FIRM.groups, "empty": Group("empty", "Nobody Yet")})
    for people in (("f",), ("empty",)):
        require_terms(Wall("", matter_id="m1", people=people, memo="Kin"), Sight(firm, "a", TODAY))


def test_M3_a_wall_around_a_hidden_matter_is_refused_like_one_around_none() -> None:
    said = []
    for matter_id in ("m3", "m9"):
        with pytest.raises(Refusal) as caught:
            require_terms(Wall("", matter_id=matter_id, people=("b",), memo="Kin"), Sight(FIRM, "a", TODAY))
        said.append(worded(caught.value).replace(matter_id, "IT"))
    assert said[0] == said[1]


def test_walls_are_named_by_reference_matter_or_client() -> None:
    walls = [
        Wall("wall-1", matter_id="m1"),
        Wall("wall-2", matter_id="m1"),
        Wall("wall-3", client="Tidewell Brewing"),
    ]

    def named(text: str) -> list[str]:
        return [wall.id for wall in walls_named(text, walls, FIRM, ANN, TODAY)]

    assert named("WALL-3, 2026-0042 wall-1") == ["wall-3", "wall-1", "wall-2"]
    assert named("client:Tidewell Brewing") == ["wall-3"]
    said = []
    for text in ("2026-0057", "wall-9"):
        with pytest.raises(CommandError) as caught:
            named(text)
        said.append(str(caught.value).replace(text, "IT"))
    assert said[0] == said[1]
    with pytest.raises(CommandError, match="No wall stands around"):
        named("2026-0055")


def test_a_report_counts_what_lies_in_each_time() -> None:
    history = [
        Happened(1),
        Happened(2, "@ben", True),
        Happened(3),
        Happened(4, "@ben", True),
        Happened(5),
        Happened(6, "@ann", False),
        Happened(7, "@ben", False),
        Happened(8),
        Happened(9, "@ben", True),
        Happened(10),
    ]
    assert periods(history, "@ben") == [Period(2, 7, 2, 3), Period(9, None, 1, 5)]
    assert periods(history, "@ann") == []
