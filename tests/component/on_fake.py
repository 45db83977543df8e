"""What every firm on the fake homeserver stands on. The layers above it have one thing more of the bridge each:

`firm_on_fake` has rooms and commands, and its firm in a variable; `small_firm` has the whole bridge and a directory
file, and nothing runs by itself; `running_bridge` has the bridge at work.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bridge.handlers.router import Router
from bridge.mapping.event import event_of
from bridge.settings import AccountSettings, FirmSettings, GuardSettings, SecuritySettings, Settings
from bridge.store.engine.store import Store
from bridge.store.queues.outbox import WaitingMessage, mark_sent, pending
from bridge.store.rooms.made import room_of
from tests.fakes.guard import GUARD_KEY
from tests.fakes.homeserver import FakeHomeserver

Json = dict[str, Any]
_written = itertools.count(1_700_000_000)


def settings_for(
    fake: FakeHomeserver,
    appservice: Json | None = None,
    sections: Mapping[str, object] | None = None,
    **homeserver: Any,
) -> Settings:
    """Settings that lead to the fake homeserver, with these `sections` in the place of its own."""
    own: dict[str, Any] = {
        "homeserver": fake.homeserver_settings(**homeserver),
        "appservice": fake.appservice_settings(**(appservice or {})),
        "accounts": AccountSettings(avatars=False),
        "firm": FirmSettings(name="Archer & Booth"),
        "security": SecuritySettings(alias_key="alias-key-of-the-tests-0001"),
        "guard": GuardSettings(key=GUARD_KEY if fake.guard else ""),
    }
    return Settings(**(own | dict(sections or {})))


def write(path: Path, content: object) -> None:
    """Write the directory as an export does: whole, and long enough ago to be believed."""
    beside = path.with_suffix(".new")
    beside.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    os.utime(beside, (next(_written),) * 2)
    beside.replace(path)


async def room_id_of(store: Store, key: str) -> str:
    """The id of the room of a key."""
    room_id = await store.run(room_of, key)
    assert room_id is not None, f"no room for {key}"
    return room_id


async def handle(router: Router, store: Store, event: Json) -> None:
    """Handle one event as the inbox does: what it caused is stored."""
    if (kept := router.kept(event_of(event), event)) is not None:
        effect = await router.handle(kept)
        if effect is not None:
            await store.run(effect)


async def taken_as_sent(store: Store) -> list[WaitingMessage]:
    """What waits in the outbox, which is then taken as sent."""
    rows = await store.run(pending, 0, 1000)
    await store.run(mark_sent, [row.txn_id for row in rows], 1)
    return rows
