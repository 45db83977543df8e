"""What clients put beside their owners' accounts that the firm does not want: notifications with names, and own words.

The guard lets neither be made. This ends what was made before it, and what is made without it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from bridge.desk import Desk
from bridge.firm.policy import may_act
from bridge.guard.requests import pushes_ids_alone
from bridge.matrix.attempts import is_passing
from bridge.matrix.errors import NotFoundError, RequestError
from bridge.operations.telling import tell
from bridge.store.rooms.accounts import staff_by_localpart
from bridge.wording.markdown import escape

log = structlog.get_logger(__name__)
Json = dict[str, Any]
_OF_THE_DIRECTORY = frozenset({"displayname", "avatar_url"})
_PAUSE_SECONDS = 0.05
"""Between accounts, so that people do not wait behind this."""


async def tidy_accounts(desk: Desk, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> int:
    """Look at the accounts of all who work here; returns how many were tidied.

    One that cannot be looked at is passed over. Raises RequestError while the homeserver is away, and StoreError.
    """
    tidied = 0
    for localpart, staff_id in sorted((await desk.store.read(staff_by_localpart)).items()):
        if not may_act(desk.firm(), staff_id):
            continue
        user_id = f"@{localpart}:{desk.server_name}"
        try:
            tidied += await _end_pushers(desk, staff_id, user_id) + await _empty_profile(desk, user_id)
        except NotFoundError:
            log.debug("no_account_yet", user_id=user_id)
        except RequestError as error:
            if is_passing(error):
                raise
            log.warning("account_not_tidied", user_id=user_id, reason=str(error))
        await sleep(_PAUSE_SECONDS)
    return tidied


async def _end_pushers(desk: Desk, staff_id: str, user_id: str) -> bool:
    """End those that are sent names of rooms and people (F4), and tell their owner."""
    unwanted = [one for one in await desk.homeserver.admin_pushers(user_id) if not pushes_ids_alone(one.get("data"))]
    for one in unwanted:
        await desk.homeserver.end_pusher(user_id, str(one["app_id"]), str(one["pushkey"]))
        log.info("pusher_ended", user_id=user_id)
        client = escape(str(one.get("app_display_name") or "one of your clients"))
        text = (
            f"I ended the notifications of {client}: it had the names of matters and colleagues sent to the makers of"
            " telephones. Use a client whose notifications carry no names, such as Element."
        )
        key = hashlib.sha256(f"{one['app_id']}/{one['pushkey']}/{one.get('pushkey_ts', '')}".encode()).hexdigest()
        await desk.store.run(tell, staff_id, f"pusher/{key}", text, desk.settings.bot_id)
    return bool(unwanted)


async def _empty_profile(desk: Desk, user_id: str) -> bool:
    """Take out the fields that are not the directory's (F3)."""
    own = sorted((await desk.homeserver.profile(user_id)).keys() - _OF_THE_DIRECTORY)
    for name in own:
        await desk.homeserver.drop_profile_field(user_id, name)
        log.info("profile_field_dropped", user_id=user_id)
    return bool(own)
