"""A transcript of what Synapse really keeps of edits, deletions, replies, threads, reactions and files."""

from __future__ import annotations

import itertools
from typing import Any
from urllib.parse import quote

from bridge.mapping.said import said_in
from bridge.matrix.client import MatrixClient
from bridge.transcript.model import About
from bridge.transcript.page import html_page
from bridge.transcript.reading import Reader
from tests.fakes.anybody import Anybody
from tests.synapse.asked.test_unread import room_of
from tests.synapse.harness import Person, RealSynapse
from tests.unit.files.test_transcript import watched, words

Json = dict[str, Any]
numbers = itertools.count()


async def sent(person: Person, room_id: str, content: Json, kind: str = "m.room.message") -> str:
    path = f"rooms/{quote(room_id)}/send/{kind}/transcript{next(numbers)}"
    return str((await person.request("PUT", path, content)).ok()["event_id"])


def text(body: str, **relation: Any) -> Json:
    content: Json = {"msgtype": "m.text", "body": body}
    return {**content, "m.relates_to": relation} if relation else content


async def test_a_transcript_says_what_happened_in_a_real_room_that_the_bot_has_left(synapse: RealSynapse) -> None:
    ann, ben = await synapse.make_account("transcript.ann"), await synapse.make_account("transcript.ben")
    room = await room_of(synapse, ann, ben)
    first = await sent(ann, room, text("Shall we <b>settle</b> at 12?"))
    changed = text("* at 14", rel_type="m.replace", event_id=first)
    changed["m.new_content"] = text("Shall we settle at 14?")
    edit = await sent(ann, room, changed)
    gone = await sent(ben, room, text("Privileged"))
    (await ben.request("PUT", f"rooms/{quote(room)}/redact/{quote(gone)}/gone", {"reason": "wrong room"})).ok()
    await sent(ben, room, text("Yes", **{"m.in_reply_to": {"event_id": first}}))
    await sent(ann, room, text("In detail", rel_type="m.thread", event_id=first))
    thumb = {"m.relates_to": {"rel_type": "m.annotation", "event_id": first, "key": "👍"}}
    await sent(ben, room, thumb, "m.reaction")
    back = await sent(ann, room, {"m.relates_to": {**thumb["m.relates_to"], "key": "👎"}}, "m.reaction")
    (await ann.request("PUT", f"rooms/{quote(room)}/redact/{quote(back)}/back")).ok()
    file = {"msgtype": "m.file", "body": "Draft.pdf", "url": "mxc://localhost/none", "info": {"size": 2048}}
    await sent(ann, room, file)
    await sent(ann, room, text("<script>alert(1)</script>"))
    (await ben.request("POST", f"rooms/{quote(room)}/leave")).ok()
    (await synapse.bot.request("POST", f"rooms/{quote(room)}/leave")).ok()

    client = MatrixClient(synapse.settings.homeserver, synapse.settings.appservice, Anybody())
    reader = Reader(lambda user_id: user_id[1:].partition(":")[0], synapse.settings.bot_id)
    start: str | None = ""
    try:
        while start is not None:
            events, start = await client.admin_events(room, start)
            reader.take(events)
        newest = await client.admin_newest_event(room)
    finally:
        await client.close()
    transcript = reader.transcript({})
    assert transcript.last_event_id == newest
    about = About("Firm", "2026-0042", "Estate", "", "General", "UTC", room, "localhost", "the test")
    html = html_page(transcript, about, {}).decode()
    watched(html)
    shown = words(html)
    assert [one.event_id for one in transcript.messages][:2] == [first, gone]
    assert edit not in [one.event_id for one in transcript.messages]
    assert len(transcript.messages) == 6
    assert "Shall we settle at 14?" in shown
    assert "at 12" not in html
    assert "edited at" in shown
    assert "Message deleted by transcript.ben at" in shown
    assert "(wrong room)" in shown
    assert "Privileged" not in html
    assert '· in reply to <a href="#m1">#1</a>' in html
    assert '· in the thread of <a href="#m1">#1</a>' in html
    assert "👍 1: transcript.ben" in shown
    assert "👎" not in html
    assert "Draft.pdf (2.0 KB)" in shown
    assert "&lt;script&gt;" in html
    assert "transcript.ben left" in shown
    assert [bool(one.periods[0].until) for one in transcript.attendance] == [False, True]


async def test_V2_an_event_comes_with_its_authors_newest_edit_and_polls_with_their_votes(synapse: RealSynapse) -> None:
    ann, ben = await synapse.make_account("edits.ann"), await synapse.make_account("edits.ben")
    room = await room_of(synapse, ann, ben)
    first = await sent(ann, room, text("Monday"))

    def change(words: str) -> Json:
        return {**text(f"* {words}", rel_type="m.replace", event_id=first), "m.new_content": text(words)}

    await sent(ann, room, change("Tuesday"))
    last = await sent(ann, room, change("Wednesday"))
    await sent(ben, room, change("Friday"))
    asked = {"question": {"m.text": [{"body": "When?"}]}, "answers": [{"m.id": "a", "m.text": [{"body": "Now"}]}]}
    poll = await sent(ann, room, {"m.poll": asked, "m.text": [{"body": "When?\n1. Now"}]}, "m.poll.start")
    about = {"m.relates_to": {"rel_type": "m.reference", "event_id": poll}}
    await sent(ben, room, {**about, "m.selections": ["a"]}, "m.poll.response")
    await sent(ann, room, {**about, "m.poll.results": {"a": 1}, "m.text": [{"body": "Over"}]}, "m.poll.end")

    client = MatrixClient(synapse.settings.homeserver, synapse.settings.appservice, Anybody())
    reader = Reader(lambda user_id: user_id[1:].partition(":")[0], synapse.settings.bot_id)
    try:
        edited, question = [await client.event(room, event_id, ben.user_id) for event_id in (first, poll)]
        (await ann.request("PUT", f"rooms/{quote(room)}/redact/{quote(last)}/edit")).ok()
        before = await client.event(room, first, ben.user_id)
        events, _ = await client.admin_events(room, "")
        reader.take(events)
    finally:
        await client.close()
    assert [said_in(event or {}) for event in (edited, question, before)] == ["Wednesday", "When?", "Tuesday"]
    # Of a deleted edit Synapse keeps nothing that tells it from a message.
    changed, not_theirs, asked_of_all = [one for one in reader.transcript({}).messages if one.deleted is None]
    assert (changed.text, not_theirs.text, asked_of_all.text) == ("Tuesday", "* Friday", "When?")
    assert asked_of_all.poll is not None
    assert asked_of_all.poll.answers[0].people == ("edits.ben",)
    assert asked_of_all.poll.ended_by == "edits.ann"
