"""Who is kept out by what Smokeball said, where a record of it is broken or names an old account (S1, S3, M3)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from bridge.directory.change import diff_firms
from bridge.directory.problems import ProblemList
from bridge.directory.smokeball.doubts import doubts_of
from bridge.directory.smokeball.mirror import Mirror, mirror_of
from bridge.directory.smokeball.policies import ALL_MATTERS, UNCLEAR, Look
from bridge.directory.smokeball.records import GIVES, records_of_mirror
from bridge.directory.sources.keeping import KeptRecord
from bridge.directory.sources.uniting import read_kept, statements, united
from bridge.firm.model import Firm
from bridge.firm.policy import with_access

DAY = date(2026, 11, 23)
FORM = "{matter}"
DENIES = pytest.mark.parametrize("deny", ["restriction", "wall"])


def mirror_of_two() -> Mirror:
    """Ann's matter, of which Ben is the other one at the firm, and nobody is denied."""
    names = ("ann", "ben")
    staff = {one: {"id": one, "email": f"{one}@f.example", "firstName": one, "userId": f"u-{one}"} for one in names}
    users = {f"u-{one}": {"id": f"u-{one}", "staffId": one, "userId": f"u-{one}"} for one in names}
    matters = {"m1": {"id": "m1", "number": "1", "personResponsible": {"id": "ann"}}}
    looks = {"m1": look_of(found=True)}
    return Mirror(staff, users, matters=matters, looks=looks, bars={ALL_MATTERS: look_of()})


def look_of(*denied: str, found: bool = False, doubted: int = 0) -> Look:
    return Look(1, denied, reference=FORM, found=found or bool(denied), doubted=doubted)


def firm_of(mirror: Mirror, deny: str) -> Firm:
    kept = [KeptRecord(one, gone=False) for one in records_of_mirror(mirror, deny, FORM)]
    problems = ProblemList()
    reads = {"smokeball": [read_kept("smokeball", one, problems) for one in kept]}
    return united(statements(reads, {}, {"smokeball": GIVES}, problems), {"smokeball": ()}, problems, None, None).firm


def inside(mirror: Mirror, deny: str) -> set[str]:
    """Who is in the matter."""
    firm = firm_of(mirror, deny)
    return set(with_access(firm, firm.matters["m1"], DAY))


@DENIES
@pytest.mark.parametrize("where", ["list", "list of all", "bar", "bar of all", "unclear"])
@pytest.mark.parametrize("members", [[{"id": "u-ben"}], "u-ben", {"x": 1}, {}, "", ["nobody"], ["inner"], ["deep"]])
def test_M3_a_denied_group_of_which_it_is_not_known_who_is_in_it_opens_nothing(
    members: Any, where: str, deny: str
) -> None:
    mirror = mirror_of_two()
    assert inside(mirror, deny) == {"ann", "ben"}
    mirror.groups = {"g": {"id": "g", "principalIds": members}, "deep": {"id": "deep", "principalIds": ["inner"]}}
    match where:
        case "list":
            mirror.looks["m1"] = look_of("g")
        case "list of all":
            mirror.bars[ALL_MATTERS] = look_of("g")
        case "bar":
            mirror.bars["g"] = look_of("m1")
        case "bar of all":
            mirror.bars["g"] = look_of(ALL_MATTERS)
        case _:
            mirror.bars["g"] = look_of(UNCLEAR)
    assert inside(mirror, deny) == {"ann"}
    assert doubts_of(mirror)
    mirror.groups["g"]["principalIds"] = ["u-ben"]
    assert inside(mirror, deny) == {"ann"}
    mirror.groups["g"]["principalIds"] = []
    assert inside(mirror, deny) == {"ann", "ben"}


@DENIES
def test_M3_a_barred_user_who_may_be_anybody_keeps_the_matter_with_its_team(deny: str) -> None:
    mirror = mirror_of_two()
    mirror.bars["u-x"] = look_of("m1")
    mirror.users["u-x"] = {"id": "u-x", "userId": "u-x", "staffId": 7}
    assert inside(mirror, deny) == {"ann"}
    del mirror.users["u-x"]["staffId"]
    assert inside(mirror, deny) == {"ann", "ben"}


@DENIES
@pytest.mark.parametrize("who", ["all", "group", "unclear"])
def test_S3_a_denial_that_was_doubted_ends_no_more_freely_than_one_that_was_not(who: str, deny: str) -> None:
    mirror = mirror_of_two()
    mirror.matters["m2"], mirror.looks["m2"] = {"id": "m2", "number": "2"}, mirror.looks["m1"]
    mirror.looks["m1"] = look_of()
    mirror.groups["g"] = {"id": "g", "principalIds": ["u-ben"]}
    of, denied = {"all": (ALL_MATTERS, "u-ben"), "group": ("g", "m1"), "unclear": ("g", UNCLEAR)}[who]
    ended = firm_of(mirror, deny)
    mirror.bars[of] = look_of(denied)
    known = firm_of(mirror, deny)
    assert diff_firms(known, ended, DAY).opens
    # For a while the policy is not found, the group cannot be read, or no deny-list at all is found.
    mirror.bars[of] = look_of(denied, doubted=2)
    mirror.groups["g"]["principalIds"] = "u-ben" if who != "all" else ["u-ben"]
    for found in (True, False):
        mirror.looks["m2"] = look_of(found=found)
        in_doubt = firm_of(mirror, deny)
        assert set(with_access(in_doubt, in_doubt.matters["m1"], DAY)) == {"ann"}
        assert diff_firms(in_doubt, ended, DAY).opens.restricted.get("m1")


def test_S3_a_matter_that_was_never_looked_at_opens_as_expected() -> None:
    mirror = mirror_of_two()
    mirror.bars[ALL_MATTERS] = look_of("u-ben")
    mirror.matters["m2"], mirror.looks["m2"] = {"id": "m2", "number": "2"}, mirror.looks.pop("m1")
    new = firm_of(mirror, "restriction")
    mirror.looks["m1"] = look_of()
    assert not diff_firms(new, firm_of(mirror, "restriction"), DAY).opens


@DENIES
@pytest.mark.parametrize("by", ["list", "group", "staff id", "bar"])
def test_M3_an_old_account_that_is_denied_keeps_out_who_was_hired_again(by: str, deny: str) -> None:
    mirror = mirror_of_two()
    mirror.staff["old"] = {"id": "old", "email": " Ben@F.example", "former": True, "userId": "u-old"}
    mirror.users["u-old"] = {"id": "u-old", "userId": "u-old", "staffId": "old", "isFormerUser": True}
    mirror.groups["g"] = {"id": "g", "principalIds": ["u-old"]}
    if by == "bar":
        mirror.bars["g"] = look_of("m1")
    else:
        mirror.looks["m1"] = look_of({"list": "u-old", "group": "g", "staff id": "old"}[by])
    assert inside(mirror, deny) == {"ann"}
    mirror.staff["old"]["email"] = "other@f.example"
    assert inside(mirror, deny) == {"ann", "ben"}


BROKEN: tuple[tuple[str, dict[str, Any]], ...] = (
    ("", {"userId": "u-ben", "staffId": 7}),
    ("", {"userId": "u-ben"}),
    ("", {"userId": "u-ben", "staffId": "nobody"}),
    ("", {"userId": 7, "staffId": "ben"}),
    ("userId", {"userId": "u-ben", "staffId": {"id": "ben"}}),
    ("userId", {"userId": "u-ben"}),
    ("userId", {"userId": None, "staffId": 7}),
    ("userId", {}),
)


@pytest.mark.parametrize(("missing", "broken"), BROKEN)
def test_S3_a_former_user_whose_record_is_broken_has_not_come_back(missing: str, broken: dict[str, Any]) -> None:
    mirror = mirror_of_two()
    mirror.staff["ben"].pop(missing, None)
    mirror.put("users", [{**mirror.users["u-ben"], "isFormerUser": True}])
    assert firm_of(mirror, "wall").active_staff == {"ann"}
    mirror.put("users", [{"id": "u-ben", "isFormerUser": True, **broken}])
    assert firm_of(mirror, "wall").active_staff == {"ann"}
    mirror.put("users", [{"id": "u-ben", "isFormerUser": False, "userId": "u-ben", "staffId": "ben"}])
    assert firm_of(mirror, "wall").active_staff == {"ann", "ben"}


def test_S3_a_former_user_is_found_by_either_id_in_the_first_reading() -> None:
    mirror = mirror_of_two()
    mirror.users["u-ben"] = {"id": "u-ben", "userId": "u-ben", "staffId": 7, "isFormerUser": True}
    assert firm_of(mirror, "wall").active_staff == {"ann"}


@DENIES
def test_M3_of_a_denied_group_that_cannot_be_read_who_was_in_it_last_stays_denied(deny: str) -> None:
    mirror = mirror_of_two()
    mirror.looks["m1"] = look_of("g")
    for members in (["u-ann"], "u-ann", [7, "u-ben"]):
        mirror.put("groups", [{"id": "g", "principalIds": members}])
        # A wall is around those of the team too.
        assert ("ann" in inside(mirror, deny)) == (deny == "restriction")
        mirror.groups = mirror_of(mirror.news([("groups", "g")]).records).groups
    assert inside(mirror, deny) == ({"ann"} if deny == "restriction" else set())
    mirror.put("groups", [{"id": "g", "principalIds": ["u-ben"]}])
    assert inside(mirror, deny) == {"ann"}
