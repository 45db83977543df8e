"""One record of Smokeball's that cannot be read: the rest goes on, leavers first, and nobody is let in (S1, S3)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.check.finding import Verdict
from bridge.check.sources import said_findings
from bridge.directory.file import DirectoryFile
from bridge.directory.sources.flaws import sorted_out
from bridge.directory.sources.keeping import keep_read, note_trouble, standing
from bridge.directory.sources.known import CAN_SAY
from bridge.directory.sources.port import Hint, SourceRead, SourceRecord, Value
from bridge.directory.sources.union import Sources
from bridge.firm.model import Firm, MatterStatus
from bridge.firm.policy import with_access
from bridge.settings import DirectorySettings
from bridge.store.engine.store import Store
from bridge.wording.directory import status_text
from tests.component.sources.connected import DAY, Connected, connected
from tests.component.sources.test_smokeball import small_firm
from tests.fakes.smokeball import link

FLAWED: tuple[dict[str, Any], ...] = (
    {"status": "Suspended"},
    {"status": {"a": 1}},
    {"personAssistingStaffs": 7},
    {"personResponsible": "x"},
    {"clients": [7]},
    {"clients": {"id": 7}},
    {"isLead": "maybe"},
)


async def flaws(one: Connected) -> list[str]:
    return [each.id for each in (await one.store.read(standing, "smokeball")).flaws]


@pytest.mark.parametrize("wrong", FLAWED)
async def test_S1_a_matter_that_cannot_be_read_stops_nothing_and_lets_nobody_in(
    store: Store, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, _ = small_firm(one.fake)
        cat = one.fake.person(3, "Cat")
        second = one.fake.matter(2, personResponsible=link(ann))
        one.fake.world.policies[second] = [one.fake.user_of(cat)]
        await one.settled()
        assert [one.sees(each, second) for each in (ann, ben, cat)] == [True, True, False]
        # Of a known one that breaks, what was read last stays, less what it takes away; a new one is left out.
        one.fake.matter(2, title="Other", **{"personResponsible": link(cat), **wrong})
        third = one.fake.matter(3, **wrong)
        one.fake.world.policies[second] = [one.fake.user_of(ben)]
        one.fake.world.staff[ann]["former"] = True
        await one.settled()
        assert one.reader.trouble == ""
        assert one.directory.firm.active_staff == {ben, cat}
        assert one.directory.firm.matters[second].title == "Matter 2"
        assert not any(one.sees(each, second) for each in (ann, ben, cat))
        assert third not in one.directory.firm.matters
        assert await flaws(one) == [second, third]
        # Once it is right again, it is as Smokeball says.
        right = {"status": "Open", "personAssistingStaffs": [], "clients": [], "isLead": False}
        for number in (2, 3):
            one.fake.matter(number, **{**right, "personResponsible": link(cat)})
        await one.settled()
        assert await flaws(one) == []
        assert [one.sees(each, second) for each in (ann, ben, cat)] == [False, False, True]
        assert one.sees(ben, third)


async def test_S3_what_a_flawed_matter_takes_away_goes_ahead(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, first = small_firm(one.fake)
        await one.settled()
        one.fake.matter(1, status="Suspended")
        await one.settled()
        assert one.sees(ben, first)
        one.fake.world.policies[first] = [one.fake.user_of(ben)]
        await one.settled()
        assert [one.sees(each, first) for each in (ann, ben)] == [True, False]
        assert one.directory.firm.matters[first].status is MatterStatus.OPEN
        one.fake.matter(1, status="Closed", isLead="maybe")
        await one.settled()
        assert one.directory.firm.matters[first].status is MatterStatus.CLOSED
        del one.fake.world.matters[first]
        one.fake.settle()
        one.reader.hint(Hint("matters", first))
        await one.look(4)
        assert one.directory.firm.matters[first].status is MatterStatus.DELETED
        assert await flaws(one) == []


@pytest.mark.parametrize("wrong", [{"enabled": "maybe"}, {"former": 7}, {"enabled": []}])
async def test_S3_of_somebody_who_cannot_be_read_what_was_read_stays_and_a_newcomer_waits(
    store: Store, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, first = small_firm(one.fake)
        await one.settled()
        one.fake.world.staff[ann] |= {**wrong, "lastName": "Other"}
        dot = one.fake.person(4, "Dot", **wrong)
        one.fake.matter(1, personResponsible=link(dot), personAssistingStaffs=[link(ben), link(dot)])
        await one.settled()
        assert one.reader.trouble == ""
        assert one.directory.firm.active_staff == {ann, ben}
        assert one.directory.firm.staff[ann].last_name == "Finch"
        assert one.directory.firm.matters[first].team == (ben,)
        assert await flaws(one) == [ann, dot]
        one.fake.world.users[one.fake.user_of(ben)]["isFormerUser"] = "perhaps"
        await one.settled()
        assert one.directory.firm.active_staff == {ann, ben}
        # Whoever leaves does so, whatever else is said of them.
        one.fake.world.staff[ann] |= {"enabled": "maybe", "former": True}
        one.fake.world.staff[ben] |= {"enabled": False}
        await one.settled()
        assert not one.directory.firm.active_staff - {dot}


async def test_S3_the_address_or_number_of_what_cannot_be_read_may_be_anothers(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, first = small_firm(one.fake)
        await one.settled()
        email, number = one.directory.firm.staff[ann].email, one.directory.firm.matters[first].number
        one.fake.world.staff[ann] |= {"email": "anna@firm.example", "enabled": "perhaps"}
        cat = one.fake.person(3, "Cat", email=email)
        one.fake.world.staff[ben]["former"] = True
        one.fake.matter(1, number="other", status="Odd")
        second = one.fake.matter(2, number=number)
        await one.settled()
        firm = one.directory.firm
        assert not one.directory.problems
        assert {each: firm.staff[each].email for each in firm.active_staff} == {ann: "anna@firm.example", cat: email}
        assert {each: firm.matters[each].number for each in firm.matters} == {first: "other", second: number}
        # Nothing of them is read any more: a number is told apart, and of an address nobody knows whose it is.
        one.fake.matter(1, number=None, status="Odd")
        one.fake.matter(2, number="other")
        one.fake.world.staff[ann] |= {"email": 7}
        one.fake.world.staff[cat] |= {"email": "anna@firm.example"}
        await one.settled()
        firm = one.directory.firm
        assert not one.directory.problems
        assert {each: firm.staff[each].email for each in firm.active_staff} == {cat: "anna@firm.example"}
        assert firm.matters[second].number == "other"


async def test_M3_a_wall_holds_for_who_cannot_be_read_and_whom_another_source_has(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path, deny="wall") as one:
        ann, ben, first = small_firm(one.fake)
        one.directory.sources = Sources(store, {"smokeball": (), "scim": ()}, CAN_SAY)
        known = one.fake.world.staff[ben]
        sam: dict[str, Value] = {"id": "sam", "first_name": "Sam", "email": str(known["email"])}
        ann_too: dict[str, Value] = {"id": "a", "first_name": "Ann", "email": str(one.fake.world.staff[ann]["email"])}
        people = [SourceRecord("staff", str(each["id"]), each) for each in (sam, ann_too)]
        await store.run(keep_read, "scim", SourceRead(tuple(people), whole=True), 1)
        # Ben was never read in Smokeball, which has him on a deny-list; he is Sam elsewhere.
        known["enabled"] = "perhaps"
        one.fake.world.policies[first] = [one.fake.user_of(ben)]
        await one.settled()
        assert not one.directory.problems
        assert one.directory.firm.active_staff == {ann, "sam"}
        assert [one.sees(each, first) for each in (ann, "sam")] == [True, False]
        known["enabled"] = True
        await one.settled()
        assert [one.sees(each, first) for each in (ann, "sam")] == [True, False]
        assert one.directory.firm.walls[f"smokeball-{first}"].people == ("sam",)


async def test_M3_a_matter_of_which_the_wall_cannot_be_read_is_open_to_nobody_whom_it_may_name(
    store: Store,
) -> None:
    sources = Sources(store, {"smokeball": ()}, CAN_SAY)
    people = [
        SourceRecord("staff", each, {"id": each, "first_name": each, "email": f"{each}@firm.example"})
        for each in ("ann", "ben", "cat")
    ]
    values: dict[str, Value] = {"id": "m", "number": "1", "title": "T", "responsible": "ann", "assisting": ("ben",)}
    for wall_id, named, team in (("w" * 101, ("ben",), {"ann"}), ("w", tuple(map(str, range(10_001))), set())):
        wall = SourceRecord("walls", "w", {"id": wall_id, "matter": "m", "people": named})
        records = [*people, SourceRecord("matters", "m", values), wall]
        good, flawed = sorted_out("smokeball", records)
        assert [each.kind for each in flawed] == ["walls"]
        await store.run(keep_read, "smokeball", SourceRead(good, whole=True, flaws=flawed), 1)
        firm = (await sources.union(Firm())).firm
        assert with_access(firm, firm.matters["m"], DAY) == team
    records[-1] = SourceRecord("walls", "w", {"id": "w", "matter": "m", "people": ("ben",)})
    await store.run(keep_read, "smokeball", SourceRead(tuple(records), whole=True), 1)
    firm = (await sources.union(Firm())).firm
    assert with_access(firm, firm.matters["m"], DAY) == {"ann", "cat"}


async def test_S1_groups_in_a_circle_and_lists_that_are_none_stop_nothing(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, first = small_firm(one.fake)
        groups = {each: f"group-{each}" for each in "abc"}
        for each, inside in (("a", groups["b"]), ("b", groups["a"])):
            one.fake.world.groups[groups[each]] = {
                "id": groups[each],
                "name": each,
                "principalIds": [inside, one.fake.user_of(ben)],
                "isDeleted": False,
            }
        await one.settled()
        assert one.reader.trouble == ""
        assert one.directory.firm.people([groups["a"]]) == {ben}
        one.fake.world.policies[first] = [groups["a"]]
        one.fake.world.groups[groups["a"]]["principalIds"] = 7
        one.fake.world.staff[ann]["firstName"] = "Anna"
        await one.settled()
        assert one.directory.firm.staff[ann].first_name == "Anna"
        assert one.directory.firm.people([groups["a"]]) == {ben}
        assert await flaws(one) == [groups["a"]]


async def test_S1_what_has_no_id_a_strange_contact_and_a_date_to_come_stop_nothing(
    store: Store, tmp_path: Path
) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, first = small_firm(one.fake)
        second = one.fake.matter(2)
        one.fake.world.groups["g"] = {"id": "g", "name": "G", "principalIds": [], "isDeleted": False}
        await one.settled()
        one.fake.world.contacts["x"] = {"id": "x", "person": "x", "company": [], "lastUpdated": 7}
        one.fake.world.matters[second]["versionId"] = "9" * 18
        for table in (one.fake.world.staff, one.fake.world.users, one.fake.world.groups, one.fake.world.matters):
            table["nameless"] = {"name": "x", "versionId": "1", "lastUpdated": 1}
        one.fake.world.staff[ben]["former"] = True
        one.fake.settle()
        await one.look()
        assert one.reader.trouble == ""
        assert one.directory.firm.active_staff == {ann}
        one.fake.matter(1, title="Later", number=second)
        one.fake.settle()
        await one.look()
        assert one.directory.firm.matters[first].title == "Later"
        assert one.directory.firm.matters[first].number == f"{second} (Smokeball {first})"
        assert not one.directory.problems


async def test_M3_what_cannot_be_read_is_named_to_who_may_know_of_it(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, first = small_firm(one.fake)
        second = one.fake.matter(2, personResponsible=link(ann))
        one.fake.world.policies[second] = [one.fake.user_of(ben)]
        await one.settled()
        for number in (1, 2, 3):
            one.fake.matter(number, status="Suspended")
        await one.settled()
        whole = status_text(await one.directory.status(), str)
        known = status_text(await one.directory.status(ben), str)
        third = one.fake.matter(3)
        assert one.directory.sources is not None
        warned = " ".join(
            [each.what async for each in said_findings(one.directory.sources) if each.state is Verdict.WARNING]
        )
        assert all(each in warned for each in (first, second, third))
        assert [each in whole for each in (first, second, third)] == [True, True, True]
        assert [each in known for each in (first, second, third)] == [True, False, False]
        assert "check` on the server" in known


async def test_M3_how_much_sources_have_is_not_told_in_chat(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path, deny="wall") as one:
        ann, ben, first = small_firm(one.fake)
        one.fake.world.policies[first] = [one.fake.user_of(ben)]
        await one.settled()
        assert "Smokeball: 1 matter, 2 staff, 1 wall, read" in status_text(await one.directory.status(), str)
        to_ann, to_ben = [status_text(await one.directory.status(each), str).splitlines() for each in (ann, ben)]
        assert to_ann[1] == to_ben[1]
        assert to_ann[1].startswith("Smokeball: 2 staff, read ")
        assert to_ann[2:] == to_ben[2:] == ["How much else its sources have, `firm-bridge check` on the server says."]


async def test_M3_of_which_matter_a_source_was_asked_is_told_on_the_server_alone(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        ann, _, first = small_firm(one.fake)
        await one.settled()
        await store.run(note_trouble, "smokeball", f"Smokeball answers 500 at /account/matters/{first}/roles.", 2)
        assert f"/account/matters/{first}/roles." in status_text(await one.directory.status(), str)
        told = status_text(await one.directory.status(ann), str)
        assert first not in told
        assert "Smokeball answers 500 at /account/matters/…/roles." in told


async def test_M3_a_group_that_stands_for_a_deny_list_is_not_named_in_chat(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, first = small_firm(one.fake)
        cat = one.fake.person(3, "Cat")
        await one.settled()
        settings = DirectorySettings(path="none", removal_limit=20)
        one.directory = DirectoryFile(settings, store, today=lambda: DAY, sources=one.directory.sources)
        one.fake.world.policies[first] = [one.fake.user_of(cat), one.fake.user_of(ben)]
        await one.settled()
        held, to_ann = (await one.directory.status()).held, (await one.directory.status(ann)).held
        assert held is not None
        assert to_ann is not None
        assert "Group: 1 added (smokeball-but-" in held.summary[0]
        assert to_ann.summary[0] == "Matter: 1 changed (2026-1)."


@pytest.mark.parametrize("owned", ["", "matters.restricted", "matters.held", "staff.former"])
async def test_S3_what_a_record_that_never_could_be_read_takes_away_holds_elsewhere(store: Store, owned: str) -> None:
    """Smokeball has the matter and the person too, each with something that cannot be read."""
    clio = ("matters", "staff") if not owned else ("matters", "staff", owned)
    sources = Sources(store, {"smokeball": (), "clio": clio}, CAN_SAY)
    team = ("ann", "ben", "cat")
    theirs = [
        SourceRecord("staff", each, {"id": each, "first_name": each, "email": f"{each}@firm.example"}) for each in team
    ]
    matter = SourceRecord("matters", "c1", {"id": "c1", "number": "2026-A", "title": "T", "responsible": "ann"})
    access = SourceRecord("access", "a", {"matter": "c1", "person": "ben"})
    open_to_ben = SourceRecord("matters", "c1", {**matter.values, "restricted": "yes"})

    async def firm(of_matter: dict[str, Value], of_person: dict[str, Value], *clios: SourceRecord) -> Firm:
        said = [
            SourceRecord("matters", "m", {"id": "m", "number": "2026-a", "title": "T", "status": "Odd", **of_matter}),
            SourceRecord("staff", "c", {"id": "c", "first_name": "Cat", "email": "CAT@firm.example", **of_person}),
        ]
        good, flawed = sorted_out("smokeball", said)
        assert len(flawed) == 2
        await store.run(keep_read, "smokeball", SourceRead(good, whole=True, flaws=flawed), 1)
        await store.run(keep_read, "clio", SourceRead((*theirs, *clios), whole=True), 1)
        return (await sources.union(Firm())).firm

    unread: dict[str, Value] = {"phone": "9" * 300}
    known = await firm({}, unread, matter)
    for says in ("yes", "perhaps"):
        one = await firm({"restricted": says, "allowed": ("c",)}, {**unread, "former": "yes"}, matter)
        assert one.active_staff == ({"ann", "ben", "cat"} if owned == "staff.former" else {"ann", "ben"})
        inside = one.active_staff if owned == "matters.restricted" else {"ann"}
        assert with_access(one, one.matters["c1"], DAY) == inside
        # Also while what the sources say does not go together.
        assert await sources.left(replace(one, staff=known.staff)) == known.active_staff - one.active_staff
    # Nobody knows whether another source means the same by those whom it lets in.
    one = await firm({"restricted": "yes"}, {**unread, "enabled": "no"}, open_to_ben, access)
    assert with_access(one, one.matters["c1"], DAY) == ({"ann", "ben"} if owned == "matters.restricted" else {"ann"})
    assert one.active_staff == {"ann", "ben"}
    one = await firm({"held": "yes"}, unread, matter)
    assert one.matters["c1"].held is (owned != "matters.held")
    assert with_access(one, one.matters["c1"], DAY) == one.active_staff == {"ann", "ben", "cat"}


async def test_S1_a_wall_around_a_matter_that_its_owner_never_could_read_stops_nothing(store: Store) -> None:
    sources = Sources(store, {"smokeball": ("matters",), "clio": ()}, CAN_SAY)
    said = [
        SourceRecord("staff", "ann", {"id": "ann", "first_name": "Ann", "email": "ann@firm.example"}),
        SourceRecord("matters", "m", {"id": "m", "number": "1", "title": "T", "status": "Odd"}),
        SourceRecord("walls", "w", {"id": "w", "matter": "m", "people": ("ann",)}),
    ]
    theirs = SourceRecord("matters", "c1", {"id": "c1", "number": "1", "title": "T"})
    await store.run(keep_read, "clio", SourceRead((theirs,), whole=True), 1)
    good, flawed = sorted_out("smokeball", said)
    await store.run(keep_read, "smokeball", SourceRead(good, whole=True, flaws=flawed), 1)
    firm = (await sources.union(Firm())).firm
    assert firm.active_staff == {"ann"} and not firm.matters and not firm.walls
