"""Every worker killed and started during walls, a leaver and creations: nobody comes in, nothing is lost (R2, O1)."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections import Counter
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

ROUNDS = 8
CLIENTS = ("client1", "client2")
_numbers = itertools.count()


@dataclass
class Siege:
    """What goes on while workers are killed."""

    firm: Cluster
    on: GuardedFirm
    people: dict[tuple[str, str], Person]
    """By name and by the worker that answers them."""
    everybody: str
    """The firm-wide channel."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    wall: int = 0
    """Odd while Ben is kept out, another one each time."""
    gone: bool = False
    """Whether Dan has left and has been cut off."""
    asked: int = 0
    """How often Ann asked to invite somebody."""
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
            path = f"rooms/{quote(self.everybody)}/invite"
            self.asked += 1
            answer = await tried(self.people["ann", worker], "POST", path, {"user_id": whom})
            if answer is not None and answer.status == 403:
                self.refused.append(whom)
            if answer is not None and answer.status == 200:
                self.came_in.append(f"invited {whom} by {worker}")
            await asyncio.sleep(0.1)

    async def who_must_not_tries_to_come_in(self) -> None:
        """Ben into the matter while there is a wall, Dan anywhere once he has left."""
        for worker in itertools.cycle(CLIENTS):
            if self.over.is_set():
                return
            wall, gone, room = self.wall, self.gone, self.on.matter
            answer = await tried(self.people["ben", worker], "POST", f"rooms/{quote(room)}/join", {})
            if answer is not None and answer.status == 200 and wall % 2 and self.wall == wall:
                self.came_in.append(f"Ben into {room} by {worker}")
            answer = await tried(self.people["dan", worker], "GET", "joined_rooms", None)
            if answer is not None and answer.status == 200 and gone:
                self.came_in.append(f"Dan by {worker}")
            await asyncio.sleep(0.1)

    async def workers_are_killed(self) -> None:
        """One after another, in no order, and started again."""
        for _ in range(ROUNDS):
            name = random.choice(WORKERS)
            self.firm.kill(name)
            await asyncio.sleep(random.random() * 2)
            self.firm.start(name)
            await self.firm.answers(name)
        self.over.set()


@pytest.mark.timeout(900)
async def test_R2_nobody_comes_in_and_no_refusal_is_lost_while_workers_are_killed(tmp_path: Path) -> None:
    async with small_firm(tmp_path, WORKERS, CLIENTS) as (firm, on):
        named = {"ann": on.ann, "ben": on.ben, "dan": on.dan}
        people = {(name, worker): await firm.through(one, worker) for name, one in named.items() for worker in CLIENTS}
        siege = Siege(firm, on, people, on.room(channel_id(channel_key("Everyone"))))
        ann = await firm.through(on.ann, "main")
        ben = await firm.through(on.ben, "main")
        chat, his_chat = await bot_chat(ann, firm), await bot_chat(ben, firm)

        async def is_out(room: str) -> bool:
            return room not in await ben.joined_rooms()

        async with asyncio.TaskGroup() as group:
            group.create_task(siege.ann_invites_strangers())
            group.create_task(siege.who_must_not_tries_to_come_in())
            group.create_task(siege.workers_are_killed())
            channels: set[str] = set()
            while not siege.over.is_set():
                channels.add(f"Court {len(channels)}")
                room = on.matter
                told = await said(ann, chat, "!wall add 2026-0042 @ben A cousin.")
                assert "keeps Ben Moor out" in told
                await until(partial(is_out, room))
                siege.wall += 1
                await said(ann, chat, f"!channel create Court {len(channels) - 1}")
                if not siege.gone:
                    leave(tmp_path, "d")
                    await until(lambda: is_cut_off(on.dan))
                    siege.gone = True
                siege.wall += 1
                await said(ann, chat, f"!wall lift {told.partition(' ')[0]}")
                await said(ben, his_chat, "!matter join 2026-0042")

        async def all_is_made() -> bool:
            names = {await ann.room_name(room) for room in await ann.joined_rooms()}
            return channels <= names and not await is_out(on.matter)

        await until(all_is_made)
        assert siege.came_in == []
        assert siege.refused

        async def all_in_the_log() -> bool:
            found = [one for one in await exported(firm) if one["deed"] == "tried_to_invite"]
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
    """Type something to the bot, however long that takes, and return its answer."""
    since = (await surely(person, "GET", "sync", None))["next_batch"]
    path = f"rooms/{quote(chat)}/send/m.room.message/siege{next(_numbers)}"
    event_id = (await surely(person, "PUT", path, {"msgtype": "m.text", "body": text}))["event_id"]
    while True:
        answer = await surely(person, "GET", f"sync?since={quote(since)}&timeout=2000", None)
        since = answer["next_batch"]
        room = answer.get("rooms", {}).get("join", {}).get(chat, {})
        for event in room.get("timeline", {}).get("events", ()):
            if event["content"].get("m.relates_to", {}).get("m.in_reply_to", {}).get("event_id") == event_id:
                return str(event["content"]["body"])


async def surely(person: Person, method: str, path: str, body: Json | None) -> Json:
    """The body of the answer 200, which comes when it comes."""
    while (answer := await tried(person, method, path, body)) is None or answer.status != 200:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.3)
    found: Json = answer.body
    return found


def leave(folder: Path, staff_id: str) -> None:
    """Have somebody leave the firm."""
    gone = {**DIRECTORY, "staff": [{**one, "former": one["id"] == staff_id} for one in DIRECTORY["staff"]]}
    (folder / "directory.yaml").write_text(json.dumps(gone))


async def is_cut_off(person: Person) -> bool:
    """Whether somebody's session has ended."""
    answer = await tried(person, "GET", "account/whoami", None)
    return answer is not None and answer.status in {401, 403}
