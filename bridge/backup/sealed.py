"""The one file of a backup: a zip archive, encrypted to age keys while it is written (https://age-encryption.org/v1).

The server holds recipients alone, so whoever takes it over cannot read what was backed up earlier. age tells what was
damaged or cut off; it does not tell who wrote a file, which the digest that is printed with each backup does.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import pyrage
from pyrage import x25519

from bridge.firm.errors import BridgeError


class BackupError(BridgeError):
    """A backup cannot be made, read or put back. The message says why, what was left as it was, and what to do."""


def recipients_of(keys: Sequence[str]) -> list[x25519.Recipient]:
    """The public keys that backups are encrypted to. Raises BackupError for none, or for one that is no such key."""
    if not keys:
        raise BackupError(
            "backup.recipients names no key, so there is nobody to encrypt a backup to. Make one with `age-keygen -o"
            " backup.key` on another machine, keep that file there, and write its public key (age1…) in the setting."
        )
    found = []
    for key in keys:
        try:
            found.append(x25519.Recipient.from_str(key))
        except pyrage.RecipientError as error:
            raise BackupError(
                f"{key!r} in backup.recipients is no public key of age. It begins with age1 and is the line"
                " `# public key:` of the file that `age-keygen` made."
            ) from error
    return found


def identities_of(file: Path) -> list[x25519.Identity]:
    """The secret keys in a file that `age-keygen` made. Raises BackupError."""
    try:
        lines = file.read_text("utf-8").splitlines()
        found = [x25519.Identity.from_str(line.strip()) for line in lines if line.strip() and line[0] != "#"]
    except OSError as error:
        raise BackupError(f"The key {file} cannot be read: {error.strerror}. Nothing was changed.") from error
    except (UnicodeError, pyrage.IdentityError):
        found = []
    if not found:
        # Without the cause, which could quote a secret.
        raise BackupError(
            f"{file} holds no secret key of age. It is the file that `age-keygen` made, with a line that begins with"
            " AGE-SECRET-KEY-1. Nothing was changed."
        )
    return found


def seal(write: Callable[[zipfile.ZipFile], None], target: Path, recipients: Sequence[x25519.Recipient]) -> str:
    """Have an archive written into a new encrypted file, and return the file's SHA-256 in hex.

    The file has its name once it is whole and on the disk. Raises BackupError where it cannot be written, and whatever
    `write` raises; then nothing is left of it.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            digest = _Watched(file)
            with _archive_behind_pipe(write) as plain:
                pyrage.encrypt_io(plain, digest.stream, recipients)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(_named(part, target).parent)
    except (OSError, pyrage.EncryptError) as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        cause = error if isinstance(error, OSError) else digest.failed or error
        raise BackupError(f"The backup {target} was not written: {reason_of(cause)} Nothing was left of it.") from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return digest.hexdigest()


def unseal(file: Path, identities: Sequence[x25519.Identity], target: Path) -> str:
    """Decrypt a backup into a new file, and return the backup's SHA-256 in hex. Raises BackupError; then `target` is to
    be thrown away."""
    try:
        with file.open("rb") as sealed, target.open("xb") as plain:
            read, written = _Watched(sealed), _Watched(plain)
            pyrage.decrypt_io(read.stream, written.stream, identities)
    except FileNotFoundError as error:
        raise BackupError(f"There is no file {error.filename}. Nothing was changed.") from error
    except pyrage.DecryptError as error:
        if str(error) == "No matching keys found":
            raise BackupError(
                f"{file} is not encrypted to this key, or its beginning is damaged. Name the file with the secret key"
                " that belongs to one of backup.recipients at that time. Nothing was changed."
            ) from error
        raise BackupError(f"{file} is no backup, or its beginning is damaged. {ANOTHER}") from error
    except OSError as error:
        failed = read.failed or written.failed if error.errno is None else error
        if failed is not None:
            raise BackupError(f"{file} cannot be decrypted: {reason_of(failed)} Nothing was changed.") from error
        raise BackupError(f"{file} is damaged, or its end is missing. {ANOTHER}") from error
    return read.hexdigest()


ANOTHER = "Take an earlier backup, or another copy of this one. Nothing was changed."


def harmless(text: str) -> str:
    """Text from outside for a terminal, on one line and without what would steer it."""
    return "".join(one if one.isprintable() else " " for one in text)


def reason_of(error: BaseException) -> str:
    """Why a file could not be read or written, as a sentence."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "the disk is full. Make room, or name another place."
    if isinstance(error, FileExistsError):
        return "a file of that name is there already."
    if isinstance(error, OSError) and error.strerror:
        where = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror}{where}."
    return f"{error}."


class _Watched:
    """A file that keeps the digest of what went through, and the error that the library would flatten into text."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.failed: OSError | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            data = self._file.read(size)
        except OSError as error:
            self.failed = error
            raise
        self._digest.update(data)
        return data

    def write(self, data: bytes) -> int:
        try:
            written = self._file.write(data)
        except OSError as error:
            self.failed = error
            raise
        self._digest.update(data)
        return written

    def flush(self) -> None:
        self._file.flush()

    @property
    def stream(self) -> io.BufferedIOBase:
        """Itself, as the library's types have it, which calls no more than is here."""
        return cast("io.BufferedIOBase", self)

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


@contextlib.contextmanager
def _archive_behind_pipe(write: Callable[[zipfile.ZipFile], None]) -> Iterator[io.BufferedIOBase]:
    """What `write` puts into an archive, to be read as it comes, so that it is nowhere unencrypted. Raises at the end
    what `write` raised."""
    readable, writable = os.pipe()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with os.fdopen(writable, "wb") as pipe, zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
                write(archive)
        except BaseException as error:  # noqa: BLE001 - raised by whoever reads
            failed.append(error)

    thread = threading.Thread(target=work, name="backup")
    thread.start()
    try:
        with os.fdopen(readable, "rb") as plain:
            yield plain
    finally:
        # Where nobody reads any more, the writer meets a broken pipe.
        thread.join()
    if failed:
        raise failed[0]


def _named(part: Path, target: Path) -> Path:
    if target.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    return part.rename(target)


def sync_folder(folder: Path) -> None:
    """Have the disk know a new name (fsync(2))."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def copied(source: IO[bytes], target: Any) -> None:
    """Copy all there is, in pieces."""
    while piece := source.read(1024 * 1024):
        target.write(piece)
