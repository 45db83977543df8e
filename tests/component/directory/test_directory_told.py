"""A directory that is not followed tells somebody: the firm admins in their room, health, metrics, exit codes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.care.telling_directory import tell_of_directory, trouble_of
from bridge.cli.exits import Exit
from bridge.directory.change import diff_firms
from bridge.directory.file import DirectoryFile
from bridge.firm.conversation import ADMINS_ID
from bridge.firm.model import Wall
from bridge.settings import DirectorySettings, Settings
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE, EVE, MERGER, make_firm
from tests.component.firm_on_fake import FirmOnFake
from tests.component.on_fake import write
from tests.component.running.test_app import fake, no_waiting, settings
from tests.component.running.test_cli_beside import config, typed
from tests.component.running_bridge import FIRM, STAFF, running
from tests.component.wire.traffic import until
from tests.fakes.homeserver import FakeHomeserver

__all__ = ["config", "fake", "no_waiting", "settings"]


@pytest.fixture
def strict(settings: Settings) -> Settings:
    """Settings under which every leaver has to be confirmed."""
    write(Path(settings.directory.path), FIRM)
    held = settings.directory.model_copy(update={"removal_limit": 0})
    return settings.model_copy(update={"directory": held})


def told(fake: FakeHomeserver, room_id: str) -> list[str]:
    """The first words of each message of the admins' room."""
    return [str(one["content"]["body"]) for one in fake.events(room_id, "m.room.message")]


async def test_the_admins_are_told_once_of_a_broken_file_and_when_it_is_over(
    strict: Settings, fake: FakeHomeserver
) -> None:
    with capture_logs():
        async with running(strict, fake) as firm:
            await firm.well()
            room_id = await firm.room(ADMINS_ID)
            write(firm.directory, {"staff": [{"id": "a"}]})
            await until(lambda: len(told(fake, room_id)) == 1)
            assert "cannot be used" in told(fake, room_id)[0]
            assert "`firm-bridge check` lists them" in firm.bridge.health()["directory"]
            assert (firm.metric("firm_bridge_directory_problems") or 0) > 0
        async with running(strict, fake) as firm:
            await until(lambda: not firm.bridge.health()["reconciled"])
            write(firm.directory, FIRM)
            await until(lambda: len(told(fake, room_id)) == 2)
            assert "followed again" in told(fake, room_id)[1]
            assert firm.metric("firm_bridge_directory_problems") == 0


async def test_the_admins_are_told_of_a_held_change(strict: Settings, fake: FakeHomeserver, config: str) -> None:
    async with running(strict, fake) as firm:
        await firm.well()
        room_id = await firm.room(ADMINS_ID)
        write(firm.directory, {**FIRM, "staff": STAFF[:2]})
        await until(lambda: len(told(fake, room_id)) == 1)
        assert "1 of 3 active staff would leave" in told(fake, room_id)[0]
        assert "waits for a firm admin" in firm.bridge.health()["directory"]
        assert firm.metric("firm_bridge_directory_held") == 1
        code, said, _ = await typed(config, "directory", "status")
        assert code == Exit.HELD
        assert "waits for confirmation" in said
        await typed(config, "directory", "confirm", "--yes")
        await until(lambda: len(told(fake, room_id)) == 2)
        assert firm.metric("firm_bridge_directory_held") == 0
        assert (await typed(config, "directory", "status"))[0] == Exit.OK
        write(firm.directory, {"staff": 7})
        await until(lambda: firm.bridge.health()["directory"] != "")
        assert (await typed(config, "directory", "status"))[0] == Exit.DIRECTORY


async def test_M3_no_matter_is_named_there(on: FirmOnFake, tmp_path: Path) -> None:
    directory = DirectoryFile(DirectorySettings(path=str(tmp_path / "none.yaml")), on.store)
    new = make_firm(staff=(ANN, BEN, replace(CLEO, former=True), DAN, EVE), matters=())
    directory.held = diff_firms(on.firm, new, date(2026, 3, 2))
    trouble = trouble_of(directory)
    assert trouble is not None
    await tell_of_directory(on.store, on.fake.bot_id, trouble)
    await tell_of_directory(on.store, on.fake.bot_id, trouble)
    (said,) = await on.said()
    assert "1 of 4 active staff would leave and access to matters would end" in said.body
    for hidden in (ESTATE.number, ESTATE.title, MERGER.number, MERGER.title):
        assert hidden not in said.body + trouble.short


def test_M3_nobody_hears_how_many_a_wall_that_ends_would_let_in(tmp_path: Path, on: FirmOnFake) -> None:
    directory = DirectoryFile(DirectorySettings(path=str(tmp_path / "none.yaml")), on.store)
    wall = Wall("w", matter_id=ESTATE.id, people=(ANN.id, BEN.id))
    directory.held = diff_firms(replace(on.firm, walls={"w": wall}), replace(on.firm, walls={}), date(2026, 3, 2))
    trouble = trouble_of(directory)
    assert trouble is not None
    assert "because it ends unusually many walls or restrictions. " in trouble.text
    assert "people" not in trouble.text
