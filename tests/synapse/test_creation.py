"""Start chat and New room of ordinary clients on the real Synapse with the guard: the firm's rooms come of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from bridge.guard.creation import BRIDGE_AWAY, NO_SPACES, NOT_STAFF, TAKES_LONG
from tests.synapse.harness import Answer, Person, RealFirm
from tests.synapse.test_crash import KILLED, empty, rooms_with_members, stored_rooms
from tests.synapse.test_guard import guarded_firm

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
    assert person.user_id not in levels["users"]


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

        named = {"name": "Tide Tables", "topic": "Low water", "preset": "private_chat", "room_version": "1"}
        asked = {**named, "invite": [cleo.user_id], "room_alias_name": "mine", "initial_state": [ENCRYPTED]}
        channel = (await create(ann, asked)).ok()["room_id"]
        assert await ann.members(channel) == {ann.user_id, cleo.user_id, firm.settings.bot_id}
        assert await cleo.room_name(channel) == "Tide Tables"
        await kept_by_the_firm(ann, channel)
        rule = await ann.get(f"rooms/{quote(channel)}/state/m.room.join_rules/")
        assert rule["join_rule"] == "knock_restricted"

        stranger = await firm.make_account("mallory")
        eve = "@eve:elsewhere.example"
        for person, content, told in (
            (ann, {"name": "tide-tables"}, "There is a channel called Tide Tables already"),
            (ann, {"name": "Ours", "creation_content": {"type": "m.space"}}, NO_SPACES),
            (ann, {"is_direct": True, "invite": [eve]}, f"{eve} is not on the firm's staff"),
            (ann, {"name": "Ours", "invite": [stranger.user_id]}, "is not on the firm's staff"),
            (stranger, start_chat(ann), NOT_STAFF),
        ):
            answer = await create(person, content)
            assert (answer.status, answer.code) == (403, "M_FORBIDDEN")
            assert told in answer.body["error"]
        answer = await ann.request("POST", f"rooms/{quote(channel)}/upgrade", {"new_version": "11"})
        assert (answer.status, answer.code) == (403, "M_FORBIDDEN")
        assert await rooms_with_members(firm.bot) == before | {direct, channel}
        assert await stranger.joined_rooms() == set()


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
