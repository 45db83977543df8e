"""Accounts that Synapse keeps itself, by its admin API. The bot has to be a server admin."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bridge.matrix.errors import NotFoundError
from bridge.matrix.requests import ADMIN_V1, ADMIN_V2, Request, get, post, put

Json = dict[str, Any]
Ask = Callable[[Request, str], Awaitable[Any]]
"""Makes a request as the bot, and returns what its answer has at that key; all of it where that is empty."""


class SynapseAccounts:
    """See the port."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def find(self, user_id: str) -> Json | None:
        try:
            account: Json = await self._ask(get(ADMIN_V2, "users", user_id), "")
        except NotFoundError:
            return None
        return account

    async def write(self, user_id: str, body: Mapping[str, Any]) -> Json:
        account: Json = await self._ask(put(ADMIN_V2, "users", user_id, body=dict(body)), "")
        return account

    async def set_password(self, user_id: str, password: str, *, end_sessions: bool) -> None:
        await self.write(user_id, {"password": password, "logout_devices": end_sessions})

    async def lock(self, user_id: str) -> None:
        await self.write(user_id, {"locked": True})

    async def unlock(self, user_id: str) -> None:
        await self.write(user_id, {"locked": False})

    async def deactivate(self, user_id: str) -> None:
        # To erase it would hide from others what was written.
        await self._ask(post(ADMIN_V1, "deactivate", user_id, body={"erase": False}), "")

    async def reactivate(self, user_id: str) -> None:
        # Synapse takes none back without a password; nobody knows this one, so a firm admin sets another.
        await self.write(user_id, {"deactivated": False, "password": secrets.token_urlsafe(32)})

    async def sessions(self, user_id: str) -> list[str]:
        devices = await self._ask(get(ADMIN_V2, "users", user_id, "devices"), "devices")
        return [device["device_id"] for device in devices]

    async def end_sessions(self, user_id: str) -> None:
        if device_ids := await self.sessions(user_id):
            await self._ask(post(ADMIN_V2, "users", user_id, "delete_devices", body={"devices": device_ids}), "")

    async def close(self) -> None:
        """Nothing was opened."""
