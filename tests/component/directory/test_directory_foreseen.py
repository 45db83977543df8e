"""What a held change of the directory would do is seen before it is confirmed, and comes about when it is (O2, M3)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.component.directory.test_directory_undone import FIRM, LEFT, MATTERS, WRONG, confirmed, rooms, write
from tests.component.small_firm import SmallFirm, small_firm

NEW = {"id": "nora", "first_name": "Nora", "last_name": "New", "email": "nora@firm.example", "role": "Associate"}


@pytest.fixture
async def firm(tmp_path: Path, database_url: str) -> AsyncIterator[SmallFirm]:
    async with small_firm(tmp_path, database_url, **FIRM) as made:
        await made.ask("ruth", '!matter start 2026-0042 "Disclosure" @tom @ines')
        await made.ask("ruth", "!channel create Court Filings @tom @ines")
        await made.ask("tom", "!dm @ruth")
        await made.bridge.upkeep.shut_out()
        yield made


async def test_who_is_put_out_whose_account_ends_and_what_closes(firm: SmallFirm) -> None:
    matters = [{**MATTERS[0], "status": "closed", "assisting": ["walt"]}]
    await write(firm, staff=[*LEFT, NEW], matters=matters, walls=[])
    before = rooms(firm)
    said = await firm.ask("ruth", "!directory plan")
    assert "Tom Price: the account ends; out of every conversation" in said
    assert "Nora New: gets an account" in said
    assert "Matter 2026-0042 Estate: open, becomes closed" in said
    assert "Matter 2026-0055 Sale: goes, and nobody sees its conversations any more" in said
    assert "Disclosure" in said
    assert "out: Inès Moreau, Tom Price; nobody can write in it any more" in said
    assert "Court Filings: out: Inès Moreau, Tom Price" in said
    assert "Everyone: out: Inès Moreau, Tom Price; in: Nora New" in said
    # With whom somebody talks is theirs to know (D4), and nothing was done.
    assert "Direct conversation" not in said
    assert rooms(firm) == before
    assert "tom" in firm.service.directory.firm.staff
    assert "!directory plan" in await firm.ask("ruth", "!plan")


async def test_it_is_what_comes_about(firm: SmallFirm) -> None:
    await write(firm, **WRONG)
    foreseen = await firm.service.foresee()
    before = rooms(firm)
    await confirmed(firm)
    after = rooms(firm)
    for name in ("Court Filings", "Everyone"):
        gone = before[name] - after[name]
        assert gone == {"tom", "ines"}
        (effect,) = [one for one in foreseen if name in one.what]
        assert effect.becomes == ("out: Inès Moreau, Tom Price",)
    assert firm.fake.accounts[firm.user("tom")].deactivated
    assert await firm.service.foresee() == ()


async def test_M3_of_matters_behind_the_admins_wall_there_is_nothing(firm: SmallFirm) -> None:
    walls = [{"id": "w1", "matter": "2026-0055", "people": ["ruth"], "memo": "A cousin.", "set_by": "ines"}]
    await write(firm, **{**FIRM, "walls": walls})
    await write(firm, staff=LEFT, matters=[MATTERS[0], {**MATTERS[1], "responsible": "walt"}], walls=walls)
    said = await firm.ask("ruth", "!directory plan")
    assert "Tom Price: the account ends" in said
    assert "2026-0055" not in said
    assert "Sale" not in said


async def test_M3_nor_where_only_the_change_would_show_or_hide_it(firm: SmallFirm) -> None:
    walls = [{"id": "w1", "matter": "2026-0055", "people": ["ruth"], "memo": "A cousin.", "set_by": "ines"}]
    moved = [MATTERS[0], {**MATTERS[1], "title": "Sale of Tidewell", "responsible": "walt"}]
    await write(firm, staff=LEFT, matters=moved, walls=walls)
    assert "Tidewell" not in await firm.ask("ruth", "!directory plan")


async def test_many_things_come_page_by_page_as_long_as_it_waits(firm: SmallFirm) -> None:
    many = [{**NEW, "id": f"n{n}", "email": f"n{n}@firm.example", "last_name": f"New{n:02}"} for n in range(40)]
    await write(firm, **{**WRONG, "staff": [*LEFT, *many]})
    assert "!more shows the next" in await firm.ask("ruth", "!directory plan")
    await write(firm, **FIRM)
    assert await firm.ask("ruth", "!more") == "That was all."


async def test_where_nothing_waits_it_says_so_and_only_admins_may_ask(firm: SmallFirm) -> None:
    assert "No change of the directory waits" in await firm.ask("ruth", "!directory plan")
    await write(firm, **WRONG)
    assert "the account ends" not in await firm.ask("walt", "!directory plan")
