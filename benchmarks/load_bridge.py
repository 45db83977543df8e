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

from pydantic import SecretStr

from benchmarks.prepared import prepare
from bridge.app import run
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


async def make(settings: Settings, world: Mapping[str, Any]) -> None:
    """Directory, accounts, channels and rooms, with the firm's own rooms still to be made."""
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
    await prepare(settings, staff, people, world["rooms"])
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
        asyncio.run(make(settings_for(environ, making), json.loads(world)))
        making.rename(made)
    return made


def main(environ: Mapping[str, str]) -> None:
    folder = Path(environ["DATA_DIR"])
    if not (folder / "bridge.db").exists():
        shutil.copytree(template(environ), folder, dirs_exist_ok=True)
    run(settings_for(environ, folder))


if __name__ == "__main__":
    main(os.environ)
