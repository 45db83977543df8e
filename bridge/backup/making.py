"""Making a backup: Synapse's database first, then the bridge's, so that the bridge knows all that Synapse's half has.

Put back together, the bridge is then never the older one, which could have forgotten a wall (R3).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from bridge.backup.databases import LiveDatabase, dump
from bridge.backup.manifest import MANIFEST, Database, KeptFile, Manifest, Side
from bridge.backup.newest import name_at
from bridge.backup.sealed import BackupError, reason_of, recipients_of, seal
from bridge.settings import Settings

ENVIRONMENT = "environment"
_PREFIX = "FIRM_BRIDGE_"


@dataclass(frozen=True)
class Made:
    """A backup that is whole and on the disk."""

    file: Path
    size: int
    """Bytes."""
    digest: str
    """Its SHA-256 in hex: who wrote a file, encryption to a public key does not tell."""
    manifest: Manifest


def make_backup(settings: Settings, config: Path, now: datetime) -> Made:
    """Back up what the settings name into a new file in backup.folder. Raises BackupError; then nothing is left."""
    recipients = recipients_of(settings.backup.recipients)
    if not settings.backup.folder:
        raise BackupError("backup.folder is empty, so there is no place for a backup. Name a folder.")
    folder = Path(settings.backup.folder)
    sources = sources_of(settings)
    files = _files(settings, config)
    variables = {name: value for name, value in sorted(os.environ.items()) if name.upper().startswith(_PREFIX)}
    try:
        manifest = Manifest(
            server_name=settings.homeserver.server_name,
            began_ms=int(now.timestamp() * 1000),
            databases=tuple(Database(side=side, engine=source.engine) for side, source in sources.items()),
            files=tuple(KeptFile(member=member, came_from=str(path.absolute())) for member, path in files.items()),
            variables=tuple(variables),
        )
    except ValidationError as error:
        raise BackupError(
            f"The name {error.errors()[0]['input']!r} has a character that cannot be shown, such as a line break."
            " Name it otherwise. Nothing was written."
        ) from error

    def write(archive: zipfile.ZipFile) -> None:
        archive.writestr(MANIFEST, manifest.model_dump_json())
        archive.writestr(ENVIRONMENT, "".join(f"{name}={value}\n" for name, value in variables.items()))
        for member, path in files.items():
            archive.write(path, member)
        for part in manifest.databases:
            with archive.open(part.member, "w", force_zip64=True) as target:
                dump(sources[part.side], target, work)

    target = folder / name_at(now)
    with _alone(folder), work_folder(beside_database(settings)) as work:
        digest = seal(write, target, recipients)
    return Made(target, target.stat().st_size, digest, manifest)


def sources_of(settings: Settings) -> dict[Side, LiveDatabase]:
    """The databases that are backed up, in that order."""
    synapse = settings.backup.synapse_database.get_secret_value()
    bridge = LiveDatabase(settings.database.url.get_secret_value())
    return {**({Side.SYNAPSE: LiveDatabase(synapse)} if synapse else {}), Side.BRIDGE: bridge}


def beside_database(settings: Settings) -> Path | None:
    """The folder of the bridge's database, where a copy of it is no more and no less secret; None where it has none."""
    database = LiveDatabase(settings.database.url.get_secret_value())
    return database.path.parent if database.engine == "sqlite" else None


@contextlib.contextmanager
def work_folder(parent: Path | None) -> Iterator[Path]:
    """A folder for what is not encrypted, below this one or the system's for temporary files.

    What a killed process left in it is thrown away first. Raises BackupError where another process uses it.
    """
    parent = Path(tempfile.gettempdir()) if parent is None else parent
    place = parent / f".firm-bridge-backup-{os.geteuid()}"
    try:
        place.mkdir(0o700, exist_ok=True)
        # In a place where everybody may write, another could have made it.
        if place.is_symlink() or place.stat().st_uid != os.geteuid():
            raise BackupError(f"{place} belongs to somebody else. Remove it. Nothing was changed.")
        with _locked(place):
            _empty(place)
            try:
                yield place
            finally:
                _empty(place)
    except OSError as error:
        raise BackupError(f"{place} cannot be used: {reason_of(error)} Nothing was changed.") from error


def _empty(place: Path) -> None:
    for left in place.iterdir():
        shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One backup at a time goes into a folder; what a killed one left there is thrown away."""
    try:
        with _locked(folder):
            for left in folder.glob("firm-bridge-*.age.part"):
                left.unlink()
            yield
    except FileNotFoundError as error:
        raise BackupError(f"There is no folder {error.filename}. Make it, for its owner alone (chmod 700).") from error
    except OSError as error:
        raise BackupError(f"{folder} cannot be used for backups: {reason_of(error)} Nothing was written.") from error


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Held for as long as this process lives (flock(2))."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupError(
                f"Another backup or restore is at work in {folder}. Wait for its end; this one changed nothing."
            ) from error
        yield
    finally:
        os.close(number)


def _files(settings: Settings, config: Path) -> dict[str, Path]:
    """What is small and a new machine cannot do without, by the name in the archive."""
    named = [config, *map(Path, settings.backup.synapse_files)]
    # Some have a name before they are made.
    named += [path for path in map(Path, settings.secret_files.values()) if path.exists()]
    directory = Path(settings.directory.path)
    if directory.is_dir():
        named += sorted(directory.glob("*.csv"))
    elif directory.exists():
        named.append(directory)
    if missing := [path for path in named if not path.is_file()]:
        raise BackupError(
            f"{missing[0]} cannot be backed up, since it is no file that can be seen. Correct backup.synapse_files, or"
            " let the bridge's user read it. Nothing was written."
        )
    return {f"files/{number}-{path.name}": path for number, path in enumerate(named)}
