"""What rooms are called in clients, on the real Synapse, for every kind of room and as people come and go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bridge.firm.conversation import bot_chat_id, direct_id, first_matter_conversation_id
from bridge.firm.room_keys import STAFF_SPACE, matter_space_key
from bridge.service import open_firm
from tests.synapse.asked.test_channels import asking
from tests.synapse.guard.test_creation import create, start_chat
from tests.synapse.guard.test_guard import DIRECTORY, GuardedFirm, guarded_firm
from tests.synapse.harness import Json, Person
from tests.synapse.running.test_provisioning import membership_of, now
from tests.synapse.shown import by_sliding_sync, by_specification

PICTURES: dict[str, Json] = {"accounts": {"avatars": True}}


async def assert_shown(person: Person, room_id: str, name: str, *, is_dm: bool) -> None:
    """Both ways in which clients find a room's name give this one, and the bot is not in it."""
    assert (await by_specification(person))[room_id] == name
    shown = (await by_sliding_sync(person))[room_id]
    assert (shown.name, shown.is_dm) == (name, is_dm)


async def renamed(person: Person, room_id: str, name: str, since: str) -> None:
    """Wait until a room has that name, empty for none of its own, and the bot has left it again."""

    async def is_done() -> bool:
        people = {one.partition(":")[0] for one in await person.members(room_id)}
        return await person.room_name(room_id) == name and "@bot" not in people

    while not await is_done():
        since = (await person.sync(since))["next_batch"]


def staff_without(folder: Path, **changed: Any) -> None:
    """Write the directory with other values for some of its staff; None leaves somebody out."""
    people = [{**person, **(changed.get(person["id"]) or {})} for person in DIRECTORY["staff"]]
    left = [person for person in people if changed.get(person["id"], {}) is not None]
    (folder / "directory.yaml").write_text(json.dumps({**DIRECTORY, "staff": left}))


async def test_M1_every_kind_of_room_is_told_apart_by_the_beginning_of_its_name(tmp_path: Path) -> None:
    async with guarded_firm(tmp_path, PICTURES) as guarded:
        firm, ann = guarded.firm, guarded.ann
        ask = asking(firm, ann, guarded.room(bot_chat_id("a")))
        await ask('!matter start 2026-0042 "Disclosure" @cleo')
        await ask("!dm @ben @cleo hello")
        await ask("!dm @dan hello")
        expected = {
            guarded.room(bot_chat_id("a")): ("Firm Bot", True, 2),
            guarded.matter: ("2026-0042 Estate of Orla Quill", False, 1),
            guarded.room(matter_space_key("m")): ("2026-0042 Estate of Orla Quill", False, 2),
            guarded.room(first_matter_conversation_id("r")): ("2026-0043 Sale", False, 1),
            guarded.room(matter_space_key("r")): ("2026-0043 Sale", False, 1),
            guarded.channel: ("Court Filings", False, 1),
            guarded.room(STAFF_SPACE): ("Moor", False, 4),
            guarded.room(direct_id("ad")): ("dan Moor", True, 2),
            guarded.room(direct_id("abc")): ("ben Moor and cleo Moor", True, 3),
        }
        shown = await by_sliding_sync(ann)
        specified = await by_specification(ann)
        for room_id, (name, is_dm, people) in expected.items():
            assert (shown[room_id].name, shown[room_id].is_dm, shown[room_id].people) == (name, is_dm, people)
            assert specified[room_id] == name
        (disclosure,) = [room_id for room_id, one in shown.items() if one.name.startswith("Disclosure")]
        assert shown[disclosure].name == specified[disclosure] == "Disclosure · 2026-0042 Estate of Orla Quill"

        # Every room but those of single people has a picture; a matter's conversations have one of their own.
        directs = {room_id for room_id, one in shown.items() if one.is_dm}
        assert {room_id for room_id, one in shown.items() if not one.picture} == directs
        pictures = [shown[one].picture for one in (disclosure, guarded.matter, guarded.room(matter_space_key("m")))]
        assert pictures[0] == pictures[1] != pictures[2]
        assert len({one.picture for one in shown.values()}) == 1 + 2 * 2 + 3
        profile = await ann.get(f"profile/{quote(firm.settings.bot_id)}")
        assert profile["avatar_url"].startswith("mxc://")

        # What was said last stands first.
        await ann.say(guarded.channel, "newest")
        assert next(iter(await by_sliding_sync(ann))) == guarded.channel

        # M1: in its space the first conversation stands before the others, and channels go by the alphabet.
        children = await orders(ann, guarded.room(matter_space_key("m")))
        assert sorted(children, key=lambda room: children[room]) == [guarded.matter, disclosure]
        channels = await orders(ann, guarded.room(STAFF_SPACE))
        assert [shown[room].name for room in sorted(channels, key=lambda room: channels[room])] == [
            "Court Filings",
            "Everyone",
        ]

        # Invitations have the names of those invited, and a removal says who asked for it (V1).
        history = await ann.state(guarded.room(direct_id("abc")))
        assert {event["content"].get("displayname") for event in history if event["type"] == "m.room.member"} >= {
            "ann Moor",
            "ben Moor",
            "cleo Moor",
        }
        since = await now(ann)
        await ann.say(disclosure, "!remove @cleo")
        _, event = await ann.wait_for_event(since, membership_of(guarded.cleo.user_id, "leave", disclosure))
        assert event["content"]["reason"] == "At ann Moor's request"

        # A start finds nothing to change: what a picture is stands beside its address.
        firm.stop_bridge()
        async with open_firm(firm.settings, reading=True) as service:
            assert [step.describe() for step in (await service.reconciler.planner.plan()).steps] == []


async def orders(person: Person, space: str) -> dict[str, str]:
    return {
        event["state_key"]: event["content"]["order"]
        for event in await person.state(space)
        if event["type"] == "m.space.child" and event["content"].get("via")
    }


async def test_D3_a_direct_conversation_keeps_its_peoples_names_whoever_leaves(tmp_path: Path) -> None:
    async with guarded_firm(tmp_path) as guarded:
        ann, ben, cleo, dan = guarded.ann, guarded.ben, guarded.cleo, guarded.dan
        two = (await create(ann, start_chat(ben))).ok()["room_id"]
        three = (await create(ann, start_chat(ben, dan))).ok()["room_id"]
        gone = (await create(ann, start_chat(cleo))).ok()["room_id"]
        closed = (await create(ann, start_chat(dan))).ok()["room_id"]

        async def assert_as_before() -> None:
            for room_id, name in ((two, "ben Moor"), (closed, "dan Moor"), (three, "ben Moor and dan Moor")):
                await assert_shown(ann, room_id, name, is_dm=True)

        await assert_as_before()
        await assert_shown(ann, gone, "cleo Moor", is_dm=True)

        # Somebody closes a conversation for themselves, and a message has them back.
        since = await now(ann)
        (await dan.request("POST", f"rooms/{quote(closed)}/leave")).ok()
        await renamed(ann, closed, "dan Moor", since)
        await assert_shown(ann, closed, "dan Moor", is_dm=True)
        since = await now(ann)
        await ann.say(closed, "still there?")
        await renamed(ann, closed, "", since)
        await assert_as_before()

        # Ben leaves the firm, and Cleo is not even in the directory any more.
        since = await now(ann)
        staff_without(tmp_path, b={"former": True}, c=None)
        await renamed(ann, gone, "cleo Moor", since)
        await renamed(ann, two, "ben Moor", since)
        await renamed(ann, three, "ann Moor, ben Moor, dan Moor", since)
        for room_id, name in ((gone, "cleo Moor"), (two, "ben Moor"), (three, "ann Moor, ben Moor, dan Moor")):
            await assert_shown(ann, room_id, name, is_dm=True)
        await assert_shown(dan, three, "ann Moor, ben Moor, dan Moor", is_dm=True)

        # Ben comes back to the firm, and to his conversations as somebody writes to him.
        staff_without(tmp_path, c=None)
        await settled_with(guarded, "ben")
        since = await now(ann)
        for room_id in (two, three):
            await ann.say(room_id, "welcome back")
            await renamed(ann, room_id, "", since)
        await assert_as_before()
        for room_id in (two, three, closed, gone):
            assert guarded.firm.settings.bot_id not in await ann.members(room_id)


async def settled_with(guarded: GuardedFirm, localpart: str) -> None:
    """Wait until somebody who came back can be called."""
    bot, user_id = guarded.firm.bot, guarded.firm.user_id(localpart)
    chat = guarded.room(bot_chat_id(localpart[0]))
    since = await now(bot)
    if (await guarded.memberships(chat)).get(user_id) != "join":
        await bot.wait_for_event(since, membership_of(user_id, "join", chat))
