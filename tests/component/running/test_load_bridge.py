"""The bridge as a load harness starts it has the harness's world in its database."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from benchmarks.load_bridge import settings_for, template
from bridge.service import open_firm


async def test_the_harness_world_is_what_the_first_pass_would_have_left(tmp_path: Path) -> None:
    world = {"users": ["@alice1:localhost", "@bob2:localhost"], "rooms": ["!one:localhost", "!two:localhost"]}
    (tmp_path / "world.json").write_text(json.dumps(world))
    environ = {
        "AS_PORT": "9000",
        "HS_URL": "http://127.0.0.1:8008",
        "HS_DOMAIN": "localhost",
        "AS_TOKEN": "benchmark-as-token-0001",
        "HS_TOKEN": "benchmark-hs-token-0001",
        "BOT_LOCALPART": "bot",
        "BENCH_WORLD": str(tmp_path / "world.json"),
        "BRIDGE_TEMPLATES": str(tmp_path / "made"),
    }
    made = await asyncio.to_thread(template, environ)
    assert await asyncio.to_thread(template, environ) == made
    async with open_firm(settings_for(environ, made)) as firm:
        wanted = await firm.reconciler.planner.desired()
        assert not wanted.new_localparts and not wanted.new_conversations and not wanted.new_participants
        assert {"!one:localhost", "!two:localhost"} <= set(wanted.world.rooms.values())
