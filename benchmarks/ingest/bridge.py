"""The bridge as `firm-bridge run` puts it together, on a database with one person and the benchmark's rooms in it.

    python -m benchmarks.ingest.bridge --port PORT --homeserver URL --folder FOLDER --concurrency N --rooms N

The stub homeserver refuses the admin API, so the bridge goes on asking every few seconds whether it may begin to
reconcile, and meanwhile takes events, handles commands and replies as always.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from benchmarks.ingest.homeserver import HS_TOKEN, room_id
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

PERSON = {"id": "s1", "first_name": "Robin", "last_name": "Vale", "email": "robin@bench.example", "role": "Associate"}


def settings_for(options: argparse.Namespace, database: DatabaseSettings) -> Settings:
    """The defaults of a real installation but for addresses, secrets and concurrency."""
    folder: Path = options.folder
    return Settings(
        homeserver=HomeserverSettings(url=options.homeserver, concurrency=options.concurrency),
        appservice=AppserviceSettings(
            as_token=SecretStr("benchmark-as-token-0001"), hs_token=SecretStr(HS_TOKEN), listen_port=options.port
        ),
        directory=DirectorySettings(path=str(folder / "directory.yaml")),
        database=database,
        security=SecuritySettings(alias_key=SecretStr("benchmark-alias-key-0001")),
    )


def serve(database: Callable[[Path], DatabaseSettings]) -> None:
    """Prepare the database of the folder, and run the bridge on it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--homeserver")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--concurrency", type=int)
    parser.add_argument("--rooms", type=int)
    options = parser.parse_args()
    chosen = settings_for(options, database(options.folder))
    asyncio.run(
        prepare(chosen, [PERSON], {PERSON["id"]: "robin"}, [room_id(number) for number in range(options.rooms)])
    )
    run(chosen)


if __name__ == "__main__":
    serve(lambda folder: DatabaseSettings(url=SecretStr(f"sqlite:///{folder}/bridge.db")))
