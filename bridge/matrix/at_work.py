"""Showing that the bot is typing while a command takes longer than a moment."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import structlog

from bridge.matrix.port import RoomRequests

log = structlog.get_logger(__name__)
MOMENT_SECONDS = 1.0
"""What takes no longer needs no sign."""
AGAIN_SECONDS = 20.0
"""The homeserver takes the sign away after 30 seconds unless it is given again; so a crash leaves none behind."""


class AtWork:
    """Shows the sign and takes it away, beside the command: neither waits for the other, and no failure here is one."""

    def __init__(self, homeserver: RoomRequests, moment: float = MOMENT_SECONDS) -> None:
        """`moment` is in seconds."""
        self._homeserver = homeserver
        self._moment = moment
        self._signs: set[asyncio.Task[None]] = set()

    @contextlib.contextmanager
    def shown(self, room_id: str) -> Iterator[None]:
        """The time in which a command is carried out, with the sign in this room if it takes long."""
        done = asyncio.Event()
        later = asyncio.get_running_loop().call_later(self._moment, self._begin, room_id, done)
        try:
            yield
        finally:
            later.cancel()
            done.set()

    async def settled(self) -> None:
        """Wait until the signs of all that is done are taken away."""
        await asyncio.gather(*self._signs)

    def _begin(self, room_id: str, done: asyncio.Event) -> None:
        sign = asyncio.create_task(self._sign(room_id, done))
        self._signs.add(sign)
        sign.add_done_callback(self._signs.discard)

    async def _sign(self, room_id: str, done: asyncio.Event) -> None:
        try:
            while not done.is_set():
                await self._homeserver.set_typing(room_id, True)
                await _within(AGAIN_SECONDS, done)
            await self._homeserver.set_typing(room_id, False)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not trouble the command
            log.info("typing_not_shown", room_id=room_id, reason=str(error))


async def _within(seconds: float, done: asyncio.Event) -> None:
    """Wait until it is done, at most so long."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(done.wait(), seconds)
