"""The end of a leaver's account: out of what is left, deactivated, and seen to be gone (F2).

Before it the account was locked, its sessions were ended, and its owner was taken out of the firm's rooms. Nothing of
what they wrote goes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

import structlog

from bridge import faults
from bridge.matrix.errors import GuardAwayError, RequestError, TokenRejectedError
from bridge.matrix.port import AccountRequests, PersonRequests, ServiceRequests
from bridge.matrix.retry import patience
from bridge.reconcile.guarding import Guarding
from bridge.reconcile.rooms import observe
from bridge.reconcile.rooms.context import StepError
from bridge.reconcile.rooms.presence import require_presence

log = structlog.get_logger(__name__)
_IN = frozenset({"join", "invite", "knock"})
_AT_ONCE = 4
_NOT_THERE = "M_UNRECOGNIZED"
"""Synapse's answer where nobody has the guard's address."""


class NotGoneError(StepError):
    """The homeserver still shows something of a leaver. The message says what."""

    def __init__(self, user_id: str, left: list[str]) -> None:
        super().__init__(f"{user_id} is not cut off completely: {', '.join(left)}. It is tried again by itself.")


class _Leaving(AccountRequests, PersonRequests, ServiceRequests, Protocol):
    """What it takes to have somebody leave every room."""


async def say_farewell(homeserver: _Leaving, guarding: Guarding, user_id: str) -> None:
    """Take the account out of every room there is, deactivate it, and ask the homeserver whether that is so.

    Can be called again at any point. Raises NotGoneError, and GuardAwayError from a guard that is there and takes no
    farewell: it would refuse, and note an attempt by somebody else.
    """
    await leave_everything(homeserver, user_id)
    faults.point("leaver.out")
    try:
        await guarding.say_farewell(user_id)
    except GuardAwayError as error:
        if error.errcode != _NOT_THERE:
            raise
        log.warning("guard_not_told_of_farewell", user_id=user_id, reason=str(error))
    with patience(0):
        # A farewell is good for one time. Where the answer is lost, the account is looked at before the next.
        await homeserver.deactivate(user_id)
    faults.point("leaver.deactivated")
    if left := await what_is_left(homeserver, user_id):
        raise NotGoneError(user_id, left)


async def _none(room_ids: Collection[str]) -> Collection[str]:
    return ()


async def leave_everything(
    homeserver: _Leaving,
    user_id: str,
    first: Callable[[Collection[str]], Awaitable[Collection[str]]] = _none,
) -> int:
    """Leave and forget every room that the account is in, invited to or knocking at; before others those that `first`
    picks of them.

    Returns how many there were. A room that cannot be left keeps it from none of the others: the first such error is
    raised when all were tried. Raises UnreachableError at once where the homeserver is away as a whole.
    """
    failed: list[RequestError] = []

    async def go(room_id: str) -> None:
        try:
            await homeserver.leave(room_id, user_id)
            # Without it an invitation turned down would leave the history open.
            await homeserver.forget(room_id, user_id)
        except TokenRejectedError:
            raise
        except RequestError as error:
            await require_presence(homeserver, error)
            log.warning("room_not_left", room_id=room_id, user_id=user_id, reason=str(error))
            failed.append(error)

    memberships = await homeserver.admin_memberships(user_id)
    rooms = [room_id for room_id, membership in memberships.items() if membership in _IN]
    before = await first(rooms)
    await observe.in_parallel(sorted(rooms, key=lambda room_id: room_id not in before), go, _AT_ONCE)
    if failed:
        raise failed[0]
    return len(rooms)


async def what_is_left(homeserver: AccountRequests, user_id: str) -> list[str]:
    """What the homeserver still shows of an account that should be gone; nothing where it is."""
    account = await homeserver.admin_user(user_id) or {}
    sessions = await homeserver.admin_device_ids(user_id)
    memberships = await homeserver.admin_memberships(user_id)
    rooms = sum(membership in _IN for membership in memberships.values())
    left = [
        "" if account.get("deactivated") else "the account can be used",
        f"it has {len(sessions)} sessions" if sessions else "",
        f"it is in {rooms} rooms or invited to them" if rooms else "",
    ]
    return [one for one in left if one]
