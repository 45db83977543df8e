"""Pages of a firm in which much is going on: long names, sixty matters, three hundred files (P3); in the long form."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.panel.browser import LOOKS, WIDE, windows
from tests.panel.busy_firm import busy_firm, let_a_change_wait
from tests.panel.pictures import PICTURES


@pytest.mark.skipif(os.environ.get("PANEL_FORM") != "long", reason="make panel has it")
@pytest.mark.timeout(600)
async def test_P3_nothing_is_cut_off_where_much_is_going_on(tmp_path: Path, database_url: str) -> None:
    async with busy_firm(tmp_path, database_url) as made, windows(made.url) as window:
        ruth, wrong = await window(WIDE), list[str]()
        await ruth.enter(await made.link("ruth"))
        await let_a_change_wait(made)
        for address in sorted(
            {address for _, address, _ in PICTURES} | {"/matters", "/channels", "/matter/m4", "/files"}
        ):
            assert await ruth.opens(address.format(**made.things)) == 200
            for look in (WIDE, *LOOKS):
                await ruth.takes(look)
                wrong += [f"{address}, {look.name}: {one}" for one in await ruth.judged(seen=True)]
        assert [*wrong, *ruth.troubles] == []
