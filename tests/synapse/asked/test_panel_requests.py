"""What the panel asks Synapse for: searches as a person, and small pictures that it draws (P5, V3)."""

from __future__ import annotations

import struct
import zlib

import pytest

from bridge.mapping.file_types import type_by
from bridge.matrix.client import MatrixClient
from bridge.matrix.errors import NotFoundError
from tests.fakes.anybody import Anybody
from tests.synapse.asked.test_unread import room_of
from tests.synapse.harness import RealSynapse


def picture(width: int, height: int) -> bytes:
    """A PNG of one colour, with a comment that no homeserver would draw."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    lines = zlib.compress((b"\0" + b"\x40\x80\xc0" * width) * height)
    parts = chunk(b"IHDR", head), chunk(b"tEXt", b"Comment\0<script>"), chunk(b"IDAT", lines), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


async def thumbnail(client: MatrixClient, mxc: str) -> bytes:
    server_name, _, media_id = mxc.removeprefix("mxc://").partition("/")
    return await client.thumbnail(server_name, media_id, 96, 96)


async def test_P5_a_search_finds_what_the_person_may_read_whatever_rooms_are_named(synapse: RealSynapse) -> None:
    ann, ben, cam = [await synapse.make_account(f"search.{name}") for name in ("ann", "ben", "cam")]
    both, left, bens = await room_of(synapse, ann, ben), await room_of(synapse, ann, ben), await room_of(synapse, ben)
    said = {room: await ben.say(room, "The Quercusian easement, in full") for room in (both, left, bens)}
    (await ann.request("POST", f"rooms/{left}/leave")).ok()
    client = MatrixClient(synapse.settings.homeserver, synapse.settings.appservice, Anybody())
    try:
        found = {
            person.user_id: [
                event["event_id"]
                for event in await client.search(person.user_id, "quercusian easement", list(said), 20)
            ]
            for person in (ann, ben, cam)
        }
        first = await client.search(ben.user_id, "easement", list(said), 1)
    finally:
        await client.close()
    assert found[ann.user_id] == [said[both]]
    assert found[ben.user_id] == [said[bens], said[left], said[both]]
    assert found[cam.user_id] == []
    assert [event["event_id"] for event in first] == [said[bens]]


async def test_V3_a_thumbnail_is_drawn_anew_and_of_nothing_but_pictures(synapse: RealSynapse) -> None:
    client = MatrixClient(synapse.settings.homeserver, synapse.settings.appservice, Anybody())
    try:
        small, large = [await client.upload(picture(*size), "image/png", "x.png") for size in ((9, 9), (900, 600))]
        for mxc in (small, large):
            drawn = await thumbnail(client, mxc)
            assert type_by(drawn) == "image/png"
            assert b"<script>" not in drawn
        for data, declared in ((b"<svg/>", "image/svg+xml"), (b"<script>", "image/png"), (b"text", "text/plain")):
            mxc = await client.upload(data, declared, "x")
            with pytest.raises(NotFoundError):
                await thumbnail(client, mxc)
    finally:
        await client.close()
