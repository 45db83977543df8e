"""The filing cabinet as a place: full, away, not mounted, of another kind than a folder (V3)."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from bridge.check.finding import Verdict
from bridge.check.local import cabinet_findings
from bridge.filing.cabinet import BackendMissingError, Cabinet, CabinetError, require_backend
from bridge.store.files.filing import CabinetPath
from tests.component.files.filed_firm import FOLDER, PDF, FiledFirm, filed_firm


@pytest.fixture
async def on(tmp_path: Path, database_url: str) -> AsyncIterator[FiledFirm]:
    async with filed_firm(tmp_path, database_url) as firm:
        yield firm


async def test_a_full_cabinet_keeps_files_waiting_and_is_told_once(
    on: FiledFirm, monkeypatch: pytest.MonkeyPatch
) -> None:
    await on.make_all_admins()
    await on.send("Lease.pdf", PDF)
    await on.send("Plan.pdf", PDF)
    before = len(on.firm.said)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/cabinet/secret name.pdf")

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", full)
        for _ in range(4):
            assert await on.filer.run() == 0
            on.now += 700_000
        assert "full" in on.filer.stopped_because
        answer = await on.firm.ask("ruth", "!files status")
    assert "Waiting: 2, the oldest since" in answer
    assert "The filing cabinet is full: no space is left" in answer
    assert "secret" not in answer
    assert on.files() == {}
    assert await on.filer.run() == 2
    assert on.filer.stopped_because == ""
    assert "Waiting: 0" in await on.firm.ask("ruth", "!files status")
    told = [body for _, _, body in on.firm.said[before:] if "store" in body and "Filing cabinet" not in body]
    assert [text.split(".")[0] for text in told] == ["I cannot store files", "Files can be stored again"]
    assert on.files() == {"Lease.pdf": PDF, "Plan.pdf": PDF}


async def test_a_share_that_is_not_mounted_is_no_empty_cabinet(on: FiledFirm) -> None:
    await on.send("Lease.pdf", PDF)
    on.root.rmdir()
    assert await on.filer.run() == 0
    assert on.filer.stopped_because.startswith("The filing cabinet is not there.")
    assert not on.root.exists()
    on.root.mkdir()
    on.now += 700_000
    assert await on.filer.run() == 1


async def test_another_kind_of_place_keeps_the_same_promises(on: FiledFirm) -> None:
    MemoryFileSystem.store.clear()
    await on.use(url="memory://cabinet")
    MemoryFileSystem().pipe_file(f"/cabinet/{FOLDER}/Lease.pdf", b"mine")
    await on.send("Lease.pdf", PDF)
    await on.send("Lease.pdf", b"second")
    assert await on.filer.run() == 2
    fs = MemoryFileSystem()
    names = sorted(path.removeprefix("/cabinet/") for path in fs.find("/cabinet"))
    assert names == [f"{FOLDER}/{name}" for name in ("Lease (2).pdf", "Lease (3).pdf", "Lease.pdf", "index.csv")]
    assert fs.cat_file(f"/cabinet/{FOLDER}/Lease.pdf") == b"mine"
    Cabinet("memory://cabinet", {}).try_out()
    assert sorted(path.removeprefix("/cabinet/") for path in fs.find("/cabinet")) == names


def _refused() -> OSError:
    """In the words of asyncio, which name the address."""
    return ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('10.20.30.40', 22)")


class Breaking(MemoryFileSystem):  # type: ignore[misc] # fsspec has no types
    """A place whose connection, once broken, stays so, as SFTP's does."""

    protocol = "breaking"
    away = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        if self.away:
            raise _refused()
        self.broken = False

    def _open(self, *asked: Any, **options: Any) -> Any:
        self.broken = self.broken or self.away
        if self.broken:
            raise _refused()
        return super()._open(*asked, **options)


async def test_V3_files_wait_while_the_place_is_away_and_go_there_once_it_is_back(
    on: FiledFirm, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec.register_implementation("breaking", Breaking, clobber=True)
    Breaking.store.clear()
    await on.use(url="breaking://cabinet")
    await on.send("Lease.pdf", PDF)
    assert await on.filer.run() == 1
    await on.send("Will.pdf", PDF)
    monkeypatch.setattr(Breaking, "away", True)
    assert await on.filer.run() == 0
    assert on.filer.stopped_because == (
        "The filing cabinet cannot be used: Connection refused. `firm-bridge check` tries it."
    )
    monkeypatch.setattr(Breaking, "away", False)
    on.now += 3_600_000
    assert await on.filer.run() == 1
    assert on.filer.stopped_because == ""
    (will,) = (path for path in Breaking.store if path.endswith(f"{FOLDER}/Will.pdf"))
    assert Breaking().cat_file(will) == PDF


async def test_the_doctor_tries_the_cabinet(on: FiledFirm) -> None:
    async def found() -> list[tuple[Verdict, str]]:
        return [(one.state, one.what) async for one in cabinet_findings(on.firm.service.settings)]

    assert await found() == [(Verdict.OK, "A file can be written in the filing cabinet, read and deleted.")]
    assert on.shown() == {}
    (on.root / ".filing").rmdir()
    on.root.rmdir()
    ((state, what),) = await found()
    assert state is Verdict.MISSING
    assert what.startswith("The filing cabinet is not there.")
    await on.use(mode="off")
    assert await found() == []


@pytest.mark.parametrize(("url", "words"), [("s3://bucket/x", "s3fs"), ("nowhere://x", "no kind of place")])
def test_a_kind_of_place_whose_package_is_missing_is_said(
    url: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    with pytest.raises(BackendMissingError, match=words):
        require_backend(url)
    with pytest.raises(CabinetError, match=words):
        Cabinet(url, {}).try_out()


def test_what_goes_wrong_is_told_without_paths_or_secrets(tmp_path: Path) -> None:
    cabinet = Cabinet(str(tmp_path), {})
    cabinet.try_out()
    (tmp_path / "folder").write_text("a file in the way")
    with pytest.raises(CabinetError) as caught:
        cabinet.replace(CabinetPath("folder", "name.csv"), b"")
    assert str(tmp_path) not in str(caught.value)
    assert "name.csv" not in str(caught.value)
