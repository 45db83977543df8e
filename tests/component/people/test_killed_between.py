"""The bridge or the homeserver killed between any two steps of a wall or a leaver (F2, M3, O1).

Once the bridge runs again, and before it answers anybody, who must be out is out; and when it has caught up, all is as
if nothing had happened, and noted once. The same where it lives on and the homeserver comes back.

A step is a request that changes something at the homeserver, or a unit of work that changes the database. All of them
are tried with FIRM_BRIDGE_CRASH=long, otherwise some, spread over the whole.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from bridge.app import Bridge
from bridge.firm.conversation import first_matter_conversation_id
from bridge.firm.room_keys import matter_space_key
from bridge.matrix.connection import Connection
from bridge.matrix.errors import HomeserverError, UnreachableError
from bridge.service import introduce_bot, open_firm
from bridge.store import models
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.record.audit import audited
from bridge.store.rooms.made import room_of
from tests.component.conftest import own_database
from tests.component.small_firm import DIRECTORY, SmallFirm, small_firm
from tests.fakes.room import Room

Json = dict[str, Any]
ANYWHERE = 10_000
TRIED = ANYWHERE if os.environ.get("FIRM_BRIDGE_CRASH") == "long" else 5
STAFF = [{**person, "role": "Owner" if person["id"] == "ruth" else "Associate"} for person in DIRECTORY["staff"]]
CLOSED_AT_ONCE = {"!wall add 2026-0042 @tom A cousin.": "matter", "!staff leave @tom": "everything"}
"""Commands that take something from Tom, and what he is out of before anything is answered."""
BEFORE = {"!wall lift 2026-0042": "!wall add 2026-0042 @tom A cousin.", "!staff return @tom": "!staff leave @tom"}
"""Commands that give it back, and what came before them."""


class Killed(BaseException):
    """The bridge is no more."""


@dataclass
class Killer:
    """Ends the bridge after so many steps, or the homeserver: from then on nothing of it goes on."""

    after: int
    homeserver: bool = False
    taken: int = 0

    def alive(self, *, asked: bool = False) -> None:
        """Called before and behind everything. Raises Killed, or UnreachableError where the homeserver is asked."""
        if self.taken < self.after:
            return
        if not self.homeserver:
            raise Killed
        if asked:
            raise UnreachableError("PUT /", 0, "M_UNKNOWN", "the homeserver was killed")

    @asynccontextmanager
    async def at_large(self) -> AsyncIterator[None]:
        """While this lasts, each step of the bridge is counted."""
        early, ask = Store.run_early, Connection.request_once

        def counted(method: Callable[..., Any]) -> Callable[..., Any]:
            async def run(store: Store, *given: Any, **options: Any) -> Any:
                self.alive()
                changed: list[bool] = []
                place = 1 if method is early else 0
                work = given[place]

                def told(unit: Unit, *arguments: Any, **more: Any) -> Any:
                    (before,) = unit.row("SELECT total_changes()")
                    result = work(unit, *arguments, **more)
                    changed.append(unit.row("SELECT total_changes()")[0] > before)
                    return result

                result = await method(store, *given[:place], told, *given[place + 1 :], **options)
                self.taken += any(changed)
                self.alive()
                return result

            return run

        async def counted_attempt(connection: Connection, method: str, *arguments: Any) -> Any:
            self.alive(asked=True)
            answer = await ask(connection, method, *arguments)
            self.taken += method != "GET"
            # What was done last was done, but nobody heard of it.
            self.alive(asked=True)
            return answer

        runs: dict[str, Any] = {name: counted(getattr(Store, name)) for name in ("run", "run_undurable", "run_early")}
        with (
            patch.multiple(Store, **runs),
            patch.object(Connection, "request_once", counted_attempt),
        ):
            yield


@asynccontextmanager
async def firm_before(folder: Path, before: str) -> AsyncIterator[SmallFirm]:
    """A firm in which Tom is in a matter, a channel and a direct conversation, and this command was given."""
    folder.mkdir()  # noqa: ASYNC240 - a moment
    with own_database(folder) as url:
        async with small_firm(folder, url, staff=STAFF, walls=[]) as firm:
            firm.fake.accounts[firm.user("tom")].devices |= {"PHONE", "LAPTOP"}
            for text in ("!matter join 2026-0042", "!channel create Court Filings @ruth", "!dm @ruth"):
                await firm.ask("tom", text)
            if before:
                await firm.ask("ruth", before)
            yield firm


@asynccontextmanager
async def restarted(firm: SmallFirm, command: str) -> AsyncIterator[None]:
    """The bridge started again, as far as the moment from which it answers; what is closed by then is looked at."""
    # What was killed owns its database no more.
    await firm.service.store.close()
    async with open_firm(firm.service.settings) as service:
        firm.service, firm.bridge = service, Bridge(service)
        await introduce_bot(service.homeserver, service.settings)
        await firm.bridge.places.refresh()
        walls_and_leavers = await service.store.run(
            lambda unit: (unit.count(models.CommandWall.select()), unit.count(models.CommandLeaver.select()))
        )
        await service.reconciler.passes.shut_out()
        if command in CLOSED_AT_ONCE and any(walls_and_leavers):
            assert not await rooms_of_tom(firm, CLOSED_AT_ONCE[command])
        yield


async def rooms_of_tom(firm: SmallFirm, which: str) -> set[str]:
    """The rooms of the matter, or all, that he is in or invited to."""
    keys = first_matter_conversation_id("m1"), matter_space_key("m1")
    of_matter = await firm.service.store.run(lambda unit: {room_of(unit, key) for key in keys})
    return {
        room.room_id
        for room in firm.fake.rooms.values()
        if room.members.get(firm.user("tom")) in {"join", "invite"}
        and (which == "everything" or room.room_id in of_matter)
    }


async def give(firm: SmallFirm, command: str, killer: Killer) -> None:
    """Give the command as Ruth. Where the bridge does not live to the end of it, the event waits, as in the inbox."""
    event = firm.fake.message(await firm.chat("ruth"), firm.user("ruth"), command)
    firm.new.remove(event)
    handled: list[None] = []
    async with killer.at_large():
        try:
            effect = await firm.bridge.router.handle(event)
            assert effect is not None
            await firm.service.store.run(_note, effect, handled)
        except* (Killed, HomeserverError):
            # Of several requests under way each may still arrive.
            assert killer.taken >= killer.after
    if not handled:
        firm.new.insert(0, event)


def _note(unit: Unit, effect: Callable[[Unit], None], handled: list[None]) -> None:
    effect(unit)
    handled.append(None)


async def outcome(firm: SmallFirm) -> Json:
    """What must come out the same: who is where, Tom's account, what is noted, and how often Ruth was answered."""
    await firm.settle()
    assert await firm.nothing_to_do()
    account = firm.fake.accounts[firm.user("tom")]
    entries = await firm.service.store.run(lambda unit: [row.entry for row in audited(unit)])
    chat, row = await firm.chat("ruth"), models.OutboxMessage
    return {
        "rooms": sorted((name_of(room), sorted(room.joined)) for room in firm.fake.rooms.values()),
        "tom": (account.locked, account.deactivated, len(account.devices)),
        "noted": Counter(f"{entry.deed} {entry.outcome}" for entry in entries),
        "answers": await firm.service.store.run(lambda unit: unit.count(row.select().where(row.room_id == chat))),
    }


def name_of(room: Room) -> str:
    return str(room.state.get(("m.room.name", ""), {}).get("name", ""))


@pytest.mark.parametrize("command", [*CLOSED_AT_ONCE, *BEFORE])
async def test_M3_F2_the_bridge_killed_between_any_two_steps(command: str, tmp_path: Path) -> None:
    expected, steps = await undisturbed(command, tmp_path)
    for after in some_of(steps):
        async with firm_before(tmp_path / str(after), BEFORE.get(command, "")) as firm:
            await give(firm, command, Killer(after))
            async with restarted(firm, command):
                assert (await firm.service.sync()).failed == ()
                assert await outcome(firm) == expected, f"killed after step {after} of {steps}"


@pytest.mark.parametrize("command", [*CLOSED_AT_ONCE, *BEFORE])
async def test_M3_F2_the_homeserver_killed_between_any_two_steps(command: str, tmp_path: Path) -> None:
    expected, steps = await undisturbed(command, tmp_path)
    for after in some_of(steps):
        async with firm_before(tmp_path / str(after), BEFORE.get(command, "")) as firm:
            await give(firm, command, Killer(after, homeserver=True))
            assert (await firm.service.sync()).failed == ()
            assert await outcome(firm) == expected, f"killed after step {after} of {steps}"


async def undisturbed(command: str, folder: Path) -> tuple[Json, int]:
    """What comes out where nothing happens, and in how many steps."""
    whole = Killer(ANYWHERE)
    async with firm_before(folder / "whole", BEFORE.get(command, "")) as firm:
        await give(firm, command, whole)
        return await outcome(firm), whole.taken


def some_of(steps: int) -> list[int]:
    """After which of them something is killed: spread over the whole, or all."""
    assert steps > 1
    return sorted({round(part * steps / TRIED) for part in range(1, TRIED)} & set(range(1, steps)))
