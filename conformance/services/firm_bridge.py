"""firm-bridge as `firm-bridge run` puts it together, with one person who is in a channel for each room."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from pydantic import SecretStr

from benchmarks.prepared import prepare
from bridge.app import run
from bridge.settings import (
    AppserviceSettings,
    DatabaseSettings,
    DirectorySettings,
    HomeserverSettings,
    SecuritySettings,
    Settings,
)

TOLD = os.environ
FOLDER = Path(TOLD["DATA_DIR"])
ROBIN = {"id": "s1", "first_name": "Robin", "last_name": "Vale", "email": "robin@firm.example", "role": "Associate"}


def settings() -> Settings:
    """The defaults, with the addresses and tokens of the suite."""
    return Settings(
        homeserver=HomeserverSettings(url=TOLD["HS_URL"], server_name=TOLD["HS_NAME"]),
        appservice=AppserviceSettings(
            as_token=SecretStr(TOLD["AS_TOKEN"]),
            hs_token=SecretStr(TOLD["HS_TOKEN"]),
            bot_localpart=TOLD["BOT_LOCALPART"],
            listen_port=int(TOLD["AS_PORT"]),
        ),
        directory=DirectorySettings(path=str(FOLDER / "directory.yaml")),
        database=DatabaseSettings(url=SecretStr(f"sqlite:///{FOLDER}/bridge.db")),
        security=SecuritySettings(alias_key=SecretStr("conformance-alias-key-0001")),
    )


if __name__ == "__main__":
    chosen = settings()
    localparts = {ROBIN["id"]: TOLD["PERSON"][1:].partition(":")[0]}
    asyncio.run(prepare(chosen, [ROBIN], localparts, TOLD["ROOMS"].split(",")))
    run(chosen)
