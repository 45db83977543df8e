"""A backup opened, looked through, and put back: each database whole, and none before all are known to be good."""

from __future__ import annotations

import lzma
import shutil
import zipfile
import zlib
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError
from pyrage import x25519

from bridge import __version__
from bridge.backup.databases import (
    LiveDatabase,
    aside_of,
    examine_dump,
    examine_sqlite,
    replace_sqlite,
    restore_dump,
    take_in_log,
)
from bridge.backup.making import ENVIRONMENT, sources_of
from bridge.backup.manifest import FORMAT, MANIFEST, Database, Head, Manifest, Side
from bridge.backup.sealed import ANOTHER, BackupError, copied, reason_of, unseal
from bridge.settings import Settings
from bridge.store.engine.errors import StoreError
from bridge.store.engine.migrating import pending_migrations
from bridge.store.engine.sqlite import OwnersLock

_LARGEST_MANIFEST = 1024 * 1024
_NOT_READ = (zipfile.BadZipFile, KeyError, ValueError, EOFError, RuntimeError, zlib.error, lzma.LZMAError)
"""What zipfile raises for an archive that is not as `making` writes one: besides its own error those for a member that
is missing, named wrongly, cut off, encrypted, or packed wrongly or otherwise."""


@dataclass(frozen=True)
class OpenedBackup:
    """A backup whose parts lie in a folder, unencrypted."""

    folder: Path
    manifest: Manifest
    digest: str
    """SHA-256 of the backup's file, in hex."""

    def database(self, side: Side) -> tuple[Database, Path] | None:
        """One side's database and its file, if the backup has it."""
        return next(((part, self.folder / part.member) for part in self.manifest.databases if part.side == side), None)


def open_backup(file: Path, identities: Sequence[x25519.Identity], folder: Path) -> OpenedBackup:
    """Decrypt and unpack a backup into a folder that is empty. Raises BackupError."""
    plain = folder / "plain"
    digest = unseal(file, identities, plain)
    try:
        with zipfile.ZipFile(plain) as archive:
            manifest = _manifest(archive, file)
            names = [part.member for part in manifest.databases] + [kept.member for kept in manifest.files]
            (folder / "files").mkdir(mode=0o700)
            for name in (*names, MANIFEST, ENVIRONMENT):
                with archive.open(name) as source, (folder / name).open("xb") as target:
                    copied(source, target)
                # So that what is copied from here to where it belongs is open to nobody else there either.
                (folder / name).chmod(0o600)
    except _NOT_READ as error:
        raise BackupError(f"{file} is damaged, or no backup of firm-bridge. {ANOTHER}") from error
    except OSError as error:
        raise BackupError(f"{file} was not unpacked: {reason_of(error)} Nothing was changed.") from error
    plain.unlink()
    return OpenedBackup(folder, manifest, digest)


def _manifest(archive: zipfile.ZipFile, file: Path) -> Manifest:
    with archive.open(MANIFEST) as member:
        raw = member.read(_LARGEST_MANIFEST)
    try:
        head = Head.model_validate_json(raw)
        if head.format > FORMAT:
            raise BackupError(
                f"{file} was made by firm-bridge {head.release[:40]}, which is newer than this one ({__version__}) and"
                " packs its backups otherwise. Install that release, and restore with it. Nothing was changed."
            )
        return Manifest.model_validate_json(raw)
    except ValidationError as error:
        raise BackupError(f"{file} is damaged: it does not say rightly what is in it. {ANOTHER}") from error


def examine(opened: OpenedBackup, sides: Collection[Side] = tuple(Side)) -> None:
    """Look through each database. Raises BackupError where one is damaged, or of a newer release."""
    for side in sides:
        if (found := opened.database(side)) is None:
            continue
        part, file = found
        if part.engine == "postgresql":
            examine_dump(file)
            continue
        examine_sqlite(file)
        if side is Side.BRIDGE:
            try:
                pending_migrations(f"sqlite:///{file}")
            except StoreError as error:
                release = opened.manifest.release
                raise BackupError(
                    f"The backup was made by firm-bridge {release}, whose database this one ({__version__}) does not"
                    f" know. Install {release} or a later one, and restore with it. Nothing was changed."
                ) from error


def put_back(opened: OpenedBackup, settings: Settings, sides: Sequence[Side], now: datetime) -> list[Path]:
    """Put databases of a backup where the settings have theirs, and return where the SQLite files lie that were there.

    The bridge and Synapse, as far as theirs are put back, must not run: of the bridge this makes sure (SQLite), of
    Synapse its caller. Raises BackupError, and OwnedElsewhereError where the bridge runs; then nothing was changed, or
    the message says what was.
    """
    _require_same_server(opened, settings)
    wanted = [(_fitting(opened, settings, side)) for side in sides]
    examine(opened, sides)
    stamp = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    aside: list[Path] = []
    done: list[str] = []
    with ExitStack() as stack:
        swaps: list[Callable[[], Path | None]] = []
        for side, file, target in wanted:
            if target.engine == "sqlite":
                if side is Side.BRIDGE:
                    _own(stack, target)
                swaps.append(_staged(stack, file, target.path.resolve(), stamp))
        try:
            # What can fail comes first; to give a file its name is left for the end.
            for _, file, target in wanted:
                if target.engine == "postgresql":
                    restore_dump(file, target)
                    done.append(target.name)
            for swap in swaps:
                if (before := swap()) is not None:
                    aside.append(before)
                done.append("a SQLite file")
        except BackupError as error:
            if done:
                raise BackupError(f"{error} Put back was, before that: {', '.join(done)}.") from error
            raise
    return aside


def _require_same_server(opened: OpenedBackup, settings: Settings) -> None:
    """The rooms and accounts of one server mean nothing on another."""
    theirs, ours = opened.manifest.server_name, settings.homeserver.server_name
    if theirs != ours:
        raise BackupError(
            f"The backup is of another server: of {theirs}, and the configuration's homeserver.server_name is {ours}."
            f" Take a backup of {ours}, or name the configuration of {theirs}. Nothing was changed."
        )


def _fitting(opened: OpenedBackup, settings: Settings, side: Side) -> tuple[Side, Path, LiveDatabase]:
    found, target = opened.database(side), sources_of(settings).get(side)
    if found is None:
        raise BackupError(f"The backup has no database of {_NAMES[side]}. Nothing was changed.")
    if target is None:
        raise BackupError("backup.synapse_database is empty, so it is not known where Synapse's belongs. Give it.")
    part, file = found
    if part.engine != target.engine:
        raise BackupError(
            f"The backup's database of {_NAMES[side]} is {_ENGINES[part.engine]}, and the configuration names one of"
            f" {_ENGINES[target.engine]} ({target.name}). Name one of the same kind. Nothing was changed."
        )
    return side, file, target


_NAMES = {Side.BRIDGE: "the bridge", Side.SYNAPSE: "Synapse"}
_ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def _own(stack: ExitStack, target: LiveDatabase) -> None:
    path = target.path.resolve()
    try:
        stack.callback(OwnersLock(path.with_name(f"{path.name}.lock"), target.name).release)
    except OSError as error:
        raise BackupError(f"{target.name} cannot be replaced: {reason_of(error)} Nothing was changed.") from error


def _staged(stack: ExitStack, file: Path, target: Path, stamp: str) -> Callable[[], Path | None]:
    """The file on the target's own disk, where giving it its name cannot fail for want of room."""
    beside = target.with_name(f"{target.name}.restoring")
    stack.callback(beside.unlink, missing_ok=True)
    try:
        # Now, so that one that is in use leaves the other as it was, too.
        if target.exists():
            take_in_log(target, aside_of(target, stamp))
        beside.unlink(missing_ok=True)
        shutil.move(file, beside)
        beside.chmod(0o600)
    except OSError as error:
        raise BackupError(f"{target} cannot be replaced: {reason_of(error)} Nothing was changed.") from error
    return lambda: replace_sqlite(beside, target, stamp)


def unpack_into(opened: OpenedBackup, target: Path) -> None:
    """Make the backup's parts a new folder, which only its owner can read. Raises BackupError."""
    part = target.with_name(f"{target.name}.part")
    try:
        if target.exists():
            raise BackupError(f"{target} is there already. Name a new folder. Nothing was written.")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(0o700)
        for one in list(opened.folder.iterdir()):
            shutil.move(one, part)
        part.rename(target)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise BackupError(f"{target} was not written: {reason_of(error)} Nothing was left of it.") from error
