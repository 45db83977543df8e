"""About a matter behind a wall the bot does the very work that it does about one that does not exist (M3).

Equal words are tested elsewhere. Somebody with a clock learns nothing either, where the requests to the homeserver and
the database's statements are the same ones.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.component.conftest import database_of
from tests.component.small_firm import DIRECTORY, SmallFirm, small_firm

WALLED, UNKNOWN = "2026-0042", "2026-9999"
COMMANDS = (
    "!matter show {}",
    '!matter start {} "Strategy" @tom',
    "!matter join {}",
    "!matter join {} 1",
    "!matter leave {}",
    "!matter rename {} 1 Other",
    "!matter transcript {}",
    "!matter list {}",
    "!files in:{}",
    "!files lease in:{}",
    "!who {}",
    "!why @tom {}",
    "!pinned {}",
    "!channel search {}",
)


OF_ADMINS = (
    "!matter access {}",
    "!matter filing {} on",
    "!why @tom {}",
    "!audit {}",
    "!plan {}",
    "!wall list {}",
    "!wall report {}",
    "!wall add {} @tom A cousin.",
    "!wall lift {}",
)
OWNER = [{**person, "role": "Owner" if person["id"] == "walt" else "Associate"} for person in DIRECTORY["staff"]]


@pytest.fixture
async def firm(tmp_path: Path, database_url: str) -> AsyncIterator[SmallFirm]:
    async with small_firm(tmp_path, database_url, staff=OWNER) as made:
        # Whatever is learned with the first command of somebody is learned.
        await made.ask("walt", "!ping")
        yield made


@asynccontextmanager
async def noted_work(firm: SmallFirm) -> AsyncIterator[list[str]]:
    """The requests and statements while this lasts, without the values in them."""
    work: list[str] = []
    database = await database_of(firm.service.store)
    execute = database.execute_sql
    asked = len(firm.fake.requests)

    def noted(sql: str, *arguments: Any, **options: Any) -> Any:
        work.append(sql)
        return execute(sql, *arguments, **options)  # type: ignore[no-untyped-call]

    with patch.object(database, "execute_sql", noted):
        yield work
    work += [f"{one.method} {one.path.rpartition('/')[0]}" for one in firm.fake.requests[asked:]]


@pytest.mark.parametrize("command", [*COMMANDS, *OF_ADMINS])
async def test_M3_a_walled_matter_costs_what_an_unknown_one_costs(command: str, firm: SmallFirm) -> None:
    found = []
    for number in (WALLED, UNKNOWN):
        async with noted_work(firm) as work:
            said = await firm.ask("walt", command.format(number))
        assert said
        found.append((said.replace(number, "…"), work))
    assert found[0] == found[1]
