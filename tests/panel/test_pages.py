"""Every page of the panel: what axe finds in it, what a screen reader meets in it, and that it fits its window (P3).

`FIRM_BRIDGE_PANEL=long` looks at each in more windows; `FIRM_BRIDGE_ARIA=anew` writes the golden files, to be read
before they are committed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.async_api import expect

from bridge.web.panel.app import PAGES
from tests.panel.browser import NARROWEST, TELEPHONE, TELEPHONE_DARK, WIDE, WIDE_DARK, Look, Window, snapshot, windows
from tests.panel.furnished import furnished
from tests.panel.visits import NO_PAGES, VISITS, Visit, pattern_of

ARIA = Path(__file__).parent / "aria"
LOOKS = (TELEPHONE_DARK, NARROWEST, *((WIDE_DARK, TELEPHONE) if os.environ.get("FIRM_BRIDGE_PANEL") == "long" else ()))
PICTURES = os.environ.get("FIRM_BRIDGE_PANEL_PICTURES", "")
"""A folder to keep a picture of each page in, to look at."""


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
    wrong = [*await window.judged(), *await _compared(visit, window)]
    if PICTURES:
        await _keep(window, WIDE, visit)
    for look in LOOKS:
        await window.takes(look)
        wrong += [f"{look.name}: {one}" for one in await window.judged(seen=True)]
        if PICTURES:
            await _keep(window, look, visit)
    await window.takes(WIDE)
    return wrong


async def _compared(visit: Visit, window: Window) -> list[str]:
    """Compare what a screen reader meets with the golden file, or write that anew."""
    file, now = ARIA / f"{visit.name}.yaml", await snapshot(window.main())
    if visit.name == "lists/home":
        now += await snapshot(window.lists())
    if os.environ.get("FIRM_BRIDGE_ARIA") == "anew":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(now, encoding="utf-8")
    golden = file.read_text(encoding="utf-8") if file.exists() else ""
    return [] if golden == now else [f"A screen reader meets something else than {file.name} says:\n{now}"]


async def _keep(window: Window, look: Look, visit: Visit) -> None:
    folder = Path(PICTURES) / look.name.replace(", ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    await window.page.screenshot(path=folder / f"{visit.name.replace('/', '-')}.png", full_page=True)


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
