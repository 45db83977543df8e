"""An OpenID Connect provider of which a test decides what it says, forged or not.

It is strict itself: it takes a code once, and only with the verifier of its challenge and the client's secret.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import Key, RSAKey
from joserfc.jws import JWSRegistry
from yarl import URL

Json = dict[str, Any]
CLIENT, SECRET = "the-panel", "a secret: with+signs"


@cache
def key(name: str) -> RSAKey:
    """The key of that name."""
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"})


@dataclass
class FakeProvider:
    """What it says, which a test changes."""

    issuer: str = ""
    person: Json = field(default_factory=lambda: {"sub": "r-1", "email": "ruth@firm.example", "email_verified": True})
    metadata: Json = field(default_factory=dict)
    """What its description says otherwise."""
    forged: Json = field(default_factory=dict)
    """What a token says otherwise; None for nothing."""
    userinfo: Json | None = None
    """What it says besides; the person in the place of None."""
    signing: Key = field(default_factory=lambda: key("first"))
    shown: list[Key] = field(default_factory=list)
    """The keys that it shows; the one that signs in the place of none."""
    header: Json = field(default_factory=dict)
    unsigned: Callable[[str], str] = str
    """What becomes of a token that is signed."""
    more: Json = field(default_factory=dict)
    """What it adds when it sends somebody back."""
    takes_codes_twice: bool = False
    down: bool = False
    asked: list[str] = field(default_factory=list)
    """The paths that were asked for."""
    _codes: dict[str, Json] = field(default_factory=dict)

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._counted])
        app.add_routes(
            [
                web.get("/.well-known/openid-configuration", self._described),
                web.get("/authorize", self._authorize),
                web.post("/token", self._token),
                web.get("/keys", self._keys),
                web.get("/userinfo", self._userinfo),
            ]
        )
        return app

    @property
    def _counted(self) -> Any:
        @web.middleware
        async def counted(request: web.Request, handler: Any) -> Any:
            self.asked.append(request.path)
            return web.Response(status=503, text="<h1>Sorry</h1>") if self.down else await handler(request)

        return counted

    async def _described(self, request: web.Request) -> web.Response:
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/bye",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            "code_challenge_methods_supported": ["S256"],
        }
        return web.json_response({**said, **self.metadata})

    async def _authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", CLIENT, "S256")
        code = secrets.token_urlsafe(8)
        self._codes[code] = asked
        back = URL(asked["redirect_uri"]).update_query({"code": code, "state": asked["state"], **self.more})
        return web.Response(status=303, headers={"Location": str(back)})

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        pair = base64.b64decode(request.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        if pair != "the-panel:a+secret%3A+with%2Bsigns":
            return web.json_response({"error": "invalid_client"}, status=401)
        code = str(form["code"])
        asked = self._codes.get(code, None) if self.takes_codes_twice else self._codes.pop(code, None)
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or (challenge, form["redirect_uri"]) != (asked["code_challenge"], asked["redirect_uri"]):
            return web.json_response({"error": "invalid_grant", "error_description": "<script>"}, status=400)
        return web.json_response(
            {"id_token": self.token(asked["nonce"]), "access_token": "access", "token_type": "Bearer"}
        )

    def token(self, nonce: str) -> str:
        """A token for the person, as forged as it is to be."""
        now = int(time.time())
        said = {"iss": self.issuer, "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": nonce, **self.person}
        said = {name: value for name, value in {**said, **self.forged}.items() if value is not None}
        header = {"alg": "RS256", "kid": self.signing.kid, **self.header}
        header = {name: value for name, value in header.items() if value is not None}
        anything = JWSRegistry(algorithms=["RS256", "HS256", "none"])
        return self.unsigned(jwt.encode(header, said, self.signing, registry=anything))

    async def _keys(self, request: web.Request) -> web.Response:
        return web.json_response({"keys": [one.as_dict(private=False) for one in self.shown or [self.signing]]})

    async def _userinfo(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer access"
        return web.json_response(self.person if self.userinfo is None else self.userinfo)


@asynccontextmanager
async def fake_provider() -> AsyncIterator[FakeProvider]:
    """A provider on a port of its own."""
    provider = FakeProvider()
    async with TestServer(provider.app()) as server:
        provider.issuer = str(server.make_url("")).rstrip("/")
        yield provider
