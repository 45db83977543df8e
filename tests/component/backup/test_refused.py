"""Backups that are not put back: where something uses the database, of another server, and hostile ones."""

from __future__ import annotations

import io
import os
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pyrage
import pytest

from bridge.backup.databases import LiveDatabase, restore_dump
from bridge.backup.manifest import MANIFEST, Manifest, Side
from bridge.backup.restoring import put_back
from bridge.backup.sealed import BackupError
from bridge.settings import Settings
from tests.backups import KEY, all_files, backed_up, opened, rewritten
from tests.component.store.test_store import sqlite_only


@sqlite_only
@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
@pytest.mark.parametrize("side", list(Side))
def test_a_database_that_anything_uses_is_left_to_it(
    settings: Settings, config: Path, tmp_path: Path, side: Side, mode: str
) -> None:
    """Also where whoever uses it does not answer, and whatever it writes meanwhile."""
    file = backed_up(settings, config)
    used = {Side.SYNAPSE: tmp_path / "homeserver.db", Side.BRIDGE: Path(bridge_file(settings))}[side]
    with closing(sqlite3.connect(used, isolation_level=None)) as other:
        other.execute(f"PRAGMA journal_mode={mode}")
        if mode == "WAL":
            other.execute("CREATE TABLE meanwhile (name)")
        else:
            other.execute("BEGIN IMMEDIATE")
        before = all_files(tmp_path)
        with opened(file, tmp_path) as parts, pytest.raises(BackupError, match="is in use; stop what uses it"):
            put_back(parts, settings, list(Side), datetime.now(UTC))
        assert all_files(tmp_path).keys() == before.keys(), "nothing is set aside, and nothing is left"
        other.execute("INSERT INTO meanwhile VALUES ('kept')" if mode == "WAL" else "CREATE TABLE meanwhile (name)")
        if mode == "DELETE":
            other.execute("COMMIT")
    with closing(sqlite3.connect(used)) as again:
        assert again.execute("SELECT count(*) FROM meanwhile").fetchone() == (1 if mode == "WAL" else 0,)


def bridge_file(settings: Settings) -> str:
    return settings.database.url.get_secret_value().removeprefix("sqlite:///")


@sqlite_only
def test_another_servers_backup_is_not_put_back(settings: Settings, config: Path, tmp_path: Path) -> None:
    file = rewritten(backed_up(settings, config), server_name="other.example")
    with opened(file, tmp_path) as parts:
        before = all_files(tmp_path)
        with pytest.raises(BackupError, match=r"is of another server: of other\.example"):
            put_back(parts, settings, list(Side), datetime.now(UTC))
        assert all_files(tmp_path) == before


@sqlite_only
@pytest.mark.parametrize(
    "changes",
    [
        {"server_name": "firm\x1b[2J"},
        {"release": "1\n2"},
        {"variables": ["FIRM_BRIDGE_\x9b"]},
        {"files": [{"member": "files/0-a", "came_from": "/etc/\u202egpj"}]},
        {"files": [{"member": "files/0-\x07", "came_from": "/etc/a"}]},
        {"began_ms": 10**18},
        {"format": 2, "release": "9\x1b]0;"},
    ],
)
def test_a_manifest_says_nothing_to_the_terminal(
    settings: Settings, config: Path, tmp_path: Path, changes: dict[str, object]
) -> None:
    file = rewritten(backed_up(settings, config), **changes)
    with pytest.raises(BackupError, match="is damaged: it does not say rightly"), opened(file, tmp_path):
        pass


@sqlite_only
def test_a_name_that_could_not_be_shown_is_refused_when_the_backup_is_made(settings: Settings, tmp_path: Path) -> None:
    config = tmp_path / "firm\nbridge.yaml"
    config.write_text("")
    with pytest.raises(BackupError, match="has a character that cannot be shown"):
        backed_up(settings, config)


def _flagged(data: bytes) -> bytes:
    """Every member said to be encrypted (APPNOTE, general purpose bit 0)."""
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        pieces = data.split(mark)
        at -= len(mark)
        rest = [piece[:at] + bytes([piece[at] | 1]) + piece[at + 1 :] for piece in pieces[1:]]
        data = mark.join([pieces[0], *rest])
    return data


def _method(number: int) -> Callable[[bytes], bytes]:
    """Every member said to be packed otherwise than it is (APPNOTE, compression method)."""

    def change(data: bytes) -> bytes:
        for mark, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
            pieces = data.split(mark)
            at -= len(mark)
            rest = [piece[:at] + number.to_bytes(2, "little") + piece[at + 2 :] for piece in pieces[1:]]
            data = mark.join([pieces[0], *rest])
        return data

    return change


@pytest.mark.parametrize(
    "change",
    [_flagged, _method(8), _method(14), _method(99), lambda data: data[:-10], lambda data: b""],
    ids=["encrypted", "not deflated", "not lzma", "unknown", "cut off", "empty"],
)
def test_an_archive_that_is_packed_wrongly_is_said_to_be_damaged(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    """Encrypted rightly, by whoever has the public key."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr(MANIFEST, b"\xff" * 300)
    file = tmp_path / "wrong.age"
    file.write_bytes(pyrage.encrypt(change(whole.getvalue()), [KEY.to_public()]))
    with pytest.raises(BackupError, match="is damaged, or no backup of firm-bridge"), opened(file, tmp_path):
        pass


@sqlite_only
@pytest.mark.parametrize(
    "member", ["../outside", "files/../../outside", "/etc/outside", "files/1-a/b", "bridge.db", "files/1-\n/../x"]
)
def test_an_archive_names_no_place_outside_its_folder(
    settings: Settings, config: Path, tmp_path: Path, member: str
) -> None:
    file = backed_up(settings, config)
    raw = Manifest.model_validate_json(file_manifest(file)).model_copy(
        update={"files": [{"member": member, "came_from": "/etc/passwd"}]}
    )
    with pytest.raises(BackupError, match="does not say rightly"), opened(rewritten(file, files=raw.files), tmp_path):
        pass
    assert not list(tmp_path.rglob("outside"))


def file_manifest(file: Path) -> bytes:
    with opened(file, file.parent) as parts:
        return (parts.folder / MANIFEST).read_bytes()


@pytest.mark.parametrize("url", ["postgresql://u:secret@h/db", "postgresql://u@h/db?password=secret&sslmode=require"])
def test_a_password_is_not_among_the_words_of_a_program(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"
    for program in (tmp_path / "psql", tmp_path / "pg_restore"):
        program.write_text(f'#!/bin/sh\necho "$@" >> {told}\ntest "$PGPASSWORD" = secret\n')
        program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    restore_dump(tmp_path / "dump", LiveDatabase(url))
    assert told.read_text().count("u@h/db") == 2
    assert "secret" not in told.read_text()
