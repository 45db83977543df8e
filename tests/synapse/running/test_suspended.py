"""What a server admin does to accounts by Synapse's admin API, on the real one: suspending, and renaming the bot."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from bridge.firm.conversation import direct_id
from tests.synapse.guard.test_guard import guarded_firm
from tests.synapse.guard.test_walls import answered
from tests.synapse.harness import WITHOUT_GUARD, Person, RealFirm
from tests.synapse.running.test_crash import bot_chat
from tests.synapse.running.test_provisioning import membership_of, now
from tests.synapse.running.test_put_back import ADMINS


async def suspend(firm: RealFirm, person: Person, suspended: bool) -> None:
    path = f"/_synapse/admin/v1/suspend/{quote(person.user_id)}"
    (await firm.bot.request("PUT", path, {"suspend": suspended})).ok()


async def test_who_is_suspended_holds_up_nobody_and_is_taken_out_like_everybody(tmp_path: Path) -> None:
    async with guarded_firm(tmp_path, ADMINS) as guarded:
        firm, ann, cleo, dan = guarded.firm, guarded.ann, guarded.cleo, guarded.dan
        chat = await bot_chat(ann, firm)
        await suspend(firm, cleo, True)
        since = await now(ann)
        await ann.say(chat, "!dm @ben @cleo: Lunch?")
        await answered(ann, since, "cleo Moor cannot come into")
        room = guarded.room(direct_id(("a", "b", "c")))
        joined = dict.fromkeys((ann.user_id, guarded.ben.user_id), "join")
        assert await guarded.memberships(room) == {
            **joined,
            cleo.user_id: "invite",
            firm.settings.bot_id: "leave",
        }
        # Once that is lifted they come in by themselves.
        since = await now(ann)
        await suspend(firm, cleo, False)
        await ann.wait_for_event(since, membership_of(cleo.user_id, "join", room))
        # A suspension keeps nobody in, neither behind a wall nor after they left.
        since = await now(dan)
        await dan.say(await bot_chat(dan, firm), "!matter join 2026-0042")
        await dan.wait_for_event(since, membership_of(dan.user_id, "join", guarded.matter))
        earlier = guarded.matter
        await suspend(firm, dan, True)
        since = await now(ann)
        await ann.say(chat, "!wall add 2026-0042 @dan His cousin is the other side")
        await answered(ann, since, "dan Moor: taken out of 1 conversation")
        assert (await guarded.memberships(earlier))[dan.user_id] == "leave"
        since = await now(ann)
        await ann.say(chat, "!staff leave @dan")
        await answered(ann, since, "has left the firm")
        account = await firm.bot.get(f"/_synapse/admin/v2/users/{quote(dan.user_id)}")
        rooms = await firm.bot.get(f"/_synapse/admin/v1/users/{quote(dan.user_id)}/joined_rooms")
        assert (account["locked"], account["deactivated"], rooms["joined_rooms"]) == (True, True, [])


async def test_F3_O3_another_name_of_the_bots_is_put_back_and_told_within_seconds(tmp_path: Path) -> None:
    """Where no guard refuses it."""
    async with guarded_firm(tmp_path, {**ADMINS, **WITHOUT_GUARD}) as guarded:
        firm, ann = guarded.firm, guarded.ann
        bot = firm.settings.bot_id
        account, since = f"/_synapse/admin/v2/users/{quote(bot)}", await now(ann)
        (await firm.bot.request("PUT", account, {"displayname": "Managing Partner"})).ok()
        await answered(ann, since, "I was given another name")
        assert (await firm.bot.get(account))["displayname"] == firm.settings.appservice.bot_name
        shown = {
            event["content"]["displayname"]
            for room in await firm.bot.joined_rooms()
            for event in await firm.bot.state(room)
            if event["type"] == "m.room.member" and event["state_key"] == bot
        }
        assert shown == {firm.settings.appservice.bot_name}
