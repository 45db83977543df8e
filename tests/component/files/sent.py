"""A small firm in which everything is sent in November, and files sent in it as clients do."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bridge.care.files import read_histories
from tests.component.small_firm import SmallFirm, small_firm

NOVEMBER = 1_793_534_400_000
"""2026-11-01, at noon."""


@asynccontextmanager
async def firm_of_november(tmp_path: Path, database_url: str) -> AsyncIterator[SmallFirm]:
    async with small_firm(tmp_path, database_url) as made:
        clock = itertools.count(NOVEMBER, 60_000)
        made.fake.listeners.insert(0, lambda event: event.update(origin_server_ts=next(clock)))
        yield made


def put(firm: SmallFirm, who: str, room: str, name: str, **content: Any) -> str:
    """Send a file as a client does; its event id."""
    number = len(firm.fake.rooms[room].timeline)
    content = {"msgtype": "m.file", "url": f"mxc://localhost/{who}{number}", **content}
    return str(firm.fake.message(room, firm.user(who), name, **content)["event_id"])


def edit(firm: SmallFirm, who: str, room: str, event_id: str, name: str, **content: Any) -> str:
    new = {"msgtype": "m.file", "body": name, "url": "mxc://localhost/edited", **content}
    relation = {"rel_type": "m.replace", "event_id": event_id}
    return put(firm, who, room, f"* {name}", **{"m.new_content": new, "m.relates_to": relation})


async def history(firm: SmallFirm) -> int:
    """Read what was sent before the bridge knew of it; how many rooms were looked at."""
    return await read_histories(firm.desk, firm.bridge.places)
