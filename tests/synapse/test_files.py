"""Files on the real Synapse: uploaded, captioned, deleted, sent again, and from before the bridge knew of them (V3)."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing
from typing import Any
from urllib.parse import quote

from tests.synapse.harness import Person, RealFirm
from tests.synapse.test_channels import asking
from tests.synapse.test_crash import bot_chat
from tests.synapse.test_provisioning import room_named

PIXEL = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489")
_txn_ids = (f"file{number}" for number in itertools.count())


async def upload(somebody: Person, data: bytes, media_type: str) -> str:
    headers = {"Authorization": f"Bearer {somebody.token}", "Content-Type": media_type}
    async with somebody.http.post(f"{somebody.url}/_matrix/media/v3/upload", data=data, headers=headers) as answer:
        assert answer.status == 200
        return str((await answer.json())["content_uri"])


async def put(somebody: Person, room_id: str, name: str, data: bytes, media_type: str, **content: Any) -> str:
    """Upload a file and send it as clients do; its event id."""
    info = {"size": len(data), "mimetype": media_type}
    content = {
        "msgtype": "m.file",
        "body": name,
        "url": await upload(somebody, data, media_type),
        "info": info,
        **content,
    }
    path = f"rooms/{quote(room_id)}/send/m.room.message/{next(_txn_ids)}"
    return str((await somebody.request("PUT", path, content)).ok()["event_id"])


async def redact(somebody: Person, room_id: str, event_id: str) -> None:
    path = f"rooms/{quote(room_id)}/redact/{quote(event_id)}/{next(_txn_ids)}"
    (await somebody.request("PUT", path)).ok()


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
    await put(zoe, papers, "", PIXEL, "image/png", **photo)
    # A command and what was sent before it arrive in their order only within one room.
    while len(lines(answer := await ask("!files"))) < 2:
        pass
    assert lines(answer) == ["site.png, PNG, 33 bytes, from Zoë Lindqvist", "note.txt, TXT, 7 bytes, from Wei Chen"]
    assert lines(await ask("!files facade type:image")) == lines(answer)[:1]

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
