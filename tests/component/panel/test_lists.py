"""Long lists of the panel: each has pages with addresses of their own, and people to tick can all be found (P1)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.web.panel import lists
from bridge.web.panel.admins import walls
from tests.component.panel.panel_firm import Browser, Panel, filings, panel_firm
from tests.component.small_firm import DIRECTORY, channel, write_directory

MATTERS = [
    {"id": f"m{n}", "number": f"2026-00{n}2", "title": title, "status": "open", "responsible": "ruth"}
    for n, title in ((4, "Estate"), (5, "Sale"), (6, "Lease"))
]
WALLS = [{"id": "w1", "matter": "2026-0042", "people": ["walt"], "memo": "A cousin.", "set_by": "ruth"}]
NAMES = ("Billing", "Court Filings", "Everyone", "Lunch", "Trainees")


@pytest.fixture
async def panel(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Panel]:
    """A page has two lines."""
    monkeypatch.setattr(lists, "PAGE", 2)
    async with panel_firm(tmp_path, database_url, matters=MATTERS, walls=WALLS) as made:
        await channel(made.firm)
        for name in ("Trainees", "Billing", "Lunch"):
            await made.firm.ask("ruth", f"!channel create {name}")
        yield made


async def named(browser: Browser, address: str) -> tuple[list[str], str]:
    """What is listed at an address, and where the next page is."""
    status, text = await browser.get(address)
    assert status == 200
    main = text.partition("<main")[2]
    found = re.findall(r'href="/conversation/channel-\w+">([^<]+)', main)
    following = re.search(r'href="([^"]*)" rel="next"', main)
    return found, "" if following is None else address.partition("?")[0] + following[1].replace("&amp;", "&")


async def test_P1_all_channels_are_on_pages_of_their_own(panel: Panel) -> None:
    walt = await panel.enter("walt")
    seen, address = list[str](), "/channels"
    while address:
        some, address = await named(walt, address)
        assert len(some) <= 2
        seen += some
    assert tuple(seen) == NAMES
    # A page behind the end, as of channels that went meanwhile, is the last one.
    assert (await named(walt, "/channels?from=99"))[0] == ["Trainees"]
    assert 'href="?from=2" rel="prev"' in (await walt.get("/channels?from=4"))[1]
    assert await named(walt, "/channels?q=court") == (["Court Filings"], "")
    _, nothing = await walt.get("/channels?q=zebra")
    assert 'href="/new/channel">make one</a>' in nothing


async def test_P1_C1_a_channel_is_joined_from_the_list_of_all(panel: Panel) -> None:
    walt, address = await panel.enter("walt"), await filings(await panel.enter("walt"))
    _, text = await walt.get("/channels?q=court")
    assert f'action="{address}/join"' in text
    assert 'aria-label="Join Court Filings"' in text
    assert "/join" not in (await walt.get("/channels?q=everyone"))[1].partition("<main")[2]
    assert await walt.post(f"{address}/join", []) == 303
    assert "walt" in panel.firm.members(panel.firm.room("Court Filings"))
    assert "/join" not in (await walt.get("/channels?q=court"))[1]


async def test_O2_what_a_held_change_leads_to_has_pages(panel: Panel) -> None:
    staff = [{**one, "former": one["id"] != "ruth"} for one in DIRECTORY["staff"]]
    path = str(panel.firm.service.settings.directory.path)
    write_directory(path, staff=staff, matters=MATTERS, walls=WALLS)
    await panel.firm.bridge.upkeep.follow_directory()
    ruth, seen, address = await panel.enter("ruth"), list[str](), "/admin"
    while address:
        _, text = await ruth.get(address)
        some = re.findall(r"<li><strong>([^<]+)</strong>: ", text)
        assert 1 <= len(some) <= 2
        assert 'action="/admin/directory/confirm"' in text
        seen += some
        following = re.search(r'href="(\?from=\d+)" rel="next"', text)
        address = "" if following is None else f"/admin{following[1]}"
    assert len(seen) == len(set(seen)) > 2
    assert {"Inès Moreau", "Tom Price", "Walt Walled"} <= set(seen)


async def test_P1_M3_whose_pages_of_matters_count_only_what_they_see(panel: Panel) -> None:
    ruth, walt = await panel.enter("ruth"), await panel.enter("walt")
    _, text = await ruth.get("/matters?from=2")
    assert "3 to 3 of 3" in text
    assert "1 to 2 of 3" in (await ruth.get("/matters"))[1]
    _, text = await walt.get("/matters")
    assert "rel=" not in text.partition("<main")[2]
    assert "/matter/m4" not in text
    assert "/matter/m6" in text


def ticks(text: str) -> tuple[list[str], list[str]]:
    """Who can be ticked, and who is."""
    return re.findall(r'name="person" value="(\w+)"', text), re.findall(r'value="(\w+)" checked', text)


async def test_P1_whoever_is_not_on_the_page_is_found_by_name_or_role(panel: Panel) -> None:
    ruth = await panel.enter("ruth")
    _, text = await ruth.get("/new/direct")
    assert ticks(text) == (["ines", "tom"], [])
    assert 'href="?find=&amp;people=2"' in text
    _, text = await ruth.get("/new/direct?find=&people=2")
    assert ticks(text) == (["walt"], [])
    for words, who in (("wal", ["walt"]), ("INES", ["ines"]), ("zebra", [])):
        assert ticks((await ruth.get(f"/new/direct?find={words}"))[1])[0] == who
    # Whom a page elsewhere begins with stands first, and the next page leaves nobody out for that.
    _, text = await ruth.get("/new/direct?with=walt")
    assert ticks(text) == (["walt", "ines", "tom"], ["walt"])
    assert 'href="?find=&amp;people=2"' in text


async def test_P2_a_form_that_is_shown_again_has_all_that_was_ticked(panel: Panel) -> None:
    ruth = await panel.enter("ruth")
    people = [("person", one) for one in ("walt", "tom", "ines")]
    assert await ruth.post("/new/channel?find=x&people=2", [("title", "lunch"), *people]) == 422
    assert ticks(ruth.text) == (["ines", "tom", "walt"], ["ines", "tom", "walt"])


async def test_P1_who_is_on_another_page_stays_as_they_are(panel: Panel) -> None:
    ruth = await panel.enter("ruth")
    address = f"{await filings(ruth)}/participants"
    _, text = await ruth.get(address)
    assert ticks(text) == (["ines", "ruth"], ["ines", "ruth"])
    assert re.findall(r'name="was" value="(\w+)"', text) == ["ines", "ruth"]
    _, text = await ruth.get(f"{address}?find=wal")
    assert await ruth.post(address, [("was", "ines"), ("was", "ruth"), ("person", "ruth"), ("person", "walt")]) == 200
    assert panel.firm.members(panel.firm.room("Court Filings")) == {"ruth", "tom", "walt"}


async def test_P1_readers_and_conversations_are_on_pages_too(panel: Panel) -> None:
    ruth = await panel.enter("ruth")
    for title in ("One", "Two"):
        await panel.firm.ask("ruth", f'!matter start 2026-0042 "{title}"')
    assert "1 to 2 of 3" in (await ruth.get("/matter/m4"))[1]
    everyone = await panel.firm.ask("ruth", "!channel list")
    assert "Everyone" in everyone
    _, text = await ruth.get("/channels?q=everyone")
    (address,) = re.findall(r'href="(/conversation/channel-\w+)">Everyone', text.partition("<main")[2])
    assert "1 to 2 of 4" in (await ruth.get(f"{address}/participants"))[1]


async def test_O2_a_report_of_a_wall_says_of_which_matters_it_speaks(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walls, "MATTERS_AT_ONCE", 2)
    around = [{"id": "w1", "client": "Moor", "people": ["walt"], "memo": "A cousin.", "set_by": "ruth"}]
    matters = [{**one, "client": "Moor"} for one in MATTERS]
    async with panel_firm(tmp_path, database_url, matters=matters, walls=around) as panel:
        ruth = await panel.enter("ruth")
        for asked, way, counted in (
            ("", "next", "1 to 2 of 3"),
            ("?from=2", "prev", "3 to 3"),
            ("?from=99", "prev", "3 to 3"),
        ):
            _, text = await ruth.get(f"/admin/wall/w1{asked}")
            assert "in a conversation of these matters" in text
            assert (f'rel="{way}"' in text, counted in text) == (True, True), asked


async def test_O2_why_looks_at_one_page_of_a_matters_conversations(panel: Panel) -> None:
    ruth = await panel.enter("ruth")
    for title in ("Costs", "Disclosure"):
        await panel.firm.ask("ruth", f'!matter start 2026-0042 "{title}"')
    panel.firm.fake.requests.clear()
    _, text = await ruth.get("/admin/why?person=tom&place=2026-0042")
    assert len(re.findall("<dt>", text)) == len(panel.firm.fake.asked("GET", "/state$")) == 2
    assert 'href="?person=tom&amp;place=2026-0042&amp;from=2" rel="next"' in text
    _, text = await ruth.get("/admin/why?person=tom&place=2026-0042&from=2")
    assert "3 to 3 of 3" in text
