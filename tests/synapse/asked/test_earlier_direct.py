"""Direct conversations of earlier versions of the bridge, whose invitations said that they are direct (D3)."""

from __future__ import annotations

from urllib.parse import quote

from tests.synapse.asked.test_channels import asking
from tests.synapse.harness import Json, Person, RealFirm
from tests.synapse.running.test_crash import bot_chat


async def invite_as_before(firm: RealFirm, room_id: str, *people: Person) -> None:
    """Bring people into a direct conversation again, as earlier versions did. The bridge must not run meanwhile."""
    room, bot = f"rooms/{quote(room_id)}", firm.bot
    (await bot.request("POST", f"{room}/join")).ok()
    for person in people:
        (await person.request("POST", f"{room}/leave")).ok()
        invitation = {"membership": "invite", "is_direct": True}
        (await bot.request("PUT", f"{room}/state/m.room.member/{quote(person.user_id)}", invitation)).ok()
        (await person.request("POST", f"{room}/join")).ok()
    (await bot.request("POST", f"{room}/leave")).ok()


async def put_direct(person: Person, content: Json) -> None:
    path = f"user/{quote(person.user_id)}/account_data/m.direct"
    (await person.request("PUT", path, content)).ok()


async def test_D3_an_earlier_conversation_is_listed_under_its_people_and_its_invitations_are_out_of_sight(
    firm: RealFirm,
) -> None:
    firm.start_bridge()
    await firm.bridge_ready()
    zoe, wei = await firm.login("zoe.lindqvist"), await firm.login("wei.chen")
    chat, bot_id = await bot_chat(zoe, firm), firm.settings.bot_id
    await asking(firm, zoe, chat)("!dm @wei.chen Shall we have lunch?")
    (room_id,) = (await zoe.account_data("m.direct"))[wei.user_id]
    firm.stop_bridge()
    await invite_as_before(firm, room_id, zoe, wei)
    await put_direct(zoe, {bot_id: [chat, room_id]})
    assert await told_as_direct(zoe, room_id) == {zoe.user_id, wei.user_id}

    firm.start_bridge()
    await firm.bridge_ready()
    assert await told_as_direct(zoe, room_id) == set()
    assert await zoe.account_data("m.direct") == {bot_id: [chat], wei.user_id: [room_id]}
    assert await zoe.members(room_id) == {zoe.user_id, wei.user_id}
    await zoe.say(room_id, "Tomorrow then?")


async def told_as_direct(person: Person, room_id: str) -> set[str]:
    """Those of whom a client finds, behind their joining, an invitation into a direct conversation."""
    found = set()
    for event in await person.state(room_id):
        before = event["unsigned"].get("prev_content", {})
        if event["type"] == "m.room.member" and before.get("is_direct"):
            found.add(event["state_key"])
    return found
