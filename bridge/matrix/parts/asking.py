"""How every part asks: as the bot, as a person whom the policy lets, or as one who goes."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bridge.firm.policy import Decision
from bridge.matrix.acting import Decides
from bridge.matrix.connection import DEVICE, Connection
from bridge.matrix.errors import BadRequestError, HomeserverError, NotAllowedError
from bridge.matrix.requests import V3, Request, put

NO_TOKEN = ""
"""nio's builders want a token for the query; the connection has it in the header."""


class Asking:
    """One connection, and whom the policy lets act and enter.

    Before anything is requested as or for a person it asks `decides`, and raises NotAllowedError. What only takes
    something away asks nobody, since it must go on for leavers: leaving, forgetting, giving up power, removing, ending
    sessions, locking.
    """

    def __init__(self, connection: Connection, bot_id: str, decides: Decides) -> None:
        self.bot_id = bot_id
        self.connection = connection
        self._decides = decides
        self._devices: set[str] = set()
        self._device_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def _as_bot(self, request: Request, key: str = "") -> Any:
        return await self.connection.ask(request, self.bot_id, key)

    async def _as(self, user_id: str, request: Request, key: str = "") -> Any:
        await self._require_acting(user_id)
        return await self.connection.ask(request, user_id, key)

    async def _as_one_who_goes(self, user_id: str, request: Request) -> None:
        """As somebody of whom only something is taken away, for which nobody is asked: leavers have to go."""
        await self.connection.ask(request, user_id)

    async def _require_acting(self, user_id: str) -> None:
        if user_id != self.bot_id:
            require(user_id, await self._decides.may_act(user_id))

    async def _require_entering(self, user_id: str, room_id: str) -> None:
        if user_id != self.bot_id:
            require(user_id, await self._decides.may_enter(user_id, room_id))

    async def _once(self, request: Request, sender: str) -> str:
        """Make an event with the bridge's device, by which Synapse knows a repeated txn_id; returns the event's id."""
        if sender not in self._devices:
            await self.ensure_device(sender)
        try:
            event_id = await self.connection.ask(request, sender, "event_id", device=DEVICE)
        except BadRequestError as error:
            if error.errcode != "M_UNKNOWN_DEVICE":
                raise
            # Somebody ended that user's sessions, and with them the bridge's device.
            self._devices.discard(sender)
            await self.ensure_device(sender)
            event_id = await self.connection.ask(request, sender, "event_id", device=DEVICE)
        return str(event_id)

    async def ensure_device(self, user_id: str) -> None:
        async with self._device_locks[user_id]:
            if user_id not in self._devices:
                await self._as(user_id, put(V3, "devices", DEVICE, body={}))
                self._devices.add(user_id)


def require(user_id: str, decision: Decision) -> None:
    """Raise NotAllowedError unless it was decided that this user may."""
    if not decision:
        raise NotAllowedError(user_id, decision.rule)


@contextmanager
def no_error(kind: type[HomeserverError], words: str = "") -> Iterator[None]:
    """Pass over an answer that says the wanted state is there already.

    Synapse answers "is in already" and "may not" with one code, so its words decide, as measured on 1.163.
    """
    try:
        yield
    except kind as error:
        if words not in error.message:
            raise
