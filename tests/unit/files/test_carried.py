"""What carries a file past the rules, in whatever form, and what clients send every day that carries none (V3, V4)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.firm.files.carried import FILE_MESSAGES, edited_with_file, edits_file, strays
from bridge.firm.files.rules import FileRules, judge_message

MXC = "mxc://firm.example/abc"
OTHER = "mxc://firm.example/other"
Json = dict[str, Any]
KEY = {"kty": "oct", "key_ops": ["encrypt", "decrypt"], "alg": "A256CTR", "k": "x", "ext": True}
LOCKED = {"url": MXC, "key": KEY, "iv": "x", "hashes": {"sha256": "x"}, "v": "v2"}
PICTURE: Json = {"msgtype": "m.image", "body": "plan.png", "url": MXC, "info": {"thumbnail_url": OTHER, "w": 3}}
EDIT = {"rel_type": "m.replace", "event_id": "$said"}
VOICE: Json = {
    "msgtype": "m.audio",
    "body": "Voice message",
    "url": MXC,
    "info": {"duration": 5040, "mimetype": "audio/ogg", "size": 9},
    "org.matrix.msc1767.text": "Voice message",
    "org.matrix.msc1767.file": {"url": MXC, "name": "Voice message.ogg", "mimetype": "audio/ogg", "size": 9},
    "org.matrix.msc1767.audio": {"duration": 5040, "waveform": [1, 2, 3]},
    "org.matrix.msc3245.voice": {},
}


@pytest.mark.parametrize(
    ("event_type", "content"),
    [
        ("m.room.encrypted", {}),
        ("m.room.encrypted", {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x"}),
        ("m.sticker", {"body": "x", "url": MXC, "info": {}}),
        ("m.sticker", {"body": "x", "file": LOCKED}),
        ("m.file", {"m.text": [{"body": "x"}], "m.file": {"url": MXC, "name": "setup.exe"}}),
        ("org.matrix.msc1767.file", {"org.matrix.msc1767.file": {"url": MXC}}),
        ("m.voice", {"m.audio": {"duration": 1}, "m.file": {"url": MXC}}),
        ("m.image", {"m.file": {"url": MXC}, "m.thumbnail": [{"m.file": {"url": OTHER}}]}),
        ("org.example.document", {"filename": "setup.exe"}),
        ("org.example.document", {"data": [{"deep": [[MXC]]}]}),
        ("org.example.document", {"url": "https://elsewhere.example/setup.exe"}),
        ("m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": "$said", "key": MXC}}),
        ("m.room.message", {"msgtype": "m.gallery", "body": "x", "itemtypes": [{"itemtype": "m.image", "url": MXC}]}),
        ("m.room.message", {"msgtype": "dm.filament.gallery", "itemtypes": [{"itemtype": "m.file", "filename": "x"}]}),
        ("m.room.message", {"msgtype": "org.example.document", "body": "setup.exe", "url": MXC}),
        ("m.room.message", {"msgtype": "org.example.document", "body": "x", "file": LOCKED}),
        ("m.room.message", {"msgtype": "org.example.document", "filename": "setup.exe"}),
        ("m.room.message", {"msgtype": ["m.file"], "body": "setup.exe", "url": MXC}),
        ("m.room.message", {"msgtype": "m.text", "body": "x", "url": MXC}),
        ("m.room.message", {"body": "x", "info": {"thumbnail_url": " MXC://firm.example/abc"}}),
        ("m.room.message", {"msgtype": "m.location", "body": "x", "info": {"thumbnail_url": MXC}}),
        ("m.room.message", {"msgtype": "m.text", "body": "x", "com.beeper.linkpreviews": [{"og:image": MXC}]}),
        ("m.room.message", {"msgtype": "m.text", "body": "x", "formatted_body": f'<IMG src="{MXC}">'}),
        ("m.room.message", {"msgtype": "m.text", "body": "x", "formatted_body": "<p><image/href='&#109;xc://a/b'>"}),
        ("m.room.message", {"msgtype": "m.text", "body": "x", "m.html": "<image/href='&#109;xc://a/b'>"}),
        ("m.room.message", {"msgtype": "m.text", "org.matrix.msc1767.html": "<image/href='&#109;xc://a/b'>"}),
        ("m.room.message", {"msgtype": "m.text", "m.text": [{"mimetype": "text/html", "body": f"<img src={MXC}>"}]}),
        (
            "m.room.message",
            {"msgtype": "m.text", "m.text": [{"mimetype": "Text/HTML; charset=utf-8", "body": f"<img src={MXC}>"}]},
        ),
        # A second file beside the first, in each place.
        ("m.room.message", {**PICTURE, "org.example.more": {"url": OTHER + "2"}}),
        ("m.room.message", {**PICTURE, "info": {"more": OTHER + "2"}}),
        ("m.room.message", {**PICTURE, "file": {**LOCKED, "more": OTHER + "2"}}),
        ("m.room.message", {**PICTURE, "formatted_body": f'<img src="{MXC}">'}),
        ("m.room.message", {**VOICE, "org.matrix.msc1767.file": {"url": OTHER + "2"}}),
        # A file in what is no edit is read by nobody who lists files.
        ("m.room.message", {"msgtype": "m.text", "body": "x", "m.new_content": PICTURE}),
        ("m.room.message", {"msgtype": "m.text", "m.relates_to": EDIT, "m.new_content": {"url": MXC}}),
    ],
)
def test_V3_a_file_in_another_form_is_known_by_what_it_is(event_type: str, content: Json) -> None:
    assert strays(event_type, content)


@pytest.mark.parametrize(
    ("event_type", "content"),
    [
        ("m.room.message", {"msgtype": "m.text", "body": "Lunch?"}),
        ("m.room.message", {"msgtype": "m.text", "body": MXC}),
        ("m.room.message", {"msgtype": "m.text", "body": "<img> is HTML", "formatted_body": "&lt;img&gt; <b>is</b>"}),
        ("m.room.message", {"msgtype": "m.text", "body": "x", "m.mentions": {"user_ids": ["@ann:firm.example"]}}),
        ("m.room.message", {"msgtype": "m.text", "body": "* x", "m.new_content": {"body": "x"}, "m.relates_to": EDIT}),
        (
            "m.room.message",
            {"msgtype": "m.location", "body": "x", "geo_uri": "geo:1,2", "m.location": {"uri": "geo:1,2"}},
        ),
        ("m.room.message", PICTURE),
        ("m.room.message", {**PICTURE, "filename": "plan.png", "body": "As agreed"}),
        ("m.room.message", {"msgtype": "m.file", "body": "x.pdf", "file": LOCKED, "info": {"thumbnail_file": LOCKED}}),
        ("m.room.message", VOICE),
        ("m.room.message", {**PICTURE, "m.new_content": {**PICTURE, "body": "Better"}, "m.relates_to": EDIT}),
        ("m.room.message", {"msgtype": "m.text", "body": "* x", "m.new_content": PICTURE, "m.relates_to": EDIT}),
        (
            "m.room.message",
            {"msgtype": "m.key.verification.request", "body": "x", "methods": ["m.sas.v1"], "to": "@x:x"},
        ),
        ("m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": "$said", "key": "👍"}}),
        ("m.room.redaction", {"redacts": "$said", "reason": "wrong room"}),
        ("m.room.pinned_events", {"pinned": ["$said"]}),
        ("m.poll.start", {"m.poll": {"question": {"m.text": [{"body": "Lunch?"}]}, "answers": [{"m.id": "1"}]}}),
        ("org.matrix.msc3381.poll.response", {"org.matrix.msc3381.poll.response": {"answers": ["1"]}}),
        ("m.call.invite", {"call_id": "1", "offer": {"type": "offer", "sdp": "v=0"}, "version": 1, "lifetime": 60000}),
        ("m.call.member", {"foci_active": [{"type": "livekit", "livekit_service_url": "https://x"}]}),
        ("m.beacon", {"m.location": {"uri": "geo:1,2"}, "m.ts": 1}),
        ("m.room.topic", {"topic": "Filings", "m.topic": {"m.text": [{"body": "Filings"}]}}),
    ],
)
def test_V3_what_clients_send_every_day_passes(event_type: str, content: Json) -> None:
    assert not strays(event_type, content)


@pytest.mark.parametrize("block", [{"name": "setup.exe"}, {"filename": "setup.exe", "url": MXC}])
def test_V4_a_file_is_judged_under_each_of_its_names(block: Json) -> None:
    assert judge_message(VOICE, FileRules())
    assert not judge_message({**VOICE, "org.matrix.msc1767.file": block}, FileRules())
    edit = {"msgtype": "m.text", "m.new_content": {**VOICE, "m.file": block}, "m.relates_to": EDIT}
    assert not judge_message(edit, FileRules())


keys = st.sampled_from(
    ["body", "url", "file", "info", "m.new_content", "m.relates_to", "msgtype", "formatted_body", "x"]
)
values = st.recursive(
    st.none() | st.integers() | st.sampled_from([MXC, "m.file", "m.text", "m.replace", "<img", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


@given(st.sampled_from(["m.room.message", "m.sticker", "x"]), st.dictionaries(keys, values, max_size=5))
def test_V3_whatever_passes_has_its_file_where_it_is_looked_for(event_type: str, content: Json) -> None:
    if strays(event_type, content):
        return
    shown = str({key: value for key, value in content.items() if key not in {"body", "m.new_content"}})
    listed = event_type == "m.room.message" and content.get("msgtype") in FILE_MESSAGES
    assert listed or "'url'" not in shown
    assert listed or "'file'" not in shown


def test_content_may_be_nested_deeper_than_functions_can_call() -> None:
    content: Json = {"url": MXC}
    for _ in range(20_000):
        content = {"x": [content]}
    assert strays("x", content)


REPLACES = {"m.relates_to": {"rel_type": "m.replace", "event_id": "$text"}}
FILE = {"msgtype": "m.file", "body": "x.pdf", "url": "mxc://localhost/x"}


@pytest.mark.parametrize(
    ("content", "edited"),
    [
        ({**REPLACES, "msgtype": "m.text", "m.new_content": FILE}, "$text"),
        ({**REPLACES, **FILE, "m.new_content": {"msgtype": "m.text"}}, "$text"),
        ({**REPLACES, **FILE}, "$text"),
        ({**REPLACES, **FILE, "m.new_content": [FILE]}, "$text"),
        ({**FILE, "m.relates_to": {"rel_type": "m.replace", "event_id": ["$text"]}}, ""),
        ({**FILE, "m.relates_to": {"rel_type": "m.replace"}}, ""),
        ({**REPLACES, "msgtype": "m.text", "m.new_content": {"msgtype": "m.text"}}, None),
        ({**FILE, "m.relates_to": {"rel_type": "m.thread", "event_id": "$text"}}, None),
        ({**FILE, "m.relates_to": "m.replace"}, None),
    ],
)
def test_V3_an_edit_with_a_file_in_it_is_known_in_every_form(content: dict[str, Any], edited: str | None) -> None:
    assert edited_with_file(content) == edited


def test_V3_an_edit_is_of_a_file_of_its_senders_alone() -> None:
    sent = {"sender": "@a:x", "room_id": "!r", "content": FILE}
    assert edits_file("@a:x", "!r", sent)
    for other in (
        None,
        {**sent, "sender": "@b:x"},
        {**sent, "room_id": "!s"},
        {**sent, "content": {"msgtype": "m.text"}},
        {**sent, "content": {**FILE, **REPLACES}},
        {**sent, "content": None},
    ):
        assert not edits_file("@a:x", "!r", other)
