"""Files on the real Synapse: uploaded, captioned, deleted, sent again, and from before the bridge knew of them (V3)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any
from urllib.parse import quote

from mautrix.client import Client
from mautrix.types import EventID, EventType, RoomID, UserID

from tests.synapse.asked.test_channels import asking
from tests.synapse.harness import Person, RealFirm
from tests.synapse.running.test_crash import bot_chat
from tests.synapse.running.test_provisioning import room_named

PIXEL = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489")


def client_of(somebody: Person) -> Client:
    """The same session in a client nobody here wrote (mautrix from PyPI)."""
    return Client(
        mxid=UserID(somebody.user_id), base_url=somebody.url, token=somebody.token, client_session=somebody.http
    )


async def upload(somebody: Person, data: bytes, media_type: str) -> str:
    return str(await client_of(somebody).upload_media(data, mime_type=media_type))


async def put(somebody: Person, room_id: str, name: str, data: bytes, media_type: str, **content: Any) -> str:
    """Upload a file and send it as clients do; its event id."""
    info = {"size": len(data), "mimetype": media_type}
    content = {
        "msgtype": "m.file",
        "body": name,
        "info": info,
        **content,
        "url": await upload(somebody, data, media_type),
    }
    return str(await client_of(somebody).send_message_event(RoomID(room_id), EventType.ROOM_MESSAGE, content))  # type: ignore[arg-type]


async def redact(somebody: Person, room_id: str, event_id: str) -> None:
    await client_of(somebody).redact(RoomID(room_id), EventID(event_id))


def lines(answer: str) -> list[str]:
    """What is listed, without the day."""
    return [line[2:].rpartition(" on 20")[0] for line in answer.splitlines() if line.startswith("- ")]


async def test_V3_files_are_right_after_each_thing_that_happens_to_them(firm: RealFirm) -> None:
    firm.start_bridge()
    await firm.bridge_ready()
    zoe, wei = await firm.login("zoe.lindqvist"), await firm.login("wei.chen")
    ask = asking(firm, zoe, await bot_chat(zoe, firm))
    await ask("!channel create Papers @wei.chen")
    papers = await room_named(zoe, "Papers")
    note = await put(wei, papers, "note.txt", b"Minutes", "text/plain")
    photo = {"msgtype": "m.image", "filename": "site.png", "body": "The façade"}
    sent = await put(zoe, papers, "", PIXEL, "image/png", **photo)
    # A command and what was sent before it arrive in their order only within one room.
    while len(lines(answer := await ask("!files"))) < 2:
        pass
    assert lines(answer) == ["site.png, PNG, 33 bytes, from Zoë Lindqvist", "note.txt, TXT, 7 bytes, from Wei Chen"]
    assert lines(await ask("!files facade type:image")) == lines(answer)[:1]

    street = {**photo, "body": "The façade, from the street", "info": {"size": 33, "mimetype": "image/png"}}
    new, relation = (
        {**street, "url": await upload(zoe, PIXEL, "image/png")},
        {"rel_type": "m.replace", "event_id": sent},
    )
    await put(zoe, papers, "", PIXEL, "image/png", **street, **{"m.new_content": new, "m.relates_to": relation})
    while "from the street" not in await ask("!files facade"):
        pass

    # While the bridge is dead: deleted, and sent again under the same name.
    firm.kill_bridge()
    await redact(wei, papers, note)
    again = await put(wei, papers, "NOTE.txt", b"Minutes, signed", "text/plain")
    await put(wei, papers, "note.txt", b"Minutes, signed and sealed", "text/plain")
    firm.start_bridge()
    await firm.bridge_ready()
    while "2 versions" not in (answer := await ask("!files note")):
        pass
    assert lines(answer) == ["note.txt, TXT, 26 bytes, from Wei Chen"]

    # An upgrade of a firm that had no index: all is noted from the rooms' histories, a direct conversation's, too.
    said = await ask("!dm @wei.chen")
    direct = said.partition("https://matrix.to/#/")[2].partition("?")[0]
    await put(wei, direct, "between us.txt", b"Secret", "text/plain")
    while not lines(await ask("!files between")):
        pass
    firm.stop_bridge()
    with closing(sqlite3.connect(firm.place.bridge_database)) as connection:
        for table in ("file", "file_search", "file_history"):
            connection.execute(f"DELETE FROM {table}")
        connection.commit()
    firm.start_bridge()
    await firm.bridge_ready()
    while not lines(answer := await ask("!files between")):
        pass
    assert lines(answer) == ["between us.txt, TXT, 6 bytes, from Wei Chen"]
    while len(lines(answer := await ask("!files sort:name"))) < 3:
        pass
    assert [line.partition(",")[0] for line in lines(answer)] == ["between us.txt", "note.txt", "site.png"]
    assert "2 versions" in answer and quote(again, safe="$") not in answer
