"""The bot's token for Synapse's admin API, where the Matrix Authentication Service (MAS) keeps the accounts.

There the service's own token is no server admin's, whoever it acts as. So the bot is known to MAS, too, and MAS gives a
token of an hour that opens the admin API (a personal session of the bot's; scope `urn:synapse:admin:*`). Each process
of the bridge has one of its own, and gives it back when it stops.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

from bridge.matrix.accounts.mas import find_user, make_user
from bridge.matrix.accounts.mas_api import MasApi, is_token, path_of
from bridge.matrix.errors import BadRequestError, HomeserverError, NotFoundError
from bridge.matrix.retry import patience

SCOPE = "urn:matrix:client:api:* urn:synapse:admin:*"
NAME = "firm-bridge"
SECONDS = 3600
_EARLY = 120.0
"""Seconds before its end at which another is taken."""
_STOPPING_SECONDS = 5.0


class BotToken:
    """The token in use, renewed where it is nearly over or was refused."""

    def __init__(self, api: MasApi, bot_id: str, *, scope: str = SCOPE, seconds: int = SECONDS) -> None:
        self._api = api
        self._bot_id = bot_id
        self._scope = scope
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._session = ""
        self._token = ""
        self._until = 0.0

    async def token(self) -> str:
        """A token that should be good now. Raises HomeserverError."""
        async with self._lock:
            if not self._token or self._until <= time.monotonic():
                self._token = await self._new()
            return self._token

    def drop(self, token: str) -> None:
        """Take no more this one, which Synapse refused."""
        if token == self._token:
            # Its session may have been revoked as a whole.
            self._token, self._session = "", ""

    async def close(self) -> None:
        """Give back the session. What cannot be given back ends by itself."""
        session, self._session, self._token = self._session, "", ""
        if session:
            with patience(0), contextlib.suppress(HomeserverError, TimeoutError):
                async with asyncio.timeout(_STOPPING_SECONDS):
                    await self._api.post(path_of("personal-sessions", session, "revoke"))

    async def _new(self) -> str:
        asked = time.monotonic()
        lasting = {"expires_in": self._seconds}
        answer = None
        if self._session:
            try:
                answer = await self._api.post(path_of("personal-sessions", self._session, "regenerate"), lasting)
            except (NotFoundError, BadRequestError):
                # Ended behind the bridge's back.
                self._session = ""
        if answer is None:
            bot = await find_user(self._api, self._bot_id) or await make_user(self._api, self._bot_id)
            wanted = {"actor_user_id": bot["id"], "human_name": NAME, "scope": self._scope, **lasting}
            answer = await self._api.post(path_of("personal-sessions"), wanted)
        made = self._api.one(answer)
        token = made["attributes"].get("access_token")
        if not is_token(token):
            raise self._api.not_mas("POST", "/personal-sessions", 201)
        self._session = made["id"]
        self._until = asked + max(self._seconds - _EARLY, self._seconds / 2)
        return token
