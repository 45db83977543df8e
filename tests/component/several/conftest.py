"""What tests of several processes begin with."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator

import pytest

from tests.component.several.herd import LEASE, BehindProxy


@pytest.fixture
async def fake() -> AsyncIterator[BehindProxy]:
    """A homeserver that sends to any of the processes, at the present time."""
    async with BehindProxy(random.Random(), LEASE) as made:
        made.listeners.insert(0, lambda event: event.update(origin_server_ts=time.time_ns() // 1_000_000))
        made.auto_push = True
        yield made
