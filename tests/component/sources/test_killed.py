"""Kill -9 while a source is read, pushed to, told of or let in again: nothing lost, nobody let in (S1, S2, S3)."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from bridge.directory.smokeball.hosts import client_of
from bridge.directory.sources.keeping import records_of
from bridge.directory.sources.tokens import Tokens, keep_tokens, make_key
from bridge.store.engine.store import Store
from tests.component.crashing import run_service
from tests.component.sources.connected import connected, settings_for
from tests.component.sources.test_smokeball import small_firm
from tests.fakes.smokeball import FakeSmokeball, link

LONG = os.environ.get("FIRM_BRIDGE_CRASH") == "long"


async def run(what: str, database: str, folder: Path, url: str = "-", hint: str = "", fault: str = "") -> int:
    """Run the service to its end, or to its death at a fault point; the exit code."""
    words = what, database, url, str(folder), hint
    return await run_service("tests.component.sources.crash_service", *words, fault=fault)


async def opened(database: str) -> Store:
    store = Store(database)
    await store.open()
    return store


READING = ("source.renewed", "source.hinted", "source.kept:1", "smokeball.mirrored:1", "smokeball.mirrored:2")
"""Fault points passed when Smokeball is read, in such an order that each is still to come after those before it."""
PUSHING = ("scim.stored:1", "scim.stored:2", "source.kept")


@pytest.mark.parametrize("faults", [(each,) for each in READING] if LONG else [READING[-1:]], ids=str)
async def test_S2_smokeball_is_read_to_its_end_after_a_crash(tmp_path: Path, faults: tuple[str, ...]) -> None:
    database, fake = f"sqlite:///{tmp_path / 'bridge.db'}", FakeSmokeball()
    store = await opened(database)
    key = make_key(client_of(settings_for("", tmp_path)))
    await store.run(keep_tokens, "smokeball", key, Tokens("access-old", "refresh-1", 0))
    async with connected(store, tmp_path, fake, account_id="") as one:
        ann, ben, matter = small_firm(fake)
        await one.settled()
        assert one.sees(ben, matter)
    # While nobody looks Ben is put on the deny-list, and a matter is opened of which he must not know.
    fake.world.policies[matter] = [fake.user_of(ben)]
    second = fake.matter(2, personResponsible=link(ann))
    fake.world.policies[second] = [fake.user_of(ben)]
    fake.person(3, "Cat")
    fake.settle()
    fake.expired = {"access-1"}
    await store.close()
    async with TestServer(fake.app()) as server:
        url = str(server.make_url("")).rstrip("/")
        for fault in faults:
            assert await run("read", database, tmp_path, url, matter, fault) == -signal.SIGKILL
        store = await opened(database)
        async with connected(store, tmp_path, fake, account_id="") as one:
            one.now[0] += 1_000_000_000
            # As it stands at that moment.
            await one.directory.refresh()
            assert not one.sees(ben, second)
            await one.settled()
            for who in fake.world.staff:
                for what in (matter, second):
                    assert one.sees(who, what) == fake.may_see(who, what)
            assert len(one.directory.firm.active_staff) == 3
        await store.close()


@pytest.mark.skipif(not LONG, reason="takes long: make crash")
async def test_S1_killed_before_new_tokens_were_kept_it_asks_to_be_let_in_again(tmp_path: Path) -> None:
    database, fake = f"sqlite:///{tmp_path / 'bridge.db'}", FakeSmokeball()
    store = await opened(database)
    key = make_key(client_of(settings_for("", tmp_path)))
    await store.run(keep_tokens, "smokeball", key, Tokens("access-old", "refresh-1", 0))
    small_firm(fake)
    await store.close()
    async with TestServer(fake.app()) as server:
        url = str(server.make_url("")).rstrip("/")
        assert await run("read", database, tmp_path, url, fault="source.renewing") == -signal.SIGKILL
    store = await opened(database)
    async with connected(store, tmp_path, fake, account_id="") as one:
        await one.look()
        assert "firm-bridge smokeball connect" in one.reader.trouble
        await store.run(keep_tokens, "smokeball", key, Tokens("access-old", fake.refresh, 0))
        await one.look()
        assert not one.reader.trouble
    await store.close()


@pytest.mark.parametrize("fault", PUSHING if LONG else PUSHING[1:2])
async def test_S3_what_was_pushed_is_told_after_a_crash(tmp_path: Path, fault: str) -> None:
    database = f"sqlite:///{tmp_path / 'bridge.db'}"
    assert await run("scim", database, tmp_path, fault=fault) == -signal.SIGKILL
    store = await opened(database)
    assert await store.read(records_of, "scim") == []
    await store.close()
    assert await run("scim", database, tmp_path) == 0
    store = await opened(database)
    # Pushed once, and inactive: somebody who left, whoever else has them.
    assert await store.read(lambda unit: unit.rows("SELECT count(*) FROM scim_resource")) == [(1,)]
    ((_, _, data, gone),) = await store.read(records_of, "scim")
    assert ('"former": "yes"' in data, gone) == (True, False)
    await store.close()
