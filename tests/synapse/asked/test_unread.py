"""Unread counts as the bridge asks Synapse for them: whose rules count, and that asking leaves no trace."""

from __future__ import annotations

from urllib.parse import quote

from bridge.matrix.client import MatrixClient
from tests.fakes.anybody import Anybody
from tests.synapse.asked.test_channels import unread
from tests.synapse.harness import Person, RealSynapse

MESSAGES_AFTER_WHICH_NOBODY_LOOKS = 60
"""State events behind a message. Synapse looks through about fifty for one of the kind that a filter wants."""


async def room_of(synapse: RealSynapse, *people: Person) -> str:
    """A room of the bot with these people in it."""
    invited = [
        {"type": "m.room.member", "state_key": person.user_id, "content": {"membership": "invite"}} for person in people
    ]
    made = await synapse.bot.request("POST", "createRoom", {"preset": "private_chat", "initial_state": invited})
    room_id = str(made.ok()["room_id"])
    for person in people:
        (await person.request("POST", f"rooms/{quote(room_id)}/join")).ok()
    return room_id


async def test_unread_counts_are_the_persons_own_and_asking_changes_nothing(synapse: RealSynapse) -> None:
    ann, ben = await synapse.make_account("unread.ann"), await synapse.make_account("unread.ben")
    two, read, muted, buried, quiet, never = [await room_of(synapse, ann, ben) for _ in range(6)]
    # Ann has looked into all rooms but one. In a room in which somebody has read nothing yet, Synapse counts their
    # invitation too, once it has summed up the room after a message, as it does with all rooms every half minute.
    for room_id in (two, read, muted, buried, quiet):
        newest = (await ann.get(f"rooms/{quote(room_id)}/messages", dir="b", limit="1"))["chunk"][0]["event_id"]
        (await ann.request("POST", f"rooms/{quote(room_id)}/receipt/m.read/{quote(newest)}")).ok()
    mute = {"conditions": [{"kind": "event_match", "key": "room_id", "pattern": muted}], "actions": []}
    (await ann.request("PUT", f"pushrules/global/override/{quote(muted)}", mute)).ok()
    for room_id in (muted, buried, never, two, two):
        await ben.say(room_id, "Hello")
    last = await ben.say(read, "Hello")
    (await ann.request("POST", f"rooms/{quote(read)}/receipt/m.read/{quote(last)}")).ok()
    notice = {"msgtype": "m.notice", "body": "From the bot"}
    (await synapse.bot.request("PUT", f"rooms/{quote(quiet)}/send/m.room.message/quiet", notice)).ok()
    for number in range(MESSAGES_AFTER_WHICH_NOBODY_LOOKS):
        (await synapse.bot.request("PUT", f"rooms/{quote(buried)}/state/org.example.note/{number}", {"n": 1})).ok()
    devices = await ann.get("devices")

    client = MatrixClient(synapse.settings.homeserver, synapse.settings.appservice, Anybody())
    try:
        found = {one.room_id: one for one in await client.unread(ann.user_id)}
        nothing = await client.unread(synapse.user_id("unread.ben"))
        again = await client.unread(ann.user_id)
        # From here on the homeserver is asked for what has become other.
        await ben.say(two, "Hello again")
        one_more = {one.room_id: one.count for one in await client.unread(ann.user_id)}
        seen = (await ann.get(f"rooms/{quote(two)}/messages", dir="b", limit="1"))["chunk"][0]["event_id"]
        (await ann.request("POST", f"rooms/{quote(two)}/receipt/m.read/{quote(seen)}")).ok()
        (await ann.request("POST", f"rooms/{quote(buried)}/leave")).ok()
        less = {one.room_id for one in await client.unread(ann.user_id)}
        # Another client, which has asked nothing yet, is not given what this one was a moment ago.
        afresh = MatrixClient(synapse.settings.homeserver, synapse.settings.appservice, Anybody())
        try:
            same = {one.room_id for one in await afresh.unread(ann.user_id)}
        finally:
            await afresh.close()
    finally:
        await client.close()
    counts = {room_id: one.count for room_id, one in found.items()}
    assert counts.pop(never) in {1, 2}
    assert counts == {two: 2, buried: 1}
    messages = (await ann.get(f"rooms/{quote(two)}/messages", dir="b", limit="2"))["chunk"]
    assert found[two].newest_at == messages[1]["origin_server_ts"]
    assert nothing == []
    assert {one.room_id: one for one in again} == found
    assert one_more[two] == 3
    # Those who ask know which rooms a person is in.
    assert (less, same) == ({never, buried}, {never})
    assert [await unread(ann, room_id) for room_id in (two, read, muted)] == [0, 0, 0]
    assert await ann.get("devices") == devices
