"""Ports that nobody uses. Tests run in several processes at once, each with ports of its own."""

from __future__ import annotations

import itertools
import os
import socket

_EACH = 2000
"""Ports of one process. All lie below those that the system gives to connections going out."""
_first = 12_000 + _EACH * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_ports = itertools.cycle(range(_first, _first + _EACH))


def free_port() -> int:
    """A port of this machine that nobody listens on, another one each time."""
    for port in itertools.islice(_ports, _EACH):
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"No port from {_first} on is free. End what listens there.")
