"""Open pages hear of what they show as it changes, and of nothing else (P3)."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Collection
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientResponse

from bridge.clock import firm_today
from bridge.desk import Desk
from bridge.mapping.event import Event
from bridge.operations.overview import Overview, overviews, sees
from bridge.settings import FirmSettings
from bridge.store.engine.errors import StoreError
from bridge.web.panel.safety import COOKIE
from tests.component.panel.panel_firm import Browser, Panel, filings, panel_firm
from tests.component.small_firm import DIRECTORY, channel


async def test_P3_an_open_page_hears_of_what_it_may_show_and_of_nothing_else(panel: Panel) -> None:
    firm = panel.firm
    ruth, walt = await panel.enter("ruth"), await panel.enter("walt")
    async with AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(panel.client.get("/events", headers={"Cookie": f"{COOKIE}={one.session}"}))
            for one in (ruth, walt)
        ]
        for stream in streams:
            assert b"event: open" in await heard(stream)
        # What Walt must not see comes first: had his page heard of it, it would have said so before the channel.
        await firm.ask("ruth", '!matter start 2026-0042 "Disclosure"')
        assert b"event: changed" in await heard(streams[0])
        await firm.ask("walt", "!channel create Tea")
        assert b"event: changed" in await heard(streams[1])


async def test_P3_many_pages_of_one_person_and_the_end_of_the_bridge_leave_no_stream_open(panel: Panel) -> None:
    ruth, live = await panel.enter("ruth"), panel.firm.bridge.live
    async with AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(panel.client.get("/events", headers={"Cookie": f"{COOKIE}={ruth.session}"}))
            for _ in range(22)
        ]
        # The oldest two made room for the newest.
        async with asyncio.timeout(20):
            for stream in streams[:2]:
                await stream.content.read()
        assert live.count == 20
        await live.close()
        async with asyncio.timeout(20):
            for stream in streams:
                await stream.content.read()
    assert live.count == 0


@pytest.mark.parametrize("fails", [False, True])
async def test_P3_many_pages_take_one_look_and_one_that_fails_fails_alone(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    looks, go_on = list[int](), asyncio.Event()

    async def counted(desk: Desk, staff_ids: Collection[str]) -> dict[str, Overview]:
        looks.append(len(staff_ids))
        if len(looks) == 1:
            await go_on.wait()
            if fails:
                raise StoreError("The disk is full.")
        return await overviews(desk, staff_ids)

    came, all_wait = list[str](), asyncio.Event()

    def came_in(desk: Desk, staff_id: str) -> int:
        came.append(staff_id)
        if len(came) == 6:
            all_wait.set()
        return sees(desk, staff_id)

    monkeypatch.setattr("bridge.web.panel.live.overviews", counted)
    # What a page asks for last before it waits for its lists.
    monkeypatch.setattr("bridge.web.panel.live.sees", came_in)
    people = [await panel.enter(who) for who in ("ruth", "tom", "ines")]
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(opened(panel, one)) for one in (*people, *people)]
        await all_wait.wait()
        go_on.set()
    said = [one.result() for one in asked]
    assert sum(b"event: open" in one for one in said) == len(asked) - fails
    assert looks == [1, 3]


async def test_P3_what_is_only_read_again_wakes_no_page_and_a_wall_still_does(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_for, looked = set[str](), asyncio.Event()

    async def counted(desk: Desk, staff_ids: Collection[str]) -> dict[str, Overview]:
        looked_for.update(staff_ids)
        if "ruth" in staff_ids:
            looked.set()
        return await overviews(desk, staff_ids)

    await panel.firm.ask("tom", "!matter join 2026-0042 1")
    ruth, tom = await panel.enter("ruth"), await panel.enter("tom")
    async with (
        panel.client.get("/events", headers=tom.sent()) as toms,
        panel.client.get("/events", headers=ruth.sent()) as ruths,
    ):
        for stream in (toms, ruths):
            assert b"event: open" in await heard(stream)
        monkeypatch.setattr("bridge.web.panel.live.overviews", counted)
        await panel.firm.service.in_force.load()
        # Had that woken his page, it would have been looked at before hers, which is woken behind it.
        panel.firm.bridge.live.heard([Event("$e", "", "m.room.member", "", 0, {}, panel.firm.user("ruth"))])
        async with asyncio.timeout(20):
            await looked.wait()
        assert looked_for == {"ruth"}
        await panel.firm.ask("ruth", "!wall add 2026-0042 @tom A cousin.")
        assert b"event: changed" in await heard(toms)


async def test_P3_every_page_asks_again_for_itself(panel: Panel) -> None:
    ruth = await panel.enter("ruth")
    for address in ("/", "/search?q=a&x=%22", "/admin/audit?kind=walls"):
        _, text = await ruth.get(address)
        (own,) = re.findall(r'data-address="([^"]*)"', text)
        assert html.unescape(own) == address


async def opened(panel: Panel, browser: Browser) -> bytes:
    """What a stream says first; nothing where it ends at once."""
    async with panel.client.get("/events", headers=browser.sent()) as stream:
        return await heard(stream)


async def heard(stream: ClientResponse) -> bytes:
    """The next word of a stream."""
    found = b""
    async with asyncio.timeout(20):
        while not found.endswith(b"\r\n\r\n") and not stream.content.at_eof():
            found += await stream.content.readany()
    return found


async def test_P3_P5_a_page_with_readers_hears_that_somebody_has_read_on_and_others_do_not(panel: Panel) -> None:
    firm, room = panel.firm, await channel(panel.firm)
    ruth, walt = await panel.enter("ruth"), await panel.enter("walt")
    address = await filings(ruth)
    message = firm.fake.message(room, firm.user("ruth"), "Read this.")["event_id"]
    await firm.settle()
    status, text = await ruth.get(f"{address}/message/{message}/seen")
    (about,) = re.findall(r'data-about="([^"]+)"', text)
    assert (status, about) == (200, f"readers {address.rpartition('/')[2]}")
    (mark,) = re.findall(r'data-seen="(\w+)"', text)

    async def read(who: str) -> None:
        content = {message: {"m.read": {firm.user(who): {"ts": 1, "thread_id": "main"}}}}
        firm.bridge.receipts.heard([{"type": "m.receipt", "room_id": room, "content": content}])
        await firm.bridge.receipts.write()

    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(
                panel.client.get("/events", params={"about": of}, headers={"Cookie": f"{COOKIE}={one.session}"})
            )
            for one, of in ((ruth, about), (walt, about), (ruth, address.rpartition("/")[2]))
        ]
        readers, walts, files = opened
        for stream in opened:
            said = await heard(stream)
            assert b"event: open" in said
            assert (mark.encode() in said) is (stream is readers)
        await read("tom")
        assert b"event: changed" in await heard(readers)
        # Had another page heard of it, it would have said so before this.
        for who, stream, name in (("walt", walts, "Tea"), ("ruth", files, "Coffee")):
            await firm.ask(who, f"!channel create {name}")
            assert (await heard(stream)).count(b"event: changed") == 1


async def test_P3_an_open_page_hears_of_what_it_is_about_though_the_person_is_not_in_it(panel: Panel) -> None:
    await channel(panel.firm)
    ines, walt = await panel.enter("ines"), await panel.enter("walt")
    of = {"matter": "matter m1", "channel": (await filings(walt)).rpartition("/")[2], "channels": "channels"}
    async with AsyncExitStack() as stack:
        heard_by = {
            (name, one.session): await stack.enter_async_context(
                panel.client.get("/events", params={"about": about}, headers=one.sent())
            )
            for name, about in of.items()
            for one in (ines, walt)
        }
        opening = {at: await heard(stream) for at, stream in heard_by.items()}
        # What is behind his wall has the same mark as what is not there.
        nothing = await stack.enter_async_context(
            panel.client.get("/events", params={"about": "matter m9"}, headers=walt.sent())
        )
        assert opening["matter", walt.session] == await heard(nothing)
        _, text = await walt.get(await filings(walt))
        (mark,) = re.findall(r'data-seen="(\w+)"', text)
        assert mark.encode() in opening["channel", walt.session]
        await panel.firm.ask("ruth", '!matter start 2026-0042 "Disclosure"')
        assert b"event: changed" in await heard(heard_by["matter", ines.session])
        room = panel.firm.room("Court Filings")
        await panel.firm.ask("tom", "!leave", room)
        panel.firm.bridge.live.heard([Event("$e", room, "m.room.member", "", 0, {})])
        for name in ("channel", "channels"):
            assert b"event: changed" in await heard(heard_by[name, walt.session])


async def test_P3_an_open_page_hears_of_a_leave_once_it_is_stored_however_late_that_is(panel: Panel) -> None:
    firm, room = panel.firm, await channel(panel.firm)
    tom, walt = await panel.enter("tom"), await panel.enter("walt")
    async with (
        panel.client.get("/events", headers=tom.sent()) as toms,
        panel.client.get("/events", params={"about": "channels"}, headers=walt.sent()) as walts,
    ):
        for stream in (toms, walts):
            assert b"event: open" in await heard(stream)
        # Nobody tells the pages that something came: they have looked, before it was handled.
        firm.fake.leave(room, firm.user("tom"))
        await firm.settle()
        for stream in (toms, walts):
            assert b"event: changed" in await heard(stream)
        await firm.ask("ruth", "!channel archive", room)
        assert b"event: changed" in await heard(walts)


async def test_M3_P3_an_open_page_hears_that_a_wall_began_with_the_day(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tomorrow = firm_today(FirmSettings(name="Firm")) + timedelta(days=1)
    wall = {"id": "w2", "matter": "2026-0042", "people": ["tom"], "memo": "A cousin.", "set_by": "ruth"}
    walls = [*DIRECTORY["walls"], {**wall, "since": tomorrow.isoformat()}]
    async with panel_firm(tmp_path, database_url, walls=walls) as panel:
        await panel.firm.ask("tom", "!matter join 2026-0042 1")
        tom = await panel.enter("tom")
        async with panel.client.get("/events", headers=tom.sent()) as stream:
            assert b"event: open" in await heard(stream)
            monkeypatch.setattr("bridge.desk.firm_today", lambda _: tomorrow)
            assert b"event: changed" in await heard(stream)
