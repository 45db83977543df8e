"""Named points at which a test may kill the process, to prove that a crash there loses and doubles nothing."""

from __future__ import annotations

import os
import signal

_armed, _, _count = os.environ.get("FIRM_BRIDGE_FAULT", "").partition(":")
_left = int(_count or 1)


def point(name: str) -> None:
    """Die as by kill -9 when FIRM_BRIDGE_FAULT is this name, or `name:N` the N-th time it is reached."""
    global _left
    if _armed == name:
        _left -= 1
        if _left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
