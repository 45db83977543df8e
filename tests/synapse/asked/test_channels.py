"""Channels on the real Synapse: unread counts, native changes, and addresses after a rename (C1 to C4, V1)."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from bridge.reconcile.rooms.unread import rule_id
from tests.synapse.harness import Json, Person, RealFirm
from tests.synapse.running.test_crash import bot_chat
from tests.synapse.running.test_provisioning import membership_of, now, room_named

MENTIONS_ONLY = "pushrules/global/underride/.m.rule.message/actions"


def asking(firm: RealFirm, somebody: Person, chat: str) -> Callable[[str], Awaitable[str]]:
    """A function that types to the bot in the chat and returns its answer."""

    async def ask(text: str) -> str:
        since = await now(somebody)
        command = await somebody.say(chat, text)

        def answers(room_id: str, event: Json) -> bool:
            relation = event["content"].get("m.relates_to", {})
            return room_id == chat and relation.get("m.in_reply_to", {}).get("event_id") == command

        return str((await somebody.wait_for_event(since, answers))[1]["content"]["body"])

    return ask


async def unread(somebody: Person, room_id: str) -> int:
    """The notification count of a room, as a client that starts now shows it."""
    return (await counts(somebody, room_id))["notification_count"]


async def counts(somebody: Person, room_id: str) -> dict[str, int]:
    """What counts as unread in a room, and what of that mentions them."""
    # The limit makes the request a new one: Synapse keeps the answer to a sync without `since` for minutes.
    only = f'{{"room":{{"rooms":["{room_id}"],"timeline":{{"limit":{next(_limits)}}}}}}}'
    answer = await somebody.get("sync", timeout="0", filter=only)
    return dict(answer["rooms"]["join"][room_id]["unread_notifications"])


_limits = itertools.count(1)


async def test_C2_a_message_is_unread_for_every_participant_but_those_who_muted(firm: RealFirm) -> None:
    firm.start_bridge()
    await firm.bridge_ready()
    zoe, tomas, wei, priya, marcus = [
        await firm.login(name)
        for name in ("zoe.lindqvist", "tomas.ferreira", "wei.chen", "priya.raghunathan", "marcus.bell")
    ]
    ask = asking(firm, zoe, await bot_chat(zoe, firm))
    # Wei's and Priya's clients are set to "mentions only" for group rooms before they are in the channel.
    for person in (wei, priya):
        assert (await person.request("PUT", MENTIONS_ONLY, {"actions": []})).status == 200
    await ask("!channel create Book Club @tomas.ferreira @wei.chen @marcus.bell")
    club = await room_named(zoe, "Book Club")
    # Priya is added later. Marcus mutes it as Element does; Tomas muted it by a rule of the room and comes back.
    assert "Priya Raghunathan: added" in await ask("!channel add Book Club @priya.raghunathan")
    mute = {"conditions": [{"kind": "event_match", "key": "room_id", "pattern": club}], "actions": []}
    assert (await marcus.request("PUT", f"pushrules/global/override/{quote(club)}", mute)).status == 200
    assert (await tomas.request("PUT", f"pushrules/global/room/{quote(club)}", {"actions": []})).status == 200
    since = await now(zoe)
    await tomas.request("POST", f"rooms/{quote(club)}/leave")
    await zoe.wait_for_event(since, membership_of(tomas.user_id, "leave", club))
    while "added" not in await ask("!channel add Book Club @tomas.ferreira"):
        pass
    for person in (tomas, wei, priya, marcus):
        assert club in await person.joined_rooms()
        newest = (await person.get(f"rooms/{quote(club)}/messages", dir="b", limit="1"))["chunk"][0]["event_id"]
        await person.request("POST", f"rooms/{quote(club)}/receipt/m.read/{quote(newest)}")
    await zoe.say(club, "Chapter one for Thursday")
    counts = {person.user_id: await unread(person, club) for person in (tomas, wei, priya, marcus)}
    assert counts == {tomas.user_id: 0, wei.user_id: 1, priya.user_id: 1, marcus.user_id: 0}


async def test_C2_only_what_somebody_said_counts_as_unread(firm: RealFirm) -> None:
    firm.start_bridge()
    await firm.bridge_ready()
    zoe, wei = await firm.login("zoe.lindqvist"), await firm.login("wei.chen")
    assert (await wei.request("PUT", MENTIONS_ONLY, {"actions": []})).status == 200
    ask = asking(firm, zoe, await bot_chat(zoe, firm))
    await ask("!channel create Book Club @wei.chen")
    club = await room_named(zoe, "Book Club")
    numbers = itertools.count()

    async def send(event_type: str, content: Json) -> str:
        path = f"rooms/{quote(club)}/send/{event_type}/unread{next(numbers)}"
        return str((await zoe.request("PUT", path, content)).ok()["event_id"])

    async def read(newest: str) -> None:
        (await wei.request("POST", f"rooms/{quote(club)}/receipt/m.read/{quote(newest)}")).ok()

    # Who was brought in is told so by the first line, which counts as unread.
    await wei.wait_for_event("", lambda room, event: room == club and "started the channel" in str(event["content"]))
    assert await unread(wei, club) == 1
    first, second = await zoe.say(club, "One"), await zoe.say(club, "Two")
    polls = [await send("m.poll.start", {"m.poll": {}}), await send("org.matrix.msc3381.poll.start", {})]
    assert await unread(wei, club) == 5
    await read(second)
    assert await unread(wei, club) == 2

    # Nothing of this is something that somebody said.
    newest = await zoe.say(club, "Three")
    await read(newest)
    about = {"event_id": first, "key": "👍", "rel_type": "m.annotation"}
    await send("m.reaction", {"m.relates_to": about})
    for event_type, poll in zip(("m.poll.response", "org.matrix.msc3381.poll.response"), polls, strict=True):
        await send(event_type, {"m.relates_to": {"rel_type": "m.reference", "event_id": poll}, "m.selections": ["a"]})
    await send("m.poll.end", {"m.relates_to": {"rel_type": "m.reference", "event_id": polls[0]}})
    await send("org.example.own", {"text": "x"})
    await send("m.call.hangup", {"call_id": "x"})
    edit = {"msgtype": "m.text", "body": "* Two!", "m.new_content": {"msgtype": "m.text", "body": "Two!"}}
    await send("m.room.message", {**edit, "m.relates_to": {"rel_type": "m.replace", "event_id": second}})
    (await zoe.request("PUT", f"rooms/{quote(club)}/redact/{quote(second)}/gone", {"reason": "wrong room"})).ok()
    for event_type, content in (("m.room.pinned_events", {"pinned": [first]}), ("m.room.topic", {"topic": "Books"})):
        (await zoe.request("PUT", f"rooms/{quote(club)}/state/{event_type}/", content)).ok()
    assert await unread(wei, club) == 0
    await zoe.say(club, "Four")
    assert await unread(wei, club) == 1


async def test_C1_V1_a_channel_renamed_by_command_and_in_a_client(firm: RealFirm) -> None:
    firm.start_bridge()
    await firm.bridge_ready()
    zoe, wei = await firm.login("zoe.lindqvist"), await firm.login("wei.chen")
    ask, asks_wei = asking(firm, zoe, await bot_chat(zoe, firm)), asking(firm, wei, await bot_chat(wei, firm))

    async def behind(alias: str) -> str:
        return str((await zoe.get(f"directory/room/{quote(f'#{alias}:localhost')}"))["room_id"])

    await ask("!channel create Alpha @wei.chen")
    first = await room_named(zoe, "Alpha")
    await ask("!channel rename Alpha Beta")
    assert await room_named(zoe, "Beta") == first == await behind("beta") == await behind("alpha")
    # Another channel takes the old name and its address; the first one keeps its room.
    await ask("!channel create Alpha")
    second = await room_named(zoe, "Alpha")
    assert second != first
    assert await behind("alpha") == second
    assert await wei.members(first) >= {zoe.user_id, wei.user_id, firm.settings.bot_id}

    # Natively: name and topic at once.
    since = await now(zoe)
    for kind, content in (("m.room.name", {"name": "Gamma"}), ("m.room.topic", {"topic": "Rays"})):
        assert (await wei.request("PUT", f"rooms/{quote(first)}/state/{kind}/", content)).status == 200
    await zoe.wait_for_event(since, lambda room, event: event["content"].get("alias") == "#gamma:localhost")
    while "Rays" not in await ask("!channel info Gamma"):
        pass
    assert await room_named(zoe, "Gamma") == first

    # Found in the staff space, and joined there by active staff and nobody else.
    tomas, stranger = await firm.login("tomas.ferreira"), await firm.make_account("stranger")
    space = await room_named(tomas, "Ashcombe & Vale")
    found = (await tomas.get(f"/_matrix/client/v1/rooms/{quote(space)}/hierarchy", limit="50"))["rooms"]
    assert [room["canonical_alias"] for room in found if room["room_id"] == first] == ["#gamma:localhost"]
    assert (await stranger.request("POST", f"join/{quote('#gamma:localhost')}")).status == 403
    assert (await tomas.request("POST", f"join/{quote('#gamma:localhost')}")).status == 200
    while "Participants: 3" not in await ask("!channel info Gamma"):
        pass
    assert (await tomas.get(f"pushrules/global/underride/{quote(rule_id(first, 'message'))}"))["actions"] == ["notify"]

    # A taken name is put back, and Wei is told why.
    since, chat = await now(wei), await bot_chat(wei, firm)
    await wei.request("PUT", f"rooms/{quote(first)}/state/m.room.name/", {"name": "everyone"})
    _, told = await wei.wait_for_event(since, lambda room, event: room == chat and event["type"] == "m.room.message")
    assert "called Everyone already" in told["content"]["body"]
    assert await wei.room_name(first) == "Gamma"

    # What the room and the homeserver refuse before it happens.
    for act in ("kick", "invite"):
        answer = await wei.request("POST", f"rooms/{quote(first)}/{act}", {"user_id": zoe.user_id})
        assert (act, answer.status) == (act, 403)

    # C3: right after every message and a restart.
    await wei.say(first, "Hello")
    await zoe.say(second, "Hello")
    recent = await asks_wei("!channel recent")
    assert [line.split(". ")[1].split(", ")[0] for line in recent.splitlines()][:2] == ["Alpha", "Gamma"]
    await wei.say(first, "Hello again")
    await asks_wei("!ping")
    firm.kill_bridge()
    firm.start_bridge()
    await firm.bridge_ready()
    assert (await asks_wei("!channel recent")).startswith("1. Gamma")

    # Archived: nobody can write; restored: they can.
    await ask("!channel archive Gamma")
    content = {"msgtype": "m.text", "body": "x"}
    assert (await wei.request("PUT", f"rooms/{quote(first)}/send/m.room.message/a1", content)).status == 403
    await ask("!channel restore Gamma")
    assert (await wei.request("PUT", f"rooms/{quote(first)}/send/m.room.message/a2", content)).status == 200
