"""The tokens of a source that is asked: how they are got, renewed, and kept encrypted (OAuth 2.0, RFC 6749)."""

from __future__ import annotations

import asyncio
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
from bridge.directory.sources.answers import read_json
from bridge.directory.sources.port import SOURCE_NAMES, SourceError
from bridge.store.engine.store import Store
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import SourceSecret

_LARGEST = 64 * 1024
"""Bytes of an answer that are read: tokens are some thousand."""
_TIMEOUT = aiohttp.ClientTimeout(total=60)
_LONGEST = 365 * 86_400
"""Seconds that an access token is taken to work at most."""
_EARLY_MS = 60_000
"""How long before its end a token is renewed."""


class NotConnectedError(SourceError):
    """Nobody has let the bridge into the system, or it is let in no longer."""


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """The bridge as a system's client."""

    source: str
    """As in directory.sources. So are its settings called, the command that connects, and the tokens that are kept."""
    authorize_url: str
    token_url: str
    back: str
    """Where the page for consent leads back to, on this machine."""
    port: int
    """The port of it."""
    client_id: str
    client_secret: str
    key_file: Path
    by_itself: bool = False
    """Whether it signs in without anybody's consent (client credentials)."""
    basic: bool = False
    """Whether the secret goes into the header rather than the form (RFC 6749, section 2.3.1)."""
    pkce: bool = False
    """Whether the system takes a proof key (RFC 7636)."""

    @property
    def called(self) -> str:
        """What people call the system."""
        return SOURCE_NAMES[self.source]

    @property
    def again(self) -> str:
        """What to do where the bridge is let in no longer."""
        return f"Let it in again: `firm-bridge {self.source} connect` on the server."


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the system gave."""

    access: str
    refresh: str
    until: int
    """When the access token ends, in milliseconds since the epoch."""


def make_key(client: OAuthClient) -> bytes:
    """The key in the client's file, made where there is none; only its owner can read it. Raises SourceError."""
    file = client.key_file
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _key(client)
    except OSError as error:
        raise SourceError(
            f"The key file {file} cannot be written: {error.strerror}. See {client.source}.key_file."
        ) from error
    with os.fdopen(handle, "wb") as opened:
        opened.write(Fernet.generate_key())
    return _key(client)


def _key(client: OAuthClient) -> bytes:
    file = client.key_file
    try:
        key = file.read_bytes().strip()
        Fernet(key)
    except OSError as error:
        raise NotConnectedError(f"The key file {file} cannot be read: {error.strerror}. {client.again}") from error
    except ValueError as error:
        raise NotConnectedError(f"{file} holds no key. Take it away. {client.again}") from error
    return key


def keep_tokens(unit: Unit, source: str, key: bytes, tokens: Tokens) -> None:
    """Keep the tokens of a source, encrypted."""
    plain = json.dumps([tokens.access, tokens.refresh, tokens.until]).encode()
    unit.run(SourceSecret.delete().where(SourceSecret.name == source))
    unit.run(SourceSecret.insert(name=source, sealed=Fernet(key).encrypt(plain).decode()))


def sealed_tokens(unit: ReadUnit, source: str) -> str:
    """The tokens of a source as they are kept; empty for none."""
    row = unit.find(SourceSecret, SourceSecret.name == source)
    return "" if row is None else str(row.sealed)


def opened(client: OAuthClient, key: bytes, sealed: str) -> Tokens:
    """Tokens that were kept. Raises NotConnectedError."""
    try:
        access, refresh, until = json.loads(Fernet(key).decrypt(sealed.encode()))
    except (InvalidToken, ValueError) as error:
        message = (
            f"{client.called}'s tokens in the database were encrypted with another key than {client.source}.key_file."
        )
        raise NotConnectedError(f"{message} {client.again}") from error
    return Tokens(access, refresh, until)


async def ask_for_tokens(
    session: aiohttp.ClientSession, client: OAuthClient, form: Mapping[str, str], before: Tokens | None = None
) -> Tokens:
    """Ask the token endpoint (RFC 6749, section 4.1.3, 4.4.2 and 6). Raises SourceError."""
    who = {"client_id": client.client_id}
    headers = {}
    if client.basic:
        headers["Authorization"] = aiohttp.encode_basic_auth(client.client_id, client.client_secret)
    else:
        who["client_secret"] = client.client_secret
    try:
        async with session.post(
            client.token_url,
            data={**form, **who},
            headers=headers,
            # What is in the form is for this host alone.
            allow_redirects=False,
            timeout=_TIMEOUT,
        ) as answer:
            body: Any = await read_json(client.called, answer, _LARGEST)
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        why = type(error).__name__
        raise SourceError(f"{client.called}'s page for signing in does not answer ({why}).") from error
    if status in {400, 401, 403}:
        reason = body.get("error", status) if isinstance(body, dict) else status
        if client.by_itself or reason == "invalid_client":
            raise NotConnectedError(
                f"{client.called} refuses the client id and secret ({reason}). Compare {client.source}.region,"
                " client_id and client_secret."
            )
        raise NotConnectedError(
            f"{client.called} lets the bridge in no longer ({reason}): it was revoked or ran out. {client.again}"
        )
    if status != 200 or not isinstance(body, dict) or not isinstance(body.get("access_token"), str):
        raise SourceError(f"{client.called}'s page for signing in answers {status}.")
    seconds = body.get("expires_in")
    lasts = min(seconds, _LONGEST) if isinstance(seconds, int | float) and seconds > 0 else 300
    refresh = body.get("refresh_token") or (before.refresh if before is not None else "")
    return Tokens(body["access_token"], str(refresh), now_ms() + int(lasts * 1000))


class AccessTokens:
    """Gives the access token of the moment, and renews it."""

    def __init__(self, client: OAuthClient, store: Store, *, renews: bool = True) -> None:
        self._renews = renews
        self._client = client
        self._store = store
        self._tokens: Tokens | None = None
        self._renewing: asyncio.Task[Tokens] | None = None

    async def access(self, session: aiohttp.ClientSession, *, other_than: str = "") -> str:
        """An access token that works, not this one, which was refused. Raises SourceError."""
        tokens = self._tokens
        if tokens is None or tokens.access == other_than or tokens.until - _EARLY_MS < now_ms():
            if self._renewing is None:
                self._renewing = asyncio.create_task(self._renewed(session, other_than))
                self._renewing.add_done_callback(self._over)
            # One renewal for all who need it, which goes on where one of them is ended: half of it would lock out.
            tokens = self._tokens = await asyncio.shield(self._renewing)
        return tokens.access

    def _over(self, renewing: asyncio.Task[Tokens]) -> None:
        self._renewing = None
        if not renewing.cancelled():
            # Whoever waits is told of it; nobody may.
            renewing.exception()

    async def _renewed(self, session: aiohttp.ClientSession, refused: str) -> Tokens:
        client = self._client
        if client.by_itself:
            return await ask_for_tokens(session, client, {"grant_type": "client_credentials"})
        sealed = await self._store.read(sealed_tokens, client.source)
        if not sealed:
            raise NotConnectedError(f"Nobody has let the bridge into {client.called} yet. {client.again}")
        key = _key(client)
        kept = opened(client, key, sealed)
        if kept.access != refused and kept.until - _EARLY_MS >= now_ms():
            return kept
        if not self._renews:
            raise SourceError(
                f"{client.called}'s token has ended. The running bridge renews it; start it, and look again."
            )
        form = {"grant_type": "refresh_token", "refresh_token": kept.refresh}
        tokens = await ask_for_tokens(session, client, form, kept)
        faults.point("source.renewing")
        # Before it is used: where the old one ends with it, only this one lets the bridge in from now on.
        await self._store.run(keep_tokens, client.source, key, tokens)
        faults.point("source.renewed")
        return tokens
