"""What fails in one folder of the cabinet, or at one file, rests alone, and the sentence names the folder (V3, M3)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.filing.into_cabinet import FILING_LIMITS
from bridge.store.engine.unit import Unit
from bridge.store.models import CabinetTrouble, Conversation
from tests.component.files.filed_firm import FOLDER, MATTER, MEDIA, PDF, FiledFirm, filed_firm
from tests.fakes.faults import refusal


@pytest.fixture
async def on(tmp_path: Path, database_url: str) -> AsyncIterator[FiledFirm]:
    async with filed_firm(tmp_path, database_url) as firm:
        await firm.make_all_admins()
        row = {"id": "talk2", "kind": "matter", "matter_id": "m1", "title": "Probate", "created_at": 1}
        await firm.store(Unit.add, Conversation(**row))
        yield firm


async def _fail(on: FiledFirm, passes: int = 4) -> None:
    """Something that is no folder stands where the folder should be."""
    (on.root / MATTER).mkdir()
    (on.root / FOLDER).write_bytes(b"in the way")
    await on.send("Lease.pdf", PDF)
    for number in range(passes):
        await on.send(f"Will {number}.pdf", PDF, conversation_id="talk2")
        assert await on.filer.run() == 1, "files of other folders go in"
        on.now += 700_000


async def test_a_folder_that_cannot_be_written_rests_alone_and_is_named(on: FiledFirm) -> None:
    await on.lift_the_wall()
    before = len(on.firm.said)
    await _fail(on)
    told = await on.told(before)
    assert told.count("I cannot store files in") == 1
    assert f"I cannot store files in the folder “{FOLDER}”. The folder cannot be used: " in told
    assert "They wait, and nothing is lost." in told
    assert on.filer.stopped_because.startswith("Something cannot be written in some folder of the filing cabinet")
    assert FOLDER not in on.filer.stopped_because, "firm admins read it who must not hear of the matter"
    assert (on.root / MATTER / "Probate" / "index.csv").read_text("utf-8-sig").count("\n") == 5
    assert f"the folder “{FOLDER}”" in await on.firm.ask("ruth", "!files status")
    (on.root / FOLDER).unlink()
    before = len(on.firm.said)
    assert await on.filer.run() == 1
    assert f"Files can be stored again in the folder “{FOLDER}”." in await on.told(before)
    assert on.filer.stopped_because == ""
    assert (on.root / FOLDER / "Lease.pdf").read_bytes() == PDF
    assert await on.store(lambda unit: unit.count(CabinetTrouble.select())) == 0


async def test_M3_where_an_admin_is_walled_the_folder_is_not_named_before_them(on: FiledFirm) -> None:
    before = len(on.firm.said)
    await _fail(on)
    told = await on.told(before)
    assert "I cannot store files in a folder that I do not name here" in told
    assert "Estate" not in told
    assert FOLDER in await on.firm.ask("ruth", "!files status")
    assert "Estate" not in await on.firm.ask("walt", "!files status")


async def test_a_folder_that_fails_is_not_asked_for_every_file_that_waits(on: FiledFirm) -> None:
    (on.root / MATTER).mkdir()
    (on.root / FOLDER).write_bytes(b"in the way")
    for number in range(30):
        await on.send(f"Lease {number}.pdf", PDF)
    assert await on.filer.run() == 0
    at_once = 2 * FILING_LIMITS.downloads
    assert on.fetched() <= at_once
    assert await on.filer.run() == 0
    assert on.fetched() <= at_once, "it rests"


async def test_what_nobody_waits_for_any_more_is_over(on: FiledFirm) -> None:
    await _fail(on)
    await on.firm.ask("ruth", "!matter filing 2026-0042 off")
    await on.store(lambda unit: unit.run(CabinetTrouble.update(next_at=0)))
    (on.root / FOLDER).unlink()
    await on.firm.ask("ruth", "!matter filing 2026-0042 on")
    assert await on.filer.run() == 1
    assert await on.store(lambda unit: unit.count(CabinetTrouble.select())) == 0


async def test_a_failing_list_is_forgotten_by_no_restart(on: FiledFirm) -> None:
    (on.root / FOLDER / "index.csv").mkdir(parents=True)
    await on.send("Lease.pdf", PDF)
    assert await on.filer.run() == 1
    on.restart()
    (on.root / FOLDER / "index.csv").rmdir()
    assert await on.filer.run() == 0
    assert not (on.root / FOLDER / "index.csv").exists(), "it rests"
    on.now += 31_000
    assert await on.filer.run() == 0
    assert len(on.listed()) == 1


async def test_a_file_that_the_homeserver_fails_at_stops_neither_the_others_nor_the_lists(on: FiledFirm) -> None:
    await on.send("Bad.pdf", PDF, mxc="mxc://localhost/bad")
    await on.send("Good.pdf", PDF)
    on.firm.fake.script("GET", "/bad$", *[refusal(500, "M_UNKNOWN")] * 50)
    assert await on.filer.run() == 1
    assert [one["Name"] for one in on.listed()] == ["Good.pdf"]
    assert on.firm.fake.asked("GET", MEDIA)
