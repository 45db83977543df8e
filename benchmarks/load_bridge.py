"""firm-bridge as a load harness for application services starts it: `bridge.app.run`, with the addresses and tokens of
the environment, on a database in which the harness's users are staff and its rooms channels of all of them.

Such a harness gives AS_PORT, HS_URL, HS_DOMAIN, AS_ID, AS_TOKEN, HS_TOKEN, BOT_LOCALPART and DATA_DIR, and BENCH_WORLD:
a file with the names of its `users` and `rooms`. BRIDGE_CONCURRENCY is `homeserver.concurrency`. The database of a
world is made once, in BRIDGE_TEMPLATES, and copied: a firm has it before its bridge starts.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from bridge.app import run
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.reconcile.storing import store_new
from bridge.service import open_firm
from bridge.settings import (
    AppserviceSettings,
    DatabaseSettings,
    DirectorySettings,
    HomeserverSettings,
    SecuritySettings,
    Settings,
)
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.rooms.accounts import add_accounts
from bridge.store.rooms.conversations import NewConversation, add_conversations
from bridge.store.rooms.made import record_room, write_intent


def settings_for(environ: Mapping[str, str], folder: Path) -> Settings:
    """The defaults of a real installation but for addresses, secrets and concurrency."""
    return Settings(
        homeserver=HomeserverSettings(
            url=environ["HS_URL"],
            server_name=environ["HS_DOMAIN"],
            concurrency=int(environ.get("BRIDGE_CONCURRENCY", "16")),
        ),
        appservice=AppserviceSettings(
            as_token=SecretStr(environ["AS_TOKEN"]),
            hs_token=SecretStr(environ["HS_TOKEN"]),
            bot_localpart=environ["BOT_LOCALPART"],
            listen_port=int(environ["AS_PORT"]),
        ),
        directory=DirectorySettings(path=str(folder / "directory.yaml")),
        database=DatabaseSettings(url=SecretStr(f"sqlite:///{folder}/bridge.db")),
        security=SecuritySettings(alias_key=SecretStr("benchmark-alias-key-0001")),
    )


async def prepare(settings: Settings, world: Mapping[str, Any]) -> None:
    """Directory, accounts, channels and rooms, as the first pass would have left them."""
    people = {f"s{number}": user[1:].partition(":")[0] for number, user in enumerate(world["users"])}
    staff = [
        {
            "id": staff_id,
            "first_name": localpart.rstrip("0123456789").title(),
            "last_name": f"Vale {staff_id[1:]}",
            "email": f"{localpart}@bench.example",
            "role": "Associate",
        }
        for staff_id, localpart in people.items()
    ]
    Path(settings.directory.path).write_text(yaml.safe_dump({"staff": staff}))  # noqa: ASYNC240 - before serving
    store = Store(settings.database.url.get_secret_value())
    await store.open()

    def rows(unit: Unit) -> None:
        add_accounts(unit, people)
        for number, room_id in enumerate(world["rooms"]):
            title = f"Topic {number}"
            channel = Conversation(
                id=f"c{number}", kind=ConversationKind.CHANNEL, title=title, participants=frozenset(people)
            )
            add_conversations(unit, [NewConversation(channel, name_key=title.lower())])
            write_intent(unit, channel.id, f"alias-{number}")
            record_room(unit, channel.id, room_id)

    await store.run(rows)
    await store.close()
    async with open_firm(settings) as firm:
        await store_new(firm.store, await firm.reconciler.planner.desired())


def template(environ: Mapping[str, str]) -> Path:
    """The folder with the database of this world, made where there is none."""
    world = Path(environ["BENCH_WORLD"]).read_bytes()
    kept = Path(environ.get("BRIDGE_TEMPLATES", tempfile.gettempdir()))
    made = kept / f"firm-of-{hashlib.sha256(world).hexdigest()[:16]}"
    if not made.exists():
        kept.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(dir=kept))
        asyncio.run(prepare(settings_for(environ, making), json.loads(world)))
        making.rename(made)
    return made


def main(environ: Mapping[str, str]) -> None:
    folder = Path(environ["DATA_DIR"])
    if not (folder / "bridge.db").exists():
        shutil.copytree(template(environ), folder, dirs_exist_ok=True)
    run(settings_for(environ, folder))


if __name__ == "__main__":
    main(os.environ)
