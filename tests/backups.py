"""Backups for tests: to a key of their own, of whatever databases they name."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr
from pyrage import x25519

from bridge.backup.making import make_backup, work_folder
from bridge.backup.manifest import MANIFEST, Side
from bridge.backup.restoring import OpenedBackup, open_backup, put_back
from bridge.backup.sealed import seal
from bridge.settings import BackupSettings, Settings

KEY = x25519.Identity.generate()
"""The secret key, which a firm would have on another machine."""


def with_backups(settings: Settings, folder: Path, synapse: Path | None = None) -> Settings:
    """The same settings with a folder for backups, and with Synapse's SQLite database."""
    folder.mkdir(exist_ok=True)
    backup = BackupSettings(
        folder=str(folder),
        recipients=(str(KEY.to_public()),),
        synapse_database=SecretStr(f"sqlite:///{synapse}" if synapse else ""),
    )
    return settings.model_copy(update={"backup": backup})


def key_file(folder: Path, key: x25519.Identity = KEY) -> str:
    """The secret key as `age-keygen` writes it."""
    path = folder / f"{key.to_public()}.key"
    path.write_text(f"# created: 2026-11-30T10:00:00Z\n# public key: {key.to_public()}\n{key}\n")
    return str(path)


def backed_up(settings: Settings, config: Path) -> Path:
    """A backup made now."""
    return make_backup(settings, config, datetime.now(UTC)).file


@contextmanager
def opened(backup: Path, work: Path) -> Iterator[OpenedBackup]:
    """A backup's parts."""
    with work_folder(work) as folder:
        yield open_backup(backup, [KEY], folder)


def put_back_one(backup: Path, settings: Settings, side: Side, work: Path) -> None:
    """Put one side's database back."""
    with opened(backup, work) as parts:
        put_back(parts, settings, [side], datetime.now(UTC))


def all_files(folder: Path) -> dict[str, bytes]:
    """What nothing may change that is refused; SQLite's side files and the lock come and go."""
    passing = ("-shm", "-wal", ".lock")
    return {
        str(path): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in passing and not path.name.endswith(passing)
    }


def rewritten(file: Path, **changes: object) -> Path:
    """The backup as another release would have made it, or whoever has the public key."""
    target = file.with_name("other.age")
    with opened(file, file.parent) as parts:
        manifest = parts.manifest.model_copy(update=changes)

        def write(archive: zipfile.ZipFile) -> None:
            for path in parts.folder.rglob("*"):
                if path.is_file() and path.name != MANIFEST:
                    archive.write(path, path.relative_to(parts.folder))
            archive.writestr(MANIFEST, manifest.model_dump_json(warnings=False))

        seal(write, target, [KEY.to_public()])
    return target
