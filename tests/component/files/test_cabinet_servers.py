"""The filing cabinet on the servers that firms have: OpenSSH's SFTP and WebDAV (V3)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.check.finding import Verdict
from bridge.check.local import cabinet_findings
from bridge.filing import kinds
from bridge.filing.cabinet import Cabinet, CabinetError, cabinet_of
from bridge.filing.kinds import is_there
from tests.component.files.filed_firm import FOLDER, PDF, FiledFirm, filed_firm
from tests.component.files.servers import Dav, Sshd, openssh, webdav
from tests.component.wire.traffic import until

LARGE = os.urandom(3_000_000)


@pytest.fixture
async def on(tmp_path: Path, database_url: str) -> AsyncIterator[FiledFirm]:
    async with filed_firm(tmp_path, database_url) as firm:
        await firm.make_all_admins()
        yield firm


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    with openssh(tmp_path / "ssh") as server:
        yield server


@pytest.fixture
def dav(tmp_path: Path) -> Iterator[Dav]:
    with webdav(tmp_path / "dav") as server:
        yield server


def files_of(root: Path) -> dict[str, bytes]:
    """What stands there but the lists, by name."""
    found = [path for path in root.rglob("*") if path.is_file() and path.name != "index.csv"]
    return {path.name: path.read_bytes() for path in found}


async def test_V3_files_of_any_size_go_to_openssh_and_nothing_there_is_overwritten(on: FiledFirm, sshd: Sshd) -> None:
    await on.use(**sshd.settings)
    folder = sshd.root / FOLDER
    folder.mkdir(parents=True)
    (folder / "Lease.pdf").write_bytes(b"mine")
    for name, data in (("Lease.pdf", PDF), ("Scan.pdf", LARGE), ("Empty.txt", b""), ("Scan.pdf", b"second")):
        await on.send(name, data)
    assert await on.filer.run() == 4
    assert on.filer.stopped_because == ""
    assert files_of(sshd.root) == {
        "Lease.pdf": b"mine",
        "Lease (2).pdf": PDF,
        "Scan.pdf": LARGE,
        "Scan (2).pdf": b"second",
        "Empty.txt": b"",
    }
    assert (folder / "index.csv").read_text("utf-8-sig").count("\n") == 5
    await asyncio.to_thread(cabinet_of(on.firm.service.settings).try_out)
    assert list((sshd.root / ".filing").iterdir()) == []


async def test_V3_what_comes_there_between_the_look_and_the_move_is_not_overwritten(
    on: FiledFirm, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    await on.use(**sshd.settings)
    _let_somebody_be_quicker(sshd.root / FOLDER / "Lease.pdf", monkeypatch)
    await on.send("Lease.pdf", PDF)
    assert await on.filer.run() == 1
    assert files_of(sshd.root) == {"Lease.pdf": b"mine", "Lease (2).pdf": PDF}


async def test_V3_nor_is_it_on_webdav(on: FiledFirm, dav: Dav, monkeypatch: pytest.MonkeyPatch) -> None:
    await on.use(**dav.settings)
    _let_somebody_be_quicker(dav.root / "cabinet" / FOLDER / "Lease.pdf", monkeypatch)
    await on.send("Lease.pdf", PDF)
    assert await on.filer.run() == 1
    assert files_of(dav.root) == {"Lease.pdf": b"mine", "Lease (2).pdf": PDF}


def _let_somebody_be_quicker(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody puts a file there just after the bridge saw that there is none."""

    def look(fs: Any, there: str) -> bool:
        found = is_there(fs, there)
        if there.endswith(path.name) and not found:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"mine")
        return found

    monkeypatch.setattr(kinds, "is_there", look)


async def test_a_frozen_server_is_told_and_what_waited_goes_there_once_it_answers(on: FiledFirm, sshd: Sshd) -> None:
    await on.use(**sshd.settings)
    await on.send("Lease.pdf", PDF)
    assert await on.filer.run() == 1
    await on.use(**sshd.settings, timeout_seconds=1)
    await on.send("Scan.pdf", LARGE)
    before = len(on.firm.said)
    sshd.freeze()
    try:
        for _ in range(2):
            assert await on.filer.run() == 0
            assert on.filer.stopped_because.startswith("The filing cabinet has not answered for")
            on.now += 700_000
    finally:
        sshd.thaw()
    assert "I cannot store files. The filing cabinet has not answered" in await on.told(before)
    await on.use(**sshd.settings)
    assert await on.filer.run() == 1
    assert files_of(sshd.root) == {"Lease.pdf": PDF, "Scan.pdf": LARGE}


async def test_a_server_whose_disk_hangs_though_it_keeps_the_connection_is_told(on: FiledFirm, sshd: Sshd) -> None:
    # The same connection answers first, for which a busy machine needs more than a second.
    await on.use(**sshd.settings, timeout_seconds=5)
    await on.send("Lease.pdf", PDF)
    assert await on.filer.run() == 1
    await on.send("Will.pdf", PDF)
    for process in sshd.all():
        if process.name() == "sftp-server":
            process.suspend()
    assert await on.filer.run() == 0
    assert "has not answered" in on.filer.stopped_because
    on.now += 700_000
    assert await on.filer.run() == 1, "a new connection has a new process"
    assert files_of(sshd.root) == {"Lease.pdf": PDF, "Will.pdf": PDF}


async def test_a_list_that_somebody_has_open_stops_nothing_and_its_folder_is_named(on: FiledFirm, dav: Dav) -> None:
    await on.lift_the_wall()
    await on.use(**dav.settings)
    await on.send("Lease.pdf", PDF)
    assert await on.filer.run() == 1
    listed = f"{dav.url}/cabinet/{FOLDER}/index.csv"
    async with httpx.AsyncClient() as client:
        body = (
            '<?xml version="1.0"?><d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/></d:lockscope>'
            "<d:locktype><d:write/></d:locktype><d:owner>Tom</d:owner></d:lockinfo>"
        )
        lock = await client.request("LOCK", listed, content=body, headers={"Timeout": "Second-3600"})
        assert lock.status_code == 200
        before = len(on.firm.said)
        for number in range(4):
            await on.send(f"Will {number}.pdf", PDF)
            assert await on.filer.run() == 1
            on.now += 700_000
        told = await on.told(before)
        assert told.count("I cannot write the list index.csv") == 1
        assert f"in the folder “{FOLDER}”. The list is locked: somebody has it open in another program." in told
        assert "I cannot store files" not in told
        status = await on.firm.ask("ruth", "!files status")
        assert FOLDER in status
        unlocked = await client.request("UNLOCK", listed, headers={"Lock-Token": lock.headers["Lock-Token"]})
        assert unlocked.status_code == 204
    before = len(on.firm.said)
    assert await on.filer.run() == 0
    assert f"can be written again in the folder “{FOLDER}”" in await on.told(before)
    assert (dav.root / "cabinet" / FOLDER / "index.csv").read_text("utf-8-sig").count("\n") == 6
    assert on.filer.stopped_because == ""


async def test_V3_a_large_file_goes_to_webdav(on: FiledFirm, dav: Dav) -> None:
    await on.use(**dav.settings)
    await on.send("Scan.pdf", LARGE)
    assert await on.filer.run() == 1
    assert files_of(dav.root) == {"Scan.pdf": LARGE}


async def test_a_webdav_server_that_is_full_is_called_full(on: FiledFirm, dav: Dav) -> None:
    await on.use(**dav.settings)
    await on.send("Lease.pdf", PDF)
    dav.answer = lambda method, path: "507 Insufficient Storage" if method == "PUT" else None
    assert await on.filer.run() == 0
    assert on.filer.stopped_because == "The filing cabinet is full: no space is left where it stands."


async def test_a_server_may_take_its_time_to_move_a_file(dav: Dav) -> None:
    # httpx alone gives up after five seconds.
    cabinet = Cabinet(dav.settings["url"], {"base_url": dav.url}, 60)
    cabinet.try_out()
    fs, _ = cabinet.place()
    assert fs.client.http.timeout.read >= 600
    assert fs.client.http.timeout.connect == 60


def test_what_cannot_be_told_is_not_taken_for_nothing_there(dav: Dav) -> None:
    cabinet = Cabinet(dav.settings["url"], {"base_url": dav.url})
    cabinet.try_out()
    dav.answer = lambda method, path: "403 Forbidden" if method == "PROPFIND" else None
    with pytest.raises(CabinetError, match="refuses the bridge"):
        cabinet.try_out()


async def test_the_doctor_warns_of_an_sftp_server_that_need_not_prove_who_it_is(on: FiledFirm, sshd: Sshd) -> None:
    async def found() -> list[Verdict]:
        return [one.state async for one in cabinet_findings(on.firm.service.settings)]

    await on.use(**sshd.settings)
    assert await found() == [Verdict.OK, Verdict.WARNING]
    await on.use(**sshd.known)
    assert await found() == [Verdict.OK]
    await on.use(**sshd.mistaken)
    assert await found() == [Verdict.MISSING]


async def test_a_bridge_that_ends_does_not_wait_for_a_frozen_server(on: FiledFirm, sshd: Sshd) -> None:
    await on.use(**sshd.settings)
    await on.send("Lease.pdf", PDF)
    assert await on.filer.run() == 1
    await on.send("Scan.pdf", LARGE)
    sshd.freeze()
    try:
        asked = on.fetched()
        running = asyncio.create_task(on.filer.run())
        await until(lambda: on.fetched() > asked)
        running.cancel()
        async with asyncio.timeout(30):
            with pytest.raises(asyncio.CancelledError):
                await running
    finally:
        sshd.thaw()
