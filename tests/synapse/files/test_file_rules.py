"""Forbidden files on the real Synapse: refused by the guard with a sentence, else taken away by the bridge (V4)."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from bridge.mapping.pictures import draw, named_picture
from tests.synapse.asked.test_channels import asking
from tests.synapse.harness import WITHOUT_GUARD, Answer, Json, Person, RealFirm, real_firm
from tests.synapse.running.test_crash import bot_chat
from tests.synapse.running.test_provisioning import now, room_named

PROGRAM = b"\x7fELF" + bytes(5000)
DIRECTORY: Json = {
    "staff": [
        {"id": name[0], "first_name": name, "last_name": "Moor", "email": f"{name}@firm.example", "role": "Partner"}
        for name in ("ann", "ben")
    ],
    "channels": [{"name": "Court", "participants": ["a", "b"]}],
}
_numbers = itertools.count(1)


@asynccontextmanager
async def small(folder: Path, own: Mapping[str, Json]) -> AsyncIterator[tuple[RealFirm, Person]]:
    """A firm of two, and one of them."""
    (folder / "directory.yaml").write_text(json.dumps(DIRECTORY))
    all_own: dict[str, Json] = {
        "directory": {"path": str(folder / "directory.yaml")},
        "file_rules": {"max_megabytes": 1},
    }
    async with real_firm(folder / "var", {**all_own, **own}) as firm:
        firm.start_bridge()
        await firm.bridge_ready()
        yield firm, await firm.login("ann")


async def upload(person: Person, data: bytes, media_type: str = "application/pdf") -> Answer:
    """Upload a file as a client does."""
    headers = {"Authorization": f"Bearer {person.token}", "Content-Type": media_type}
    query = {"user_id": person.user_id} if person.masquerade else {}
    address = f"{person.url}/_matrix/media/v3/upload"
    async with person.http.post(address, data=data, headers=headers, params=query) as response:
        return Answer(response.status, await response.json())


async def download(person: Person, mxc: str) -> int:
    """The status of a download."""
    address = f"{person.url}/_matrix/client/v1/media/download/{mxc.removeprefix('mxc://')}"
    async with person.http.get(address, headers={"Authorization": f"Bearer {person.token}"}) as response:
        await response.read()
        return response.status


async def share(person: Person, room_id: str, content: Json) -> Answer:
    """Send a message with a file."""
    return await person.request("PUT", f"rooms/{quote(room_id)}/send/m.room.message/f{next(_numbers)}", content)


async def test_V4_with_the_guard_there_is_no_such_message_and_no_such_upload(tmp_path: Path) -> None:
    async with small(tmp_path, {}) as (firm, ann):
        court = await room_named(ann, "Court")
        program = await upload(ann, PROGRAM)
        assert (program.status, program.code) == (403, "M_FORBIDDEN")
        assert program.body["error"].startswith(
            "This file is a Linux program, which may not be sent here under any name."
        )
        large = await upload(ann, bytes(2 << 20))
        assert (large.status, large.code) == (413, "M_TOO_LARGE")
        assert large.body["error"].startswith("This file has 2 MB; at most 1 MB may be sent here.")
        picture = (await upload(ann, draw(named_picture("Ann Moor", "a")), "image/png")).ok()["content_uri"]
        assert await download(ann, picture) == 200
        # The bot's own may be of any size; programs it has no need of.
        assert (await upload(firm.bot, bytes(2 << 20))).status == 200
        fine = {"msgtype": "m.file", "body": "letter.pdf", "url": picture}
        event_id = (await share(ann, court, fine)).ok()["event_id"]
        forbidden = {**fine, "body": "invoice.pdf.exe"}
        edit = {"m.new_content": forbidden, "m.relates_to": {"rel_type": "m.replace", "event_id": event_id}}
        thread = {"m.relates_to": {"rel_type": "m.thread", "event_id": event_id}}
        for content in (
            forbidden,
            {**forbidden, **thread},
            {**fine, **edit},
            {"msgtype": "m.text", "body": "x", **edit},
        ):
            refused = await share(ann, court, content)
            assert (refused.status, refused.code) == (403, "M_FORBIDDEN")
            assert "looks like .pdf, but its type is .exe" in refused.body["error"]


async def test_V4_without_it_the_message_goes_and_its_sender_is_told(tmp_path: Path) -> None:
    async with small(tmp_path, WITHOUT_GUARD) as (firm, ann):
        chat = await bot_chat(ann, firm)
        court = await room_named(ann, "Court")
        await asking(firm, ann, chat)("!dm @ben")
        (direct,) = (await ann.account_data("m.direct"))[firm.user_id("ben")]
        for room_id in (court, direct):
            mxc = (await upload(ann, PROGRAM + room_id.encode())).ok()["content_uri"]
            since = await now(ann)
            sent = {"msgtype": "m.file", "body": "setup.exe", "url": mxc}
            event_id = (await share(ann, room_id, sent)).ok()["event_id"]

            def told(where: str, event: Json) -> bool:
                return where == chat and "I removed" in event["content"].get("body", "")

            _, message = await ann.wait_for_event(since, told)
            assert "Files of the type .exe may not be sent here." in message["content"]["body"]
            gone = await ann.get(f"rooms/{quote(room_id)}/event/{quote(event_id)}")
            assert gone["unsigned"]["redacted_because"]["sender"] == firm.settings.bot_id
            assert "body" not in gone["content"]
            assert await download(ann, mxc) == 404
        assert firm.settings.bot_id not in await ann.members(direct)
        await quarantine_is_by_content(firm, ann)


async def quarantine_is_by_content(firm: RealFirm, ann: Person) -> None:
    """Why nothing is quarantined for its name: it would take every copy away, those to come too."""
    one, copy = [(await upload(ann, b"the same")).ok()["content_uri"] for _ in range(2)]
    path = f"/_synapse/admin/v1/media/quarantine/{one.removeprefix('mxc://')}"
    (await firm.bot.request("POST", path)).ok()
    again = (await upload(ann, b"the same")).ok()["content_uri"]
    assert [await download(ann, mxc) for mxc in (one, copy, again)] == [404, 404, 404]
