"""Become another program, which ends with the one that started it, however that one ends.

python child.py PARENT_PID PROGRAM [ARGUMENT...]
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
"""prctl(2), Linux: the signal sent to this process when its parent dies; it stays over an exec."""

if __name__ == "__main__":
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("The program that should have been waited upon is gone.")
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - the whole purpose
