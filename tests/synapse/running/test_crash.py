"""Kill -9 between any two steps, of the bridge or of Synapse: afterwards the same rooms as without it."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

import bridge
from bridge.dev import files
from tests.synapse.harness import Json, Person, RealFirm, RealSynapse, is_welcome

KILLED = -9
T = TypeVar("T")
PROVISIONING = {
    "seeds.page": 1,
    "seeds.stored": 1,
    "account.written": 2,
    "account.recorded": 2,
    "room.intent": 4,
    "picture.uploaded": 1,
    "room.created": 4,
    "room.recorded": 4,
    "child.listed": 2,
    "direct.marked": 2,
    "member.joined": 6,
    "room.finished": 3,
}
"""Fault points passed when a firm is made, and how often at least, so that the long form knows where to stop.

In such an order that each is still to come when the bridge was killed at all before it: rooms are made one by one, the
staff space and its channels first.
"""
COMMANDS = {
    "inbox.accepted": "!channel create Tide Tables",
    "inbox.handled": "!channel create Tide Tables",
    "outbox.sending": "!channel create Tide Tables",
    "outbox.sent": "!channel create Tide Tables",
    "bot.left": "!dm @tomas.ferreira @wei.chen",
    "alias.given": '!channel rename "Kitchen Table" "Tea Table"',
    "inbox.answering": "!ping once",
    "inbox.answered": "!ping again",
}
"""Fault points passed when somebody writes to the bot, and what they write."""
CHANGES = ("member.invited",)
"""Fault points passed when the directory changes."""
IN_A_DIRECT_CONVERSATION = ("direct.said", "direct.visiting", "direct.joined", "direct.left")
"""Fault points passed when somebody adds a colleague in a direct conversation."""
BY_THE_CLOCK = {"channels.archived", "digest.asked", "digest.queued"}
"""Fault points passed at times of the day: driven in tests/component, where tests set the clock."""
OF_WALLS = {"wall.set", "wall.lifted", "room.closed", "member.removed"}
"""Fault points of walls: driven in tests/component/people/test_walls.py, the first also beside this file, and in
tests/component/matters/test_made_anew.py."""
OF_LEAVERS = {"leaver.set", "leaver.out", "leaver.deactivated"}
"""Fault points passed when somebody leaves: driven in component/people/test_leavers.py, two also beside this file."""
OF_THE_DIRECTORY = {"directory.undoing", "directory.undone"}
"""Fault points passed when a change of the directory is taken back: driven in component/directory."""
OF_FILING = {"filing.fetched", "filing.named", "filing.placed", "filing.listed"}
"""Fault points passed when a file is put into the filing cabinet: driven in tests/component/files/test_filing.py."""
OF_WEBHOOKS = {"webhook.queued", "webhook.sending", "webhook.sent", "webhook.noted"}
"""Fault points passed when a system is told of something: driven in tests/component/webhooks, one beside this file."""
OF_SOURCES = {"source.kept", "source.hinted", "source.renewing", "source.renewed", "smokeball.mirrored", "scim.stored"}
"""Fault points passed when a source of the directory is read: driven in tests/component/sources."""
LONG = os.environ.get("FIRM_BRIDGE_CRASH") == "long"


@dataclass(frozen=True)
class SmallFirm:
    """A firm of three on the shared Synapse, run by `firm-bridge sync`."""

    folder: Path

    @property
    def directory(self) -> Path:
        return self.folder / "directory.yaml"

    def write(self, team: str = "a, b", former: str = "") -> None:
        """Write the directory. `team` are the ids on the matter, `former` the id of somebody who left."""
        tag = self.folder.name
        staff = "\n".join(
            f"  - {{id: {who}, first_name: {name}, last_name: Moor, email: {name}{tag}@firm.example, role: Partner,"
            f" former: {'true' if who == former else 'false'}}}"
            for who, name in {"a": "ann", "b": "ben", "c": "cleo"}.items()
        )
        self.directory.write_text(
            f"staff:\n{staff}\nmatters:\n"
            f"  - {{id: m, number: 2026-0042, title: Estate, responsible: a, assisting: [{team}]}}\n"
            f'channels:\n  - {{name: "Court {tag}", participants: [a, c]}}\n'
        )

    def run(self, *arguments: str, fault: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bridge.cli", *arguments, "--config", str(self.folder / "bridge.yaml")],
            env={**os.environ, "FIRM_BRIDGE_FAULT": fault},
            capture_output=True,
            text=True,
            check=False,
        )

    async def killed_at(self, faults: tuple[str, ...]) -> None:
        """Run one pass after the other, each of which is killed at its point."""
        for fault in faults:
            killed = await asyncio.to_thread(self.run, "sync", "--yes", fault=fault)
            assert killed.returncode == KILLED, f"{fault}: {killed.stdout}{killed.stderr}"

    def known_rooms(self) -> set[str]:
        return stored_rooms(self.folder / "bridge.db")


def stored_rooms(database: Path) -> set[str]:
    """The rooms that a bridge knows."""
    with closing(sqlite3.connect(database)) as connection:
        rooms = [room_id for (room_id,) in connection.execute("SELECT room_id FROM room WHERE room_id IS NOT NULL")]
    assert len(rooms) == len(set(rooms))
    return set(rooms)


async def rooms_with_members(bot: Person) -> set[str]:
    """Every room of the server that anybody is in."""
    answer = await bot.get("/_synapse/admin/v1/rooms", limit="10000")
    return {room["room_id"] for room in answer["rooms"] if room["joined_members"]}


@pytest.fixture
def small_firm(synapse: RealSynapse, tmp_path: Path) -> SmallFirm:
    tag = secrets.token_hex(4)
    folder = tmp_path / tag
    folder.mkdir()
    firm = SmallFirm(folder)
    firm.write()
    old = files.read_yaml_file(synapse.place.settings_file)
    settings = {
        "homeserver": old["homeserver"],
        "appservice": old["appservice"],
        "database": {"url": f"sqlite:///{folder / 'bridge.db'}"},
        "security": {"alias_key": secrets.token_hex(32)},
        "firm": {"name": f"Moor {tag}", "firm_wide_channel": f"Everyone {tag}"},
        "directory": {"path": str(firm.directory), "removal_limit": 100},
    }
    files.write_private(folder / "bridge.yaml", json.dumps(settings))
    return firm


async def assert_whole(firm: SmallFirm, synapse: RealSynapse, before: set[str], rooms: int) -> None:
    """Every room is known, none is there twice or orphaned, and nothing is left to do."""
    done = await asyncio.to_thread(firm.run, "sync", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    made = await rooms_with_members(synapse.bot) - before
    assert made == firm.known_rooms()
    assert len(made) == rooms
    plan = await asyncio.to_thread(firm.run, "plan", "--json")
    assert json.loads(plan.stdout) == {"steps": [], "problems": []}


ROOMS_OF_SMALL_FIRM = 9
"""Two spaces of the firm, three chats with the bot, two channels, the matter's space and its conversation."""


def some_of(points: dict[str, T]) -> dict[str, T]:
    """A quarter of them, for the short form."""
    return dict(itertools.islice(points.items(), 0, None, 4))


def alone_or_in_turn(faults: Iterable[str]) -> list[Any]:
    """Each by itself in the long form; otherwise all of them on one firm, where each kills the bridge started next."""
    if LONG:
        return [pytest.param((fault,), id=fault) for fault in faults]
    return [pytest.param(tuple(faults), id="in turn")]


MAKING = [
    f"{point}:{count}"
    for point, times in (PROVISIONING if LONG else some_of(PROVISIONING)).items()
    for count in range(1, (times if LONG else 1) + 1)
]


@pytest.mark.parametrize("faults", alone_or_in_turn(MAKING))
async def test_bridge_killed_while_a_firm_is_made(
    faults: tuple[str, ...], small_firm: SmallFirm, synapse: RealSynapse
) -> None:
    before = await rooms_with_members(synapse.bot)
    await small_firm.killed_at(faults)
    await assert_whole(small_firm, synapse, before, ROOMS_OF_SMALL_FIRM)


@pytest.mark.parametrize("faults", alone_or_in_turn(CHANGES))
async def test_bridge_killed_while_people_come_and_go(
    faults: tuple[str, ...], small_firm: SmallFirm, synapse: RealSynapse
) -> None:
    before = await rooms_with_members(synapse.bot)
    await asyncio.to_thread(small_firm.run, "sync", "--yes")
    small_firm.write(team="c", former="b")
    await small_firm.killed_at(faults)
    # The room of Ben's chat with the bot stays, with the bot alone in it.
    await assert_whole(small_firm, synapse, before, ROOMS_OF_SMALL_FIRM)
    ben = synapse.acting_as(synapse.user_id(f"ben{small_firm.folder.name}"))
    assert await ben.joined_rooms() == set()


@pytest.mark.parametrize("faults", alone_or_in_turn(COMMANDS if LONG else some_of(COMMANDS)))
async def test_bridge_killed_while_it_carries_out_a_command(faults: tuple[str, ...], firm: RealFirm) -> None:
    zoe = await firm.login("zoe.lindqvist")
    for command, of_command in itertools.groupby(faults, COMMANDS.__getitem__):
        await killed_over(command, list(of_command), zoe, firm)


async def killed_over(command: str, faults: list[str], zoe: Person, firm: RealFirm) -> None:
    """Zoë gives the command; the bridge is killed at each of the points before it is left to carry it out."""
    before = await zoe.joined_rooms()
    chat = await bot_chat(zoe, firm)
    answered = len(await messages_of(zoe, chat, firm.settings.bot_id))
    since = (await zoe.sync())["next_batch"]

    def answers(asked: str) -> Callable[[str, Json], bool]:
        return lambda _, event: asked in str(event["content"].get("m.relates_to"))

    firm.start_bridge(faults[0])
    # What is answered at once is so only when nothing is left from before.
    await firm.bridge_ready()
    asked = await zoe.say(chat, command)
    assert await firm.bridge_ended() == KILLED
    for fault in faults[1:]:
        firm.start_bridge(fault)
        assert await firm.bridge_ended() == KILLED
    firm.start_bridge()
    await zoe.wait_for_event(since, answers(asked))
    await firm.bridge_ready()
    assert len(await zoe.joined_rooms() - before) == command.startswith(("!channel create", "!dm"))
    assert await rooms_with_members(firm.bot) == stored_rooms(firm.place.bridge_database) - await empty(firm)
    # A message sent after everything else is answered last: whatever was doubled would stand before it.
    await zoe.wait_for_event(since, answers(await zoe.say(chat, "!ping done")))
    said = await messages_of(zoe, chat, firm.settings.bot_id)
    assert len(said) == answered + 2, said
    firm.stop_bridge()


@pytest.mark.parametrize("fault", IN_A_DIRECT_CONVERSATION if LONG else IN_A_DIRECT_CONVERSATION[:1])
async def test_D2_bridge_killed_while_it_speaks_in_a_direct_conversation(fault: str, firm: RealFirm) -> None:
    firm.start_bridge()
    await firm.bridge_ready()
    zoe, wei = await firm.login("zoe.lindqvist"), await firm.login("wei.chen")
    before = await wei.joined_rooms()
    since = (await wei.sync())["next_batch"]
    await zoe.say(await bot_chat(zoe, firm), "!dm @wei.chen Tea?")
    old, _ = await wei.wait_for_event(since, lambda _, event: event["content"].get("body") == "Tea?")
    firm.stop_bridge()
    firm.start_bridge(f"{fault}:1")
    await zoe.say(old, "!add @rosa.delgado")
    assert await firm.bridge_ended() == KILLED
    since = (await zoe.sync())["next_batch"]
    firm.start_bridge()
    await zoe.wait_for_event(since, lambda _, event: "This one stays as it is" in str(event["content"].get("body")))
    (new,) = await wei.joined_rooms() - before - {old}
    people = {firm.user_id(name) for name in ("zoe.lindqvist", "wei.chen", "rosa.delgado")}
    assert await zoe.members(new) == people
    assert await zoe.members(old) == people - {firm.user_id("rosa.delgado")}
    (said,) = await messages_of(wei, old, firm.settings.bot_id)
    assert "Zoë Lindqvist has opened a new conversation" in said


@pytest.mark.parametrize("fault", ["room.created:1"] if not LONG else ["room.intent:1", "room.created:1"])
async def test_D1_C1_bridge_killed_while_a_hundred_ask_for_the_same(fault: str, firm: RealFirm) -> None:
    people = [await firm.login(name) for name in ("zoe.lindqvist", "wei.chen", "rosa.delgado")]
    chats = [await bot_chat(person, firm) for person in people]
    before = [await person.joined_rooms() for person in people]
    since = [(await person.sync())["next_batch"] for person in people]
    names = ["@zoe.lindqvist", "@wei.chen", "@rosa.delgado"]
    for number in range(50):
        asking = number % 3
        others = [name for name in names if name != names[asking]]
        await people[asking].say(chats[asking], f"!dm {' '.join(others if number % 2 else others[::-1])}")
        await people[asking].say(chats[asking], f"!channel create {'Tide Tables' if number % 2 else 'tide  tables'}")
    firm.start_bridge(fault)
    assert await firm.bridge_ended() == KILLED
    # Said while the bridge is down: what is said while Synapse makes up for the time may lie there until the next one.
    for person, chat in zip(people, chats, strict=True):
        await person.say(chat, "!ping done")
    firm.start_bridge()
    for person, mark in zip(people, since, strict=True):
        await person.wait_for_event(mark, lambda _, event: event["content"].get("body") == "pong done")
    # All three are in the one direct conversation, and whoever was first is in the one channel.
    new = [await person.joined_rooms() - rooms for person, rooms in zip(people, before, strict=True)]
    (direct,) = set.intersection(*new)
    (channel,) = set.union(*new) - {direct}
    assert await people[0].members(direct) == {person.user_id for person in people}
    assert await people[[channel in rooms for rooms in new].index(True)].room_name(channel) in {
        "Tide Tables",
        "tide tables",
    }
    assert await rooms_with_members(firm.bot) == stored_rooms(firm.place.bridge_database) - await empty(firm)


async def bot_chat(person: Person, firm: RealFirm) -> str:
    """The person's chat with the bot, from their own m.direct."""
    (chat,) = (await person.account_data("m.direct"))[firm.settings.bot_id]
    return str(chat)


async def messages_of(person: Person, room_id: str, sender: str) -> list[str]:
    """The bodies of what the sender said in a room, but for the welcome."""
    answer = await person.get(f"rooms/{room_id}/messages", dir="b", limit="100")
    said = (event for event in answer["chunk"] if event["type"] == "m.room.message" and event["sender"] == sender)
    return [event["content"]["body"] for event in said if not is_welcome(event)]


async def empty(firm: RealFirm) -> set[str]:
    """Rooms of the server that nobody is in."""
    answer = await firm.bot.get("/_synapse/admin/v1/rooms", limit="10000")
    return {room["room_id"] for room in answer["rooms"] if not room["joined_members"]}


async def wait_for_rooms(bot: Person, count: int) -> None:
    """Wait until the bot is in that many rooms."""
    seen: set[str] = set()
    since = ""
    while len(seen) < count:
        answer = await bot.sync(since)
        since = answer["next_batch"]
        seen |= answer.get("rooms", {}).get("join", {}).keys()


@pytest.mark.parametrize("moments", [(3, 15)] if not LONG else [(1,), (3,), (6,), (10,), (15,), (25,)], ids=str)
async def test_synapse_killed_while_a_firm_is_made(moments: tuple[int, ...], new_firm: RealFirm) -> None:
    firm = new_firm
    firm.start_bridge()
    for rooms in moments:
        await wait_for_rooms(firm.bot, rooms)
        firm.kill_synapse()
        await firm.start_synapse()
    await firm.bridge_ready()
    assert await rooms_with_members(firm.bot) == stored_rooms(firm.place.bridge_database)
    firm.stop_bridge()
    command = [sys.executable, "-m", "bridge.cli", "plan", "--json", "--config", str(firm.place.settings_file)]
    plan = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert json.loads(plan.stdout) == {"steps": [], "problems": []}


def test_every_fault_point_is_driven() -> None:
    source = Path(bridge.__file__).parent
    points = {
        found
        for file in source.rglob("*.py")
        for found in re.findall(r'point\("([a-z.]+)"\)', file.read_text(encoding="utf-8"))
    }
    elsewhere = BY_THE_CLOCK | OF_WALLS | OF_LEAVERS | OF_THE_DIRECTORY | OF_FILING | OF_WEBHOOKS | OF_SOURCES
    assert points == {*PROVISIONING, *COMMANDS, *CHANGES, *IN_A_DIRECT_CONVERSATION, *elsewhere}
