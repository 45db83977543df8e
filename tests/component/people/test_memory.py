"""Memory that decides about access is true also where nobody heard of the commit (F2, M3)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.firm.model import Wall
from bridge.firm.policy import may_access, may_act
from bridge.store.engine.store import StoreError
from bridge.store.engine.unit import Unit
from bridge.store.people.leavers import set_leaver, set_returned
from bridge.store.people.walls import end_wall, set_wall
from tests.component.small_firm import SmallFirm, small_firm

NEW = Wall("", matter_id="m1", people=("tom",), memo="A cousin.", set_by="ruth")


async def unheard(firm: SmallFirm, work: Callable[[Unit], object]) -> None:
    """Have a unit committed, and lose its confirmation."""

    def quiet(unit: Unit) -> None:
        work(unit)
        unit.news.clear()

    await firm.service.store.run(quiet)


async def test_M3_a_wall_whose_commit_nobody_heard_of_is_in_force_seconds_later(
    tmp_path: Path, database_url: str
) -> None:
    async with small_firm(tmp_path, database_url, walls=[]) as firm:
        await firm.ask("tom", "!matter start 2026-0042 Disclosure")
        room = firm.room("Disclosure · 2026-0042 Estate")
        upkeep, service = firm.bridge.upkeep, firm.service
        await upkeep.shut_out()
        firm.all_done()
        await unheard(firm, lambda unit: set_wall(unit, NEW, service.firm, "$lost"))
        matter, today = service.firm.matters["m1"], service.today()
        assert may_access(service.firm, "tom", matter, today)
        await upkeep.read_again()
        assert not may_access(service.firm, "tom", matter, today)
        assert "tom" not in firm.members(room)
        before = service.firm
        await upkeep.read_again()
        assert service.firm is before


async def test_F2_a_leaver_whose_commit_nobody_heard_of_is_cut_off_and_stays_so(
    tmp_path: Path, database_url: str
) -> None:
    async with small_firm(tmp_path, database_url, walls=[]) as firm:
        upkeep, service = firm.bridge.upkeep, firm.service
        await upkeep.shut_out()
        firm.all_done()
        await unheard(firm, lambda unit: set_leaver(unit, "tom", "ruth", "$lost"))
        # The pass of a new day reads by itself, too.
        await upkeep.reconcile()
        assert not may_act(service.firm, "tom")
        assert firm.fake.accounts[firm.user("tom")].locked
        await upkeep.read_again()
        assert firm.fake.accounts[firm.user("tom")].locked


@pytest.mark.parametrize("what", ["wall", "leaver"])
async def test_M3_a_command_tried_again_after_a_lost_confirmation_is_in_force_at_once(
    tmp_path: Path, database_url: str, what: str
) -> None:
    async with small_firm(tmp_path, database_url, walls=[]) as firm:
        service = firm.service

        def work(unit: Unit) -> None:
            if what == "wall":
                set_wall(unit, NEW, service.firm, "$lost")
            else:
                set_leaver(unit, "tom", "ruth", "$lost")

        await unheard(firm, work)
        await service.store.run(work)
        matter, today = service.firm.matters["m1"], service.today()
        assert not may_access(service.firm, "tom", matter, today)
        assert len(service.firm.walls) == (what == "wall")


async def test_F2_M3_the_end_of_a_wall_and_a_return_are_heard_of_as_well(tmp_path: Path, database_url: str) -> None:
    async with small_firm(tmp_path, database_url, walls=[]) as firm:
        service = firm.service
        await service.store.run(set_wall, NEW, service.firm, "$wall")
        await service.store.run(set_leaver, "tom", "ruth", "$left")
        await unheard(firm, lambda unit: end_wall(unit, "wall-1", service.firm, "ruth", "$lift"))
        await unheard(firm, lambda unit: set_returned(unit, "tom", "ruth", "$back"))
        assert await service.in_force.load()
        assert (dict(service.firm.walls), service.firm.staff["tom"].former) == ({}, False)
        assert not await service.in_force.load()


async def test_M3_what_is_read_again_is_never_older_than_what_was_heard(tmp_path: Path, database_url: str) -> None:
    async with small_firm(tmp_path, database_url, walls=[]) as firm:
        service = firm.service
        for number in range(20):
            await service.in_force.load()
            with pytest.raises(StoreError):
                await service.store.run(_failing)
            await service.store.run(set_wall, NEW, service.firm, f"$wall{number}")
            assert len(service.firm.walls) == number + 1


def _failing(unit: Unit) -> None:
    raise StoreError("no")
