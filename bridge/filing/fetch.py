"""Fetching a file's bytes: streamed, decrypted where the attachment was encrypted, and compared with what was said."""

from __future__ import annotations

import asyncio
import base64
import codecs
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

import filetype
import orjson
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from bridge.firm.file_bytes import program_in
from bridge.matrix.port import Homeserver
from bridge.store.filing import Found, Waiting

_HEAD = 8192
"""Bytes by which a type is told."""
_WRITTEN_AT_ONCE = 1 << 20
"""Bytes that are gathered before they are written."""
_MXC = re.compile(r"mxc://([^/?#]+)/([A-Za-z0-9_-]+)")
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\x1b")
_BEGINS_WITH_MZ = "application/x-msdownload"
"""What the library says of everything that begins with these two letters."""
TEXT = "text/plain"
UNKNOWN = "application/octet-stream"


class Unfetchable(Exception):
    """A file that will never be had. The message says why."""


@dataclass(frozen=True, slots=True)
class Secret:
    """How an attachment was encrypted (specification: EncryptedFile): AES in counter mode, with a 256-bit key."""

    key: bytes
    iv: bytes
    sha256: bytes
    """Of the encrypted bytes."""


def secret_of(encryption: str) -> Secret | None:
    """What decrypts a file; None for one that is not encrypted. Raises Unfetchable where it cannot be used."""
    if not encryption:
        return None
    try:
        told = orjson.loads(encryption)
        found = Secret(_decoded(told["key"]["k"]), _decoded(told["iv"]), _decoded(told["hashes"]["sha256"]))
    except (ValueError, KeyError, TypeError) as error:
        raise Unfetchable("The message does not say how to decrypt the file.") from error
    if (len(found.key), len(found.iv), len(found.sha256)) != (32, 16, 32):
        raise Unfetchable("The message has a key for the file that is not of the right length.")
    return found


def _decoded(text: str) -> bytes:
    """Base64 without padding, in either alphabet, as clients write it."""
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def type_by(head: bytes) -> str:
    """The media type by a file's first bytes; for text without a mark of its own text/plain."""
    if program := program_in(head):
        return program
    found = filetype.guess_mime(head) if head else None
    if found is not None and not (found == _BEGINS_WITH_MZ and _is_text(head)):
        return str(found)
    return TEXT if _is_text(head) else UNKNOWN


def _is_text(head: bytes) -> bool:
    if any(byte < 32 and byte not in _TEXT_CONTROLS for byte in head):
        return False
    try:
        # Where only the head was looked at, its last character may be cut in two.
        codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < _HEAD)
    except UnicodeDecodeError:
        return False
    return True


class _Reading:
    """What was had of a file so far. `take_all` blocks."""

    def __init__(self, write: Callable[[bytes], None], secret: Secret | None, longest: int) -> None:
        self._write = write
        self._longest = longest
        self._decryptor: CipherContext | None = None
        if secret is not None:
            self._decryptor = Cipher(algorithms.AES(secret.key), modes.CTR(secret.iv)).decryptor()
        self.encrypted = hashlib.sha256()
        self.plain = hashlib.sha256()
        self.size = 0
        self.head = b""

    def take_all(self, pieces: list[bytes]) -> None:
        """Decrypt and write what came. Raises Unfetchable where the file is too large, and what `write` raises."""
        for piece in pieces:
            self._take(piece)

    def _take(self, piece: bytes) -> None:
        if self._decryptor is not None:
            self.encrypted.update(piece)
            piece = self._decryptor.update(piece)
        self.size += len(piece)
        if self.size > self._longest:
            raise too_large(self._longest)
        if len(self.head) < _HEAD:
            self.head += piece[: _HEAD - len(self.head)]
        self.plain.update(piece)
        self._write(piece)


def too_large(longest: int) -> Unfetchable:
    return Unfetchable(f"The file has more than {longest // 1_000_000} MB, which is the most that is filed.")


async def fetch(homeserver: Homeserver, file: Waiting, write: Callable[[bytes], None], longest: int) -> Found:
    """Hand a file's bytes to `write`, in a thread, and tell what they are.

    While one piece is written the next is on its way. Raises Unfetchable, HomeserverError, and what `write` raises.
    """
    address = _MXC.fullmatch(file.mxc)
    if address is None:
        raise Unfetchable("The message names no media of a homeserver.")
    if file.declared_size is not None and file.declared_size > longest:
        raise too_large(longest)
    secret = secret_of(file.encryption)
    reading = _Reading(write, secret, longest)
    loop = asyncio.get_running_loop()
    pieces: list[bytes] = []
    writing: asyncio.Future[None] | None = None

    async def write_on() -> None:
        nonlocal pieces, writing
        if writing is not None:
            await writing
        some, pieces = pieces, []
        writing = loop.run_in_executor(None, reading.take_all, some)

    async def take(piece: bytes) -> None:
        pieces.append(piece)
        # A change of thread costs more than a small piece.
        if sum(map(len, pieces)) >= _WRITTEN_AT_ONCE:
            await write_on()

    try:
        await homeserver.download(address[1], address[2], take)
        await write_on()
    finally:
        # Nobody may close the file while a thread writes to it.
        if writing is not None:
            await asyncio.wait([writing])
    if writing is not None:
        writing.result()
    return Found(type_by(reading.head), reading.size, reading.plain.hexdigest(), _note(file, reading, secret))


def _note(file: Waiting, reading: _Reading, secret: Secret | None) -> str:
    notes = []
    if secret is not None and reading.encrypted.digest() != secret.sha256:
        notes.append("The bytes do not fit the checksum in the message.")
    if file.declared_size is not None and file.declared_size != reading.size:
        notes.append(f"The message said {file.declared_size} bytes.")
    return " ".join(notes)
