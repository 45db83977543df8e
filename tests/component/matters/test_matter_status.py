"""Closing and reopening a matter is said in its conversations, once (M4)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bridge.care.telling_matters import tell_of_status
from bridge.directory.change import diff_firms
from bridge.firm.conversation import first_matter_conversation_id
from bridge.store.rooms.made import room_of
from tests.component.small_firm import DIRECTORY, SmallFirm, small_firm, write_directory

TALK = "2026-0042 Estate"


@pytest.fixture
async def firm(tmp_path: Path, database_url: str) -> AsyncIterator[SmallFirm]:
    async with small_firm(tmp_path, database_url) as found:
        yield found


async def follow(firm: SmallFirm, **changed: Any) -> list[str]:
    """Write the matter's record with other values and let the bridge follow; what was said in its conversation."""
    matter = {**DIRECTORY["matters"][0], **changed}
    write_directory(firm.service.settings.directory.path, matters=[matter])
    before = firm.service.directory.firm
    await firm.service.directory.refresh()
    await firm.service.reconciler.passes.follow(before)
    firm.said.clear()
    await firm.settle()
    talk = await firm.service.store.run(room_of, first_matter_conversation_id("m1"))
    return [body for room_id, sender, body in firm.said if room_id == talk and sender == firm.user("bot")]


async def test_M4_closing_is_said_and_makes_read_only_and_reopening_restores(firm: SmallFirm) -> None:
    room = firm.fake.rooms[firm.room(TALK)]
    (said,) = await follow(firm, status="closed")
    assert said.startswith("Matter 2026-0042 is closed.")
    assert room.state["m.room.power_levels", ""]["events_default"] == 100
    (said,) = await follow(firm, status="open")
    assert said == "Matter 2026-0042 is open again. You can write here."
    assert room.state["m.room.power_levels", ""]["events_default"] == 0
    # Closed a second time: it is news again.
    assert len(await follow(firm, status="closed")) == 1


async def test_M4_what_does_not_close_or_open_it_is_not_said(firm: SmallFirm) -> None:
    assert await follow(firm, status="pending") == []
    assert await follow(firm, title="Estate of Orla Quill") == []
    assert firm.fake.rooms[firm.room("2026-0042 Estate of Orla Quill")].joined
    await follow(firm, status="closed")
    assert await follow(firm, status="closed", title="Estate") == []
    assert await follow(firm, status="deleted") == []


async def test_M4_it_is_said_once_where_two_processes_take_the_change_over(firm: SmallFirm) -> None:
    before = firm.service.directory.firm
    assert len(await follow(firm, status="closed")) == 1
    # The other process compared its files with the firm of before, and is only now at its unit.
    change = diff_firms(before, firm.service.directory.firm, date(2026, 11, 23))
    await firm.service.store.run(tell_of_status, change, firm.user("bot"))
    firm.said.clear()
    await firm.settle()
    assert firm.said == []
