"""The cabinet: a folder on any file system that fsspec knows, into which files come whole or not at all.

Its methods block and are called by `in_time`, in a thread that may be left behind. They raise CabinetError, whose
sentence names no file and no secret.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from bridge.filing.kinds import (
    give_up,
    hang_up,
    is_there,
    kind_of,
    move,
    open_to_write,
    require_backend,
    with_time_outs,
)
from bridge.filing.names import WORK_FOLDER
from bridge.filing.trouble import (
    BackendMissingError,
    CabinetError,
    NameTakenError,
    NoAnswerError,
    as_cabinet_error,
    breaks_connection,
    no_answer,
)
from bridge.settings import Settings
from bridge.store.files.filing import CabinetPath
from bridge.threads import Threads

__all__ = [
    "BackendMissingError",
    "Cabinet",
    "CabinetError",
    "NameTakenError",
    "NoAnswerError",
    "cabinet_of",
    "require_backend",
]
T = TypeVar("T")
_AT_ONCE = 1 << 20
"""Bytes read at once where a file is compared."""
_SLOWEST = 1_000_000
"""Bytes a second: a place that is slower than that is taken for one that does not answer."""
_LONGEST_S = 3600.0
"""Seconds that no answer takes, not even about the largest file."""
_TRIED_BYTES = 600_000
"""More than any kind of place takes in one piece."""
_LATEST_S = 253_402_300_799
"""Seconds since the epoch: the end of the year 9999."""


class Cabinet:
    """The cabinet at a URL. Nothing is opened before the first use."""

    def __init__(self, url: str, options: dict[str, Any], seconds: float = 60.0) -> None:
        """`options` are those of fsspec for this kind of place, such as credentials; `seconds` are what it may take for
        one step with little data."""
        self._url = url
        self._options = options
        self._seconds = seconds
        self._threads = Threads()
        self._opened: tuple[Any, str] | None = None
        self._lost = 0
        """How often work was left behind that may still write under the names it knows."""

    async def in_time(self, work: Callable[[], T], size: int = 0) -> T:
        """The result of work with the cabinet on so many bytes. Raises what it raises, and NoAnswerError after a
        while."""
        seconds = self._seconds + size / _SLOWEST
        try:
            return await self._threads.run(work, seconds)
        except TimeoutError as error:
            self._lost += 1
            self._forget_connection(hangs=True)
            raise no_answer(seconds) from error

    def place(self) -> tuple[Any, str]:
        """fsspec's file system and the cabinet's root in it."""
        opened = self._opened
        if opened is None:
            require_backend(self._url)
            options = with_time_outs(self._url, self._options, self._seconds, _LONGEST_S)
            fs, root = url_to_fs(self._url, **options)
            opened = self._opened = fs, str(root).rstrip("/")
        fs, root = opened
        # A share that is not mounted must not be taken for an empty cabinet.
        if isinstance(fs, LocalFileSystem) and not Path(root).is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return fs, root

    def clean(self) -> None:
        """Take away what was being written when the bridge ended."""
        with self.telling():
            fs, root = self.place()
            work = f"{root}/{WORK_FOLDER}"
            fs.invalidate_cache()
            if is_there(fs, work):
                for left in fs.ls(work, detail=False):
                    fs.rm_file(left)

    def work_file(self, key: str) -> WorkFile:
        """A file in the work folder; one of this key that was begun before is lost."""
        return WorkFile(self, key)

    def open_work(self, key: str) -> IO[bytes]:
        """The same, opened."""
        with self.telling():
            fs, root = self.place()
            return self._in_folder(f"{root}/{WORK_FOLDER}", partial(open_to_write, fs, self._work(root, key)))

    def close_work(self, file: IO[bytes]) -> None:
        """Close it, so that it survives a loss of power."""
        with self.telling():
            fs, _ = self.place()
            if isinstance(fs, LocalFileSystem):
                file.flush()
                os.fsync(file.fileno())
            file.close()

    def give_up(self, file: IO[bytes]) -> None:
        """Close it where it is not wanted any more."""
        with self.telling():
            give_up(self.place()[0], file)

    def discard(self, key: str) -> None:
        """Take it away; one that is not there is no error."""
        with self.telling(), contextlib.suppress(FileNotFoundError):
            fs, root = self.place()
            fs.rm_file(self._work(root, key))

    def put(self, key: str, place: CabinetPath, at_ms: int) -> None:
        """Move a finished file to its place, as written at this time where that can be kept. Raises NameTakenError."""
        with self.telling():
            fs, root = self.place()
            source, target, folder = self._work(root, key), _path(root, place), f"{root}/{place.folder}"
            if isinstance(fs, LocalFileSystem):
                seconds = min(max(at_ms / 1000, 0), _LATEST_S)
                os.utime(source, (seconds, seconds))
                self._in_folder(folder, lambda: move(fs, source, target))
                _sync(folder)
                return
            fs.invalidate_cache()
            self._in_folder(folder, lambda: move(fs, source, target))

    def holds(self, place: CabinetPath, size: int, sha256: str) -> bool:
        """Whether these very bytes stand there."""
        with self.telling():
            fs, root = self.place()
            path = _path(root, place)
            fs.invalidate_cache()
            if kind_of(fs, path) != "file" or fs.size(path) != size:
                return False
            digest = hashlib.sha256()
            with fs.open(path, "rb") as file:
                while data := file.read(_AT_ONCE):
                    digest.update(data)
            return digest.hexdigest() == sha256

    def replace(self, place: CabinetPath, data: bytes) -> None:
        """Write what is the bridge's own, such as a list, over what stood there. On local disks it is never half."""
        with self.telling():
            fs, root = self.place()
            target = _path(root, place)
            fs.makedirs(f"{root}/{place.folder}", exist_ok=True)
            if not isinstance(fs, LocalFileSystem):
                fs.pipe_file(target, data)
                return
            key = f"replace/{place.folder}/{place.name}"
            file = self.work_file(key)
            file.write(data)
            file.finish()
            Path(self._work(root, key)).replace(target)

    def try_out(self) -> None:
        """Do with a file of its own in the work folder all that is done with a file that is stored."""
        key = f"check/{secrets.token_hex(8)}"
        place, data = CabinetPath(WORK_FOLDER, f"{key.replace('/', '-')}.part"), secrets.token_bytes(_TRIED_BYTES)
        file = self.work_file(key)
        try:
            file.write(data)
            file.finish()
            self.put(key, place, 0)
        except CabinetError:
            with contextlib.suppress(CabinetError):
                file.discard()
            raise
        held = self.holds(place, len(data), hashlib.sha256(data).hexdigest())
        with self.telling():
            fs, root = self.place()
            fs.rm_file(_path(root, place))
        if not held:
            raise CabinetError("The filing cabinet gives back other bytes than were written to it.")

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """Tell of what goes wrong without the error's own text, which may have a path or a credential in it."""
        try:
            yield
        except (CabinetError, NameTakenError):
            raise
        except Exception as error:
            if breaks_connection(error):
                self._forget_connection()
            raise as_cabinet_error(error) from error

    def _forget_connection(self, *, hangs: bool = False) -> None:
        """Have the place opened anew at its next use: what fsspec keeps of a connection that broke stays broken."""
        opened, self._opened = [self._opened], None
        # In a thread of its own, which the last one to know it must be: sshfs then takes leave on its own loop.
        threading.Thread(target=_let_go, args=(opened, hangs), name="cabinet", daemon=True).start()

    def _in_folder(self, folder: str, work: Callable[[], T]) -> T:
        """Do something in a folder, which is made where it is missing: nearly always it is there."""
        fs, _ = self.place()
        if not isinstance(fs, LocalFileSystem):
            fs.makedirs(folder, exist_ok=True)
            return work()
        try:
            return work()
        except FileNotFoundError:
            fs.makedirs(folder, exist_ok=True)
            _sync(str(Path(folder).parent))
            return work()

    def _work(self, root: str, key: str) -> str:
        """Where what has this key is written. The same key gives the same name, so that nothing is left over twice; but
        not that of work left behind, which may still write to it."""
        name = hashlib.sha256(f"{self._lost} {key}".encode()).hexdigest()[:32]
        return f"{root}/{WORK_FOLDER}/{name}.part"


class WorkFile:
    """A file that is being written, opened at the first byte so that all of a small one is done in one thread."""

    def __init__(self, cabinet: Cabinet, key: str) -> None:
        self._cabinet = cabinet
        self._key = key
        self._file: IO[bytes] | None = None
        self._bytes = 0

    async def in_time(self, work: Callable[[], T]) -> T:
        """The result of work with this file, as `Cabinet.in_time`."""
        # Some kinds of places are sent all of it only at the end.
        return await self._cabinet.in_time(work, self._bytes)

    def write(self, data: bytes) -> None:
        """Write the next bytes."""
        self._bytes += len(data)
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
            self._cabinet.give_up(self._file)
        self._cabinet.discard(self._key)


def cabinet_of(settings: Settings) -> Cabinet:
    """The firm's cabinet."""
    filing = settings.filing
    return Cabinet(filing.url.get_secret_value(), filing.backend_options, filing.timeout_seconds)


def _let_go(opened: list[tuple[Any, str] | None], hangs: bool) -> None:
    found = opened.pop()
    if found is not None:
        found[0].clear_instance_cache()
        if hangs:
            hang_up(found[0])


def _path(root: str, place: CabinetPath) -> str:
    return f"{root}/{place.folder}/{place.name}"


def _sync(folder: str) -> None:
    """Have what was moved into a folder survive a loss of power."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
