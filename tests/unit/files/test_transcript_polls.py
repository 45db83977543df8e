"""What is no text message in a transcript: polls with their votes and result, calls, shared places, reasons."""

from __future__ import annotations

import html
from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.firm.typed import without_fallback
from bridge.transcript.model import Happening, Transcript
from tests.unit.files.test_transcript import (
    ABOUT,
    RUTH,
    START,
    TOM,
    Json,
    edit,
    made,
    page,
    pdf,
    redaction,
    relates,
    said_in,
    text,
    words,
)
from tests.unit.files.test_transcript import event as some_event


def event(sender: str, kind: str = "m.room.message", /, **content: Any) -> Json:
    """An event whose content may have any keys; `at` and `state` are no part of it."""
    return some_event(sender, kind, **content)


ANSWERS = {"mon": "Monday", "tue": "Tuesday"}
STABLE, UNSTABLE = "m.poll.", "org.matrix.msc3381.poll."


def poll(names: str = STABLE, *, most: int = 1, kind: str = "disclosed", question: str = "Which day?") -> Json:
    if names == STABLE:
        asked: Json = {"m.text": [{"mimetype": "text/html", "body": "<b>no</b>"}, {"body": question}]}
        answers = [{"m.id": key, "m.text": [{"body": said}]} for key, said in ANSWERS.items()]
    else:
        asked = {"org.matrix.msc1767.text": question, "body": question, "msgtype": "m.text"}
        answers = [{"id": key, "org.matrix.msc1767.text": said} for key, said in ANSWERS.items()]
    told = {"kind": names.replace("poll.", "") + kind, "max_selections": most, "question": asked, "answers": answers}
    key = "m.poll" if names == STABLE else f"{names}start"
    return event(RUTH, f"{names}start", **{key: told, "org.matrix.msc1767.text": "Which day?\n1. Monday\n2. Tuesday"})


def vote(who: str, of: Json, *chosen: Any, names: str = STABLE, at: int = 0) -> Json:
    said = {"m.selections": [*chosen]} if names == STABLE else {f"{names}response": {"answers": [*chosen]}}
    return event(who, f"{names}response", at=at, **relates(rel_type="m.reference", event_id=of["event_id"]), **said)


def end(who: str, of: Json, at: int = 60, names: str = STABLE) -> Json:
    about = relates(rel_type="m.reference", event_id=of["event_id"])
    return event(who, f"{names}end", at=at, **about, **{"m.text": [{"body": "The poll has ended."}]})


def votes(transcript: Transcript) -> dict[str, tuple[str, ...]]:
    (message,) = transcript.messages
    assert message.poll is not None
    return {answer.text: answer.people for answer in message.poll.answers}


@pytest.mark.parametrize("names", [STABLE, UNSTABLE])
def test_a_poll_is_one_message_with_its_answers_votes_and_result(names: str) -> None:
    asked = poll(names)
    cast = [
        vote(TOM, asked, "mon", names=names),
        vote(RUTH, asked, "tue", names=names),
        vote(TOM, asked, "tue", names=names),
    ]
    transcript = made(asked, *cast, end(RUTH, asked, names=names), vote(RUTH, asked, "mon", names=names, at=90))
    assert votes(transcript) == {"Monday": (), "Tuesday": ("Tom Price", "Ruth Adeyemi")}
    for shown in (words(page(transcript)), said_in(pdf(transcript))):
        for part in (
            "Which day?",
            "Monday: 0 votes",
            "Tuesday: 2 votes (Tom Price, Ruth Adeyemi)",
            "Poll ended by Ruth Adeyemi at 2026-06-21 01:01:00. Result: “Tuesday”, with 2 votes.",
        ):
            assert part in shown
        assert "without text" not in shown
        assert "has ended" not in shown


def test_votes_taken_back_unknown_or_too_many_do_not_count() -> None:
    asked = poll(most=1)
    first, second = vote(TOM, asked, "mon"), vote(TOM, asked, "tue")
    assert votes(made(asked, first, second, redaction(TOM, second))) == {"Monday": ("Tom Price",), "Tuesday": ()}
    assert votes(made(asked, first, vote(TOM, asked, "sunday"))) == {"Monday": (), "Tuesday": ()}
    assert votes(made(asked, vote(TOM, asked, "mon", "tue"))) == {"Monday": ("Tom Price",), "Tuesday": ()}
    both = poll(most=2)
    assert votes(made(both, vote(TOM, both, "mon", "tue"))) == {"Monday": ("Tom Price",), "Tuesday": ("Tom Price",)}
    assert votes(made(asked, vote(TOM, asked, 1, None, "tue"))) == {"Monday": (), "Tuesday": ("Tom Price",)}


def test_a_poll_that_nobody_ended_says_so_and_a_draw_names_both() -> None:
    hidden = poll(kind="undisclosed")
    assert "had not ended; its votes were hidden." in words(page(made(hidden, vote(TOM, hidden, "mon"))))
    asked = poll()
    over = made(asked, vote(TOM, asked, "mon"), vote(RUTH, asked, "tue"), end(RUTH, asked))
    assert "Result: “Monday” and “Tuesday”, with 1 vote each." in words(page(over))
    assert "Result: no votes." in words(page(made(asked, end(RUTH, asked))))
    taken_back = end(RUTH, asked)
    assert "had not ended." in words(page(made(asked, taken_back, redaction(RUTH, taken_back))))


def test_nobody_ends_or_votes_in_what_is_not_theirs_unseen() -> None:
    asked = poll()
    gone: Json = {"event_id": "$gone"}
    shown = html.unescape(words(page(made(asked, end(TOM, asked), vote(TOM, gone, "mon"), end(TOM, gone)))))
    assert "Tom Price tried to end a poll of somebody else's" in shown
    assert "Tom Price voted in a poll that is not here" in shown
    assert "Tom Price ended a poll that is not here" in shown
    assert "had not ended." in shown


def test_a_poll_asked_anew_or_deleted() -> None:
    asked, anew = poll(), poll(question="Which week?")
    changed = {
        **anew,
        "content": {"m.new_content": anew["content"], **relates(rel_type="m.replace", event_id=asked["event_id"])},
    }
    transcript = made(asked, changed, vote(TOM, asked, "mon"))
    assert votes(transcript) == {"Monday": ("Tom Price",), "Tuesday": ()}
    assert transcript.messages[0].text == "Which week?"
    gone = words(page(made(asked, vote(TOM, asked, "mon"), redaction(RUTH, asked))))
    assert "Message deleted by Ruth Adeyemi" in gone
    assert "Which day" not in gone and "Monday" not in gone


def test_a_poll_of_any_form_is_shown_as_far_as_it_can_be_read() -> None:
    contents: list[Json] = [
        {},
        {"m.poll": 1},
        {"m.poll": {"question": [], "answers": [1, None, {"m.id": []}]}},
        {"m.poll": {"answers": "x"}},
    ]
    for broken in contents:
        asked = event(RUTH, "m.poll.start", **broken)
        assert len(made(asked, vote(TOM, asked, "x"), end(RUTH, asked)).messages) == 1


def test_of_a_vote_taken_back_before_it_was_read_nothing_is_told() -> None:
    back = {"unsigned": {"redacted_because": redaction(TOM, {"event_id": "$x"})}, "content": {}}
    assert told({**event(TOM, "m.poll.response"), **back}, {**event(RUTH, "m.poll.end"), **back}) == []
    came = {**event(TOM, "m.room.member", state=TOM, membership="join"), "unsigned": back["unsigned"]}
    assert told(came) == ["Tom Price joined"], "a membership stays, whatever was deleted of its event"


def told(*events: Json) -> list[str]:
    transcript = made(*events)
    assert transcript.messages == ()
    return [one.text for one in transcript.entries if isinstance(one, Happening)]


def test_calls_are_told_and_not_counted_as_messages() -> None:
    offer = {"type": "offer", "sdp": "v=0\r\nm=audio 9\r\nm=video 9"}
    assert told(
        event(RUTH, "m.call.invite", call_id="1", offer=offer),
        event(RUTH, "m.call.candidates", call_id="1", candidates=[]),
        event(TOM, "m.call.answer", call_id="1"),
        event(TOM, "m.call.hangup", call_id="1"),
        event(RUTH, "m.call.invite", call_id="2"),
        event(TOM, "m.call.reject", call_id="2"),
        event(RUTH, "org.matrix.msc4075.rtc.notification", notification_type="ring"),
        event(RUTH, "m.key.verification.start"),
    ) == [
        "Ruth Adeyemi called with video",
        "Tom Price answered the call",
        "Tom Price ended the call",
        "Ruth Adeyemi called",
        "Tom Price declined the call",
        "Ruth Adeyemi called",
    ]


def test_who_comes_into_a_call_or_shares_a_place_is_told_once() -> None:
    call, place = "org.matrix.msc3401.call.member", "org.matrix.msc3672.beacon_info"
    member = {"application": "m.call", "expires": 1}
    assert told(
        event(RUTH, call, state=f"_{RUTH}_X", **member),
        event(RUTH, call, state=f"_{RUTH}_X", **{**member, "expires": 2}),
        event(RUTH, call, state=f"_{RUTH}_X"),
        event(RUTH, call, state=f"_{RUTH}_X"),
        event(TOM, place, state=TOM, live=True),
        event(TOM, "org.matrix.msc3672.beacon", uri="geo:1,2"),
        event(TOM, place, state=TOM, live=False),
    ) == [
        "Ruth Adeyemi joined the call",
        "Ruth Adeyemi left the call",
        "Tom Price began to share where they are",
        "Tom Price stopped sharing where they are",
    ]


def test_what_a_program_sends_is_shown_by_its_words_or_told_of() -> None:
    shown = made(event(RUTH, "org.example.note", **{"m.text": [{"body": "By extension"}]}))
    assert shown.messages[0].text == "By extension"
    assert told(event(RUTH, "org.example.own", x=1)) == ["Ruth Adeyemi sent something without words (org.example.own)"]
    where = event(RUTH, msgtype="m.location", body="The court", geo_uri="geo:51.5,-0.1")
    assert made(where).messages[0].text == "The court\ngeo:51.5,-0.1"


def test_a_reason_beside_a_membership_is_in_the_transcript() -> None:
    joins = {"membership": "join"}
    assert told(
        event(TOM, "m.room.member", state=TOM, **joins, reason="as agreed\u202e"),
        event(TOM, "m.room.member", state=TOM, **joins, reason="and more"),
        event(RUTH, "m.room.member", state=TOM, membership="leave", reason="done"),
    ) == [
        "Tom Price joined: “as agreed\ufffd”",
        "Tom Price wrote beside a membership: “and more”",
        "Tom Price was removed by Ruth Adeyemi: “done”",
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("> <@ruth:localhost> Question\n\nAnswer", "Answer"),
        ("> <@ruth:localhost> Question\n> more\n\nAnswer\n> kept", "Answer\n> kept"),
        ("> * <@ruth:localhost> waves\n\nAnswer", "Answer"),
        ("> <@ruth:localhost> Question\n\n> The order says\n\nAnswer", "> The order says\n\nAnswer"),
        ("> The order says no\n\nSo I ask", "> The order says no\n\nSo I ask"),
        ("> <10 days\n\nSo I ask", "> <10 days\n\nSo I ask"),
        (">\n\nSo", ">\n\nSo"),
    ],
)
def test_only_what_a_reply_repeats_is_left_out(body: str, said: str) -> None:
    assert without_fallback(body) == said
    first = text(RUTH, "Question")
    answer = text(TOM, body, **relates(**{"m.in_reply_to": {"event_id": first["event_id"]}}))
    assert made(first, answer).messages[1].text == said
    assert made(text(TOM, body)).messages[0].text == body
    assert made(first, answer, edit(TOM, answer, body)).messages[1].text == said


def test_the_two_hours_of_the_night_clocks_go_back_are_told_apart() -> None:
    night = int(datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp() - START / 1000)
    transcript = made(text(RUTH, "one", night), text(RUTH, "two", night + 3600), text(RUTH, "three", night + 7200))
    assert ABOUT.timezone == "Europe/London"
    for shown in (words(page(transcript)), said_in(pdf(transcript))):
        for part in ("01:30:00 UTC+01:00 one", "01:30:00 UTC+00:00 two", "02:30:00 three"):
            assert part in shown
