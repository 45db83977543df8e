"""What a server admin can change behind the bridge's back where no guard refuses it, and that it is put back (O3)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.synapse.asked.test_widget import CLIENT, come_in, proof
from tests.synapse.harness import Json, Person, RealFirm, real_firm
from tests.synapse.running.test_provisioning import BAKERY, demo_in, room_named

KEPT = {
    "m.room.power_levels",
    "m.room.join_rules",
    "m.room.history_visibility",
    "m.room.name",
    "m.room.tombstone",
    "m.space.child",
}


async def as_it_is(bot: Person, room_id: str) -> tuple[dict[tuple[str, str], Json], dict[str, str]]:
    """The state of a room that must come back, empty pieces left out, and who is in it."""
    events = await bot.state(room_id)
    pieces = {(e["type"], e["state_key"]): e["content"] for e in events if e["type"] in KEPT}
    state = {key: content for key, content in pieces.items() if any(content.values())}
    people = {
        e["state_key"]: e["content"]["membership"]
        for e in events
        if e["type"] == "m.room.member" and e["content"]["membership"] != "leave"
    }
    return state, people


async def root_in(firm: RealFirm, root: Person, room_id: str) -> None:
    """The server admin makes themselves admin of a room."""
    made = f"/_synapse/admin/v1/rooms/{quote(room_id)}/make_room_admin"
    (await root.request("POST", made, {"user_id": root.user_id})).ok()
    (await root.request("POST", f"join/{quote(room_id)}")).ok()


async def put_state(who: Person, room_id: str, event_type: str, content: Any, state_key: str = "") -> None:
    (await who.request("PUT", f"rooms/{quote(room_id)}/state/{event_type}/{quote(state_key)}", content)).ok()


@pytest.mark.timeout(300)
async def test_O3_what_a_server_admin_changes_is_put_back_and_told_to_the_firms_admins(tmp_path: Path) -> None:
    own, _ = demo_in(tmp_path)
    own["guard"] = {"key": ""}
    async with real_firm(tmp_path / "var", own) as firm:
        firm.start_bridge(env={"FIRM_BRIDGE_PANEL__WIDGET": f'["{CLIENT}"]'})
        await firm.bridge_ready()
        owner, zoe = await firm.login("eleanor.ashcombe"), await firm.login("zoe.lindqvist")
        root = await firm.make_account("root")
        admin = f"/_synapse/admin/v1/users/{quote(root.user_id)}/admin"
        (await firm.bot.request("PUT", admin, {"admin": True})).ok()
        admins = await room_named(owner, "Admins")
        talk, everyone = await room_named(zoe, BAKERY), await room_named(zoe, "Everyone")
        channel, space = await room_named(zoe, "Property"), await room_named(owner, own["firm"]["name"])
        before = {room_id: await as_it_is(firm.bot, room_id) for room_id in (talk, channel, space, everyone)}

        # While the bridge runs: seen by the event.
        since = (await owner.sync())["next_batch"]
        marked = quote(channel) + "/state/org.firm-bridge.room"
        conversation = (await zoe.get(f"rooms/{marked}"))["key"]
        with firm.bridge_held():
            # Otherwise it may take back the invitation before they come in.
            await root_in(firm, root, channel)
            proven = await proof(root)
            knocks = asyncio.create_task(come_in(firm, conversation, proven))
        # For as long as they are in the room the panel beside its messages is closed to them (F1, P4).
        assert (await knocks).status == 403
        while root.user_id in await firm.bot.members(channel):
            assert (await come_in(firm, conversation, await proof(root))).status == 403
        room_id, message = await owner.wait_for_event(since, lambda _, event: root.user_id in str(event["content"]))
        while room_id != admins:
            room_id, message = await owner.wait_for_event(
                since, lambda room, event: room == admins and event["type"] == "m.room.message"
            )
        assert "the channel Property" in message["content"]["body"]
        # The first of several differences is told while others may still be put right.
        while await as_it_is(firm.bot, channel) != before[channel]:
            pass

        # While it does not: all kinds at once.
        firm.kill_bridge()
        since = (await owner.sync())["next_batch"]
        for room_id in (talk, channel, space):
            await root_in(firm, root, room_id)
        await put_state(root, talk, "m.room.join_rules", {"join_rule": "public"})
        await put_state(root, talk, "m.room.history_visibility", {"history_visibility": "world_readable"})
        await put_state(root, talk, "m.room.name", {"name": "Mine"})
        (await root.request("POST", f"rooms/{quote(talk)}/ban", {"user_id": zoe.user_id})).ok()
        await put_state(root, channel, "m.room.tombstone", {"body": "moved", "replacement_room": talk})
        await put_state(root, space, "m.space.child", {"via": ["localhost"]}, talk)
        (await root.request("DELETE", f"/_synapse/admin/v1/rooms/{quote(everyone)}", {"purge": True})).ok()
        firm.start_bridge()
        await firm.bridge_ready()
        _, message = await owner.wait_for_event(
            since, lambda room, event: room == admins and "a matter conversation" in str(event["content"])
        )
        body = message["content"]["body"]
        assert "Copperkettle" not in body
        assert "2026-0031" not in body
        for part in ("who may come in was changed", "Zoë Lindqvist was banned", "The list of rooms", "was deleted"):
            assert part in body
        for room_id in (talk, channel):
            state, people = await as_it_is(firm.bot, room_id)
            assert people == before[room_id][1]
            for key in state.keys() | before[room_id][0].keys():
                assert (key, state.get(key)) == (key, before[room_id][0].get(key))
        again = await room_named(zoe, "Everyone")
        assert again != everyone
        assert (await as_it_is(firm.bot, again))[1] == before[everyone][1]
        state, people = await as_it_is(firm.bot, space)
        assert people == before[space][1]
        children = {key for kind, key in state if kind == "m.space.child"}
        assert children == {again if k == everyone else k for t, k in before[space][0] if t == "m.space.child"}
