"""How long it takes to bring a firm to life, beside a bare script that makes the same rooms and joins.

    python -m benchmarks.provision [--staff 100] [--matters 200] [--channels 20] [--people 6] [--in-channel 30]

Both run against a fresh local Synapse each, at the same concurrency. The bare script replays the createRoom bodies and
joins that the bridge made, in the same order of waves, and does nothing else. A second pass of the bridge is counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import yaml

from bridge.app import open_firm
from bridge.settings import Settings
from tests.synapse.harness import RealSynapse, bridge_settings

Json = dict[str, Any]
CHANGING = {"POST", "PUT", "DELETE"}


def write_firm(path: Path, staff: int, matters: int, channels: int, people: int, in_channel: int) -> None:
    """A made-up firm of the wanted size, the same at every run."""
    chance = random.Random(20260042)
    ids = [f"s{number:03}" for number in range(staff)]
    firm = {
        "staff": [
            {
                "id": staff_id,
                "first_name": f"Robin{number}",
                "last_name": "Vale",
                "email": f"robin{number}@bench.example",
                "role": "Associate",
            }
            for number, staff_id in enumerate(ids)
        ],
        "matters": [
            {
                "id": f"m{number}",
                "number": f"2026-{number:04}",
                "title": f"Vale v Moor {number}",
                "responsible": team[0],
                "assisting": team[1:],
            }
            for number in range(matters)
            for team in [chance.sample(ids, people)]
        ],
        "channels": [
            {"name": f"Topic {number}", "participants": chance.sample(ids, in_channel)} for number in range(channels)
        ],
    }
    path.write_text(yaml.safe_dump(firm, sort_keys=False))


class Recorder:
    """Keeps the changing requests of a bridge run, in order, with how they ended."""

    def __init__(self) -> None:
        self.rooms: list[Json] = []
        self.joins: dict[str, list[str]] = {}
        self.changes = 0
