"""The panel: who gets in, what each sees, and that it does what the commands do (P1, P2, P4)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from bridge.firm.conversation import first_matter_conversation_id
from bridge.operations.tokens import NewToken, Scope, add_token, hashed, holder
from bridge.settings import PanelSettings
from bridge.store.engine.unit import ReadUnit
from bridge.store.models import PanelLink, PanelSession
from bridge.web.panel.app import DEEDS, PAGES
from bridge.web.panel.files import place
from bridge.web.panel.safety import COOKIE, form_token
from tests.component.panel.panel_firm import HOSTILE, SECRETS, Browser, Panel, filings, filled, nobody, panel_firm
from tests.component.small_firm import DIRECTORY, channel, direct, small_firm, write_directory


async def test_P4_a_link_signs_in_once_and_looking_at_it_spends_nothing(panel: Panel) -> None:
    link = await panel.link("ruth")
    for _ in range(3):
        status, text = await nobody(panel).get(link)
        assert (status, "Ruth Adeyemi" in text) == (200, True)
    async with panel.client.post(link, allow_redirects=False) as answer:
        assert answer.status == 303
    async with panel.client.post(link, allow_redirects=False) as answer:
        assert answer.status == 410
    assert (await nobody(panel).get(link))[0] == 410


async def test_P4_a_newer_link_takes_the_place_of_the_one_before(panel: Panel) -> None:
    before, after = await panel.link("ruth"), await panel.link("ruth")
    assert [(await nobody(panel).get(link))[0] for link in (before, after)] == [410, 200]


async def test_P4_no_token_stands_in_the_database(panel: Panel) -> None:
    browser, link = await panel.enter("ruth"), await panel.link("tom")

    def stored(unit: ReadUnit) -> str:
        return str([*unit.tuples(PanelLink.select()), *unit.tuples(PanelSession.select())])

    text = await panel.firm.service.store.read(stored)
    assert "ruth" in text
    assert browser.session not in text
    assert link.removeprefix("/in/") not in text


@pytest.mark.parametrize(("table", "column"), [(PanelLink, "until"), (PanelSession, "begun_at")])
async def test_P4_links_and_sessions_end(panel: Panel, table: type[PanelLink | PanelSession], column: str) -> None:
    browser, link = await panel.enter("ruth"), await panel.link("tom")
    await panel.firm.service.store.run(lambda unit: unit.run(table.update({column: 1})))
    status = (await nobody(panel).get(link))[0] if table is PanelLink else (await browser.get("/"))[0]
    assert status == (410 if table is PanelLink else 401)


async def test_P4_F2_a_leavers_session_ends_with_all_else(panel: Panel) -> None:
    browser, link = await panel.enter("tom"), await panel.link("tom")
    await panel.firm.ask("ruth", "!staff leave @tom")
    assert (await browser.get("/"))[0] == 401
    assert (await nobody(panel).get(link))[0] == 410
    # For good, also where they come back.
    await panel.firm.ask("ruth", "!staff return @tom")
    assert "You are not signed in" in await panel.firm.ask("tom", "!panel sessions")
    assert (await browser.get("/"))[0] == 401


async def test_P4_A1_F2_whom_the_directory_lets_go_signs_in_anew_where_they_are_back(panel: Panel) -> None:
    directory, path = panel.firm.service.directory, str(panel.firm.service.settings.directory.path)
    browser, stays, link = await panel.enter("tom"), await panel.enter("ruth"), await panel.link("tom")
    wanted = NewToken(hashed("of tom"), "tom", "the test", tuple(Scope), 1, "root on the command line")
    await add_token(panel.firm.service.store, panel.firm.service.settings, wanted)
    assert await holder(panel.firm.desk, "of tom") is not None
    # Gone and back before anybody asks for anything, and before the homeserver is told of it.
    write_directory(path, staff=[one for one in DIRECTORY["staff"] if one["id"] != "tom"])
    await directory.refresh()
    if directory.held is not None:
        await directory.confirm("ruth")
        await directory.refresh()
    assert "tom" not in directory.firm.active_staff
    write_directory(path)
    await directory.refresh()
    assert "tom" in directory.firm.active_staff
    assert (await browser.get("/"))[0] == 401
    assert (await nobody(panel).get(link))[0] == 410
    assert await holder(panel.firm.desk, "of tom") is None
    assert (await stays.get("/"))[0] == 200


async def test_P4_sessions_are_listed_and_ended_by_their_owner(panel: Panel) -> None:
    browser, other = await panel.enter("ruth"), await panel.enter("ruth")
    assert "2." in await panel.firm.ask("ruth", "!panel sessions")
    assert await browser.post("/out", []) == 200
    assert [(await one.get("/"))[0] for one in (browser, other)] == [401, 200]
    assert "one browser" in await panel.firm.ask("ruth", "!panel end")
    assert (await other.get("/"))[0] == 401


async def test_P4_in_how_many_browsers_a_person_is_signed_in_has_an_end(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.operations.panel.BROWSERS_MOST", 2)
    first, second, tom, third = [await panel.enter(who) for who in ("ruth", "ruth", "tom", "ruth")]
    assert [(await one.get("/"))[0] for one in (first, second, tom, third)] == [401, 200, 200, 200]


async def test_P4_one_session_is_ended_by_its_owner_and_by_nobody_else(panel: Panel) -> None:
    first, second, tom = [await panel.enter(who) for who in ("ruth", "ruth", "tom")]
    _, text = await first.get("/sessions")
    (other,) = re.findall(r'action="(/sessions/\w+/end)"', text)
    assert text.count("This browser") == 1
    assert await tom.post(other, []) == 404
    assert (await second.get("/"))[0] == 200
    assert await first.post(other, []) == 303
    assert [(await one.get("/"))[0] for one in (first, second)] == [200, 401]
    assert await first.post(other, []) == 404
    third = await panel.enter("ruth")
    assert "There is no session with that number" in await panel.firm.ask("ruth", "!panel end 3")
    assert "signed out of the panel in that browser" in await panel.firm.ask("ruth", "!panel end 1")
    assert [(await one.get("/"))[0] for one in (first, third, tom)] == [401, 200, 200]


async def test_P4_every_page_wants_a_session(panel: Panel) -> None:
    for address in (*PAGES, "/events"):
        for browser in (nobody(panel), Browser(panel, "forged")):
            status, text = await browser.get(filled(address))
            assert (status, any(secret in text for secret in SECRETS)) == (401, False), address


async def test_P4_every_deed_wants_a_session_and_a_form_of_the_panels_own(panel: Panel) -> None:
    ruth, tom = await panel.enter("ruth"), await panel.enter("tom")
    fields = [("title", "Stolen"), ("person", "tom"), ("memo", "x"), ("number", "2026-0042"), ("step", "set")]
    for address in DEEDS:
        where = filled(address)
        assert await nobody(panel).post(where, fields, "x") == 401, address
        assert await ruth.post(where, fields, "") == 403, address
        assert await ruth.post(where, fields, form_token(tom.session)) == 403, address
        assert await ruth.post(where, fields, Origin="https://evil.example") == 403, address
        assert await ruth.post(where, fields, Sec_Fetch_Site="cross-site") == 403, address
    assert [(await one.get("/"))[0] for one in (ruth, tom)] == [200, 200]
    assert not any("Stolen" in str(room.state) for room in panel.firm.fake.rooms.values())
    assert "/admin/wall/wall-" not in (await ruth.get("/admin/walls"))[1]


async def test_P4_F2_a_leaver_and_whoever_is_signed_out_get_nothing(panel: Panel) -> None:
    leaver, other = await panel.enter("tom"), await panel.enter("ruth")
    await panel.firm.ask("ruth", "!staff leave @tom")
    await panel.firm.ask("ruth", "!panel end")
    for gone in (leaver, other):
        for address in PAGES:
            status, text = await gone.get(filled(address))
            assert (status, any(secret in text for secret in SECRETS)) == (401, False), address
        for address in DEEDS:
            assert await gone.post(filled(address), [("title", "Stolen"), ("person", "tom")]) == 401, address


async def test_P2_M3_behind_a_wall_no_page_has_anything_of_the_matter(panel: Panel) -> None:
    talk = panel.firm.room("2026-0042 Estate")
    event = panel.firm.fake.message(talk, panel.firm.user("ruth"), "Estate", msgtype="m.image", url="mxc://localhost/e")
    await panel.firm.settle()
    walt, ruth = await panel.enter("walt"), await panel.enter("ruth")
    for address in PAGES:
        there = filled(address).replace("$file", event["event_id"])
        there += {"/search": "?q=Estate", "/files": "?q=Estate", "/admin/audit": "?person=ruth"}.get(address, "")
        status, text = await walt.get(there)
        # What they typed themselves stands in the page, and in the address that it asks again for.
        own = (
            re.sub(r'data-address="[^"]*"', "", text.replace("Found for “Estate”", ""))
            .replace('value="Estate"', "")
            .replace("Found for Estate", "")
        )
        assert not any(secret in own for secret in SECRETS), address
        if "{" in address and "{person}" not in address:
            nothing = {
                "conversation": "matter-" + "0" * 32,
                "matter": "m9",
                "event": "$none",
                "wall": "w9",
                "session": "0",
            }
            assert (status, text) == await walt.get(address.format(**nothing)), address
            assert status == 404, address
            # It is there for those who may see it.
            if "picture" not in address and "versions" not in address and "{event}" not in address:
                assert (await ruth.get(there))[0] == 200, address


async def test_P2_M3_behind_a_wall_nothing_is_done_in_the_matter(panel: Panel) -> None:
    walt, before = await panel.enter("walt"), len(panel.firm.fake.rooms)
    for address in DEEDS:
        if "{" in address and "{person}" not in address:
            assert await walt.post(filled(address), [("title", "Mine"), ("person", "walt")]) == 404, address
    assert len(panel.firm.fake.rooms) == before
    assert "walt" not in panel.firm.members(panel.firm.room("2026-0042 Estate"))


async def test_P1_D4_direct_conversations_are_seen_by_those_in_them(panel: Panel) -> None:
    await direct(panel.firm)
    ruth, ines = await panel.enter("ruth"), await panel.enter("ines")
    _, text = await ruth.get("/")
    (address,) = re.findall(r'href="(/conversation/direct-\w+)"', text)
    assert "Tom Price" in text
    assert (await ruth.get(address))[0] == 200
    assert (await ines.get(address))[0] == 404
    assert "conversation/direct" not in (await ines.get("/"))[1]


async def test_P1_participants_are_ticked_and_unticked(panel: Panel) -> None:
    room = await channel(panel.firm)
    ruth = await panel.enter("ruth")
    address = await filings(ruth)
    _, text = await ruth.get(f"{address}/participants")
    assert re.findall(r'value="(\w+)" checked', text) == ["ines", "ruth", "tom"]
    were = [("was", one) for one in ("ines", "ruth", "tom")]
    ticked = [("person", one) for one in ("ruth", "tom", "walt")]
    assert await ruth.post(f"{address}/participants", [*were, *ticked]) == 200
    assert "Added: Walt Walled." in ruth.text
    assert "Removed: Inès Moreau." in ruth.text
    assert panel.firm.members(room) == {"ruth", "tom", "walt"}


async def test_P1_who_came_meanwhile_is_not_taken_out_by_an_older_page(panel: Panel) -> None:
    room = await channel(panel.firm)
    ruth = await panel.enter("ruth")
    address = await filings(ruth)
    await panel.firm.ask("ruth", "!add @walt", room)
    people = [("was", one) for one in ("ines", "ruth", "tom")] + [("person", one) for one in ("ruth", "tom")]
    await ruth.post(f"{address}/participants", people)
    assert panel.firm.members(room) == {"ruth", "tom", "walt"}


async def test_P1_a_conversation_a_channel_and_a_direct_one_are_made_once(panel: Panel) -> None:
    ruth = await panel.enter("ruth")
    for address, fields in (
        ("/matter/m1", [("title", "Disclosure"), ("person", "tom")]),
        ("/new/channel", [("title", "Court Filings"), ("person", "tom"), ("person", "ines")]),
        ("/new/direct", [("person", "ines")]),
    ):
        before = len(panel.firm.fake.rooms)
        assert await ruth.post(address, fields) == 303
        first = ruth.location
        assert (await ruth.get(first))[0] == 200
        # The same form once more, as a browser sends it that was not sure.
        assert await ruth.post(address, fields) == 303
        assert (ruth.location, len(panel.firm.fake.rooms)) == (first, before + 1)
    assert panel.firm.members(panel.firm.room("Disclosure · 2026-0042 Estate")) == {"ruth", "tom"}


async def test_P2_a_refusal_is_said_as_the_bot_says_it_and_the_form_keeps_what_was_typed(panel: Panel) -> None:
    await channel(panel.firm)
    ruth = await panel.enter("ruth")
    assert await ruth.post("/new/channel", [("title", "court filings"), ("person", "tom")]) == 422
    assert "There is a channel called Court Filings already" in ruth.text
    assert 'value="court filings"' in ruth.text
    assert re.search(r'value="tom" checked', ruth.text)


async def test_P2_F3_no_form_gives_a_name_that_begins_as_another_matters_number(panel: Panel) -> None:
    await channel(panel.firm)
    ruth = await panel.enter("ruth")
    forms = (
        "/new/channel",
        "/matter/m1",
        f"{await filings(ruth)}/rename",
        f"/conversation/{first_matter_conversation_id('m1')}/rename",
    )
    for address in forms:
        for title in ("1999-0001 costs", "２０２６–0055"):
            assert await ruth.post(address, [("title", title), ("person", "tom")]) == 422, address
            assert "That begins as the number of a matter does" in ruth.text
            assert f'value="{title}"' in ruth.text
    assert await ruth.post("/matter/m1", [("title", "2026-0042 costs"), ("person", "tom")]) == 303


async def test_P1_a_channel_is_joined(panel: Panel) -> None:
    room = await channel(panel.firm)
    walt = await panel.enter("walt")
    address = await filings(walt)
    assert (await walt.get(f"{address}/pinned"))[0] == 404
    assert await walt.post(f"{address}/join", []) == 303
    assert "walt" in panel.firm.members(room)
    assert (await walt.get(f"{address}/pinned"))[0] == 200


async def test_P2_what_people_wrote_is_text(panel: Panel) -> None:
    ruth = await panel.enter("ruth")
    await panel.firm.ask("ruth", f'!matter start 2026-0042 "{HOSTILE}"')
    for address in ("/", "/matter/m1", f"/search?q={HOSTILE}"):
        _, text = await ruth.get(address)
        assert "<script>alert" not in text
        assert "&lt;script&gt;" in text


@pytest.mark.parametrize(
    "address",
    [
        "/nothing",
        "/conversation/%00",
        "/conversation/" + "x" * 5000,
        "/matters?from=-1",
        "/conversation/x/file/%24..%2F",
        "/search?q=%00",
        "/matter/%00",
        "/conversation/x/file/%00",
        f"/files?sort=name&after={place((chr(0), 1))}",
        f"/files?sort=name&after={place(('x' * 5000, 1))}",
        "/admin/matter/%00",
        "/admin/staff/%00",
        "/admin/wall/%00",
    ],
)
async def test_P2_whatever_is_asked_for_has_an_answer(panel: Panel, address: str) -> None:
    status, _ = await (await panel.enter("ruth")).get(address)
    assert status in {200, 404}


async def test_P2_before_those_are_shut_out_who_must_be_nothing_is_shown(tmp_path: Path, database_url: str) -> None:
    async with small_firm(tmp_path, database_url) as firm:
        await firm.restart(panel=PanelSettings(url="https://panel.example"))
        async with TestClient(TestServer(firm.bridge.panel_app())) as client, client.get("/") as answer:
            assert answer.status == 503


async def test_P4_without_a_panel_the_bot_says_so(tmp_path: Path, database_url: str) -> None:
    async with small_firm(tmp_path, database_url) as firm:
        assert "There is no panel in this firm" in await firm.ask("ruth", "!panel")


async def test_P2_what_is_no_form_and_what_is_too_much_has_an_answer(panel: Panel) -> None:
    ruth = await panel.enter("ruth")
    for kind, data in (
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\nno header"),
        ("application/x-www-form-urlencoded; charset=nonsense", b"a=b"),
        ("application/x-www-form-urlencoded", b"\xff=\xff"),
        ("application/x-www-form-urlencoded", b"a=" + b"b" * 2_000_000),
        ("application/x-www-form-urlencoded; coding", b"a=b"),
    ):
        sent = {"Cookie": f"{COOKIE}={ruth.session}", "Content-Type": kind.removesuffix("; coding")}
        # A body that is not compressed as it says.
        sent |= {"Content-Encoding": "gzip"} if kind.endswith("coding") else {}
        async with panel.client.post("/new/channel", data=data, headers=sent) as answer:
            assert 400 <= answer.status < 500


@pytest.mark.parametrize("origin", ["http://[", "null", "", "https://panel.example.evil", "https://panel.example:x"])
async def test_P4_what_is_no_origin_of_the_panel_is_refused(panel: Panel, origin: str) -> None:
    ruth = await panel.enter("ruth")
    assert await ruth.post("/new/channel", [("title", "Mine")], Origin=origin) == 403
    async with panel.client.post(await panel.link("tom"), headers={"Origin": origin}) as answer:
        assert answer.status == 403


async def test_P1_whoever_takes_themselves_out_sees_that_they_are(panel: Panel) -> None:
    room = await channel(panel.firm)
    ruth = await panel.enter("ruth")
    address = await filings(ruth)
    people = [("was", one) for one in ("ines", "ruth", "tom")] + [("person", one) for one in ("ines", "tom")]
    assert await ruth.post(f"{address}/participants", people) == 303
    assert panel.firm.members(room) == {"ines", "tom"}
    assert ">Join<" in (await ruth.get(ruth.location))[1]


async def test_P1_another_form_on_the_same_page_is_another_deed(panel: Panel) -> None:
    ruth = await panel.enter("ruth")
    addresses = set()
    for name in ("Tea", "Coffee"):
        assert await ruth.post("/new/channel", [("title", name), ("person", "tom")]) == 303
        addresses.add(ruth.location)
    assert len(addresses) == 2


@pytest.mark.parametrize("address", ["/matter/m1", "/new/channel", "/new/direct"])
async def test_P2_F2_nothing_is_made_without_whoever_was_ticked_and_left_meanwhile(panel: Panel, address: str) -> None:
    ruth = await panel.enter("ruth")
    await panel.firm.ask("ruth", "!staff leave @tom")
    before = len(panel.firm.fake.rooms)
    fields = [("title", "Costs"), ("person", "tom"), ("person", "ines")]
    assert await ruth.post(address, fields) == 422
    assert "Tom Price has left the firm." in ruth.text
    assert re.findall(r'value="(\w+)" checked', ruth.text) == ["ines"]
    assert await ruth.post(address, [("title", "Costs"), ("person", "nobody")]) == 422
    assert len(panel.firm.fake.rooms) == before


async def test_P1_F2_what_was_done_is_said_of_whoever_was_ticked_and_left_meanwhile(panel: Panel) -> None:
    await channel(panel.firm)
    ruth = await panel.enter("ruth")
    address = f"{await filings(ruth)}/participants"
    await panel.firm.ask("ruth", "!staff leave @walt")
    were = [("was", one) for one in ("ines", "ruth", "tom")]
    ticked = [("person", one) for one in ("ines", "ruth", "tom", "walt")]
    assert await ruth.post(address, [*were, *ticked]) == 200
    assert "Not added: Walt Walled." in ruth.text


async def test_P2_M1_whoever_lost_access_since_the_page_was_shown_is_said_to_be_left_out(panel: Panel) -> None:
    ruth = await panel.enter("ruth")
    await panel.firm.ask("ruth", "!wall add 2026-0042 @tom A cousin.")
    assert await ruth.post("/matter/m1", [("title", "Costs"), ("person", "tom"), ("person", "ines")]) == 200
    assert "Not added, having no access to this matter: Tom Price." in ruth.text
    assert panel.firm.members(panel.firm.room("Costs · 2026-0042 Estate")) == {"ruth", "ines"}
    (started,) = re.findall(r'<a href="(/conversation/matter-\w+)">Look at Costs', ruth.text)
    assert (await ruth.get(started))[0] == 200


async def test_P1_an_id_of_the_directory_is_one_part_of_an_address(tmp_path: Path, database_url: str) -> None:
    odd, number = "2024/17#1?a=%2F", "2024-0017"
    staff = [
        *DIRECTORY["staff"],
        {"id": "a/b", "first_name": "Abel", "last_name": "Booth", "email": "abel@firm.example", "role": "Associate"},
    ]
    matters = [{"id": odd, "number": number, "title": "Sale", "status": "open", "responsible": "ruth"}]
    walls = [{"id": "w/1", "matter": number, "people": ["walt"], "memo": "A cousin.", "set_by": "ruth"}]
    async with panel_firm(tmp_path, database_url, staff=staff, matters=matters, walls=walls) as panel:
        ruth = await panel.enter("ruth")
        for page in ("/", "/matters", "/search?q=sale", "/admin/staff", "/admin/staff/ruth", "/admin/walls"):
            for address in re.findall(r'href="(/(?:admin/)?(?:matter|staff|wall)/[^"]+)"', (await ruth.get(page))[1]):
                assert (await ruth.get(address))[0] == 200, address
        address = "/matter/2024%2F17%231%3Fa%3D%252F"
        assert f'action="{address}"' in (await ruth.get(address))[1]
        assert await ruth.post(address, [("title", "")]) == 422
        (asks_again,) = re.findall('data-address="([^"]+)"', ruth.text)
        assert "Start a conversation" in (await ruth.get(asks_again))[1]
