"""Transcripts: what was edited, deleted, answered and reacted to is shown as it stands at the end."""

from __future__ import annotations

import pytest

from bridge.transcript.model import Happening, Transcript, TranscriptMessage
from tests.unit.files.test_transcript import (
    RUTH,
    TOM,
    Json,
    edit,
    event,
    made,
    page,
    pdf,
    redaction,
    relates,
    said_in,
    text,
    words,
)


def messages(transcript: Transcript) -> list[TranscriptMessage]:
    return [one for one in transcript.entries if isinstance(one, TranscriptMessage)]


def test_an_edit_shows_the_last_text_and_says_when() -> None:
    said = text(RUTH, "Monday")
    transcript = made(said, edit(RUTH, said, "Tuesday", 5), edit(RUTH, said, "Wednesday", 9))
    (message,) = transcript.messages
    assert message.text == "Wednesday"
    shown = words(page(transcript))
    assert "edited at 2026-06-21 01:00:09" in shown
    assert not any(old in shown + said_in(pdf(transcript)) for old in ("Monday", "Tuesday"))
    assert "edited at 2026-06-21 01:00:09 Wednesday" in said_in(pdf(transcript))


def test_nobody_changes_what_somebody_else_said() -> None:
    said = text(RUTH, "Monday")
    first, second = made(said, edit(TOM, said, "Friday")).messages
    assert (first.text, first.edited_at) == ("Monday", None)
    assert (second.author, second.text) == ("Tom Price", "* Friday")


def test_a_deleted_edit_gives_back_what_was_there_before() -> None:
    said = text(RUTH, "Monday")
    wrong = edit(RUTH, said, "Tuesday")
    (message,) = made(said, wrong, redaction(RUTH, wrong)).messages
    assert (message.text, message.edited_at) == ("Monday", None)


def test_of_a_deleted_message_nothing_is_left_but_that_there_was_one() -> None:
    said = text(RUTH, "Privileged")
    transcript = made(said, edit(RUTH, said, "Also privileged"), redaction(TOM, said, 61, "sent in error"))
    for shown in (words(page(transcript)), said_in(pdf(transcript))):
        assert "Message deleted by Tom Price at 2026-06-21 01:01:01 (sent in error)" in shown
        assert "rivileged" not in shown


def test_a_message_deleted_before_it_was_read_is_told_of_too() -> None:
    because = redaction(RUTH, {"event_id": "$x"}, 5)
    said = {**text(RUTH, ""), "content": {}, "unsigned": {"redacted_because": because}}
    assert "Message deleted by Ruth Adeyemi at 2026-06-21 01:00:05" in words(page(made(said)))


def test_replies_and_threads_lead_to_what_they_mean() -> None:
    first = text(RUTH, "Question")
    reply = text(
        TOM, "> <@ruth:localhost> Question\n\nAnswer", **relates(**{"m.in_reply_to": {"event_id": first["event_id"]}})
    )
    falling = {"rel_type": "m.thread", "event_id": first["event_id"], "is_falling_back": True}
    thread = text(RUTH, "Further", **relates(**falling, **{"m.in_reply_to": {"event_id": reply["event_id"]}}))
    lost = text(RUTH, "Lost", **relates(**{"m.in_reply_to": {"event_id": "$nowhere"}}))
    transcript = made(first, reply, thread, lost)
    assert [message.text for message in transcript.messages] == ["Question", "Answer", "Further", "Lost"]
    html = page(transcript)
    assert '· in reply to <a href="#m1">#1</a>' in html
    assert '· in the thread of <a href="#m1">#1</a>' in html
    assert html.count("in reply to") == 2
    assert "in reply to a message that is not here" in html
    assert "in reply to #1 Answer" in said_in(pdf(transcript))


def test_reactions_are_counted_with_names_and_those_taken_back_are_not() -> None:
    said = text(RUTH, "Agreed?")

    def reaction(sender: str, key: str) -> Json:
        return event(sender, "m.reaction", **relates(rel_type="m.annotation", event_id=said["event_id"], key=key))

    back = reaction(TOM, "👎")
    transcript = made(said, reaction(TOM, "👍"), reaction(RUTH, "👍"), back, redaction(TOM, back))
    assert "👍 2: Tom Price, Ruth Adeyemi" in words(page(transcript))
    assert "👎" not in page(transcript)
    assert "[thumbs up sign] 2: Tom Price, Ruth Adeyemi" in said_in(pdf(transcript)), "which the font does not have"


def test_what_has_another_type_than_what_it_changes_is_a_message_of_its_own() -> None:
    first = text(RUTH, "We offer five")
    sticker = event(RUTH, "m.sticker", body="thumbs up", **relates(rel_type="m.replace", event_id=first["event_id"]))
    said, beside = messages(made(first, sticker))
    assert (said.text, said.edited_at) == ("We offer five", None)
    assert beside.file is not None
    assert beside.file.name == "thumbs up"


@pytest.mark.parametrize(("kind", "emote", "notice"), [("m.emote", True, False), ("m.notice", False, True)])
def test_an_edit_makes_of_a_message_what_it_is_itself(kind: str, emote: bool, notice: bool) -> None:
    first = text(RUTH, "waved")
    new: Json = {"m.new_content": {"msgtype": kind, "body": "waves"}}
    change = event(
        RUTH, msgtype=kind, body="* waves", **new, **relates(rel_type="m.replace", event_id=first["event_id"])
    )
    (said,) = messages(made(first, change))
    assert (said.text, said.emote, said.notice) == ("waves", emote, notice)


def test_who_answers_an_edit_answers_its_message() -> None:
    first = text(RUTH, "We offer five")
    change = edit(RUTH, first, "We offer ten")
    reaction = event(TOM, "m.reaction", **relates(rel_type="m.annotation", event_id=change["event_id"], key="+1"))
    answer = text(TOM, "Agreed", **relates(**{"m.in_reply_to": {"event_id": change["event_id"]}}))
    said, reply = messages(made(first, change, reaction, answer))
    assert [(one.sign, one.people) for one in said.reactions] == [("+1", ("Tom Price",))]
    assert reply.reply_to == first["event_id"]


@pytest.mark.parametrize(
    ("content", "name", "caption"),
    [
        ({"body": "plan.pdf", "filename": ""}, "plan.pdf", ""),
        ({"body": "plan.pdf", "filename": "plan.pdf "}, "plan.pdf", ""),
        ({"body": "plan.pdf", "filename": 7}, "plan.pdf", ""),
        ({"body": "The plan", "filename": "plan.pdf"}, "plan.pdf", "The plan"),
        ({}, "(no name)", ""),
    ],
)
def test_V3_a_file_is_called_in_a_transcript_as_in_the_list(content: Json, name: str, caption: str) -> None:
    (sent,) = messages(made(event(RUTH, msgtype="m.file", url="mxc://localhost/plan", **content)))
    assert sent.file is not None
    assert (sent.file.name, sent.text) == (name, caption)


def test_a_formatted_text_without_a_plain_one_is_the_text() -> None:
    html: Json = {"format": "org.matrix.custom.html", "formatted_body": "We offer <b>ten</b>"}
    (said,) = messages(made(event(RUTH, msgtype="m.text", **html)))
    assert said.text == "We offer ten"


def test_names_and_topics_are_told_in_each_form_and_when_they_go() -> None:
    topic: Json = {"m.topic": {"m.text": [{"body": "Who pays"}]}}
    told = made(
        event(RUTH, "m.room.name", state="", name="Costs"),
        event(RUTH, "m.room.name", state="", name=""),
        event(RUTH, "m.room.topic", state="", **topic),
        event(RUTH, "m.room.topic", state="", topic=""),
    )
    assert [one.text for one in told.entries if isinstance(one, Happening)] == [
        "Ruth Adeyemi named the conversation “Costs”",
        "Ruth Adeyemi took the name away",
        "Ruth Adeyemi set the topic to “Who pays”",
        "Ruth Adeyemi took the topic away",
    ]
