"""The filing cabinet on the real Synapse: what people upload is in it, though the bridge is killed meanwhile (V3)."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from pathlib import Path

from tests.component.files.test_filing import encrypted
from tests.synapse.files.test_files import PIXEL, put, redact, upload
from tests.synapse.harness import RealFirm
from tests.synapse.running.test_provisioning import room_named

BAKERY = "2026-0031 Lease renewal for the Copperkettle Bakery"
SCAN = os.urandom(90_000_000)
LETTER = b"Dear Sirs, " * 1000


def files_in(cabinet: Path) -> list[Path]:
    return [path for path in cabinet.glob("*/*/*") if path.is_file() and path.name != "index.csv"]


def filed(cabinet: Path) -> dict[str, bytes]:
    """What stands in the cabinet but for lists and what is being written."""
    return {path.name: path.read_bytes() for path in files_in(cabinet)}


async def test_V3_what_is_uploaded_is_in_the_cabinet_after_the_bridge_was_killed(firm: RealFirm) -> None:
    cabinet = firm.place.var / "cabinet"
    cabinet.mkdir()
    env = {"FIRM_BRIDGE_FILING__MODE": "on", "FIRM_BRIDGE_FILING__URL": str(cabinet)}
    zoe = await firm.login("zoe.lindqvist")
    room = await room_named(zoe, BAKERY)
    firm.start_bridge("filing.placed:2", env)
    await put(zoe, room, "note.txt", b"Minutes", "text/plain")
    await put(zoe, room, "Lease.pdf", b"%PDF-1.7\n", "application/pdf")
    await put(zoe, room, "site.png", PIXEL, "image/png", msgtype="m.image")
    await put(zoe, room, "../../Note.txt", b"Outside", "text/plain")
    await put(zoe, room, "Scan.bin", SCAN, "application/octet-stream")
    cipher, told = encrypted(LETTER)
    sealed = {**json.loads(told), "url": await upload(zoe, cipher, "application/octet-stream")}
    await put(zoe, room, "Letter.txt", cipher, "text/plain", file=sealed, info={"size": len(LETTER)})
    gone = await put(zoe, room, "Gone.txt", b"x", "text/plain", url="mxc://localhost/nothing")
    assert await firm.bridge_ended() == -9
    await redact(zoe, room, gone)
    firm.start_bridge(env=env)
    expected = {
        "note.txt": b"Minutes",
        "Lease.pdf": b"%PDF-1.7\n",
        "site.png": PIXEL,
        "_.._Note.txt": b"Outside",
        "Scan.bin": SCAN,
        "Letter.txt": LETTER,
    }
    while len(files_in(cabinet)) < len(expected):  # noqa: ASYNC110 - nobody tells it
        await asyncio.sleep(0.1)
    assert filed(cabinet) == expected
    (index,) = cabinet.glob("*/*/index.csv")
    while hashlib.sha256(LETTER).hexdigest() not in index.read_text("utf-8-sig"):  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    assert {path.name for path in cabinet.iterdir()} <= {index.parent.parent.name, ".filing"}
