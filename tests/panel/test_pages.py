"""Every page of the panel: what axe finds in it, what a screen reader meets in it, and that it fits its window (P3).

`PANEL_FORM=long` looks at each in more windows; `PANEL_ARIA=anew` writes the golden files, to be read
before they are committed.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from bridge.web.panel import lists
from bridge.web.panel.app import PAGES
from tests.panel.browser import LOOKS, WIDE, Window, compared, kept, snapshot, windows
from tests.panel.furnished import furnished
from tests.panel.visits import NO_PAGES, VISITS, Visit, pattern_of


def test_P3_every_page_of_the_table_is_visited() -> None:
    visited = {pattern_of(one.address) for one in VISITS if one.status == 200}
    assert visited | NO_PAGES == set(PAGES)


@pytest.mark.timeout(300)
async def test_P3_every_page_is_for_everybody(tmp_path: Path, database_url: str) -> None:
    found = dict[str, list[str]]()
    async with furnished(tmp_path, database_url) as made, windows(made.url) as window:
        people = {"": await window(WIDE)}
        for visit in VISITS:
            if visit.who not in people:
                people[visit.who] = await window(WIDE)
                await people[visit.who].enter(await made.link(visit.who))
            theirs = people[visit.who]
            assert await theirs.opens(visit.address.format(**made.things)) == visit.status, visit.name
            if visit.does is not None:
                await visit.does(theirs)
            found[visit.name] = [*await _judged(visit, theirs), *theirs.troubles]
            theirs.troubles.clear()
    assert {name: troubles for name, troubles in found.items() if troubles} == {}


async def _judged(visit: Visit, window: Window) -> list[str]:
    """What is wrong with a page, in each look."""
    met = await snapshot(window.main())
    if visit.name == "lists/home":
        met += await snapshot(window.lists())
    wrong = [*await window.judged(), *await compared(visit.name, met)]
    await kept(window, WIDE, visit.name)
    for look in LOOKS:
        await window.takes(look)
        wrong += [f"{look.name}: {one}" for one in await window.judged(seen=True)]
        await kept(window, look, visit.name)
    await window.takes(WIDE)
    return wrong


async def test_P1_V3_files_in_the_browser(tmp_path: Path, database_url: str) -> None:
    """A picture is shown, and a file is saved, never opened as a page."""
    async with furnished(tmp_path, database_url) as made, windows(made.url) as window:
        ruth = await window(WIDE)
        await ruth.enter(await made.link("ruth"))
        await ruth.opens(f"/conversation/{made.things['channel']}")
        drawn = ruth.main().locator("img").first
        await expect(drawn).to_be_visible()
        assert await drawn.evaluate("(one) => one.decode().then(() => one.naturalWidth)") > 0
        async with ruth.page.expect_download() as saved:
            await ruth.presses("link", "Lease draft.pdf")
        assert (await saved.value).suggested_filename == "Lease draft.pdf"
        assert ruth.troubles == []


async def test_P1_P3_whoever_is_not_on_the_page_is_found_and_stays_ticked(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PAGE", 1)
    async with furnished(tmp_path, database_url) as made, windows(made.url) as window:
        ruth = await window(WIDE)
        await ruth.enter(await made.link("ruth"))
        await ruth.opens("/new/direct")
        boxes, found = ruth.main().get_by_role("checkbox"), ruth.page.locator("#people-found")
        await expect(boxes).to_have_count(1)
        for typed, who in (("walt", "Walt Walled Associate"), ("Tóm", "Tom Price Associate")):
            await ruth.types("searchbox", "Find a colleague", typed)
            await ruth.ticks(who)
            await expect(found).to_have_text("1 of 3")
            await expect(boxes).to_have_count(1)
        await ruth.types("searchbox", "Find a colleague", "zebra")
        await ruth.page.keyboard.press("Enter")
        await expect(found).to_have_text("No one by that name.")
        await ruth.presses("button", "Go")
        await expect(ruth.main().get_by_role("heading", level=1)).to_have_text("Tom Price and Walt Walled")
        assert ruth.troubles == []
