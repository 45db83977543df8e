"""Accounts and their sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.matrix.accounts.port import AccountKeeping
from bridge.matrix.errors import TokenRejectedError
from bridge.matrix.parts.asking import Asking
from bridge.matrix.requests import ADMIN_V1, V3, delete, get, post

if TYPE_CHECKING:
    from bridge.matrix.accounts.mas_api import MasApi

Json = dict[str, Any]


class AccountClient(Asking):
    """The port `AccountRequests`."""

    _accounts: AccountKeeping
    _mas: MasApi | None
    """Who keeps the accounts in Synapse's place."""

    @property
    def accounts_trouble(self) -> str:
        return "" if self._mas is None else self._mas.trouble

    async def look_at_accounts(self) -> None:
        if self._mas is not None:
            await self._mas.look()

    async def register(self, localpart: str) -> None:
        await self._require_acting(f"@{localpart}:{self.bot_id.partition(':')[2]}")
        # As the service itself: the bot may be the very user that is not there yet.
        body = {"type": "m.login.application_service", "username": localpart, "inhibit_login": True}
        await self.connection.ask(post(V3, "register", body=body), None)

    async def openid_user(self, token: str) -> str | None:
        try:
            answer = await self.connection.whose_openid_token(token)
        except TokenRejectedError:
            return None
        user_id = answer.get("sub") if isinstance(answer, dict) else None
        return user_id if isinstance(user_id, str) else None

    async def admin_user(self, user_id: str) -> Json | None:
        return await self._accounts.find(user_id)

    async def admin_put_user(self, user_id: str, body: Json) -> Json:
        await self._require_acting(user_id)
        return await self._accounts.write(user_id, body)

    async def set_password(self, user_id: str, password: str, *, end_sessions: bool) -> None:
        await self._require_acting(user_id)
        await self._accounts.set_password(user_id, password, end_sessions=end_sessions)

    async def lock(self, user_id: str) -> None:
        await self._accounts.lock(user_id)

    async def unlock(self, user_id: str) -> None:
        await self._require_acting(user_id)
        await self._accounts.unlock(user_id)

    async def reactivate(self, user_id: str) -> None:
        await self._require_acting(user_id)
        await self._accounts.reactivate(user_id)

    async def deactivate(self, user_id: str) -> None:
        await self._accounts.deactivate(user_id)

    async def delete_devices(self, user_id: str) -> None:
        await self._accounts.end_sessions(user_id)
        self._devices.discard(user_id)

    async def admin_device_ids(self, user_id: str) -> list[str]:
        return await self._accounts.sessions(user_id)

    async def admin_memberships(self, user_id: str) -> dict[str, str]:
        found: dict[str, str] = await self._as_bot(get(ADMIN_V1, "users", user_id, "memberships"), "memberships")
        return found

    async def admin_pushers(self, user_id: str) -> list[Json]:
        pushers: list[Json] = await self._as_bot(get(ADMIN_V1, "users", user_id, "pushers"), "pushers")
        return pushers

    async def end_pusher(self, user_id: str, app_id: str, pushkey: str) -> None:
        body = {"kind": None, "app_id": app_id, "pushkey": pushkey}
        await self._as_one_who_goes(user_id, post(V3, "pushers", "set", body=body))

    async def profile(self, user_id: str) -> Json:
        shown: Json = await self._as_bot(get(V3, "profile", user_id))
        return shown

    async def drop_profile_field(self, user_id: str, name: str) -> None:
        await self._as_one_who_goes(user_id, delete(V3, "profile", user_id, name))
