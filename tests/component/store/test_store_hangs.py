"""The whole firm while PostgreSQL hangs: said by health, broken off, and all is done once it answers again (F2, M3)."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from bridge.firm.conversation import bot_chat_id
from bridge.firm.room_keys import matter_space_key
from bridge.settings import Settings
from tests.component.on_fake import write
from tests.component.running.test_whole_firm_goes_on import (
    AFTER,
    BEFORE,
    BEN_ID,
    CLEO_ID,
    all_right,
    fake,
    ids,
    is_so,
    no_waiting,
    rooms_of,
)
from tests.component.running_bridge import TALK, running, settings_in
from tests.component.store.test_store import postgresql_only
from tests.component.store.test_store_lost import connection_pid, frozen, impatient
from tests.component.wire.traffic import until
from tests.fakes.homeserver import FakeHomeserver

__all__ = ["fake", "impatient", "no_waiting"]
pytestmark = postgresql_only


@pytest.fixture
def settings(fake: FakeHomeserver, tmp_path: Path, database_url: str) -> Settings:
    made = settings_in(tmp_path, database_url, fake, request_timeout=0.2, deadline=0.3)
    write(Path(made.directory.path), BEFORE)
    return made


async def test_a_connection_that_the_network_has_swallowed(
    settings: Settings, fake: FakeHomeserver, impatient: None
) -> None:
    async with running(settings, fake) as firm:
        await firm.well()
        await fake.delivered()
        shut = {BEN_ID: await ids(firm, TALK, matter_space_key("m1"))}
        chats = {who: await firm.room(bot_chat_id(who)) for who in "abd"}
        with frozen(await firm.service.store.run(connection_pid)):
            write(firm.directory, AFTER)
            await until(lambda: bool(firm.bridge.health()["database"]))
            asked = fake.message(chats["d"], "@dan:localhost", "!ping meanwhile")
        await until(lambda: "pong meanwhile" in str(fake.events(asked["room_id"])[-1]["content"]))
        await is_so(firm, shut, set(), chats, "database", "")
        await all_right(firm)


async def test_a_table_that_somebody_keeps_locked(
    settings: Settings, fake: FakeHomeserver, database_url: str, impatient: None
) -> None:
    """What must not wait does not need it: who must be out is out meanwhile."""
    async with running(settings, fake) as firm:
        await firm.well()
        await fake.delivered()
        shut = {BEN_ID: await ids(firm, TALK, matter_space_key("m1"))}
        chats = {who: await firm.room(bot_chat_id(who)) for who in "abd"}
        with psycopg.connect(database_url) as other:
            other.execute("LOCK TABLE inbox_event IN ACCESS EXCLUSIVE MODE")
            asked = fake.message(chats["d"], "@dan:localhost", "!ping meanwhile")
            await firm.says("database", "locked by another process")
            write(firm.directory, AFTER)
            await until(lambda: not {room.room_id for room in rooms_of(fake, BEN_ID)} & set(shut[BEN_ID]))
            await until(lambda: not rooms_of(fake, CLEO_ID))
        await until(lambda: "pong meanwhile" in str(fake.events(asked["room_id"])[-1]["content"]))
        await is_so(firm, shut, set(), chats, "database", "")
        await all_right(firm)
