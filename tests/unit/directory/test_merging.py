"""Several sources made one directory: who is who, whose word holds, and what takes something away (S1, S3)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bridge.directory.problems import DirectoryError, ProblemList
from bridge.directory.sources import uniting
from bridge.directory.sources.keeping import KeptRecord
from bridge.directory.sources.known import CAN_SAY
from bridge.directory.sources.port import SourceRecord, Value
from bridge.directory.sources.statement import Links
from bridge.directory.sources.uniting import Union, read_kept, statements
from bridge.firm.model import Firm, MatterStatus, Staff

Given = dict[str, list[KeptRecord]]


def record(kind: str, record_id: str, *, gone: bool = False, **values: Value) -> KeptRecord:
    return KeptRecord(SourceRecord(kind, record_id, {"id": record_id, **values}), gone)


def person(record_id: str, name: str, *, gone: bool = False, **values: Value) -> KeptRecord:
    address = {"email": f"{name.lower()}@firm.example", "first_name": name}
    return record("staff", record_id, gone=gone, **{**address, **values})


def matter(record_id: str, number: str, *, gone: bool = False, **values: Value) -> KeptRecord:
    return record("matters", record_id, gone=gone, **{"number": number, "title": number, **values})


def united(
    given: Given,
    owns: Mapping[str, tuple[str, ...]] | None = None,
    who: Links | None = None,
    known: Firm | None = None,
) -> Union:
    problems = ProblemList()
    reads = {source: [read_kept(source, one, problems) for one in records] for source, records in given.items()}
    said = statements(reads, {}, CAN_SAY, problems)
    return uniting.united(said, owns or dict.fromkeys(given, ()), problems, who, known)


def problems_of(given: Given, owns: Mapping[str, tuple[str, ...]] | None = None) -> str:
    with pytest.raises(DirectoryError) as raised:
        united(given, owns)
    return str(raised.value)


def test_S1_people_are_matched_by_address_and_their_matters_follow() -> None:
    given = {
        "scim": [person("u1", "Ann"), person("u2", "Ben")],
        "smokeball": [person("s1", "ANN", role="Partner"), matter("m1", "2026-1", responsible="s1")],
    }
    firm = united(given, {"scim": ("staff",), "smokeball": ("matters",)}).firm
    assert firm.staff.keys() == {"u1", "u2"}
    assert firm.matters["m1"].responsible == "u1"


def test_S1_the_owner_of_the_staff_alone_says_who_is_an_admin() -> None:
    given = {"scim": [person("u1", "Ann")], "smokeball": [person("s1", "Ann", role="Owner", initials="AX")]}
    staff = united(given, {"scim": ("staff",), "smokeball": ()}).firm.staff["u1"]
    assert (staff.role, staff.initials) == ("", "AX")
    given = {"scim": [person("u1", "Ann")], "smokeball": [person("s1", "Ann", role="Owner")]}
    assert united(given, {"scim": ("staff",), "smokeball": ("staff.role",)}).firm.staff["u1"].role == "Owner"


@pytest.mark.parametrize("field", ["role", "external_ids"])
def test_S1_a_right_whose_owner_does_not_know_somebody_is_nobodys(field: str) -> None:
    rights: dict[str, Value] = {"role": "Owner", "external_ids": (("oidc", "ann"),)}
    ann = person("u1", "Ann").record
    ann = SourceRecord("staff", "u1", {**ann.values, field: rights[field]})
    given = {"scim": [person("u2", "Ben")], "files": [KeptRecord(ann, gone=False)]}
    owns = {"files": ("staff",), "scim": (f"staff.{field}",)}
    assert not getattr(united(given, owns).firm.staff["u1"], field)


@pytest.mark.parametrize("by_rows", [False, True])
@pytest.mark.parametrize("owner", ["smokeball", "files"])
def test_M3_who_two_sources_restrict_a_matter_to_is_on_both_lists(owner: str, by_rows: bool) -> None:
    names = {"u1": "Ann", "u2": "Ben", "u3": "Cat", "u4": "Dan"}
    rows = [record("access", one, matter="1", person=one) for one in ("u1", "u2")]
    files = [matter("f1", "1", restricted="yes", allowed=() if by_rows else ("u1", "u2"))]
    given = {
        "smokeball": [
            *(person(*one) for one in names.items()),
            record("groups", "in", name="In", members=("u3",)),
            record("groups", "but", name="Not Ann", members=("u2", "in", "u4")),
            matter("s1", "1", restricted="yes", allowed=("but",)),
        ],
        "files": [*files, *(rows if by_rows else ())],
    }
    firm = united(given, {name: ("matters",) if name == owner else () for name in given}).firm
    (found,) = firm.matters.values()
    assert firm.people(found.allowed) == {"u2"}


def test_S1_two_that_disagree_are_told_and_the_owner_holds() -> None:
    given = {"scim": [person("u1", "Ann", last_name="Lee")], "files": [person("u1", "Ann", last_name="Li")]}
    union = united(given, {"scim": ("staff",), "files": ()})
    assert union.firm.staff["u1"].last_name == "Lee"
    (told,) = union.merged.disagreements
    assert (told.field, told.holds, told.other) == ("last_name", "scim", "files")


@pytest.mark.parametrize("newcomer", ["a", "z"])
def test_S3_who_is_hired_with_the_address_of_somebody_who_left_is_somebody_else(newcomer: str) -> None:
    who = {("files", "staff", "1"): "1", ("scim", "staff", "m"): "1"}
    scim = [person("m", "Ann", gone=True), person(newcomer, "Ann", last_name="New")]
    # As the store has them: by their ids.
    given = {"files": [person("1", "Ann", gone=True)], "scim": sorted(scim, key=lambda one: one.record.id)}
    union = united(given, who=who)
    assert union.merged.links["scim", "staff", newcomer] == newcomer
    assert union.firm.active_staff == {newcomer}


@pytest.mark.parametrize("leaver", ["scim", "smokeball"])
def test_S3_a_leaver_of_any_source_is_a_leaver(leaver: str) -> None:
    given = {
        "scim": [person("u1", "Ann", gone=leaver == "scim"), person("u2", "Ben")],
        "smokeball": [person("s1", "Ann", gone=leaver == "smokeball")],
    }
    assert not united(given).firm.staff["u1"].active
    given = {"scim": [person("u1", "Ann"), person("u2", "Ben")], "smokeball": [person("s1", "Ann", former="yes")]}
    assert not united(given, {"scim": ("staff",), "smokeball": ()}).firm.staff["u1"].active


def test_S3_who_is_not_in_the_owner_of_the_staff_has_left() -> None:
    given = {"scim": [person("u1", "Ann")], "smokeball": [person("s2", "Ben"), matter("m1", "1", responsible="s2")]}
    union = united(given, {"scim": ("staff",), "smokeball": ("matters",)})
    assert union.firm.active_staff == {"u1"}
    assert union.merged.left_out == {"staff": ("s2",)}


def test_S3_a_matter_that_is_gone_is_deleted_and_its_number_may_be_anothers() -> None:
    ann = person("u1", "Ann")
    assert united({"smokeball": [ann, matter("m1", "1", gone=True)]}).firm.matters["m1"].status is MatterStatus.DELETED
    firm = united({"smokeball": [ann, matter("m1", "1", gone=True), matter("m2", "1")]}).firm
    assert firm.matters.keys() == {"m2"}


def test_S1_a_restriction_and_a_hold_hold_whoever_says_them() -> None:
    given = {
        "smokeball": [person("s1", "Ann"), person("s2", "Ben"), matter("m1", "1")],
        "files": [matter("x", "1", restricted="yes", allowed=("s2",), held="yes")],
    }
    found = united(given, {"smokeball": ("staff", "matters"), "files": ()}).firm.matters["m1"]
    assert (found.restricted, found.allowed, found.held) == (True, ("s2",), True)


def test_S1_walls_of_the_files_stand_beside_those_of_others() -> None:
    given = {
        "smokeball": [person("s1", "Ann"), person("s2", "Ben"), matter("m1", "1")],
        "files": [record("walls", "w", matter="1", people=("ben@firm.example",))],
    }
    firm = united(given, {"smokeball": ("staff", "matters"), "files": ("walls",)}).firm
    assert (firm.walls["w"].matter_id, firm.walls["w"].people) == ("m1", ("s2",))


def test_S1_access_is_of_its_owner_alone() -> None:
    grant = KeptRecord(SourceRecord("access", "m1;u2", {"matter": "m1", "person": "u2"}), gone=False)
    staff = [person("u1", "Ann"), person("u2", "Ben"), matter("m1", "1", restricted="yes")]
    given: Given = {"scim": staff, "files": [grant]}
    assert united(given).firm.matters["m1"].allowed == ("u2",)
    assert united(given, {"scim": ("access",), "files": ()}).firm.matters["m1"].allowed == ()


def test_F2_a_person_keeps_their_id_whoever_speaks_of_them_from_now_on() -> None:
    known = Firm(staff={"ann": Staff("ann", "Ann", "", "ann@firm.example")})
    union = united({"scim": [person("u1", "Ann")]}, known=known)
    assert union.firm.staff.keys() == {"ann"}
    # And also when the address is another by then.
    union = united({"scim": [person("u1", "Anna")]}, who=union.merged.links, known=known)
    assert union.firm.staff.keys() == {"ann"}


def test_F2_the_address_of_a_leaver_makes_a_newcomer_nobody_else() -> None:
    known = Firm(staff={"ann": Staff("ann", "Ann", "", "info@firm.example", former=True)})
    assert united({"scim": [person("u1", "Info")]}, known=known).firm.staff.keys() == {"u1"}
    known = Firm(staff={"u0": Staff("u0", "Ann", "", "info@firm.example")})
    given = {"scim": [person("u0", "Ann"), person("u1", "Info")]}
    assert united(given, known=known).firm.staff.keys() == {"u0", "u1"}


def test_S1_who_could_be_two_people_is_refused() -> None:
    given = {
        "scim": [person("u1", "Ann"), person("u2", "Ben", external_ids=(("oidc", "ben"),))],
        "smokeball": [person("s1", "Ann", external_ids=(("oidc", "ben"),))],
    }
    assert "could be 'u1' and 'u2'" in problems_of(given)


def test_S1_two_records_of_one_source_are_not_one_person() -> None:
    given = {"scim": [person("u1", "Ann")], "smokeball": [person("s1", "Ann"), person("u1", "Bob")]}
    assert "Two records of smokeball" in problems_of(given)


def test_S1_the_union_is_checked_whole() -> None:
    given = {
        "scim": [person("u1", "Ann")],
        "files": [record("walls", "w", matter="none", people=("u1",))],
    }
    assert "'none' is not the id or number of a matter" in problems_of(given)
