"""The cabinet: a folder on any file system that fsspec knows, into which files come whole or not at all.

Every method blocks and is called in a thread. They raise CabinetError, whose sentence names no file and no secret.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, TypeVar, cast

import fsspec
from fsspec.core import split_protocol, url_to_fs
from fsspec.implementations.local import LocalFileSystem

from bridge.filing.names import WORK_FOLDER
from bridge.store.filing import Place

T = TypeVar("T")
_AT_ONCE = 1 << 20
"""Bytes read at once where a file is compared."""
_PART = 8 << 20
"""Bytes that a store of objects, such as S3, is sent at once; it takes 10,000 parts at most."""
_LATEST_S = 253_402_300_799
"""Seconds since the epoch: the end of the year 9999."""
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""What a file system says that has no second names for a file."""
_SENTENCES = {
    errno.ENOSPC: "The filing cabinet is full: no space is left where it stands.",
    errno.EDQUOT: "The filing cabinet is full: the bridge may use no more space where it stands.",
    errno.EACCES: "The filing cabinet refuses the bridge: it has no right to write there.",
    errno.EPERM: "The filing cabinet refuses the bridge: it has no right to write there.",
    errno.EROFS: "The filing cabinet cannot be written: it stands on a file system that is read-only.",
    errno.ENOENT: "The filing cabinet is not there. Make its folder, or mount the share it stands on.",
}


class CabinetError(Exception):
    """The cabinet cannot be used now. The message says why and what to do."""


class BackendMissing(CabinetError):
    """The package that speaks to the cabinet's kind of place is not installed, or there is no such kind."""


class Taken(Exception):
    """Something else has that name in the cabinet."""


def require_backend(url: str) -> None:
    """See that the cabinet's kind of place can be spoken to. Raises BackendMissing."""
    protocol = split_protocol(url)[0] or "file"
    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        raise BackendMissing(
            f"filing.url is a place of the kind {protocol}, and the package for it is not installed: {error}."
            " Install it beside the bridge (docs/admin-guide.md, The filing cabinet)."
        ) from error
    except ValueError as error:
        raise BackendMissing(
            f"filing.url begins with {protocol}://, which is no kind of place that the bridge knows. Use a folder, or"
            " a kind that fsspec has, such as s3://, webdav:// or sftp://."
        ) from error


class Cabinet:
    """The cabinet at a URL. Nothing is opened before the first use."""

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        """`options` are those of fsspec for this kind of place, such as credentials."""
        self._url = url
        self._options = options
        self._opened: tuple[Any, str] | None = None

    def _place(self) -> tuple[Any, str]:
        """fsspec's file system and the cabinet's root in it."""
        if self._opened is None:
            require_backend(self._url)
            fs, root = url_to_fs(self._url, **self._options)
            self._opened = fs, str(root).rstrip("/")
        fs, root = self._opened
        # A share that is not mounted must not be taken for an empty cabinet.
        if isinstance(fs, LocalFileSystem) and not Path(root).is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return fs, root

    def clean(self) -> None:
        """Take away what was being written when the bridge ended."""
        with self.telling():
            fs, root = self._place()
            work = f"{root}/{WORK_FOLDER}"
            fs.invalidate_cache()
            if fs.exists(work):
                for left in fs.ls(work, detail=False):
                    fs.rm_file(left)

    def work_file(self, key: str) -> WorkFile:
        """A file in the work folder; one of this key that was begun before is lost."""
        return WorkFile(self, key)

    def open_work(self, key: str) -> IO[bytes]:
        """The same, opened."""
        with self.telling():
            fs, root = self._place()
            path = _work(root, key)
            return cast(
                "IO[bytes]", self._in_folder(f"{root}/{WORK_FOLDER}", lambda: fs.open(path, "wb", block_size=_PART))
            )

    def close_work(self, file: IO[bytes]) -> None:
        """Close it, so that it survives a loss of power."""
        with self.telling():
            fs, _ = self._place()
            if isinstance(fs, LocalFileSystem):
                file.flush()
                os.fsync(file.fileno())
            file.close()

    def discard(self, key: str) -> None:
        """Take it away; one that is not there is no error."""
        with self.telling(), contextlib.suppress(FileNotFoundError):
            fs, root = self._place()
            fs.rm_file(_work(root, key))

    def put(self, key: str, place: Place, at_ms: int) -> None:
        """Move a finished file to its place, as written at this time where that can be kept. Raises Taken."""
        with self.telling():
            fs, root = self._place()
            source, target, folder = _work(root, key), _path(root, place), f"{root}/{place.folder}"
            if isinstance(fs, LocalFileSystem):
                seconds = min(max(at_ms / 1000, 0), _LATEST_S)
                os.utime(source, (seconds, seconds))
                self._in_folder(folder, lambda: _rename(source, target))
                _sync(folder)
                return
            fs.makedirs(folder, exist_ok=True)
            fs.invalidate_cache()
            if fs.exists(target):
                raise Taken
            fs.mv(source, target)

    def holds(self, place: Place, size: int, sha256: str) -> bool:
        """Whether these very bytes stand there."""
        with self.telling():
            fs, root = self._place()
            path = _path(root, place)
            fs.invalidate_cache()
            if not fs.isfile(path) or fs.size(path) != size:
                return False
            digest = hashlib.sha256()
            with fs.open(path, "rb") as file:
                while data := file.read(_AT_ONCE):
                    digest.update(data)
            return digest.hexdigest() == sha256

    def replace(self, place: Place, data: bytes) -> None:
        """Write what is the bridge's own, such as a list, over what stood there. On local disks it is never half."""
        with self.telling():
            fs, root = self._place()
            target = _path(root, place)
            fs.makedirs(f"{root}/{place.folder}", exist_ok=True)
            if not isinstance(fs, LocalFileSystem):
                fs.pipe_file(target, data)
                return
            key = f"replace/{place.folder}/{place.name}"
            file = self.work_file(key)
            file.write(data)
            file.finish()
            Path(_work(root, key)).replace(target)

    def try_out(self) -> None:
        """Write a small file, read it and delete it."""
        with self.telling():
            fs, root = self._place()
            path, data = f"{root}/{WORK_FOLDER}/check-{secrets.token_hex(8)}", secrets.token_bytes(64)
            fs.makedirs(f"{root}/{WORK_FOLDER}", exist_ok=True)
            fs.pipe_file(path, data)
            read = fs.cat_file(path)
            fs.rm_file(path)
            if read != data:
                raise CabinetError("The filing cabinet gives back other bytes than were written to it.")

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """Tell of what goes wrong without the error's own text, which may have a path or a credential in it."""
        try:
            yield
        except (CabinetError, Taken):
            raise
        except Exception as error:
            self._forget_connection()
            raise CabinetError(_sentence(error)) from error

    def _forget_connection(self) -> None:
        """Have the place opened anew at its next use: what fsspec keeps of a connection that broke stays broken."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened[0].clear_instance_cache()

    def _in_folder(self, folder: str, work: Callable[[], T]) -> T:
        """Do something in a folder, which is made where it is missing: nearly always it is there."""
        fs, _ = self._place()
        if not isinstance(fs, LocalFileSystem):
            fs.makedirs(folder, exist_ok=True)
            return work()
        try:
            return work()
        except FileNotFoundError:
            fs.makedirs(folder, exist_ok=True)
            _sync(str(Path(folder).parent))
            return work()


class WorkFile:
    """A file that is being written, opened at the first byte so that all of a small one is done in one thread."""

    def __init__(self, cabinet: Cabinet, key: str) -> None:
        self._cabinet = cabinet
        self._key = key
        self._file: IO[bytes] | None = None

    def write(self, data: bytes) -> None:
        """Write the next bytes."""
        if self._file is None:
            self._file = self._cabinet.open_work(self._key)
        with self._cabinet.telling():
            self._file.write(data)

    def finish(self) -> None:
        """Close it, so that it survives a loss of power."""
        self.write(b"")
        assert self._file is not None
        self._cabinet.close_work(self._file)

    def discard(self) -> None:
        """Close it and take it away."""
        if self._file is not None:
            # A full disk is met again when what is left in memory is written.
            with contextlib.suppress(Exception):
                self._file.close()
        self._cabinet.discard(self._key)


def _work(root: str, key: str) -> str:
    """Where what has this key is written. The same key gives the same name, so that nothing is left over twice."""
    return f"{root}/{WORK_FOLDER}/{hashlib.sha256(key.encode()).hexdigest()[:32]}.part"


def _path(root: str, place: Place) -> str:
    return f"{root}/{place.folder}/{place.name}"


def _rename(source: str, target: str) -> None:
    """Move without overwriting, in one step where the file system can. Raises Taken."""
    try:
        os.link(source, target)
    except FileExistsError as error:
        raise Taken from error
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(target):
            raise Taken from error
        Path(source).rename(target)
    else:
        Path(source).unlink()


def _sync(folder: str) -> None:
    """Have what was moved into a folder survive a loss of power."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _sentence(error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    # Not the error's own words, in which there may be an address.
    reason = os.strerror(number) if number is not None and number > 0 else type(error).__name__
    return _SENTENCES.get(number or 0, f"The filing cabinet cannot be used: {reason}. `firm-bridge check` tries it.")
