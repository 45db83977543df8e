"""A wall set by command, on the real Synapse: nothing sent after it is read by whom it screens (M3)."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bridge.firm.conversation import first_matter_conversation_id
from bridge.firm.room_keys import matter_space_key
from tests.synapse.asked.test_channels import asking
from tests.synapse.guard.test_guard import GuardedFirm
from tests.synapse.harness import Json, Person, real_firm
from tests.synapse.running.test_crash import KILLED, bot_chat
from tests.synapse.running.test_provisioning import now

NAMES = {"a": "ann", "b": "ben", "c": "cleo", "d": "dan"}
DIRECTORY: Json = {
    "staff": [
        {"id": who, "first_name": name.title(), "last_name": "Moor", "email": f"{name}@firm.example", "role": "Owner"}
        for who, name in NAMES.items()
    ],
    "matters": [
        {"id": "m", "number": "2026-0042", "title": "Estate", "responsible": "a", "assisting": ["b", "c", "d"]}
    ],
}
EVERY_SECONDS = 0.04
"""Between two messages of one sender; two of them make fifty a second."""


@asynccontextmanager
async def walled_firm(folder: Path) -> AsyncIterator[GuardedFirm]:
    """Four people in one matter, all of them firm admins."""
    (folder / "directory.yaml").write_text(json.dumps(DIRECTORY))
    own: dict[str, Json] = {
        "directory": {"path": str(folder / "directory.yaml")},
        "accounts": {"avatars": False},
    }
    async with real_firm(folder / "var", own) as firm:
        firm.start_bridge()
        await firm.bridge_ready()
        people = [await firm.login(name) for name in NAMES.values()]
        for person in people:
            path = f"/_synapse/admin/v1/users/{quote(person.user_id)}/override_ratelimit"
            (await firm.bot.request("POST", path, {"messages_per_second": 0, "burst_count": 0})).ok()
        yield GuardedFirm(firm, *people)


async def answered(person: Person, since: str, words: str) -> None:
    """Wait until the bot has said something with these words."""
    await person.wait_for_event(since, lambda _, event: words in str(event["content"].get("body")))


async def pour(person: Person, room: str, sent: list[str], count: int, stop: asyncio.Event) -> None:
    """Send messages, fast: so many, until it is enough, or until the room is closed. `sent` takes their event ids."""
    clock = asyncio.get_running_loop().time
    begin = clock()
    for number in range(count):
        if stop.is_set():
            return
        content = {"msgtype": "m.text", "body": f"Secret {number}"}
        path = f"rooms/{quote(room)}/send/m.room.message/pour{next(_numbers)}"
        answer = await person.request("PUT", path, content)
        if answer.status == 403:
            return
        sent.append(answer.ok()["event_id"])
        await asyncio.sleep(max(0.0, begin + (number + 1) * EVERY_SECONDS - clock()))


_numbers = itertools.count()


async def watch(person: Person, since: str, seen: list[Json], begun: asyncio.Event) -> None:
    """Sync on and on in an open session, and keep all that comes. `begun` is set with the first message."""
    while True:
        answer = await person.sync(since)
        since = answer["next_batch"]
        seen.append(answer)
        if "Secret" in json.dumps(answer):
            begun.set()


async def read_by(person: Person, room: str, event_ids: list[str], seen: list[Json]) -> list[str]:
    """What of these events the person can read in any way: a sentence for each way and event."""
    found = [f"sync {event_id}" for event_id in event_ids if event_id in json.dumps(seen)]
    asked: list[tuple[str, Any]] = [("GET", f"rooms/{quote(room)}/messages?dir=b&limit=100")]
    for event_id in (event_ids[0], event_ids[len(event_ids) // 2], event_ids[-1]):
        asked += [("GET", f"rooms/{quote(room)}/{way}/{quote(event_id)}") for way in ("context", "event")]
    for method, path in asked:
        answer = await person.request(method, path)
        found += [f"{path} {answer.status}"] * (answer.status == 200)
    term = {"search_categories": {"room_events": {"search_term": "Secret", "order_by": "recent"}}}
    said = json.dumps((await person.request("POST", "search", term)).ok())
    found += [f"search {event_id}" for event_id in event_ids if event_id in said]
    whole = json.dumps((await person.request("GET", "sync", timeout="0", full_state="true")).body)
    return found + [f"whole sync {event_id}" for event_id in event_ids if event_id in whole]


async def test_M3_nothing_sent_after_a_wall_is_read_by_whom_it_screens(tmp_path: Path) -> None:
    async with walled_firm(tmp_path) as on:
        old, chat = on.matter, await bot_chat(on.ann, on.firm)
        marks = [(await person.sync())["next_batch"] for person in (on.ann, on.ben)]
        before: list[str] = []
        after: list[str] = []
        seen: list[Json] = []
        begun, walled, never = asyncio.Event(), asyncio.Event(), asyncio.Event()
        session = asyncio.create_task(watch(on.ben, marks[1], seen, begun))
        async with asyncio.TaskGroup() as group:
            for person in (on.cleo, on.dan):
                group.create_task(pour(person, old, before, 10_000, walled))
            await begun.wait()
            await on.ann.say(chat, "!wall add 2026-0042 @ben His cousin is the other side")
            await answered(on.ann, marks[0], "Ben Moor: taken out of 1 conversation")
            room = on.room(first_matter_conversation_id("m"))
            assert room != old
            for person in (on.cleo, on.dan):
                group.create_task(pour(person, room, after, 50, never))
            walled.set()
        assert len(after) == 100
        # His session goes on, or began anew, and has by now heard of what came after.
        marks[1] = await now(on.ben)
        await on.ben.say(await bot_chat(on.ben, on.firm), "!ping done")
        await answered(on.ben, marks[1], "pong done")
        session.cancel()
        assert await read_by(on.ben, room, after, seen) == []
        again = await on.firm.login("ben")
        assert await read_by(again, room, after, []) == []
        assert await read_by(again, old, before, []) == []
        assert not {room, old} & await on.ben.joined_rooms()
        assert (await on.ben.request("POST", f"rooms/{quote(room)}/join")).status == 403
        invited = await on.ann.request("POST", f"rooms/{quote(room)}/invite", {"user_id": on.ben.user_id})
        assert invited.status == 403
        # What he could have read before is told in numbers.
        await on.ann.say(chat, "!wall report 2026-0042")
        _, event = await on.ann.wait_for_event(
            marks[0], lambda _, event: "Ben Moor was in it" in str(event["content"].get("body"))
        )
        assert "Secret" not in str(event["content"])


async def test_M3_killed_between_the_steps_of_a_wall_everything_is_right_after_the_restart(tmp_path: Path) -> None:
    async with walled_firm(tmp_path) as on:
        room, chat = on.matter, await bot_chat(on.ann, on.firm)
        since = (await on.ann.sync())["next_batch"]
        on.firm.stop_bridge()
        # Killed before the guard knows, then after the first room.
        on.firm.start_bridge("wall.set:1")
        await on.ann.say(chat, "!wall add 2026-0042 @ben His cousin is the other side")
        assert await on.firm.bridge_ended() == KILLED
        on.firm.start_bridge("member.removed:1")
        assert await on.firm.bridge_ended() == KILLED
        on.firm.start_bridge()
        await on.firm.bridge_ready()
        goes_on = on.room(first_matter_conversation_id("m"))
        sent = [await on.cleo.say(goes_on, "Secret")]
        assert await read_by(on.ben, goes_on, sent, []) == []
        space = on.room(matter_space_key("m"))
        assert not {room, goes_on, space} & await on.ben.joined_rooms()
        await answered(on.ann, since, "Ben Moor: taken out of 1 conversation")
        # One wall, one answer.
        await on.ann.say(chat, "!wall list")
        _, event = await on.ann.wait_for_event(since, lambda _, event: "Set by" in str(event["content"].get("body")))
        assert str(event["content"]["body"]).count("keeps Ben Moor") == 1


async def test_M3_a_client_that_was_away_while_it_could_read_again_begins_anew(tmp_path: Path) -> None:
    """Of a closed conversation, which stays in its room, somebody is kept out, let back in, and kept out again."""
    async with walled_firm(tmp_path) as on:
        room, cleo = on.matter, on.cleo
        ask = asking(on.firm, on.ann, await bot_chat(on.ann, on.firm))
        await ask("!matter archive 2026-0042")
        await ask("!wall add 2026-0042 @cleo A cousin.")
        began = (await cleo.sync())["next_batch"]
        assert (await cleo.request("GET", "sync", since=began, timeout="0")).status == 200
        await ask("!wall lift 2026-0042")
        await asking(on.firm, cleo, await bot_chat(cleo, on.firm))("!matter join 2026-0042")
        (await on.dan.request("POST", f"rooms/{quote(room)}/leave")).ok()
        await ask("!wall add 2026-0042 @cleo Another cousin.")
        assert on.matter == room
        assert (await on.memberships(room))[cleo.user_id] == "leave"
        again = await cleo.request("GET", "sync", since=began, timeout="0")
        assert (again.status, again.code) == (401, "M_UNKNOWN_TOKEN")
