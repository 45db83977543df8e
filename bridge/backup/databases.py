"""A database copied while it is used, looked through, and put in its place: SQLite by its own online backup,
PostgreSQL by its own programs."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, cast
from urllib.parse import unquote, urlsplit, urlunsplit

from bridge.backup.sealed import BackupError, copied, harmless, reason_of, sync_folder

_BUSY_SECONDS = 30.0
_TOLD = 300
_LOGS = ("-wal", "-shm", "-journal")
_IN_USE = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


@dataclass(frozen=True)
class LiveDatabase:
    """A database by its URL, as in database.url."""

    url: str

    @property
    def engine(self) -> Literal["sqlite", "postgresql"]:
        """Which of the two kinds it is."""
        return "sqlite" if self.url.startswith("sqlite:///") else "postgresql"

    @property
    def path(self) -> Path:
        """A SQLite file."""
        return Path(self.url.removeprefix("sqlite:///"))

    @property
    def name(self) -> str:
        """How people know it; without the password."""
        if self.engine == "sqlite":
            return str(self.path)
        parts = urlsplit(self.url)
        return f"postgresql://{parts.hostname or ''}{parts.path}"


def dump(source: LiveDatabase, target: Any, work: Path) -> None:
    """Write what a database holds at this moment to `target`, while others use it.

    SQLite writes a file of its own, so a copy lies in the folder `work` meanwhile. Raises BackupError.
    """
    if source.engine == "postgresql":
        _pg_dump(source, target)
        return
    copy = work / "copy.db"
    try:
        if not source.path.exists():
            raise BackupError(f"There is no database {source.name}. Nothing was written.")
        # Opened for writing, though nothing is written: where nobody else has it open, SQLite makes its side files, and
        # only who may write takes them away again. Left there they would be ours, and keep Synapse from starting.
        with (
            contextlib.closing(_opened(source.path, "rw")) as live,
            contextlib.closing(sqlite3.connect(copy)) as quiet,
        ):
            # In one step, in which others can go on writing (write-ahead log): else it would begin anew at each write.
            live.backup(quiet)
            quiet.execute("PRAGMA journal_mode=DELETE")
        with copy.open("rb") as file:
            copied(file, target)
    except (OSError, sqlite3.Error) as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise BackupError(f"The database {source.name} was not copied: {reason_of(error)} No backup was made.") from (
            error
        )
    finally:
        copy.unlink(missing_ok=True)


def examine_sqlite(file: Path) -> None:
    """Have SQLite look through every page and key. Raises BackupError where the file is damaged."""
    try:
        with contextlib.closing(_opened(file)) as database:
            (found,) = database.execute("PRAGMA integrity_check(1)").fetchone()
            astray = database.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.Error as error:
        found, astray = str(error), None
    if found != "ok" or astray is not None:
        reason = found if found != "ok" else f"a row of {astray[0]} belongs to one of {astray[2]} that is not there"
        raise BackupError(
            f"{file.name} in the backup is damaged ({harmless(reason)}). Take an earlier one. Nothing was changed."
        )


def examine_dump(file: Path) -> None:
    """Have pg_restore read all of a dump, without a server. Raises BackupError where it cannot."""
    _run(["pg_restore", "--file=/dev/null", str(file)], f"{file.name} in the backup")


def aside_of(target: Path, stamp: str) -> Path:
    """Where a SQLite file lies once it was replaced at this time."""
    return target.with_name(f"{target.name}.before-restore-{stamp}")


def replace_sqlite(file: Path, target: Path, stamp: str) -> Path | None:
    """Put a SQLite file in the place of another, which nobody may use; return where that lies now, if there was one.

    At any moment the place has the old one, whole, or the new one. Raises BackupError.
    """
    aside = aside_of(target, stamp)
    there = target.exists()
    try:
        owner = (target if there else target.parent).stat()
        if os.geteuid() == 0:
            os.chown(file, owner.st_uid, owner.st_gid, follow_symlinks=False)
        with file.open("rb") as whole:
            os.fsync(whole.fileno())
        if there:
            take_in_log(target, aside)
            os.link(target, aside)
        # Whatever was left there would be read into the new file.
        _unlink([target.with_name(target.name + log) for log in _LOGS])
        file.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise BackupError(f"{target} was not replaced: {reason_of(error)} It is as it was.") from error
    return aside if there else None


def take_in_log(target: Path, aside: Path) -> None:
    """Have a SQLite file take in what its log still holds, for which nobody else may use it. Where it is too damaged
    for that, the log lies beside `aside`, its name to come.

    Raises BackupError where it is in use (https://sqlite.org/wal.html: the last to close it has it alone).
    """
    kept = [aside.with_name(aside.name + log) for log in _LOGS]
    # First, since SQLite throws away the log of a file that it takes for an empty one.
    for log, second in zip(_LOGS, kept, strict=True):
        if (first := target.with_name(target.name + log)).exists() and not second.exists():
            os.link(first, second)
    try:
        with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as alone:
            alone.execute("PRAGMA journal_mode=DELETE")
            alone.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        code = error.sqlite_errorcode & 0xFF
        if code in _DAMAGED:
            return
        _unlink(kept)
        if code in _IN_USE:
            raise BackupError(
                f"{target} is in use; stop what uses it (Synapse, the bridge, or another program), and restore again."
                " It is as it was."
            ) from error
        raise BackupError(
            f"{target} cannot be set aside ({error}). Move it away yourself, with what has its name and -wal, -shm or"
            " -journal behind it, and restore again. It is as it was."
        ) from error
    _unlink(kept)


def _unlink(files: Sequence[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)


def restore_dump(file: Path, target: LiveDatabase) -> None:
    """Put a dump into an empty database, wholly or not at all. Raises BackupError.

    It belongs to the database's owner from then on where the user in the address may do that, since Synapse may not
    read a superuser's tables; else to that user.
    """
    words = ["pg_restore", "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    address, environment = _address(target.url)
    what = f"The database {target.name}"
    owner = _owner_of(address, what, environment)
    role = [f"--role={owner}"] if owner else []
    try:
        _run([*words, *role, f"--dbname={address}", str(file)], what, environment)
    except BackupError as error:
        if "permission denied" in str(error):
            raise BackupError(
                f"The user in the address of the database {target.name} may make no tables in it, and nothing was put"
                " into it. Name one who may, and who is to read them afterwards: best the database's owner."
            ) from error
        if "already exists" in str(error):
            raise BackupError(
                f"The database {target.name} is not empty, so nothing was put into it. Let its owner make a new one"
                " (createdb; for Synapse with --template=template0 --locale=C --encoding=UTF8), and name that one."
            ) from error
        raise


def _owner_of(address: str, what: str, environment: dict[str, str]) -> str:
    """The database's owner; empty where the user in the address may do nothing as they."""
    asked = (
        "SELECT pg_get_userbyid(datdba) FROM pg_database"
        " WHERE datname = current_database() AND pg_has_role(datdba, 'MEMBER')"
    )
    words = ["psql", "--no-psqlrc", "--no-password", "--quiet", "--tuples-only", "--no-align", f"--command={asked}"]
    with _running([*words, f"--dbname={address}"], what, environment) as out:
        return out.read().decode("utf-8", "replace").removesuffix("\n")


def _pg_dump(source: LiveDatabase, target: Any) -> None:
    address, environment = _address(source.url)
    words = ["pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--no-password", f"--dbname={address}"]
    with _running(words, f"The database {source.name}", environment) as out:
        copied(out, target)


def _run(words: Sequence[str], what: str, environment: dict[str, str] | None = None) -> None:
    with _running(words, what, environment or {}) as out:
        out.read()


@contextlib.contextmanager
def _running(words: Sequence[str], what: str, environment: dict[str, str]) -> Iterator[IO[bytes]]:
    """What a program writes, while it runs. Raises BackupError where there is none of that name, or it failed."""
    with tempfile.TemporaryFile() as told:
        try:
            process = subprocess.Popen(  # noqa: S603 - one of three programs, and no shell reads the words
                words, stdout=subprocess.PIPE, stderr=told, env={**os.environ, **environment}
            )
        except FileNotFoundError as error:
            raise BackupError(
                f"There is no {words[0]} on this machine. Install PostgreSQL's client programs, of the server's version"
                " or a later one (Debian: postgresql-client). Nothing was changed."
            ) from error
        with process:
            try:
                yield cast("IO[bytes]", process.stdout)
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            told.seek(0)
            reason = told.read(_TOLD).decode("utf-8", "replace").strip()
            reason = harmless(reason) or f"code {process.returncode}"
            raise BackupError(f"{what}: {words[0]} failed, so nothing was kept of it. It says: {reason}")


def _address(url: str) -> tuple[str, dict[str, str]]:
    """The URL without its password, which other people on the machine would see among the words, and the environment
    that has it (libpq, environment variables)."""
    parts = urlsplit(url)
    pieces = parts.query.split("&")
    secret = [piece.partition("=")[2] for piece in pieces if piece.startswith("password=")]
    if parts.password is not None:
        secret.insert(0, parts.password)
        parts = parts._replace(netloc=f"{parts.username or ''}@{parts.netloc.rpartition('@')[2]}")
    if not secret:
        return url, {}
    shown = parts._replace(query="&".join(piece for piece in pieces if not piece.startswith("password=")))
    # libpq takes the last.
    return urlunsplit(shown), {"PGPASSWORD": unquote(secret[-1])}


def _opened(file: Path, mode: Literal["ro", "rw"] = "ro") -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode={mode}", uri=True, timeout=_BUSY_SECONDS)
