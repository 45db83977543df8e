"""The pictures of the panel in the documentation, of a busy firm. `make pictures` takes them anew."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from bridge.dev.place import ROOT
from tests.panel.browser import TELEPHONE, TELEPHONE_DARK, WIDE, WIDE_DARK, Look, Window, windows
from tests.panel.busy_firm import STAFF, busy_firm, let_a_change_wait
from tests.panel.fed_firm import fed_firm, let_entra_end_many

FOLDER = ROOT / "docs" / "pictures"
QUALITY = 80
PICTURES: tuple[tuple[str, str, Look], ...] = (
    ("panel-files", "/conversation/{channel}", WIDE),
    ("panel-files-telephone", "/conversation/{channel}", TELEPHONE_DARK),
    ("panel-home-telephone", "/", TELEPHONE),
    ("panel-participants", "/conversation/{channel}/participants", WIDE),
    ("panel-pinned", "/conversation/{channel}/pinned", WIDE_DARK),
    ("panel-search", "/search?q=lease", WIDE),
    ("panel-wall", "/admin/walls/new", WIDE),
    ("panel-why", f"/admin/why?person={STAFF[9]['id']}&place=2026-0003", WIDE),
    ("panel-held", "/admin", WIDE),
)
"""What each is called, which page it is of, and in which window."""


@pytest.mark.timeout(600)
async def test_take_the_pictures_of_the_panel(tmp_path: Path, database_url: str) -> None:
    async with busy_firm(tmp_path, database_url) as made, windows(made.url) as window:
        ruth = await window(WIDE)
        await ruth.enter(await made.link("ruth"))
        for name, address, look in PICTURES:
            if name == "panel-held":
                await let_a_change_wait(made)
            await ruth.takes(look)
            await ruth.opens(address.format(**made.things))
            if name == "panel-wall":
                await ruth.types("textbox", "A matter's number", "2026-0002")
                await ruth.types("textbox", "Why", "His sister is buying the mill")
                await ruth.ticks("Grace Whitlock Partner")
                await ruth.presses("button", "Show what it would do")
                await ruth.page.wait_for_selector(".told")
            await _keep(ruth, name)
        assert ruth.troubles == []


@pytest.mark.timeout(600)
async def test_take_the_pictures_of_a_directory_of_several_sources(tmp_path: Path, database_url: str) -> None:
    async with fed_firm(tmp_path, database_url) as made, windows(made.url) as window:
        ruth = await window(WIDE)
        await ruth.enter(await made.link("ruth"))
        await ruth.opens("/admin")
        await ruth.page.get_by_role("heading", name="The directory").evaluate("(one) => one.scrollIntoView()")
        await _keep(ruth, "panel-sources")
        await let_entra_end_many(made)
        await ruth.opens("/admin")
        await ruth.page.get_by_role("button", name="Confirm").scroll_into_view_if_needed()
        await _keep(ruth, "panel-sources-held")
        assert ruth.troubles == []


async def _keep(window: Window, name: str) -> None:
    with Image.open(BytesIO(await window.page.screenshot())) as taken:
        taken.convert("RGB").save(FOLDER / f"{name}.webp", quality=QUALITY, method=6)
