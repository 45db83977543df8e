"""Somebody leaves the real firm with everything still open, and comes back (F2)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from tests.synapse.asked.test_channels import asking
from tests.synapse.harness import Person, RealFirm
from tests.synapse.running.test_crash import KILLED, LONG, bot_chat
from tests.synapse.running.test_provisioning import now

ADMIN = "/_synapse/admin"


async def test_F2_a_leaver_is_cut_off_and_comes_back_without_what_they_had(firm: RealFirm) -> None:
    firm.start_bridge()
    await firm.bridge_ready()
    marcus, wei = await firm.login("marcus.bell"), await firm.login("wei.chen")
    sessions = [wei, await firm.login("wei.chen"), await firm.login("wei.chen")]
    ask = asking(firm, marcus, await bot_chat(marcus, firm))
    rooms = await wei.joined_rooms()
    openid = await wei.request("POST", f"user/{quote(wei.user_id)}/openid/request_token")
    assert openid.status == 200
    poll = asyncio.create_task(wei.request("GET", "sync", since=await now(wei), timeout="30000"))
    firm.stop_bridge()

    # The bridge is killed in the middle of it, twice.
    chat = await bot_chat(marcus, firm)
    firm.start_bridge("leaver.set:1")
    await marcus.say(chat, "!staff leave @wei.chen")
    assert await firm.bridge_ended() == KILLED
    # Whoever asked may be answered before the account is ended: it can do nothing by then.
    since = await now(marcus)
    firm.start_bridge("leaver.out:1")
    assert await firm.bridge_ended() == KILLED
    firm.start_bridge()
    await marcus.wait_for_event(since, lambda _, event: "has left the firm" in str(event["content"].get("body")))
    await firm.bridge_ready()
    await assert_gone(firm, wei)
    for session in sessions:
        assert (await session.request("GET", "joined_rooms")).status == 401
    assert not [event for event in _timeline((await poll).body) if event["type"] == "m.room.message"]
    # Synapse lets an admin log in as anybody; the lock, which stays, makes the token worthless.
    token = (await firm.bot.request("POST", f"{ADMIN}/v1/users/{quote(wei.user_id)}/login")).ok()["access_token"]
    assert (await replace(wei, token=token).request("GET", "joined_rooms")).code == "M_USER_LOCKED"

    # Nor does it help when an admin gives the account back behind the bridge's back: the guard knows who left.
    account_path = f"{ADMIN}/v2/users/{quote(wei.user_id)}"
    (await firm.bot.request("PUT", account_path, {"deactivated": False, "password": "correct horse battery"})).ok()
    (await firm.bot.request("PUT", account_path, {"locked": False})).ok()
    assert (await replace(wei, token=token).request("GET", "joined_rooms")).code == "ORG_MATRIX_EXPIRED_ACCOUNT"
    login = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": wei.user_id},
        "password": "correct horse battery",
    }
    assert (await firm.nobody.request("POST", "login", login)).status == 403
    # Nor can an admin close it, and hide what Wei wrote: only the bridge closes it, when it has told the guard.
    closed = await firm.bot.request("POST", f"{ADMIN}/v1/deactivate/{quote(wei.user_id)}", {"erase": True})
    assert closed.status == 403
    firm.stop_bridge()
    firm.start_bridge()
    await firm.bridge_ready()
    await assert_gone(firm, wei)

    assert "is back" in await ask("!staff return @wei.chen")
    account = await firm.bot.get(f"{ADMIN}/v2/users/{quote(wei.user_id)}")
    assert not account["locked"] and not account["deactivated"]
    assert account["displayname"] == "Wei Chen"
    assert account["threepids"][0]["address"] == "wei.chen@ashcombevale.example"
    assert (await sessions[0].request("GET", "joined_rooms")).status == 401
    again = await firm.login("wei.chen")
    back = await again.joined_rooms()
    names = {await again.room_name(room) for room in back}
    assert names >= {"Everyone", "Ashcombe & Vale"}
    assert {await again.room_name(room) for room in back & rooms} <= names
    assert await bot_chat(again, firm) in back
    assert "pong" in await asking(firm, again, await bot_chat(again, firm))("!ping")


@pytest.mark.parametrize("left", [2] if not LONG else [1, 2, 3, 4])
async def test_F2_synapse_and_bridge_killed_while_somebody_leaves(left: int, firm: RealFirm) -> None:
    firm.start_bridge()
    await firm.bridge_ready()
    marcus, wei = await firm.login("marcus.bell"), await firm.login("wei.chen")
    since = await now(marcus)
    seen = await now(firm.bot)
    gone: set[str] = set()
    await marcus.say(await bot_chat(marcus, firm), "!staff leave @wei.chen")
    await firm.bot.wait_for_event(seen, lambda room, event: len(_gone_from(wei.user_id, room, event, gone)) == left)
    firm.kill_synapse()
    firm.kill_bridge()
    await firm.start_synapse()
    firm.start_bridge()
    await marcus.wait_for_event(since, lambda _, event: "has left the firm" in str(event["content"].get("body")))
    await firm.bridge_ready()
    await assert_gone(firm, wei)


def _gone_from(user_id: str, room_id: str, event: dict[str, Any], gone: set[str]) -> set[str]:
    if event.get("state_key") == user_id and event["content"].get("membership") == "leave":
        gone.add(room_id)
    return gone


async def assert_gone(firm: RealFirm, somebody: Person) -> None:
    """Synapse itself shows nothing of the account any more."""
    account = await firm.bot.get(f"{ADMIN}/v2/users/{quote(somebody.user_id)}")
    assert account["deactivated"]
    assert (await firm.bot.get(f"{ADMIN}/v2/users/{quote(somebody.user_id)}/devices"))["total"] == 0
    memberships = (await firm.bot.get(f"{ADMIN}/v1/users/{quote(somebody.user_id)}/memberships"))["memberships"]
    assert set(memberships.values()) <= {"leave"}


def _timeline(body: object) -> list[dict[str, object]]:
    rooms = body.get("rooms", {}) if isinstance(body, dict) else {}
    return [event for room in rooms.get("join", {}).values() for event in room["timeline"]["events"]]
