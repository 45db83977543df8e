"""Backups for tests: to a key of their own, of whatever databases they name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr
from pyrage import x25519

from bridge.backup.making import make_backup, work_folder
from bridge.backup.manifest import Side
from bridge.backup.restoring import OpenedBackup, open_backup, put_back
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
