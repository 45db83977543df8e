"""Smokeball's tokens: how they are got, renewed, and kept encrypted (OAuth 2.0, RFC 6749; PKCE, RFC 7636)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from cryptography.fernet import Fernet, InvalidToken

from bridge import faults
from bridge.clock import now_ms
from bridge.directory.smokeball.answers import read_json
from bridge.directory.smokeball.hosts import hosts_of
from bridge.directory.sources.port import SourceError
from bridge.settings import SmokeballSettings
from bridge.store.engine.store import Store
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import SourceSecret

_NAME = "smokeball"
_LARGEST = 64 * 1024
"""Bytes of an answer that are read: tokens are some thousand."""
_TIMEOUT = aiohttp.ClientTimeout(total=60)
_EARLY_MS = 60_000
"""How long before its end a token is renewed."""
_AGAIN = "Let it in again: `firm-bridge smokeball connect` on the server."


class NotConnectedError(SourceError):
    """Nobody has let the bridge into Smokeball, or it is let in no longer."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What Smokeball gave."""

    access: str
    refresh: str
    until: int
    """When the access token ends, in milliseconds since the epoch."""


def make_key(file: Path) -> bytes:
    """The key in this file, made where there is none; only its owner can read it. Raises SourceError."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _key(file)
    except OSError as error:
        raise SourceError(
            f"The key file {file} cannot be written: {error.strerror}. See smokeball.key_file."
        ) from error
    with os.fdopen(handle, "wb") as opened:
        opened.write(Fernet.generate_key())
    return _key(file)


def _key(file: Path) -> bytes:
    try:
        key = file.read_bytes().strip()
        Fernet(key)
    except OSError as error:
        raise NotConnectedError(f"The key file {file} cannot be read: {error.strerror}. {_AGAIN}") from error
    except ValueError as error:
        raise NotConnectedError(f"{file} holds no key. Take it away. {_AGAIN}") from error
    return key


def keep_tokens(unit: Unit, key: bytes, tokens: Tokens) -> None:
    """Keep them, encrypted."""
    plain = json.dumps([tokens.access, tokens.refresh, tokens.until]).encode()
    unit.run(SourceSecret.delete().where(SourceSecret.name == _NAME))
    unit.run(SourceSecret.insert(name=_NAME, sealed=Fernet(key).encrypt(plain).decode()))


def sealed_tokens(unit: ReadUnit) -> str:
    """The tokens as they are kept; empty for none."""
    row = unit.find(SourceSecret, SourceSecret.name == _NAME)
    return "" if row is None else str(row.sealed)


def opened(key: bytes, sealed: str) -> Tokens:
    """Tokens that were kept. Raises NotConnectedError."""
    try:
        access, refresh, until = json.loads(Fernet(key).decrypt(sealed.encode()))
    except (InvalidToken, ValueError) as error:
        message = (
            f"Smokeball's tokens in the database were encrypted with another key than smokeball.key_file. {_AGAIN}"
        )
        raise NotConnectedError(message) from error
    return Tokens(access, refresh, until)


async def ask_for_tokens(
    session: aiohttp.ClientSession, settings: SmokeballSettings, form: Mapping[str, str], before: Tokens | None = None
) -> Tokens:
    """Ask the token endpoint (RFC 6749, section 4.1.3, 4.4.2 and 6). Raises SourceError."""
    address = f"{hosts_of(settings).auth}/oauth2/token"
    login = aiohttp.encode_basic_auth(settings.client_id, settings.client_secret.get_secret_value())
    try:
        async with session.post(
            address,
            data={**form, "client_id": settings.client_id},
            headers={"Authorization": login},
            # What is in the form is for this host alone.
            allow_redirects=False,
            timeout=_TIMEOUT,
        ) as answer:
            body: Any = await read_json(answer, _LARGEST)
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise SourceError(f"Smokeball's page for signing in does not answer ({type(error).__name__}).") from error
    if status in {400, 401, 403}:
        reason = body.get("error", status) if isinstance(body, dict) else status
        if form["grant_type"] == "client_credentials":
            raise NotConnectedError(
                f"Smokeball refuses the client id and secret ({reason}). Compare smokeball.client_id and client_secret."
            )
        raise NotConnectedError(
            f"Smokeball lets the bridge in no longer ({reason}): it was revoked or ran out. {_AGAIN}"
        )
    if status != 200 or not isinstance(body, dict) or not isinstance(body.get("access_token"), str):
        raise SourceError(f"Smokeball's page for signing in answers {status}.")
    seconds = body.get("expires_in")
    lasts = seconds if isinstance(seconds, int | float) else 300
    refresh = body.get("refresh_token") or (before.refresh if before is not None else "")
    return Tokens(body["access_token"], str(refresh), now_ms() + int(lasts * 1000))


class AccessTokens:
    """Gives the access token of the moment, and renews it."""

    def __init__(self, settings: SmokeballSettings, store: Store, *, renews: bool = True) -> None:
        self._renews = renews
        self._settings = settings
        self._store = store
        self._tokens: Tokens | None = None

    async def access(self, session: aiohttp.ClientSession, *, other_than: str = "") -> str:
        """An access token that works, not this one, which was refused. Raises SourceError."""
        tokens = self._tokens
        if tokens is None or tokens.access == other_than or tokens.until - _EARLY_MS < now_ms():
            tokens = await self._renewed(session, other_than)
            self._tokens = tokens
        return tokens.access

    async def _renewed(self, session: aiohttp.ClientSession, refused: str) -> Tokens:
        settings = self._settings
        if settings.account_id:
            return await ask_for_tokens(session, settings, {"grant_type": "client_credentials"})
        sealed = await self._store.read(sealed_tokens)
        if not sealed:
            raise NotConnectedError(f"Nobody has let the bridge into Smokeball yet. {_AGAIN}")
        key = _key(Path(settings.key_file))
        kept = opened(key, sealed)
        if kept.access != refused and kept.until - _EARLY_MS >= now_ms():
            return kept
        if not self._renews:
            raise SourceError("Smokeball's token has ended. The running bridge renews it; start it, and look again.")
        form = {"grant_type": "refresh_token", "refresh_token": kept.refresh}
        tokens = await ask_for_tokens(session, settings, form, kept)
        faults.point("smokeball.renewing")
        # Before it is used: where the old one ends with it, only this one lets the bridge in from now on.
        await self._store.run(keep_tokens, key, tokens)
        faults.point("smokeball.renewed")
        return tokens
