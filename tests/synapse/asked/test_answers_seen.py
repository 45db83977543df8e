"""What counts as unread on the real Synapse: answers and new conversations do, colleagues' commands do not."""

from __future__ import annotations

import itertools
from typing import Any
from urllib.parse import quote

from bridge.firm.typed import COMMAND
from bridge.reconcile.rooms.unread import ANSWERS, COMMANDS
from tests.synapse.asked.test_channels import asking, counts, unread
from tests.synapse.harness import Json, Person, RealFirm
from tests.synapse.running.test_crash import bot_chat
from tests.synapse.running.test_provisioning import now, room_named

_connections = itertools.count(1)


async def listed(somebody: Person, room_id: str) -> Json:
    """A room as a client's list shows it that uses simplified sliding sync (MSC4186), as Element X does."""
    body = {
        "conn_id": f"c{next(_connections)}",
        "lists": {"all": {"ranges": [[0, 99]], "timeline_limit": 20, "required_state": []}},
    }
    path = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?timeout=0"
    return dict((await somebody.request("POST", path, body)).ok()["rooms"][room_id])


async def read_all(somebody: Person, room_id: str) -> None:
    newest = (await somebody.get(f"rooms/{quote(room_id)}/messages", dir="b", limit="1"))["chunk"][0]["event_id"]
    (await somebody.request("POST", f"rooms/{quote(room_id)}/receipt/m.read/{quote(newest)}")).ok()


async def said_in(somebody: Person, room_id: str) -> list[Json]:
    """What was said in a room, oldest first."""
    events = (await somebody.get(f"rooms/{quote(room_id)}/messages", dir="b", limit="100"))["chunk"]
    return [event for event in reversed(events) if event["type"] == "m.room.message"]


async def test_a_new_conversation_is_unread_and_says_who_started_it(firm: RealFirm) -> None:
    firm.start_bridge()
    await firm.bridge_ready()
    zoe, wei = await firm.login("zoe.lindqvist"), await firm.login("wei.chen")
    # Wei's client is set to "mentions only" for group rooms.
    (await wei.request("PUT", "pushrules/global/underride/.m.rule.message/actions", {"actions": []})).ok()
    ask = asking(firm, zoe, await bot_chat(zoe, firm))
    since = await now(wei)
    assert "Made the channel" in await ask("!channel create Book Club @wei.chen")
    club = await room_named(wei, "Book Club")
    await wei.wait_for_event(since, lambda room, event: room == club and event["type"] == "m.room.message")
    (first,) = await said_in(wei, club)
    assert first["content"]["body"] == "Zoë Lindqvist started the channel Book Club, with Wei Chen."
    assert await unread(wei, club) == 1
    # Element X counts by itself what Synapse's simplified sliding sync brings, with the push rules that stand there.
    newest = (await listed(wei, club))["timeline"][-1]["content"]
    assert (newest["msgtype"], newest["m.mentions"]) == ("m.text", {"user_ids": [wei.user_id]})


async def test_a_colleagues_command_does_not_count_and_what_they_say_does(firm: RealFirm) -> None:
    firm.start_bridge()
    await firm.bridge_ready()
    zoe, wei = await firm.login("zoe.lindqvist"), await firm.login("wei.chen")
    chat = await bot_chat(zoe, firm)
    await asking(firm, zoe, chat)("!channel create Book Club @wei.chen")
    club = await room_named(zoe, "Book Club")
    await zoe.say(club, "Hello")
    for somebody in (zoe, wei):
        await read_all(somebody, club)
    await read_all(zoe, chat)

    # Answered in the chat: a reaction in the room, which counts for nobody, and an answer that does.
    since = await now(zoe)
    command = await zoe.say(club, "!matters")
    seen: dict[str, Any] = {}

    def answered(room: str, event: Json) -> bool:
        if event["sender"] == firm.settings.bot_id and room in {club, chat}:
            seen[room] = event
        return seen.keys() == {club, chat}

    await zoe.wait_for_event(since, answered)
    assert seen[club]["type"] == "m.reaction"
    assert seen[club]["content"]["m.relates_to"]["event_id"] == command
    assert await unread(zoe, chat) == 1
    assert await unread(wei, club) == 0
    # Nothing of what was typed changes but the mark, and the client's own name for the request comes back.
    typed = next(event for event in await said_in(zoe, club) if event["event_id"] == command)
    assert typed["content"] == {"msgtype": "m.text", "body": "!matters", COMMAND: True}
    assert "transaction_id" in typed["unsigned"]

    for text in ("!add @wei.chen", "!participants"):
        await zoe.say(club, text)
    assert await unread(wei, club) == 0
    for number, text in enumerate(("Great! See you", "Type !help", f"https://matrix.to/#/{club}"), 1):
        await zoe.say(club, text)
        assert await unread(wei, club) == number
    rule = await wei.get(f"pushrules/global/override/{COMMANDS}")
    assert (rule["actions"], rule["enabled"]) == ([], True)


async def test_an_answer_counts_by_a_rule_of_its_own_and_is_no_mention_of_whom_it_names(firm: RealFirm) -> None:
    firm.start_bridge()
    await firm.bridge_ready()
    marcus = await firm.login("marcus.bell")
    chat = await bot_chat(marcus, firm)
    ask = asking(firm, marcus, chat)
    await read_all(marcus, chat)
    assert "Marcus Bell" in await ask("!why @marcus.bell 2026-0042")
    assert await counts(marcus, chat) == {"notification_count": 1, "highlight_count": 0}
    # His client is set to "mentions only" for chats of two; then he mutes this one.
    (await marcus.request("PUT", "pushrules/global/underride/.m.rule.room_one_to_one/actions", {"actions": []})).ok()
    await ask("!why @marcus.bell 2026-0042")
    assert await counts(marcus, chat) == {"notification_count": 2, "highlight_count": 0}
    mute = {"conditions": [{"kind": "event_match", "key": "room_id", "pattern": chat}], "actions": []}
    (await marcus.request("PUT", f"pushrules/global/override/{quote(chat)}", mute)).ok()
    await ask("!why @marcus.bell 2026-0042")
    assert await counts(marcus, chat) == {"notification_count": 2, "highlight_count": 0}
    rule = await marcus.get(f"pushrules/global/underride/{ANSWERS}")
    assert (rule["actions"], rule["enabled"]) == (["notify"], True)


async def test_D3_a_new_direct_conversation_counts_what_was_said_and_no_invitation(firm: RealFirm) -> None:
    """Synapse would count the invitation as well, from the moment on at which it sums up the room."""
    firm.start_bridge()
    await firm.bridge_ready()
    zoe, wei = await firm.login("zoe.lindqvist"), await firm.login("wei.chen")
    ask = asking(firm, zoe, await bot_chat(zoe, firm))
    since = await now(wei)
    await ask("!dm @wei.chen Shall we have lunch?")
    room_id, _ = await wei.wait_for_event(
        since, lambda _, event: event["content"].get("body") == "Shall we have lunch?"
    )
    assert await unread(wei, room_id) == 1
    counted = (await wei.get("notifications"))["notifications"]
    assert room_id in {one["room_id"] for one in counted}
    assert {one["event"]["type"] for one in counted} == {"m.room.message"}
    # Element lists a room, whenever it is opened, under whoever invited somebody into it as a direct one.
    assert (await wei.account_data("m.direct"))[zoe.user_id] == [room_id]
    state = await wei.state(room_id)
    assert not [one for one in state if "is_direct" in {**one["content"], **one["unsigned"].get("prev_content", {})}]
