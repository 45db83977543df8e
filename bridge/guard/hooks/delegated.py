"""People's requests where Synapse leaves signing in to the Matrix Authentication Service (MAS).

There Synapse asks no module whether an account has expired, which is where the guard judges every request (F2, M3). So
the guard is put where Synapse learns whose token it is. Who is a server admin is then said by the token alone.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from synapse.api.auth.internal import InternalAuth
from synapse.api.errors import AuthError
from synapse.logging.context import current_context
from synapse.module_api import ModuleApi
from synapse.module_api.errors import Codes

log = logging.getLogger(__name__)
_ADMIN_SCOPE = "urn:synapse:admin:*"
_ADMIN_API = "/_synapse/admin/"
_ENDING = "/_synapse/mas/delete_user"
"""Where MAS tells Synapse that an account was ended."""
_is_admin: ContextVar[bool] = ContextVar("is_admin", default=False)


def judge_sessions(api: ModuleApi, bot: str, is_expired: Callable[[str], Awaitable[bool | None]]) -> bool:
    """Have each request with a token of MAS judged from now on; whether this Synapse leaves signing in to it.

    The bot has such a token, for the admin API and nothing else: whoever uses it elsewhere is not the bridge.
    """
    auth: Any = api._hs.get_auth()
    if isinstance(auth, InternalAuth):
        return False
    known = auth.get_user_by_access_token

    async def judged(token: str, allow_expired: bool = False) -> Any:
        requester = await known(token, allow_expired)
        user_id, admin = requester.user.to_string(), _ADMIN_SCOPE in requester.scope
        if allow_expired or (user_id == bot and admin and _path().startswith(_ADMIN_API)):
            return requester
        before = _is_admin.set(admin)
        try:
            expired = await is_expired(user_id)
        finally:
            _is_admin.reset(before)
        if expired:
            raise AuthError(403, "User account has expired", errcode=Codes.EXPIRED_ACCOUNT)
        return requester

    auth.get_user_by_access_token = judged
    log.info("The guard judges the requests that people make with tokens of the Matrix Authentication Service")
    return True


async def is_server_admin(user_id: str, api: ModuleApi) -> bool:
    """Whether whoever makes the request that is judged is a server admin."""
    return _is_admin.get() or await api.is_user_admin(user_id)


def is_ended_by_mas(api: ModuleApi) -> bool:
    """Whether MAS asks for an account to be ended. It has proven itself by the secret that it shares with Synapse."""
    return not isinstance(api._hs.get_auth(), InternalAuth) and _path() == _ENDING


def _path() -> str:
    request = getattr(current_context(), "request", None)
    return "" if request is None else str(request.url).partition("?")[0]
