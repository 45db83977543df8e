"""Places in lists, as texts in which nobody reads anything, and which only this bridge writes.

A place may count what its reader must not hear of (M3): it is encrypted, and bound to the list that it is of.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Protocol, cast

import orjson
from Crypto.Cipher import AES

Place = tuple[Any, ...]
"""Numbers and texts by which a list is ordered."""
_TAG = 16
_BLOCK = 32


class _Siv(Protocol):
    """AES-SIV (RFC 5297), of which the library's own types say nothing."""

    def update(self, data: bytes) -> object: ...
    def encrypt_and_digest(self, text: bytes) -> tuple[bytes, bytes]: ...
    def decrypt_and_verify(self, text: bytes, tag: bytes) -> bytes: ...


def sealed(key: bytes, about: bytes, place: Place) -> str:
    """The place as a text; of the same place it is always the same. `about` tells its list from others."""
    text = orjson.dumps(place)
    # Filled up, so that the length does not tell how large a number is.
    text = text.ljust(-len(text) // _BLOCK * -_BLOCK)
    encrypted, tag = _cipher(key, about).encrypt_and_digest(text)
    return base64.urlsafe_b64encode(tag + encrypted).decode().rstrip("=")


def opened(key: bytes, about: bytes, text: str) -> Place | None:
    """The place; None where the text is none of this list."""
    try:
        raw = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), b"-_", validate=True)
        if len(raw) <= _TAG:
            return None
        return tuple(orjson.loads(_cipher(key, about).decrypt_and_verify(raw[_TAG:], raw[:_TAG])))
    except ValueError:
        return None


def _cipher(key: bytes, about: bytes) -> _Siv:
    own = hashlib.sha512(b"place in a list\n" + key).digest()
    cipher = cast(_Siv, AES.new(own, AES.MODE_SIV))
    cipher.update(about)
    return cipher
