"""Fetching a file's bytes: streamed, decrypted where the attachment was encrypted, and compared with what was said."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import orjson
from Crypto.Cipher import AES

from bridge.firm.errors import BridgeError
from bridge.mapping.file_types import HEAD_BYTES, TAIL_BYTES, type_by
from bridge.matrix.port import MediaRequests
from bridge.store.files.filing import Found, Waiting

_WRITTEN_AT_ONCE = 1 << 20
"""Bytes that are gathered before they are written."""
_MXC = re.compile(r"mxc://([^/?#]+)/([A-Za-z0-9_-]+)")


class UnfetchableError(BridgeError):
    """A file that will never be had. The message says why."""


@dataclass(frozen=True, slots=True)
class Secret:
    """How an attachment was encrypted (specification: EncryptedFile): AES in counter mode, with a 256-bit key."""

    key: bytes
    iv: bytes
    sha256: bytes
    """Of the encrypted bytes."""


def secret_of(encryption: str) -> Secret | None:
    """What decrypts a file; None for one that is not encrypted. Raises UnfetchableError where it cannot be used."""
    if not encryption:
        return None
    try:
        told = orjson.loads(encryption)
        found = Secret(_decoded(told["key"]["k"]), _decoded(told["iv"]), _decoded(told["hashes"]["sha256"]))
    except (ValueError, KeyError, TypeError) as error:
        raise UnfetchableError("The message does not say how to decrypt the file.") from error
    if (len(found.key), len(found.iv), len(found.sha256)) != (32, 16, 32):
        raise UnfetchableError("The message has a key for the file that is not of the right length.")
    return found


def _decoded(text: str) -> bytes:
    """Base64 without padding, in either alphabet, as clients write it."""
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


class _Reading:
    """What was had of a file so far. `take` blocks."""

    def __init__(self, write: Callable[[bytes], None], secret: Secret | None, longest: int) -> None:
        self._write = write
        self._longest = longest
        self._decrypt: Callable[[bytes], bytes] | None = None
        if secret is not None:
            self._decrypt = AES.new(secret.key, AES.MODE_CTR, nonce=b"", initial_value=secret.iv).decrypt
        self.encrypted = hashlib.sha256()
        self.plain = hashlib.sha256()
        self.size = 0
        self.head = b""
        self.tail = b""

    def take(self, piece: bytes) -> None:
        """Decrypt and write a piece. Raises UnfetchableError where the file is too large, and what `write` raises."""
        if self._decrypt is not None:
            self.encrypted.update(piece)
            piece = self._decrypt(piece)
        self.size += len(piece)
        if self.size > self._longest:
            raise too_large(self._longest)
        if len(self.head) < HEAD_BYTES:
            self.head += piece[: HEAD_BYTES - len(self.head)]
        self.tail = piece[-TAIL_BYTES:] if len(piece) >= TAIL_BYTES else (self.tail + piece)[-TAIL_BYTES:]
        self.plain.update(piece)
        self._write(piece)


def too_large(longest: int) -> UnfetchableError:
    return UnfetchableError(f"The file has more than {longest // 1_000_000} MB, which is the most that is filed.")


class Sink(Protocol):
    """What a file's bytes are written to, in a thread."""

    async def in_time(self, work: Callable[[], None]) -> None:
        """Do something with it in a thread. Raises what comes of that, also where it does not come to an end."""

    def write(self, data: bytes) -> None:
        """Write the next bytes."""

    def finish(self) -> None:
        """There are no more."""


class _Writing:
    """Writes in a thread what comes, a good deal at once: a change of thread costs more than a small piece."""

    def __init__(self, reading: _Reading, sink: Sink) -> None:
        self._reading = reading
        self._sink = sink
        self._pieces: list[bytes] = []
        self._under_way: asyncio.Task[None] | None = None

    async def take(self, piece: bytes) -> None:
        """Take the next piece. Raises what came of writing those before."""
        self._pieces.append(piece)
        if sum(map(len, self._pieces)) >= _WRITTEN_AT_ONCE:
            await self._write_on(last=False)

    async def end(self) -> None:
        """Write what is left, and wait for it."""
        await self._write_on(last=True)
        await self.settle()
        if self._under_way is not None:
            self._under_way.result()

    async def settle(self) -> None:
        """Wait until no thread writes any more: nobody may close the file before."""
        if self._under_way is not None:
            await asyncio.gather(self._under_way, return_exceptions=True)

    async def _write_on(self, *, last: bool) -> None:
        if self._under_way is not None:
            await self._under_way
        some, self._pieces = self._pieces, []
        self._under_way = asyncio.create_task(self._sink.in_time(partial(self._write, some, last)))

    def _write(self, pieces: list[bytes], last: bool) -> None:
        for piece in pieces:
            self._reading.take(piece)
        if last:
            self._sink.finish()


async def fetch(
    homeserver: MediaRequests, file: Waiting, sink: Sink, longest: int, downloads: asyncio.Semaphore
) -> Found:
    """Write a file's bytes and tell what they are.

    While one piece is written the next is on its way, and while the disk is waited for at the end the next of
    `downloads` begins. Raises UnfetchableError, HomeserverError, and what the sink raises.
    """
    address = _MXC.fullmatch(file.mxc)
    if address is None:
        raise UnfetchableError("The message names no media of a homeserver.")
    if file.declared_size is not None and file.declared_size > longest:
        raise too_large(longest)
    secret = secret_of(file.encryption)
    reading = _Reading(sink.write, secret, longest)
    writing = _Writing(reading, sink)
    try:
        async with downloads:
            await homeserver.download(address[1], address[2], writing.take)
        await writing.end()
    except Exception:
        await writing.settle()
        raise
    return Found(
        type_by(reading.head, reading.tail), reading.size, reading.plain.hexdigest(), _note(file, reading, secret)
    )


def _note(file: Waiting, reading: _Reading, secret: Secret | None) -> str:
    notes = []
    if secret is not None and reading.encrypted.digest() != secret.sha256:
        notes.append("The bytes do not fit the checksum in the message.")
    if file.declared_size is not None and file.declared_size != reading.size:
        notes.append(f"The message said {file.declared_size} bytes.")
    return " ".join(notes)
