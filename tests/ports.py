"""Ports that nobody uses. Tests run in several processes at once, each with ports of its own."""

from __future__ import annotations

import itertools
import socket

_BLOCKS = range(12_000, 32_000, 1000)
"""Where each process's ports begin. All lie below those that the system gives to connections going out."""


def _bound(port: int, *, again: bool) -> socket.socket | None:
    """A socket on the port; with `again`, also where connections of an ended program are still fading."""
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, again)
    try:
        taken.bind(("127.0.0.1", port))
    except OSError:
        taken.close()
        return None
    return taken


def _own_block() -> tuple[socket.socket, range]:
    """A block that no other process has, and its first port, which keeps it so until this process ends."""
    for first in _BLOCKS:
        held = _bound(first, again=False)
        if held is not None:
            return held, range(first + 1, first + _BLOCKS.step)
    raise OSError(f"No block of ports from {_BLOCKS.start} to {_BLOCKS.stop} is free. End tests that still run.")


_held, _block = _own_block()
_ports = itertools.cycle(_block)


def free_port() -> int:
    """A port of this machine that nobody listens on, another one each time."""
    for port in itertools.islice(_ports, len(_block)):
        tried = _bound(port, again=True)
        if tried is not None:
            tried.close()
            return port
    raise OSError(f"No port from {_block.start} on is free. End what listens there.")
