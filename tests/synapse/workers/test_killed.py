"""Every process of Synapse killed and started during walls, leavers and creations: nobody comes in, no refusal is
lost (R2, O1)."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sys
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from bridge.firm.conversation import channel_id, channel_key
from tests.synapse.guard.test_guard import GuardedFirm
from tests.synapse.guard.test_refusals import counted, exported
from tests.synapse.guard.test_walls import DIRECTORY
from tests.synapse.harness import Answer, Json, Person
from tests.synapse.running.test_crash import bot_chat
from tests.synapse.workers.cluster import WORKERS, Cluster
from tests.synapse.workers.test_told import small_firm, until

ROUNDS = 2
"""How often each process of Synapse is killed."""
LOOKS = 15
"""How often an answer is looked for, two seconds at most, before something is typed again."""
CLIENTS = ("client1", "client2")
_numbers = itertools.count()


@dataclass
class Siege:
    """What goes on while the processes of Synapse are killed: walls, leavers, creations, and who tries to get round."""

    firm: Cluster
    on: GuardedFirm
    folder: Path
    people: dict[tuple[str, str], Person]
    """By name and by the worker that answers them."""
    chats: dict[str, str]
    """Each one's with the bot, by name."""
    everybody: str
    """The firm-wide channel."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    wall: int = 0
    """Odd while Ben is kept out, another one each time."""
    gone: int = 0
    """Odd while Dan has left and has been cut off, another one each time."""
    matters: set[str] = field(default_factory=set)
    """The rooms in which the matter's conversation was held."""
    channels: set[str] = field(default_factory=set)
    """The names of those that were made."""
    asked: int = 0
    """How often Ann asked to invite a stranger."""
    refused: list[str] = field(default_factory=list)
    """Whom Ann was refused to invite."""
    came_in: list[str] = field(default_factory=list)
    """What somebody was let do that nobody must."""

    async def ann_invites_strangers(self) -> None:
        """Each another one, so that each refusal is one of its own."""
        for worker in itertools.cycle(CLIENTS):
            if self.over.is_set():
                return
            whom = self.firm.user_id(f"nobody{next(_numbers)}")
            self.asked += 1
            status = await self.status("ann", worker, "POST", f"rooms/{quote(self.everybody)}/invite", whom)
            if status == 403:
                self.refused.append(whom)
            if status == 200:
                self.came_in.append(f"invited {whom} by {worker}")
            await asyncio.sleep(0.1)

    async def who_must_not_tries_to_come_in(self) -> None:
        """Ben into the matter while there is a wall, Dan anywhere once he has left, and Cleo tries to bring them."""
        for worker in itertools.cycle(CLIENTS):
            if self.over.is_set():
                return
            wall, gone, room = self.wall, self.gone, quote(self.on.matter)
            ben_tried = {
                "joined": await self.status("ben", worker, "POST", f"rooms/{room}/join"),
                "was invited": await self.status("cleo", worker, "POST", f"rooms/{room}/invite", self.on.ben.user_id),
            }
            if wall % 2 and self.wall == wall:
                self.came_in += [f"Ben {how} by {worker}" for how, status in ben_tried.items() if status == 200]
            everybody = quote(self.everybody)
            dan_tried = {
                "read": await self.status("dan", worker, "GET", "joined_rooms"),
                "joined": await self.status("dan", worker, "POST", f"rooms/{everybody}/join"),
                "was invited": await self.status(
                    "cleo", worker, "POST", f"rooms/{everybody}/invite", self.on.dan.user_id
                ),
            }
            if gone % 2 and self.gone == gone:
                self.came_in += [f"Dan {how} by {worker}" for how, status in dan_tried.items() if status == 200]
            await asyncio.sleep(0.1)

    async def status(self, name: str, worker: str, method: str, path: str, invited: str = "") -> int:
        """What a worker answers somebody; 0 where it does not."""
        body = {"user_id": invited} if invited else None
        answer = await tried(self.people[name, worker], method, path, body)
        return 0 if answer is None else answer.status

    async def walls(self) -> None:
        """Wall Ben off and let him in again, all the while."""
        ann, ben = await self.firm.through(self.on.ann, "main"), await self.firm.through(self.on.ben, "main")
        chat, his_chat = self.chats["ann"], self.chats["ben"]

        async def ben_is(there: bool) -> bool:
            answer = await tried(ben, "GET", "joined_rooms", None)
            if answer is None or answer.status != 200:
                return False
            self.matters.add(self.on.matter)
            return there == bool(self.matters & set(answer.body["joined_rooms"]))

        while not self.over.is_set():
            told = await said(ann, chat, "!wall add 2026-0042 @ben A cousin.")
            assert "keeps Ben Moor out" in told
            await until(partial(ben_is, there=False))
            position = self.position()
            self.wall += 1
            await asyncio.sleep(2)
            self.wall += 1
            self.matters.add(self.on.matter)
            self.came_in += self.brought_in(self.on.ben, position, self.matters)
            await said(ann, chat, f"!wall lift {told.partition(' ')[0]}")
            # What gives access waits until the guard has been told.
            while not await ben_is(there=True):
                await said(ben, his_chat, "!matter join 2026-0042")

    async def leavers(self) -> None:
        """Have Dan leave the firm and come back, all the while."""
        while not self.over.is_set():
            staff_is(self.folder, former="d")
            await until(lambda: is_cut_off(self.people["dan", "client1"]))
            position = self.position()
            self.gone += 1
            await asyncio.sleep(2)
            self.gone += 1
            self.came_in += self.brought_in(self.on.dan, position)
            staff_is(self.folder, former="")
            await until(self.dan_is_back)

    async def dan_is_back(self) -> bool:
        """Whether Dan, who logs in anew where he must, is in the firm-wide channel."""
        dan = await self.firm.through(self.people["dan", "client1"], "main")
        answer = await tried(dan, "GET", "joined_rooms", None)
        if answer is None or answer.status != 200:
            with suppress(AssertionError, aiohttp.ClientError, TimeoutError):
                dan = await self.firm.login("dan")
                for worker in CLIENTS:
                    self.people["dan", worker] = await self.firm.through(dan, worker)
            return False
        return self.everybody in answer.body["joined_rooms"]

    async def creations(self) -> None:
        """Have Cleo make channels, all the while."""
        cleo = await self.firm.through(self.on.cleo, "main")
        chat = self.chats["cleo"]
        while not self.over.is_set():
            name = f"Court {len(self.channels)}"
            self.channels.add(name)
            await said(cleo, chat, f"!channel create {name}")

    async def processes_are_killed(self) -> None:
        """One after another, in no order, and started again."""
        for name in (name for _ in range(ROUNDS) for name in random.sample(PROCESSES, len(PROCESSES))):
            self.firm.kill(name)
            await asyncio.sleep(random.random() * 2)
            self.firm.start(name)
            await self.firm.answers(name)
        self.over.set()

    def position(self) -> int:
        """Of the newest event."""
        return int(self.firm.homeserver_rows("SELECT max(stream_ordering) FROM events")[0][0])

    def brought_in(self, who: Person, since: int, rooms: Collection[str] = ()) -> list[str]:
        """What Synapse wrote since that position that brings somebody in, in these rooms or for none in any."""
        found = self.firm.homeserver_rows(
            "SELECT room_id, membership FROM room_memberships JOIN events USING (event_id, room_id)"
            f" WHERE user_id = '{who.user_id}' AND membership IN ('invite', 'join', 'knock')"
            f" AND stream_ordering > {since}"
        )
        return [f"{who.user_id}: {membership} in {room}" for room, membership in found if not rooms or room in rooms]


PROCESSES = ("main", *WORKERS)


@pytest.mark.timeout(1200)
async def test_R2_nobody_comes_in_and_no_refusal_is_lost_while_synapse_is_killed(tmp_path: Path) -> None:
    async with small_firm(tmp_path, WORKERS, CLIENTS) as (firm, on):
        named = {"ann": on.ann, "ben": on.ben, "cleo": on.cleo, "dan": on.dan}
        people = {(name, worker): await firm.through(one, worker) for name, one in named.items() for worker in CLIENTS}
        chats = {name: await bot_chat(one, firm) for name, one in named.items()}
        siege = Siege(firm, on, tmp_path, people, chats, on.room(channel_id(channel_key("Everyone"))))
        async with asyncio.TaskGroup() as group:
            for part in (
                siege.ann_invites_strangers,
                siege.who_must_not_tries_to_come_in,
                siege.walls,
                siege.leavers,
                siege.creations,
                siege.processes_are_killed,
            ):
                group.create_task(part())

        cleo = await firm.through(on.cleo, "main")

        async def all_is_made() -> bool:
            return siege.channels <= {await cleo.room_name(room) for room in await cleo.joined_rooms()}

        await until(all_is_made)
        sys.stderr.write(
            f"{siege.wall // 2} walls, {siege.gone // 2} leavers, {len(siege.channels)} channels,"
            f" {len(siege.refused)} of {siege.asked} invitations refused.\n"
        )
        assert siege.came_in == []
        assert siege.wall
        assert siege.gone
        assert siege.refused

        async def all_in_the_log() -> bool:
            found = [one for one in await exported(firm) if (one["deed"], one["actor"]) == ("tried_to_invite", "a")]
            named = Counter(one["person"] for one in found if one["person"])
            # Of very many that differ, some are only counted; each is there once.
            total = sum(counted(found).values())
            assert max(named.values(), default=0) <= 1
            assert total <= siege.asked
            return total >= len(siege.refused)

        await until(all_in_the_log)
        verdicts = [one["deed"] for one in await exported(firm) if one["deed"] == "refusals_missing"]
        assert verdicts == []


async def tried(person: Person, method: str, path: str, body: Json | None) -> Answer | None:
    """What Synapse said, if it said anything."""
    try:
        return await person.request(method, path, body)
    except (aiohttp.ClientError, TimeoutError):
        return None


async def said(person: Person, chat: str, text: str) -> str:
    """Type something to the bot, however long that takes, and return its answer.

    It is typed again where none comes: Synapse notes that a service was told of an event before it has written down
    what to tell it (1.163.2, ApplicationServicesHandler), so what is killed between the two tells nobody.
    """
    since = (await surely(person, "GET", "sync", None))["next_batch"]
    path = f"rooms/{quote(chat)}/send/m.room.message/siege"
    typed: set[str] = set()
    while True:
        content = {"msgtype": "m.text", "body": text}
        typed.add((await surely(person, "PUT", f"{path}{next(_numbers)}", content))["event_id"])
        for _ in range(LOOKS):
            answer = await surely(person, "GET", f"sync?since={quote(since)}&timeout=2000", None)
            since = answer["next_batch"]
            room = answer.get("rooms", {}).get("join", {}).get(chat, {})
            for event in room.get("timeline", {}).get("events", ()):
                if event["content"].get("m.relates_to", {}).get("m.in_reply_to", {}).get("event_id") in typed:
                    return str(event["content"]["body"])


async def surely(person: Person, method: str, path: str, body: Json | None) -> Json:
    """The body of the answer 200, which comes when it comes."""
    while (answer := await tried(person, method, path, body)) is None or answer.status != 200:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.3)
    found: Json = answer.body
    return found


def staff_is(folder: Path, former: str) -> None:
    """Have somebody leave the firm, or everybody be in it."""
    staff = [{**one, "former": one["id"] == former} for one in DIRECTORY["staff"]]
    (folder / "directory.yaml").write_text(json.dumps({**DIRECTORY, "staff": staff}))


async def is_cut_off(person: Person) -> bool:
    """Whether somebody's session has ended."""
    answer = await tried(person, "GET", "account/whoami", None)
    return answer is not None and answer.status in {401, 403}
