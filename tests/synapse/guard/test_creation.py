"""Start chat and New room of ordinary clients on the real Synapse with the guard: the firm's rooms come of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from bridge.firm.room_keys import STAFF_SPACE, matter_space_key
from bridge.firm.room_rules import REMOVER_LEVEL
from bridge.guard.creation import BRIDGE_AWAY, NO_SPACES, NOT_STAFF, PRIVATE, TAKES_LONG
from bridge.guard.gate import BOT_ONLY, NOT_ADDED
from tests.synapse.guard.test_guard import guarded_firm
from tests.synapse.harness import Answer, Person, RealFirm
from tests.synapse.running.test_crash import KILLED, empty, rooms_with_members, stored_rooms
from tests.synapse.running.test_provisioning import now

ENCRYPTED = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}


def start_chat(*people: Person) -> dict[str, Any]:
    """What Element sends for Start chat."""
    return {
        "preset": "trusted_private_chat",
        "visibility": "private",
        "is_direct": True,
        "invite": [person.user_id for person in people],
        "initial_state": [{"type": "m.room.guest_access", "state_key": "", "content": {}}, ENCRYPTED],
    }


def public(name: str, **more: Any) -> dict[str, Any]:
    """What Element sends for a public New room outside of any space."""
    return {"name": name, "visibility": "public", "preset": "public_chat", "initial_state": [], **more}


def for_members(space: str, name: str, **more: Any) -> dict[str, Any]:
    """What Element sends for New room in a space: its members may join, as is its default there."""
    allow = [{"type": "m.room_membership", "room_id": space}]
    first = [
        {"type": "m.space.parent", "state_key": space, "content": {"canonical": True, "via": ["localhost"]}},
        {"type": "m.room.join_rules", "content": {"join_rule": "restricted", "allow": allow}},
        {"type": "m.room.history_visibility", "content": {"history_visibility": "invited"}},
    ]
    asked = {"name": name, "preset": "private_chat", "visibility": "private", "room_version": "9"}
    return {**asked, "initial_state": first, **more}


async def hears(person: Person, since: str, words: str) -> None:
    """Wait until the bot says this to somebody."""
    await person.wait_for_event(since, lambda _, event: words in str(event["content"].get("body")))


async def listed(person: Person, space: str, room_id: str) -> Answer:
    """What Element asks next: to list the room that it made in the space."""
    path = f"rooms/{quote(space)}/state/m.space.child/{quote(room_id)}"
    return await person.request("PUT", path, {"via": ["localhost"], "suggested": False})


async def create(person: Person, content: dict[str, Any]) -> Answer:
    return await person.request("POST", "createRoom", content)


async def kept_by_the_firm(person: Person, room_id: str) -> None:
    """Assert that the room is unencrypted and closed for whoever made it."""
    assert "m.room.encryption" not in {event["type"] for event in await person.state(room_id)}
    room = f"rooms/{quote(room_id)}/state/"
    for event_type, content in (("m.room.join_rules", {"join_rule": "public"}), ("m.room.encryption", {})):
        answer = await person.request("PUT", f"{room}{event_type}/", content)
        assert (answer.status, answer.code) == (403, "M_FORBIDDEN")
    levels = await person.get(f"{room}m.room.power_levels/")
    assert levels["users"].get(person.user_id, 0) <= REMOVER_LEVEL


async def test_D1_C1_F1_a_clients_own_buttons_make_the_firms_rooms(tmp_path: Path) -> None:
    async with guarded_firm(tmp_path) as guarded:
        firm, ann, ben, cleo = guarded.firm, guarded.ann, guarded.ben, guarded.cleo
        before = await rooms_with_members(firm.bot)

        # Ben is walled from Ann's matter, which is no matter here.
        direct = (await create(ann, start_chat(ben))).ok()
        assert direct.keys() == {"room_id"}
        direct = direct["room_id"]
        assert await ann.members(direct) == {ann.user_id, ben.user_id}
        assert direct in await ben.joined_rooms()
        assert (await ben.account_data("m.direct"))[ann.user_id] == [direct]
        assert direct in (await ann.account_data("m.direct"))[ben.user_id]
        await kept_by_the_firm(ann, direct)
        await ann.say(direct, "in the clear")
        again = await ben.request("PUT", "createRoom/one", start_chat(ann))
        assert again.ok() == {"room_id": direct}

        named = public("Tide Tables", topic="Low water", room_version="1", initial_state=[ENCRYPTED])
        asked = {**named, "invite": [cleo.user_id], "room_alias_name": "mine"}
        channel = (await create(ann, asked)).ok()["room_id"]
        assert await ann.members(channel) == {ann.user_id, cleo.user_id, firm.settings.bot_id}
        assert await cleo.room_name(channel) == "Tide Tables"
        await kept_by_the_firm(ann, channel)
        rule = await ann.get(f"rooms/{quote(channel)}/state/m.room.join_rules/")
        assert rule["join_rule"] == "knock_restricted"

        stranger, since = await firm.make_account("mallory"), await now(ann)
        eve = "@eve:elsewhere.example"
        for person, content, told in (
            (ann, public("tide-tables"), "There is a channel called Tide Tables already"),
            (ann, {"name": "Dismissal", "preset": "private_chat", "initial_state": [ENCRYPTED]}, PRIVATE),
            (ann, {"name": "Ours", "creation_content": {"type": "m.space"}}, NO_SPACES),
            (ann, {"is_direct": True, "invite": [eve]}, f"{eve} is not on the firm's staff"),
            (ann, {"name": "Ours", "invite": [stranger.user_id]}, "is not on the firm's staff"),
            (stranger, start_chat(ann), NOT_STAFF),
        ):
            answer = await create(person, content)
            assert (answer.status, answer.code) == (403, "M_INVALID_ROOM_STATE")
            assert told in answer.body["error"]
        # Most clients show nothing of that, so the bot says it, and that an invitation came to nothing.
        await hears(ann, since, PRIVATE)
        added = await ann.request("POST", f"rooms/{quote(channel)}/invite", {"user_id": stranger.user_id})
        assert (added.status, added.code) == (403, "M_UNKNOWN")
        await hears(ann, since, f"{stranger.user_id} was not added to Tide Tables. {NOT_ADDED}")
        answer = await ann.request("POST", f"rooms/{quote(channel)}/upgrade", {"new_version": "11"})
        assert (answer.status, answer.code) == (403, "M_FORBIDDEN")
        assert await rooms_with_members(firm.bot) == before | {direct, channel}
        assert await stranger.joined_rooms() == set()


async def test_M1_C1_F4_new_room_in_a_space_is_the_firms_room_there(tmp_path: Path) -> None:
    async with guarded_firm(tmp_path) as guarded:
        ann, ben, cleo = guarded.ann, guarded.ben, guarded.cleo
        staff, matter = guarded.room(STAFF_SPACE), guarded.room(matter_space_key("m"))
        for space in (staff, matter):
            levels = await ann.get(f"rooms/{quote(space)}/state/m.room.power_levels/")
            # Clients offer the button to whoever may list a room.
            assert levels["events"]["m.space.child"] == levels["users_default"] == 0

        channel = (await create(ben, for_members(staff, "Tide Tables"))).ok()["room_id"]
        talk = (await create(ann, for_members(matter, "Costs", invite=[cleo.user_id]))).ok()["room_id"]
        assert await ann.members(talk) == {ann.user_id, cleo.user_id, guarded.firm.settings.bot_id}
        assert "Costs" in await ann.room_name(talk)
        await kept_by_the_firm(ann, talk)
        for person, space, room_id in ((ben, staff, channel), (ann, matter, talk)):
            before = {one["event_id"]: one for one in await person.state(space)}
            (by_the_bot,) = [one for one in before.values() if one.get("state_key") == room_id]
            assert by_the_bot["sender"] == guarded.firm.settings.bot_id
            # It succeeds, as the client expects, and writes nothing.
            assert (await listed(person, space, room_id)).ok() == {"event_id": by_the_bot["event_id"]}
            assert {one["event_id"] for one in await person.state(space)} == before.keys()

        # A space that is hidden from somebody is none to them, by whatever they ask.
        answers = [await create(ben, for_members(space, "Ours")) for space in (matter, "!nowhere:localhost")]
        assert answers[0] == answers[1]
        assert answers[0].status == 403
        assert (await listed(ben, matter, talk)).status == 403
        for room_id in (channel, "!nowhere:localhost"):
            assert (await listed(ann, matter, room_id)).body["error"] == BOT_ONLY


async def test_D1_bridge_and_synapse_killed_while_a_chat_is_started(firm: RealFirm) -> None:
    firm.start_bridge("room.created")
    await firm.bridge_ready()
    zoe, wei = await firm.login("zoe.lindqvist"), await firm.login("wei.chen")
    before = await wei.joined_rooms()
    answer = await create(zoe, start_chat(wei))
    assert (answer.status, answer.body["error"]) == (403, TAKES_LONG)
    assert await firm.bridge_ended() == KILLED
    firm.kill_synapse()
    await firm.start_synapse()
    # Nothing is made while the bridge is away, and nobody has anything of what was begun.
    assert (await create(wei, start_chat(zoe))).body["error"] == BRIDGE_AWAY
    assert await wei.joined_rooms() == before
    firm.start_bridge()
    await firm.bridge_ready()
    (room,) = await wei.joined_rooms() - before
    assert await zoe.members(room) == {zoe.user_id, wei.user_id}
    assert (await create(wei, start_chat(zoe))).ok()["room_id"] == room
    assert await rooms_with_members(firm.bot) == stored_rooms(firm.place.bridge_database) - await empty(firm)
