"""A direct conversation that somebody left, on the real Synapse with the guard: it comes back, with all of it (V1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.synapse.guard.test_creation import create, start_chat
from tests.synapse.guard.test_guard import guarded_firm
from tests.synapse.harness import Person

Json = dict[str, Any]


async def history(person: Person, room_id: str) -> list[Json]:
    """What somebody can read in a room, newest first."""
    chunk: list[Json] = (await person.get(f"rooms/{quote(room_id)}/messages", dir="b", limit="100"))["chunk"]
    return chunk


async def leave(person: Person, room_id: str) -> tuple[str, set[str]]:
    """Leave a room in the client; the place in the sync where that was, and the events that are no news any more."""
    known = {event["event_id"] for event in await history(person, room_id)}
    since = str((await person.sync())["next_batch"])
    (await person.request("POST", f"rooms/{quote(room_id)}/leave")).ok()
    return since, known


async def back_in(person: Person, room_id: str, left: tuple[str, set[str]]) -> list[str]:
    """Wait until somebody is in the room again, and return the messages that they can read in it, newest first."""
    since, known = left

    def joined(where: str, event: Json) -> bool:
        mine = event["type"] == "m.room.member" and event.get("state_key") == person.user_id
        return where == room_id and mine and event["content"]["membership"] == "join" and event["event_id"] not in known

    await person.wait_for_event(since, joined)
    read = await history(person, room_id)
    return [str(event["content"].get("body")) for event in read if event["type"] == "m.room.message"]


async def test_V1_who_left_is_brought_back_by_a_message_and_reads_what_they_missed(tmp_path: Path) -> None:
    async with guarded_firm(tmp_path) as guarded:
        ann, ben, cleo = guarded.ann, guarded.ben, guarded.cleo
        room_id = (await create(ann, start_chat(ben))).ok()["room_id"]
        await ann.say(room_id, "before")
        left = await leave(ben, room_id)
        await ann.say(room_id, "The offer is 40k")
        assert await back_in(ben, room_id, left) == ["The offer is 40k", "before"]

        left = await leave(ben, room_id)
        (await ann.request("POST", f"rooms/{quote(room_id)}/invite", {"user_id": ben.user_id})).ok()
        assert await back_in(ben, room_id, left) == ["The offer is 40k", "before"]

        # Nobody else is let in by that, and the bot is in neither (D2, D3).
        answer = await ann.request("POST", f"rooms/{quote(room_id)}/invite", {"user_id": cleo.user_id})
        assert answer.status == 403
        # It visited to name the room while Ben was away.
        while await ann.members(room_id) != {ann.user_id, ben.user_id}:
            pass
