"""The panel's pages for firm admins: what each may know, and that it is noted (O1, O2, M3)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bridge.firm.audit import Outcome
from bridge.firm.conversation import first_matter_conversation_id
from bridge.firm.room_keys import matter_space_key
from bridge.matrix.errors import HomeserverError
from bridge.reconcile.again import Thing, ThingKind
from bridge.settings import FirmSettings
from bridge.store.engine.unit import ReadUnit
from bridge.store.files.handouts import note_given_out
from bridge.store.models import AuditRow
from bridge.store.record.audit import newest
from bridge.upkeep.stages import Stage
from bridge.web.panel.app import DEEDS, PAGES
from tests.component.directory.test_directory_undone import FIRM, WRONG, write
from tests.component.panel.panel_firm import HOSTILE, Panel, filled, panel_firm
from tests.component.small_firm import channel, direct

ADMIN_PAGES = [one for one in PAGES if one.startswith("/admin")]
ADMIN_DEEDS = [one for one in DEEDS if one.startswith("/admin")]


def change_in(text: str) -> tuple[str, str]:
    """The field of the first form that says which change of the directory is meant."""
    found = re.search(r'name="fingerprint" value="(\w+)"', text)
    assert found is not None
    return "fingerprint", found[1]


def seen_in(text: str) -> tuple[str, str]:
    """The field that says which wall was shown."""
    found = re.search(r'name="seen" value="(\w+)"', text)
    assert found is not None
    return "seen", found[1]


async def used(panel: Panel) -> list[tuple[str, str, str, str, str]]:
    """What the audit log has of commands and pages: who, what, about whom, why and whether it was refused."""

    def work(unit: ReadUnit) -> list[tuple[str, str, str, str, str]]:
        rows = AuditRow.select().where(AuditRow.deed == "command").order_by(AuditRow.position)
        return [(row.actor, row.subject, row.person, row.reason, row.outcome) for row in unit.all(rows)]

    return await panel.firm.service.store.read(work)


async def test_O1_whoever_is_no_admin_gets_nothing_and_is_noted(panel: Panel) -> None:
    await panel.restart(firm=FirmSettings(name="Firm", admin_roles=("Owner",)))
    ruth = await panel.enter("ruth")
    assert 'href="/admin' not in (await ruth.get("/"))[1]
    for address in ADMIN_PAGES:
        status, text = await ruth.get(filled(address))
        assert (status, "Estate" in text, "That list is for firm admins." in text) == (403, False, True), address
    for address in ADMIN_DEEDS:
        assert await ruth.post(filled(address), [("memo", "x"), ("step", "set"), ("number", "2026-0042")]) == 403
    assert len(await used(panel)) == len(ADMIN_PAGES) + len(ADMIN_DEEDS)
    assert {(one[0], one[3], one[4]) for one in await used(panel)} == {("ruth", "F1", "refused")}


async def test_M3_an_admin_behind_a_wall_hears_of_the_matter_on_no_page(panel: Panel) -> None:
    await panel.firm.ask("ruth", '!matter start 2026-0042 "Disclosure"')
    await panel.firm.ask("ruth", "!why @walt 2026-0042")
    walt = await panel.enter("walt")
    for address in (
        "/admin",
        "/admin/staff",
        "/admin/staff/ruth",
        "/admin/staff/walt",
        "/admin/walls",
        "/admin/audit",
        "/admin/audit?person=ruth",
        "/admin/audit?kind=commands",
    ):
        status, text = await walt.get(address)
        assert (status, re.findall("2026-0042|Estate|Disclosure|cousin|w1", text)) == (200, []), address
    for there, elsewhere in (
        ("/admin/matter/m1", "/admin/matter/m9"),
        ("/admin/wall/w1", "/admin/wall/w9"),
        ("/admin/why?person=ruth&place=2026-0042", "/admin/why?person=ruth&place=2026-9999"),
        ("/admin/audit?place=2026-0042", "/admin/audit?place=2026-9999"),
    ):
        (status, text), (other, same) = await walt.get(there), await walt.get(elsewhere)
        assert (status, text.replace("2026-0042", "2026-9999")) == (other, same)
        assert not re.findall("Estate|Disclosure|cousin", text)
    for number in ("2026-0042", "2026-9999"):
        fields = [("kind", "exclude"), ("number", number), ("memo", "Mine"), ("person", "tom"), ("step", "look")]
        assert await walt.post("/admin/walls/new", fields) == 422
        assert f"There is no matter or client {number} that you can see." in walt.text


async def test_M3_a_wall_is_foreseen_set_reported_and_lifted(panel: Panel) -> None:
    firm = panel.firm
    await firm.ask("ruth", '!matter start 2026-0042 "Disclosure" @tom')
    await firm.service.store.run(note_given_out, "mxc://localhost/given", "tom", "m1")
    ruth, room = await panel.enter("ruth"), firm.room("Disclosure · 2026-0042 Estate")
    wanted = [("kind", "exclude"), ("number", "2026-0042"), ("memo", HOSTILE), ("person", "tom")]
    assert await ruth.post("/admin/walls/new", [*wanted, ("step", "look")]) == 200
    assert "1 room, 1 person, 1 file handed out." in ruth.text
    assert "Tom Price of 1 conversation." in ruth.text
    assert "<script>alert" not in ruth.text
    assert "tom" in firm.members(room)
    wanted.append(seen_in(ruth.text))
    assert await ruth.post("/admin/walls/new", [*wanted, ("step", "set")], once="1" * 16) == 200
    assert "Tom Price: taken out of 1 conversation" in ruth.text
    assert "tom" not in firm.members(room)
    # The same form once more, as a browser sends it that was not sure, sets no second one.
    assert await ruth.post("/admin/walls/new", [*wanted, ("step", "set")], once="1" * 16) == 200
    _, text = await ruth.get("/admin/walls")
    (wall,) = set(re.findall(r'href="(/admin/wall/wall-\d+)"', text))
    _, text = await ruth.get(wall)
    assert "Tom Price was in it from" in text
    assert await ruth.post(f"{wall}/lift", [], once="2" * 16) == 303
    assert wall not in (await ruth.get("/admin/walls"))[1]
    assert "lifted by Ruth Adeyemi" in (await ruth.get(wall))[1]
    assert {("wall add", "[wall-1]"), ("wall lift", "[wall-1]")} <= {(one[1], one[3]) for one in await used(panel)}


async def test_O1_a_wall_that_is_refused_is_in_the_audit_log(panel: Panel) -> None:
    ruth = await panel.enter("ruth")
    for kind, command in (("exclude", "wall add"), ("only", "wall only")):
        assert await ruth.post("/admin/walls/new", [("kind", kind), ("number", "2026-0042"), ("step", "look")]) == 422
        (newest_entry, *_) = await panel.firm.service.store.read(newest, 1)
        assert (newest_entry.entry.subject, newest_entry.entry.outcome) == (command, Outcome.REFUSED)


async def test_M3_a_wall_is_set_only_as_it_was_shown(panel: Panel) -> None:
    ruth, wanted = await panel.enter("ruth"), {"kind": "exclude", "number": "2026-0042", "memo": "x", "person": "tom"}
    assert await ruth.post("/admin/walls/new", [*wanted.items(), ("step", "look")]) == 200
    seen, other = seen_in(ruth.text), {"kind": "only", "memo": "y", "person": "ines", "until": "2999-12-31"}
    changed = [{**wanted, name: value} for name, value in other.items()]
    for fields, given in ((wanted, ("seen", "")), *((each, seen) for each in changed)):
        assert await ruth.post("/admin/walls/new", [*fields.items(), given, ("step", "set")]) == 200
        assert "This is not the wall that was shown before." in ruth.text
        assert "wall-1" not in (await ruth.get("/admin/walls"))[1]
    assert await ruth.post("/admin/walls/new", [*wanted.items(), seen, ("step", "set")]) == 200
    assert "wall-1" in (await ruth.get("/admin/walls"))[1]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ([("number", "2026-0042")], "A wall needs a memo"),
        ([("memo", "x")], "There is no matter or client"),
        ([("number", "2026-0042"), ("memo", "x"), ("kind", "only")], "A wall names people or groups."),
        ([("number", "2026-0042"), ("memo", "x"), ("person", "x")], "no person or group x"),
        ([("number", "2026-0042"), ("memo", "x"), ("group", "gone")], "no person or group gone"),
        ([("number", "2026-0042"), ("memo", "x" * 1001)], "That memo has 1001 characters"),
        ([("number", "2026-0042"), ("memo", "x"), ("until", "2020-01-01")], "2020-01-01 is over"),
        ([("client", "Nobody & Sons"), ("memo", "x")], "There is no matter or client Nobody"),
        ([("number", "2026-0042"), ("client", "Nobody"), ("memo", "x")], "There is no matter or client"),
    ],
)
async def test_M3_a_wall_that_cannot_be_is_refused_in_the_bots_words(
    panel: Panel, fields: list[tuple[str, str]], told: str
) -> None:
    ruth = await panel.enter("ruth")
    for step in ("look", "set"):
        assert await ruth.post("/admin/walls/new", [*fields, ("step", step)]) == 422
        assert told in ruth.text


async def test_M3_O1_a_wall_of_the_directory_is_not_lifted_here_and_who_tried_is_noted(panel: Panel) -> None:
    ruth = await panel.enter("ruth")
    assert "It stands in the directory" in (await ruth.get("/admin/wall/w1"))[1]
    assert await ruth.post("/admin/wall/w1/lift", []) == 409
    assert "w1 stands in the directory" in ruth.text
    assert [(one[0], one[1], one[4]) for one in await used(panel)][-1] == ("ruth", "wall lift", "refused")


async def test_F2_somebody_is_cut_off_and_taken_back(panel: Panel) -> None:
    room = await channel(panel.firm)
    ruth, tom = await panel.enter("ruth"), await panel.enter("tom")
    assert await ruth.post("/admin/staff/tom/leave", []) == 200
    assert "Tom Price has left the firm" in ruth.text
    assert "tom" not in panel.firm.members(room)
    assert (await tom.get("/"))[0] == 401
    assert "cut off by a firm admin" in (await ruth.get("/admin/staff?q=tom"))[1]
    assert "Take Tom Price back" in (await ruth.get("/admin/staff/tom"))[1]
    assert await ruth.post("/admin/staff/tom/return", []) == 200
    assert "Tom Price is back" in ruth.text
    assert await ruth.post("/admin/staff/ruth/leave", []) == 409
    assert await ruth.post("/admin/staff/nobody/leave", []) == 404
    noted = [(one[1], one[2], one[4]) for one in await used(panel) if one[1] in {"staff leave", "staff return"}]
    assert noted == [("staff leave", "tom", "done"), ("staff return", "tom", "done"), ("staff leave", "", "refused")]


async def test_O2_O1_who_sees_what_and_why_is_told_and_each_question_noted(panel: Panel) -> None:
    ruth = await panel.enter("ruth")
    _, text = await ruth.get("/admin/staff/walt")
    assert ">No<" in text
    assert "A cousin" in text
    _, text = await ruth.get("/admin/matter/m1")
    assert "3 of 4 can see it" in text
    _, text = await ruth.get("/admin/why?person=walt&place=2026-0042")
    assert "Walt Walled cannot see matter 2026-0042 Estate." in text
    assert "Never picked for it. Not in the room, as it should be." in text
    _, text = await ruth.get("/admin/why?person=walt&place=nowhere")
    assert "There is no matter, channel or room nowhere that you can see." in text
    assert [one[1:4] for one in await used(panel)] == [
        ("access", "walt", ""),
        ("matter access", "", "2026-0042 [m1]"),
        ("why", "walt", "2026-0042 [m1]"),
    ]


async def test_D4_direct_conversations_are_only_counted(panel: Panel) -> None:
    await direct(panel.firm)
    ines = await panel.enter("ines")
    for address in ("/admin/staff/tom", "/admin/audit?person=ruth", "/admin/audit"):
        _, text = await ines.get(address)
        assert "direct conversation" in text
        assert "conversation with" not in text


async def test_O1_the_log_is_narrowed_down_and_read_to_its_end(panel: Panel) -> None:
    await channel(panel.firm)
    for number in range(30):
        await panel.firm.ask("ruth", f"!channel topic {'Court Filings'} {number}")
    ruth = await panel.enter("ruth")
    for query, told in (
        ("kind=conversations&person=ruth", "set the topic of the channel Court Filings"),
        ("place=Court+Filings&kind=people", "added Tom Price"),
        ("kind=guard", "The log has nothing like that that you may read."),
        ("since=2999-01-01", "The log has nothing like that that you may read."),
        ("until=1999-01-01", "The log has nothing like that that you may read."),
        ("since=nonsense&until=9999-12-31&kind=none", "Court Filings"),
        ("person=nobody+at+all", "I know nobody called"),
    ):
        status, text = await ruth.get(f"/admin/audit?{query}")
        assert (status, told in text) == (200, True), query
    query, entries = "?kind=conversations", 0
    while query:
        _, text = await ruth.get(f"/admin/audit{query}")
        entries += text.count("Ruth Adeyemi set the topic")
        (query,) = re.findall(r'<a href="(\?[^"]+)">Earlier entries', text) or [""]
        query = query.replace("&amp;", "&")
    assert entries == 30


async def test_M3_where_the_log_goes_on_is_sealed_for_its_reader(panel: Panel) -> None:
    for _ in range(30):
        await panel.firm.ask("walt", "!access @tom")
    walt, ruth = await panel.enter("walt"), await panel.enter("ruth")
    _, newest = await walt.get("/admin/audit?person=walt&kind=commands")
    (place,) = re.findall(r"before=([^&\"]+)", newest)
    assert not place.isdecimal()
    _, earlier = await walt.get(f"/admin/audit?person=walt&kind=commands&before={place}")
    assert "Earlier entries" not in earlier
    # None of these is a place in that list, so that it begins at its beginning.
    for browser, query in (
        (walt, "person=walt&kind=commands&before=2"),
        (walt, f"person=walt&before={place}"),
        (ruth, f"person=walt&kind=commands&before={place}"),
    ):
        assert "Earlier entries" in (await browser.get(f"/admin/audit?{query}"))[1], query


async def test_O1_a_page_that_is_left_open_is_one_use(panel: Panel) -> None:
    ruth = await panel.enter("ruth")
    await ruth.get("/admin/audit")
    before = await used(panel)
    status, text = await ruth.get("/admin/audit", X_Panel="live")
    assert (status, "Audit log</h1>" in text) == (200, False)
    assert await used(panel) == before


async def test_O2_a_held_change_of_the_directory_is_shown_and_confirmed(tmp_path: Path, database_url: str) -> None:
    async with panel_firm(tmp_path, database_url, **FIRM) as panel:
        await panel.restart(firm=FirmSettings(name="Firm"))
        await panel.firm.bridge.upkeep.shut_out()
        ruth = await panel.enter("ruth")
        assert "Confirm it" not in (await ruth.get("/admin"))[1]
        assert await ruth.post("/admin/directory/confirm", []) == 400
        assert await ruth.post("/admin/directory/confirm", [("fingerprint", "x")]) == 409
        assert "Take it back" not in (await ruth.get("/admin"))[1]
        await write(panel.firm, **{**WRONG, "matters": FIRM["matters"][:1]})
        shown_first = change_in((await ruth.get("/admin"))[1])
        await write(panel.firm, **WRONG)
        _, text = await ruth.get("/admin")
        assert "<strong>Tom Price</strong>: the account ends" in text
        assert "Confirm it" in text
        # The page was open while the directory's files changed once more: what waits now was never shown.
        assert await ruth.post("/admin/directory/confirm", [shown_first]) == 409
        assert "tom" in panel.firm.service.directory.firm.active_staff
        assert change_in(text) != shown_first
        assert await ruth.post("/admin/directory/confirm", [change_in(text)]) == 200
        assert panel.firm.fake.accounts[panel.firm.user("tom")].deactivated
        assert await ruth.post("/admin/directory/undo", []) == 400
        assert await ruth.post("/admin/directory/undo", [shown_first]) == 409
        assert "tom" not in panel.firm.service.directory.firm.active_staff
        _, text = await ruth.get("/admin")
        assert await ruth.post("/admin/directory/undo", [change_in(text[text.index("Take back the change") :])]) == 200
        assert "tom" in panel.firm.service.directory.firm.active_staff


async def test_O2_what_is_wrong_is_told(panel: Panel) -> None:
    ruth = await panel.enter("ruth")
    assert "All is well." in (await ruth.get("/admin"))[1]
    panel.firm.bridge.filer.stopped_because = "The disk <is> full."
    _, text = await ruth.get("/admin")
    assert "Something has to be looked after." in text
    assert "The disk &lt;is&gt; full." in text


async def test_M3_what_is_wrong_names_no_room_of_a_hidden_matter(panel: Panel) -> None:
    firm, walt = panel.firm, await panel.enter("walt")
    key = first_matter_conversation_id("m1")
    room_id = firm.room("2026-0042 Estate")
    error = HomeserverError(f"PUT /rooms/{room_id}/state", 500, "M_UNKNOWN", f"{key} 2026-0042 Estate")
    for thing in (Thing(ThingKind.ROOM, key), Thing(ThingKind.ROOM, matter_space_key("m1"))):
        firm.service.reconciler.again.failed(thing, error)
    for stage in set(Stage) - {Stage.SHUT_OUT}:
        firm.bridge.upkeep.stages = firm.bridge.upkeep.stages.failed(stage, str(error))
    firm.service.reconciler.guarding.away = error
    assert "m1" in str(firm.bridge.health())
    _, text = await walt.get("/admin")
    assert text.count("Not now:") == 6
    for secret in (key, room_id, "m1", "2026-0042", "Estate"):
        assert secret not in text
    assert "Not every room is as it should be yet." in text
