"""The clock by which leases are counted: those of Synapse's workers (R2), and that of the database's owner (R1)."""

from __future__ import annotations

import time


def boot_time() -> float:
    """Seconds on a clock that nobody sets and that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
