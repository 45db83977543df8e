"""The firm's OpenID Connect provider: where people are sent, and what their coming back proves.

Nothing is kept of it but its own description, for some minutes: its keys are read for each sign-in, so that one that
was withdrawn counts no more, and a new one at once.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode

import aiohttp
import orjson
import structlog

from bridge.oidc.errors import BusyError, NotProvenError, ProviderError
from bridge.oidc.id_token import Expected, claims_of, keys_of
from bridge.oidc.metadata import WELL_KNOWN, Metadata, metadata_of
from bridge.settings import SignOnSettings

log = structlog.get_logger(__name__)
_SECONDS = 10.0
"""So long each answer is waited for."""
_LARGEST = 512 * 1024
"""Bytes of an answer."""
_DESCRIBED_SECONDS = 300.0
"""So long its description holds."""
AT_ONCE = 8
"""People whose coming back is looked at at the same time."""
WAITING_MOST = 32
"""People who wait for their turn; with a slow provider that is the better part of its patience for each."""
_ERROR = re.compile(r"[a-z_]{1,60}")


class Provider:
    """The firm's provider, and this bridge as its client."""

    def __init__(self, settings: SignOnSettings, redirect_uri: str) -> None:
        """`redirect_uri` is where people come back to, as the provider knows it."""
        self._settings = settings
        self.redirect_uri = redirect_uri
        self.trouble = ""
        """Why the provider does not serve; empty where it does, as far as it was asked."""
        self._described: tuple[float, Metadata] | None = None
        self._asking: asyncio.Task[Metadata] | None = None
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._coming = 0
        """People whose coming back is looked at, or waits for that."""

    async def look(self) -> None:
        """Ask whether it serves, for `trouble`. Raises nothing."""
        try:
            self._described = None
            keys_of(await _asked("GET", (await self.metadata()).keys))
            self.trouble = ""
        except ProviderError as error:
            self._note(error)

    async def metadata(self) -> Metadata:
        """What it says of itself. Raises ProviderError."""
        if self._described is not None and time.monotonic() - self._described[0] < _DESCRIBED_SECONDS:
            return self._described[1]
        # All who come at the same time wait for one answer.
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._describe())
        return await asyncio.shield(self._asking)

    async def _describe(self) -> Metadata:
        issuer = self._settings.issuer
        try:
            found = metadata_of(await _asked("GET", issuer.rstrip("/") + WELL_KNOWN), issuer)
        except ProviderError as error:
            self._note(error)
            raise
        self.trouble = ""
        self._described = time.monotonic(), found
        return found

    def _note(self, error: ProviderError) -> None:
        self.trouble = str(error)
        log.warning("sign_on_provider_fails", reason=str(error))

    async def address(self, state: str, nonce: str, verifier: str) -> str:
        """Where a browser is sent to sign in (RFC 6749, section 4.1.1; RFC 7636). Raises ProviderError."""
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(self._settings.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        endpoint = (await self.metadata()).authorization
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    async def way_out(self, back: str) -> str:
        """Where somebody signs out of the provider, too, to come back here; empty where that cannot be known now."""
        try:
            endpoint = (await self.metadata()).end_session
        except ProviderError:
            return ""
        asked = urlencode({"client_id": self._settings.client_id, "post_logout_redirect_uri": back})
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{asked}" if endpoint else ""

    async def claims(self, code: str, verifier: str, nonce: str, issuer: str | None) -> Mapping[str, Any]:
        """What the provider says of whoever came back with this code, and, where it said so, this issuer.

        Raises NotProvenError, ProviderError, and BusyError, after which the same code can come again.
        """
        if self._coming >= AT_ONCE + WAITING_MOST:
            raise BusyError(f"{self._coming} people sign in at the same moment.")
        self._coming += 1
        try:
            return await self._in_turn(code, verifier, nonce, issuer)
        finally:
            self._coming -= 1

    async def _in_turn(self, code: str, verifier: str, nonce: str, issuer: str | None) -> Mapping[str, Any]:
        async with self._turns:
            described = await self.metadata()
            if issuer != self._settings.issuer and (issuer is not None or described.names_itself):
                raise NotProvenError("The answer is another provider's (iss).")
            given = await self._exchanged(described, code, verifier)
            token = given.get("id_token")
            if not isinstance(token, str):
                raise ProviderError("The provider gave no ID token. sign_on.scopes needs openid.")
            expected = Expected(self._settings.issuer, self._settings.client_id, nonce, described.algorithms)
            claims = claims_of(token, keys_of(await _asked("GET", described.keys)), expected, time.time())
            return await self._whole(described, claims, given)

    async def _exchanged(self, described: Metadata, code: str, verifier: str) -> Mapping[str, Any]:
        """What the provider gives for a code, which it takes once (RFC 6749, section 4.1.3)."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": verifier,
        }
        try:
            headers = self._proof(described, form)
            return await _asked("POST", described.token, form=form, headers=headers)
        except ProviderError as error:
            self._note(error)
            raise

    def _proof(self, described: Metadata, form: dict[str, str]) -> dict[str, str]:
        """The headers that prove that it is this client, where it is not to be in the form. Raises ProviderError."""
        client_id, secret = self._settings.client_id, client_secret(self._settings)
        if secret and described.by_header:
            pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
            return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        form |= {"client_id": client_id} | ({"client_secret": secret} if secret else {})
        return {}

    async def _whole(
        self, described: Metadata, claims: Mapping[str, Any], given: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """The same with what names the person, where the provider says that elsewhere (section 5.3)."""
        needed, token = naming_claims(self._settings), given.get("access_token")
        if all(one in claims for one in needed) or not described.userinfo:
            return claims
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            return claims
        found = await _asked("GET", described.userinfo, headers={"Authorization": f"Bearer {token}"})
        if found.get("sub") != claims["sub"]:
            raise NotProvenError("What the provider says besides is about somebody else (sub).")
        # Together from one place: an address from here is not proven by what is said there.
        return {**claims, **{one: found.get(one) for one in needed}}


def naming_claims(settings: SignOnSettings) -> tuple[str, ...]:
    """The claims by which somebody is found in the directory."""
    return ("email", "email_verified") if settings.claim == "email" else (settings.claim,)


def challenge_of(verifier: str) -> str:
    """What goes ahead of a verifier (RFC 7636, section 4.2, S256)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def client_secret(settings: SignOnSettings) -> str:
    """The secret that the provider gave this client, read anew each time; empty for none. Raises ProviderError."""
    if not settings.client_secret_file:
        return ""
    try:
        secret = Path(settings.client_secret_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ProviderError(
            "The file of sign_on.client_secret_file cannot be read. Give the bridge's user the right to."
        ) from error
    if not secret:
        raise ProviderError(
            "The file of sign_on.client_secret_file is empty. Put in the secret that the provider gave."
        )
    return secret


async def _asked(
    method: str, url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> Mapping[str, Any]:
    """The JSON object of one answer. Raises ProviderError, and NotProvenError where a grant is refused."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS)) as session,
            session.request(method, url, data=form, headers=headers, allow_redirects=False) as answer,
        ):
            raw = bytearray()
            async for part in answer.content.iter_chunked(65_536):
                raw += part
                if len(raw) > _LARGEST:
                    raise ProviderError("The firm's single sign-on gave an answer that is too large.")
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise ProviderError(f"The firm's single sign-on does not answer ({type(error).__name__}).") from error
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        body = None
    if status == 200 and isinstance(body, dict):
        return body
    said = body.get("error") if isinstance(body, dict) else None
    told = said if isinstance(said, str) and _ERROR.fullmatch(said) else ""
    if told == "invalid_grant":
        raise NotProvenError("The provider does not take the code: it was used before, is over, or is another's.")
    raise ProviderError(f"The firm's single sign-on refused the bridge (answer {status} {told}".rstrip() + ").")
