"""What systemd hears of the bridge (sd_notify(3)): that it serves, and that it still does."""

from __future__ import annotations

import asyncio
import os
import socket

import structlog

log = structlog.get_logger(__name__)


def serving() -> None:
    """Tell systemd that the start is over: requests are taken. Nothing happens where systemd did not start this."""
    _tell("READY=1")


async def alive() -> None:
    """Tell systemd twice in each of its watchdog's intervals that this process works; return where there is none.

    What stands still tells nothing, and systemd starts it anew.
    """
    interval = int(os.environ.get("WATCHDOG_USEC", "0")) / 1_000_000
    while interval:
        _tell("WATCHDOG=1")
        await asyncio.sleep(interval / 2)


def _tell(state: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            # An address without a file, as systemd writes it.
            to.connect(f"\0{address[1:]}" if address.startswith("@") else address)
            to.send(state.encode())
    except OSError as error:
        log.warning("systemd_not_told", state=state, reason=str(error))
