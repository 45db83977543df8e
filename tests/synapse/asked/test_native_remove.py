"""*Remove* of an ordinary client on the real Synapse: who may, what stands then, and what others are told (V1)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from bridge.firm.room_keys import matter_space_key
from tests.synapse.guard.test_creation import create, public
from tests.synapse.guard.test_guard import guarded_firm
from tests.synapse.harness import Answer, Json, Person
from tests.synapse.running.test_crash import bot_chat
from tests.synapse.running.test_provisioning import now


async def remove(by: Person, room_id: str, person: Person) -> Answer:
    """What clients send for *Remove*."""
    return await by.request("POST", f"rooms/{quote(room_id)}/kick", {"user_id": person.user_id, "reason": "Done"})


def is_now(event: Json, person: Person, membership: str) -> bool:
    """Whether an event says that somebody has this membership in its room."""
    told = event["content"].get("membership")
    return (event["type"], event.get("state_key"), told) == ("m.room.member", person.user_id, membership)


async def test_V1_remove_works_for_who_started_it_and_who_is_responsible_and_nobody_else(tmp_path: Path) -> None:
    async with guarded_firm(tmp_path) as guarded:
        firm, ann, ben, cleo, dan = guarded.firm, guarded.ann, guarded.ben, guarded.cleo, guarded.dan
        bot = firm.settings.bot_id
        since = await now(cleo)
        # Cleo starts one, and Ann is responsible for the matter.
        await cleo.say(await bot_chat(cleo, firm), '!matter start 2026-0042 "Costs" @ann @dan')
        talk, _ = await cleo.wait_for_event(
            since, lambda _, event: event["content"].get("name", "").startswith("Costs")
        )
        space = guarded.room(matter_space_key("m"))
        channel = (await create(ben, public("Tide Tables", invite=[cleo.user_id, dan.user_id]))).ok()["room_id"]
        everybody = {ann.user_id, cleo.user_id, dan.user_id, bot}
        assert await ann.members(talk) == everybody

        # Somebody who is neither: Synapse refuses for the want of power, in a sentence that clients show.
        since = await now(dan)
        for room_id, person in ((talk, cleo), (talk, ann), (channel, ben), (channel, cleo)):
            answer = await remove(dan, room_id, person)
            assert (answer.status, answer.code) == (403, "M_FORBIDDEN")
            assert answer.body["error"] == f"You cannot kick user {person.user_id}."
        # Nor do those with the same power remove each other, nor anybody the bot.
        for by, person in ((ann, cleo), (cleo, ann)):
            assert (await remove(by, talk, person)).status == 403
        assert (await ann.request("POST", f"rooms/{quote(talk)}/kick", {"user_id": bot})).status == 403
        assert await ann.members(talk) == everybody

        # Who started it, and who is responsible. It lasts, and the space goes with the last conversation.
        for by in (cleo, ann):
            since = await now(dan)
            (await remove(by, talk, dan)).ok()
            await dan.wait_for_event(since, lambda room, event: room == space and is_now(event, dan, "leave"))
            assert await ann.members(talk) == everybody - {dan.user_id}
            since = await now(dan)
            await by.say(talk, "!add @dan")
            await dan.wait_for_event(since, lambda room, event: room == talk and is_now(event, dan, "join"))
        since = await now(ann)
        (await remove(ben, channel, cleo)).ok()
        await cleo.say(await bot_chat(cleo, firm), "!channel recent")
        firm.kill_bridge()
        firm.start_bridge()
        await firm.bridge_ready()
        assert await ben.members(channel) == {ben.user_id, dan.user_id, bot}
        # The command is for whoever has no button.
        since = await now(ann)
        await dan.say(talk, "!remove @cleo")
        await ann.wait_for_event(since, lambda room, event: room == talk and is_now(event, cleo, "leave"))
