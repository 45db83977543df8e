"""What the cabinet must know of each kind of place: time-outs, and how a file gets its name without taking another's.

fsspec's own `mv` overwrites, and on most kinds it is a copy and a deletion.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import IO, Any, cast

import fsspec
from fsspec.asyn import sync
from fsspec.core import split_protocol
from fsspec.implementations.local import LocalFileSystem

from bridge.filing.trouble import BackendMissingError, NameTakenError

_PART = 8 << 20
"""Bytes that a store of objects, such as S3, is sent at once; it takes 10,000 parts at most."""
_KEEPALIVE_S = 15
"""Seconds of silence after which an SSH server is asked whether it is there, three times at most."""
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""What a file system says that has no second names for a file."""
_INSTALL = "Install it beside the bridge (docs/admin-guide.md, The filing cabinet)."


def require_backend(url: str) -> None:
    """See that the cabinet's kind of place can be spoken to. Raises BackendMissingError."""
    protocol = split_protocol(url)[0] or "file"
    try:
        found = fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        raise BackendMissingError(
            f"filing.url is a place of the kind {protocol}, and the package for it is not installed: {error}."
            f" {_INSTALL}"
        ) from error
    except ValueError as error:
        raise BackendMissingError(
            f"filing.url begins with {protocol}://, which is no kind of place that the bridge knows. Use a folder, or"
            " a kind that fsspec has, such as s3://, webdav:// or sftp://."
        ) from error
    if found.__module__ == "fsspec.implementations.sftp":
        # fsspec's own, with paramiko, overwrites where it moves a file, and waits for ever.
        raise BackendMissingError(
            f"filing.url is a place of the kind {protocol}, for which the package is sshfs. {_INSTALL}"
        )


def with_time_outs(url: str, options: dict[str, Any], seconds: float, longest: float) -> dict[str, Any]:
    """The options for a place, with its time-outs where the firm gives none.

    `seconds` is for reaching it, `longest` for one answer, such as that a large file was copied.
    """
    match split_protocol(url)[0]:
        case "sftp" | "ssh":
            return {
                "connect_timeout": seconds,
                "login_timeout": seconds,
                "keepalive_interval": _KEEPALIVE_S,
                "keepalive_count_max": 3,
                **options,
            }
        case "webdav" | "dav":
            # httpx: to connect, to read, to write, to wait for a connection.
            return {"timeout": (seconds, longest, seconds, longest), **options}
        case _:
            return options


def trusts_any_server(url: str, options: dict[str, Any]) -> bool:
    """Whether the place's server is not asked to prove who it is: sshfs does so only where it is told the keys."""
    return split_protocol(url)[0] in {"sftp", "ssh"} and not options.get("known_hosts")


def open_to_write(fs: Any, path: str) -> IO[bytes]:
    """Open a file anew. Each kind sends pieces as large as it thinks best, but for stores that number them."""
    size = {"block_size": _PART} if _package(fs) == "s3fs" else {}
    return cast("IO[bytes]", fs.open(path, "wb", **size))


def give_up(fs: Any, file: IO[bytes]) -> None:
    """Close a file that is not wanted any more, without sending what is left of it."""
    discard = None if isinstance(fs, LocalFileSystem) else getattr(file, "discard", None)
    # A full disk is met again when what is left in memory is written.
    with contextlib.suppress(Exception):
        if discard is None:
            file.close()
        else:
            discard()
            # fsspec's own files would send what is left when they are collected.
            file.closed = True  # type: ignore[misc] # only in their types can it not be set


def is_there(fs: Any, path: str) -> bool:
    """Whether something stands there. Unlike fsspec's `exists` it raises where that cannot be told."""
    return kind_of(fs, path) != ""


def kind_of(fs: Any, path: str) -> str:
    """What stands there: "file", "directory" or another kind; empty for nothing."""
    try:
        return str(fs.info(path)["type"])
    except FileNotFoundError:
        return ""


def move(fs: Any, source: str, target: str) -> None:
    """Move a file to a name that nothing has. Raises NameTakenError.

    In one step, so that what comes there meanwhile is safe; but stores of objects and others that have no such step
    are asked first.
    """
    if isinstance(fs, LocalFileSystem):
        _move_on_disk(source, target)
        return
    if is_there(fs, target):
        raise NameTakenError
    try:
        match _package(fs):
            case "sshfs":
                # SFTP's own rename, which takes no other's name; sshfs' `mv` is the one of POSIX, which does.
                sync(fs.loop, _rename_by_sftp, fs, source, target)
            case "webdav4":
                # Overwrite: F (RFC 4918, section 10.6).
                fs.client.move(source, target, overwrite=False)
            case _:
                fs.mv(source, target)
    except Exception as error:
        if is_there(fs, target) and is_there(fs, source):
            raise NameTakenError from error
        raise


def hang_up(fs: Any) -> None:
    """End a connection that does not answer, so that whoever waits for it waits no longer."""
    if _package(fs) == "sshfs":
        fs.loop.call_soon_threadsafe(fs.client.abort)


async def _rename_by_sftp(fs: Any, source: str, target: str) -> None:
    async with fs._pool.get() as channel:
        await channel.rename(source, target)


def _move_on_disk(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except FileExistsError as error:
        raise NameTakenError from error
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(target):
            raise NameTakenError from error
        Path(source).rename(target)
    else:
        Path(source).unlink()


def _package(fs: Any) -> str:
    return type(fs).__module__.partition(".")[0]
