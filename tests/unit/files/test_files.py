"""The file that a message carries, whatever its content says (V3)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.files import (
    CAPTION_MAX,
    KINDS,
    MEASURE_MAX,
    NAME_MAX,
    SIZE_MAX,
    Carried,
    extension,
    file_in,
    is_given,
    may_carry,
    name_key,
    shown_name,
)

MXC = "mxc://hs.test/AbC123"
ENCRYPTED: dict[str, Any] = {
    "v": "v2",
    "url": MXC,
    "key": {"kty": "oct", "alg": "A256CTR", "k": "a" * 43, "ext": True, "key_ops": ["encrypt", "decrypt"]},
    "iv": "w+sE15fzSc0AAAAAAAAAAA",
    "hashes": {"sha256": "b" * 43},
}


def message(**more: Any) -> dict[str, Any]:
    return {"msgtype": "m.file", "body": "Lease.pdf", "url": MXC, **more}


def carried(content: dict[str, Any]) -> Carried:
    found = file_in(content)
    assert found is not None
    return found


@pytest.mark.parametrize(("msgtype", "kind"), KINDS.items())
def test_V3_every_kind_of_file_is_read(msgtype: str, kind: str) -> None:
    info = {"mimetype": "Image/PNG; q=1", "size": 12, "w": 3, "h": 4, "duration": 5}
    found = carried(message(msgtype=msgtype, info=info))
    assert found == Carried(kind, "Lease.pdf", "lease.pdf", "", MXC, "", "image/png", 12, 3, 4, 5)


@pytest.mark.parametrize(
    ("content", "name", "caption"),
    [
        ({"filename": "a.pdf", "body": "Please sign"}, "a.pdf", "Please sign"),
        ({"filename": "a.pdf", "body": "a.pdf"}, "a.pdf", ""),
        ({"filename": "a.pdf"}, "a.pdf", ""),
        ({"filename": " ", "body": "a.pdf"}, "a.pdf", ""),
        ({"filename": 7, "body": "a.pdf"}, "a.pdf", ""),
        ({"filename": "a.pdf", "body": ["x"]}, "a.pdf", ""),
        ({"body": "  "}, "file", ""),
        ({"body": None}, "file", ""),
        ({"body": "a\0b\ud800.pdf"}, "a\ufffdb?.pdf", ""),
    ],
)
def test_V3_the_name_and_the_caption(content: dict[str, Any], name: str, caption: str) -> None:
    found = carried({"msgtype": "m.file", "url": MXC, **content})
    assert (found.name, found.caption) == (name, caption)


def test_V3_a_file_in_a_thread_is_a_file() -> None:
    assert carried(message(**{"m.relates_to": {"rel_type": "m.thread", "event_id": "$t"}})).replaces == ""


def test_V3_an_edit_is_read_as_it_is_from_then_on() -> None:
    relation = {"rel_type": "m.replace", "event_id": "$first"}
    new = message(filename="b.pdf", body="New caption")
    found = carried({"msgtype": "m.text", "body": "* b", "m.new_content": new, "m.relates_to": relation})
    assert (found.name, found.caption, found.replaces) == ("b.pdf", "New caption", "$first")
    assert file_in(message(**{"m.relates_to": relation})) is None
    assert file_in(message(**{"m.new_content": new, "m.relates_to": {"rel_type": "m.replace"}})) is None


def test_V3_an_encrypted_attachment_has_its_key() -> None:
    found = carried({"msgtype": "m.file", "body": "x", "file": ENCRYPTED})
    assert found.mxc == MXC
    assert json.loads(found.encryption) == {
        "v": "v2",
        "key": {"alg": "A256CTR", "k": "a" * 43},
        "iv": ENCRYPTED["iv"],
        "hashes": {"sha256": "b" * 43},
    }


@pytest.mark.parametrize("part", ["url", "key", "iv", "hashes"])
def test_V3_an_encrypted_attachment_that_nobody_can_read_is_none(part: str) -> None:
    assert file_in({"msgtype": "m.file", "body": "x", "file": {**ENCRYPTED, part: 5}}) is None
    assert carried({**message(), "file": {**ENCRYPTED, part: 5}}).encryption == ""


@pytest.mark.parametrize(
    "url",
    ["", "mxc://", "mxc://a", "mxc://a/", "https://a/b", "mxc://a/b/c", "mxc://a/../b", "mxc://a/b\n", "mxc://a b/c"],
)
def test_V3_without_a_media_address_there_is_no_file(url: str) -> None:
    assert file_in(message(url=url)) is None


@pytest.mark.parametrize("msgtype", ["m.text", "m.sticker", "m.location", "", None, [], {}])
def test_V3_other_messages_carry_no_file(msgtype: Any) -> None:
    assert file_in(message(msgtype=msgtype)) is None
    assert not may_carry(message(msgtype=msgtype))


@pytest.mark.parametrize("size", [-1, 2**60, True, "12", 1.5, None, [1]])
def test_V3_a_size_that_is_none_counts_as_not_there(size: Any) -> None:
    found = carried(message(info={"size": size, "w": size, "h": 0, "duration": size, "mimetype": size}))
    assert (found.declared_size, found.width, found.height, found.duration_ms) == (None,) * 4
    assert found.declared_type == ""


def test_V3_the_same_name_is_the_same_however_it_is_written() -> None:
    assert name_key(" Ｌease\u00e9.PDF ") == name_key("leasee\u0301.pdf")
    long = "a" * 400
    assert name_key(f"{long}1.pdf") != name_key(f"{long}2.pdf")
    assert carried(message(body=f"{long}1.pdf")).name.endswith("aaa1.pdf")


def test_V3_a_voice_message_and_a_file_without_a_name_are_nobodys_version() -> None:
    assert carried(message(msgtype="m.audio", body="Voice message", **{"org.matrix.msc3245.voice": {}})).name_key == ""
    assert carried(message(body="")).name_key == ""


@pytest.mark.parametrize(
    "name",
    [
        *(
            "image.png",
            "IMAGE.PNG",
            "image",
            "image (2).png",
            "image001.png",
            "image0.jpeg",
            "blob",
            "video.mp4",
            "file",
        ),
        *("Pasted image.png", "pasted_image.webp", "clipboard.png", "Voice Message.ogg", "recording-3.m4a", "unnamed"),
        *(
            "image0.jpeg",
            "IMG_0012.HEIC",
            "DSC01234.JPG",
            "Scan_0001.pdf",
            "Scanned Document.pdf",
            "screenshot.png",
            "audio.mp3",
        ),
        *(
            "m.image",
            "m.file",
            "ATT00001.htm",
            "tenor.gif",
            "Bildschirmfoto.png",
            "Sprachnachricht.ogg",
            "Capture d’écran.png",
        ),
        *(
            "Sin título.pdf",
            "Immagine 2.jpg",
            "Снимок экрана.png",
            "截图.png",
            "スクリーンショット.png",
            "스크린샷.png",
        ),
    ],
)
def test_V3_a_name_that_nobody_gave_makes_no_version(name: str) -> None:
    assert not is_given(name)
    for content in (message(body=name), message(body="See this", filename=name)):
        found = carried(content)
        assert (found.name, found.name_key) == (name, "")


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Lease.pdf",
            "image of the fence.png",
            "Scan of the will.pdf",
            "2026-0042.pdf",
            "2.pdf",
            "video evidence.mp4",
        ),
        *(
            "Draft (2).docx",
            "file.of.facts.pdf",
            "photograph.png",
            "blob.example",
            "Screenshot 2026-03-31 at 10.12.png",
        ),
        *("datasheet.pdf", "images Hollis.zip", ".png", "é.png"),
    ],
)
def test_V3_a_name_that_somebody_gave_does(name: str) -> None:
    assert carried(message(body=name)).name_key == name_key(name) != ""


def test_V3_a_name_that_hides_what_it_is_is_shown_as_it_is() -> None:
    hidden = "harmless\u202efdp.exe\n"
    assert carried(message(body=hidden)).name == hidden
    assert shown_name(hidden) == "harmless\ufffdfdp.exe\ufffd"


@pytest.mark.parametrize(
    ("name", "end"), [("a.PDF", "pdf"), ("a.tar.gz", "gz"), (".profile", ""), ("a.", ""), ("a", ""), ("a.pdf ", "pdf")]
)
def test_V3_the_extension_of_a_name(name: str, end: str) -> None:
    assert extension(name) == end


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["body", "filename", "info", "file", "m.relates_to", "m.new_content", "m.voice"]
INFO = st.dictionaries(st.sampled_from(["size", "w", "h", "duration", "mimetype"]), JSON) | JSON
HOSTILE = st.fixed_dictionaries(
    {"msgtype": st.sampled_from([*KINDS]) | JSON, "url": st.just(MXC) | JSON},
    optional={field: INFO if field == "info" else JSON for field in FIELDS},
)
EDITS = st.builds(
    lambda new, event_id: {"m.new_content": new, "m.relates_to": {"rel_type": "m.replace", "event_id": event_id}},
    HOSTILE | JSON,
    st.just("$e") | JSON,
)


@given(HOSTILE | EDITS)
def test_V3_whatever_a_message_holds_what_is_read_is_bounded(content: dict[str, Any]) -> None:
    found = file_in(content)
    if found is None:
        return
    assert may_carry(content)
    assert found.kind in KINDS.values()
    assert 0 < len(found.name) <= NAME_MAX
    assert len(found.name_key) <= NAME_MAX
    assert len(found.caption) <= CAPTION_MAX
    assert found.mxc == MXC
    assert found.declared_size is None or 0 <= found.declared_size <= SIZE_MAX
    for measure in (found.width, found.height, found.duration_ms):
        assert measure is None or 0 <= measure <= MEASURE_MAX
    for text in (found.name, found.name_key, found.caption, found.declared_type):
        assert "\0" not in text
        text.encode()
    assert not set(shown_name(found.name)) & set("\n\t\x1b\u200b\u202e\u2066")
