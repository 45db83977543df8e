"""The matter that Hal was in: what was said and sent before he was put behind a wall, and what is added to it after."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bridge.firm.conversation import first_matter_conversation_id
from tests.synapse.harness import Json, Person
from tests.synapse.running.test_provisioning import membership_of, now

if TYPE_CHECKING:
    from tests.synapse.attacks.stage import Stage

_numbers = itertools.count(1)
SLIDING_SYNC = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync"
ALL_ROOMS: Json = {
    "lists": {"all": {"ranges": [[0, 99]], "timeline_limit": 20, "required_state": [["*", "*"]]}},
}


async def furnish(stage: Stage) -> None:
    """Let things be said and sent while Hal is in it, and let him keep every position that a client can keep."""
    ann, hal, things, word = stage.people["ann"], stage.people["hal"], stage.things, stage.canaries
    room = things["past"]
    await wait_until_in(hal, room)
    things["hal_first"] = await now(hal)
    things["hal_pos"] = (await hal.request("POST", SLIDING_SYNC, ALL_ROOMS, timeout="0")).ok()["pos"]
    things["past_event"] = await ann.say(room, f"Before the wall: {word['earlier']}")
    things["past_thread"] = await ann.say(room, f"A thread about {word['earlier']}")
    things["past_deleted"] = await ann.say(room, f"To be deleted: {word['earlier']}")
    mention = {"msgtype": "m.text", "body": f"Hal, {word['earlier']}", "m.mentions": {"user_ids": [hal.user_id]}}
    things["past_mention"] = await send(ann, room, mention)
    things["past_media"] = await upload(stage, ann, word["earlier"], f"{word['earlier']}.txt")
    content = {"msgtype": "m.file", "body": f"{word['earlier']}.txt", "url": f"mxc://localhost/{things['past_media']}"}
    things["past_file"] = await send(ann, room, content)
    things["hal_event"] = await hal.say(room, "What I said")
    things["hal_own"] = await now(hal)
    page = await hal.get(f"rooms/{quote(room)}/messages", dir="b", limit="2")
    things["hal_page"] = page["end"]
    pushed = await hal.get("notifications")
    assert word["earlier"] in str(pushed), "The notifications of somebody who is in it have its text."


async def go_on(stage: Stage) -> None:
    """Once Hal is out, let the others try to add to what he saw, and go on in the room that was made anew."""
    ann, hal, things, word = stage.people["ann"], stage.people["hal"], stage.things, stage.canaries
    room = things["past"]
    await wait_until_out(stage, hal, room)
    await wait_until_out(stage, hal, things["past_space"])
    while (goes_on := stage.room_now(first_matter_conversation_id("p"))) in {None, room}:
        await stage.firm.bot.sync()
    things["past_now"] = goes_on
    await wait_until_in(ann, goes_on)
    edited = {"msgtype": "m.text", "body": f"Edited: {word['added']}"}
    replaces = {"rel_type": "m.replace", "event_id": things["past_event"]}
    await refused(ann, room, {**edited, "m.new_content": edited, "m.relates_to": replaces})
    in_thread = {"rel_type": "m.thread", "event_id": things["past_thread"]}
    await refused(ann, room, {"msgtype": "m.text", "body": f"Reply: {word['added']}", "m.relates_to": in_thread})
    media = await upload(stage, ann, word["added"], f"{word['added']}.txt")
    file = {"msgtype": "m.file", "body": f"{word['added']}.txt", "url": f"mxc://localhost/{media}"}
    await refused(ann, room, {**file, "m.relates_to": in_thread})
    reaction = {"m.relates_to": {"rel_type": "m.annotation", "event_id": things["past_event"], "key": word["added"]}}
    await refused(ann, room, reaction, "m.reaction")
    path = f"rooms/{quote(room)}/redact/{quote(things['past_deleted'])}/past{next(_numbers)}"
    assert (await ann.request("PUT", path, {"reason": word["added"]})).status == 403
    await send(ann, goes_on, file)
    things["past_late"] = await ann.say(goes_on, f"Hal is out: {word['added']}")


async def send(person: Person, room: str, content: Json, event_type: str = "m.room.message") -> str:
    """Send an event and return its id."""
    path = f"rooms/{quote(room)}/send/{event_type}/past{next(_numbers)}"
    return str((await person.request("PUT", path, content)).ok()["event_id"])


async def refused(person: Person, room: str, content: Json, event_type: str = "m.room.message") -> None:
    """See that an event is not taken."""
    path = f"rooms/{quote(room)}/send/{event_type}/past{next(_numbers)}"
    assert (await person.request("PUT", path, content)).status == 403


async def upload(stage: Stage, person: Person, content: str, name: str) -> str:
    """Upload a text and return its media id."""
    headers = {"Authorization": f"Bearer {person.token}", "Content-Type": "text/plain"}
    url = f"{stage.firm.url}/_matrix/media/v3/upload"
    async with stage.firm.http.post(url, params={"filename": name}, headers=headers, data=content) as response:
        uploaded: Any = await response.json()
    return str(uploaded["content_uri"]).rpartition("/")[2]


async def wait_until_in(person: Person, room: str) -> None:
    """Wait until somebody has joined."""
    since = await now(person)
    if room not in await person.joined_rooms():
        await person.wait_for_event(since, membership_of(person.user_id, "join", room))


async def wait_until_out(stage: Stage, person: Person, room: str) -> None:
    """Wait until somebody is out of a room, and Synapse has forgotten that they were in it."""
    memberships = f"/_synapse/admin/v1/users/{quote(person.user_id)}/memberships"
    while (await stage.firm.bot.get(memberships))["memberships"].get(room) == "join":
        pass
