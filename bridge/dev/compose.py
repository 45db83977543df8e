"""What docker compose runs once, from the bridge's image, before and after the bridge itself.

python -m bridge.dev.compose setup    write configuration, registration, keys and passwords into the volumes
python -m bridge.dev.compose bot      register the bot and make it a server admin
python -m bridge.dev.compose logins   give the demo staff passwords, and print them
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import time
from pathlib import Path

import aiohttp
import psycopg
from psycopg.conninfo import make_conninfo
from rich.console import Console

from bridge.cli.exits import exit_for
from bridge.configuration import load_settings
from bridge.dev import demo, files
from bridge.dev.place import ENDED, MISSING, DevError, port_from_environment
from bridge.dev.synapse import no_such_account, register_bot
from bridge.registration import registration_yaml

BRIDGE_FOLDER = Path("/var/lib/firm-bridge")
"""The bridge's volume, in the bridge's image."""
SYNAPSE_FOLDER = Path("/var/lib/synapse")
"""Synapse's volume, in the bridge's image."""
SYNAPSE_SEES = Path("/data")
"""Synapse's volume, in Synapse's image."""
DATABASE_FOLDER = Path("/var/lib/postgres-password")
"""The volume with PostgreSQL's password, in the bridge's image."""
DEMO_SETTINGS = Path("/etc/firm-bridge/demo/settings.yaml")
BRIDGE_USER = 10001
SYNAPSE_USER = 991
SYNAPSE_SECONDS = 180
"""How long Synapse may take to come up, on a slow machine and for the first time."""
DATABASE_LOGIN = {"host": "postgres", "user": "synapse", "dbname": "synapse"}


def setup(bridge_folder: Path, synapse_folder: Path, database_folder: Path, demo_settings: Path) -> None:
    """Write every file that Synapse, PostgreSQL and the bridge need; secrets of an earlier call are kept."""
    settings_file = bridge_folder / "bridge.yaml"
    files.write_settings(
        settings_file,
        files.read_demo_settings(demo_settings),
        homeserver_url="http://synapse:8008",
        bridge_url="http://bridge:9009",
        listen=("0.0.0.0", 9009),  # noqa: S104 - inside the container's own network; compose publishes no port of it
        panel={"url": _panel_url(), "listen_host": "0.0.0.0", "listen_port": 9010},  # noqa: S104 - as above
        database_url=f"sqlite:///{bridge_folder / 'bridge.db'}",
    )
    password_file = database_folder / "password"
    if not password_file.exists():
        files.write_private(password_file, secrets.token_hex(32))
    settings = load_settings(settings_file)
    files.write_private(synapse_folder / "registration.yaml", registration_yaml(settings))
    files.write_signing_key(synapse_folder / "signing.key")
    login = {**DATABASE_LOGIN, "password": password_file.read_text(), "cp_min": 5, "cp_max": 10}
    files.write_instance(
        synapse_folder / "instance.yaml",
        {
            "public_baseurl": f"{_public_url()}/",
            "listeners": [files.listener("0.0.0.0", 8008)],  # noqa: S104 - compose publishes it on 127.0.0.1 only
            "database": {"name": "psycopg2", "args": login},
            "media_store_path": str(SYNAPSE_SEES / "media"),
            "signing_key_path": str(SYNAPSE_SEES / "signing.key"),
            "log_config": "/etc/synapse/log.yaml",
            "app_service_config_files": [str(SYNAPSE_SEES / "registration.yaml")],
            **files.guard(settings, SYNAPSE_SEES / "firm-policy"),
        },
    )


def own(folder: Path, user: int) -> None:
    """Make a volume and what is in it belong to the user of the container that works with it."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, user)


async def make_bot(bridge_folder: Path, database_folder: Path, console: Console) -> None:
    """Register the bot and set its admin flag in PostgreSQL, before the bridge first runs. Waits for Synapse.

    Raises DevError where Synapse does not come up or PostgreSQL does not answer.
    """
    settings = load_settings(bridge_folder / "bridge.yaml")
    await wait_for_synapse(settings.homeserver.url, console)
    await register_bot(settings)
    password = (database_folder / "password").read_text()
    try:
        with psycopg.connect(make_conninfo(**DATABASE_LOGIN, password=password)) as connection:
            changed = connection.execute("UPDATE users SET admin = 1 WHERE name = %s", (settings.bot_id,)).rowcount
    except psycopg.Error as error:
        what = f"PostgreSQL at {DATABASE_LOGIN['host']} did not take the bot's admin flag: {str(error).strip()}"
        raise DevError(f"{what} `docker compose logs postgres` says more.", MISSING) from error
    if changed != 1:
        raise no_such_account(settings.bot_id, "`docker compose down --volumes` begins anew.")


async def give_logins(bridge_folder: Path, console: Console) -> None:
    """Give the demo staff passwords, and print them."""
    settings = load_settings(bridge_folder / "bridge.yaml")
    logins = await demo.give_logins(settings, bridge_folder / "demo-logins.json", _public_url())
    console.print(demo.logins_table(logins))
    element = f"http://127.0.0.1:{port_from_environment('ELEMENT_PORT', 8080)}"
    where = f"Element is at {element}, the panel at {settings.panel.url}, Synapse at {_public_url()}"
    console.print(f"ready: {where}", soft_wrap=True)


async def wait_for_synapse(url: str, console: Console) -> None:
    """Wait until Synapse answers; compose starts this once it did, and it may have ended since. Raises DevError."""
    end, said = time.monotonic() + SYNAPSE_SECONDS, ""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        while time.monotonic() < end:
            try:
                async with session.get(f"{url}/health") as answer:
                    if answer.status == 200:
                        return
                    said = f"it answered {answer.status}"
            except (aiohttp.ClientError, TimeoutError) as error:
                if not said:
                    console.print(f"Waiting for Synapse at {url} ...")
                said = str(error) or "no answer in time"
            await asyncio.sleep(1)
    raise DevError(
        f"Synapse at {url} did not answer within {SYNAPSE_SECONDS} seconds ({said})."
        " `docker compose logs synapse` says why; then `docker compose up` goes on from here.",
        ENDED,
    )


def _public_url() -> str:
    return f"http://127.0.0.1:{port_from_environment('SYNAPSE_PORT', 8008)}"


def _panel_url() -> str:
    return f"http://localhost:{port_from_environment('PANEL_PORT', 9010)}"


def main(task: str) -> int:
    """Do one task and return the exit code."""
    console = Console(highlight=False, markup=False, width=120)
    try:
        match task:
            case "setup":
                setup(BRIDGE_FOLDER, SYNAPSE_FOLDER, DATABASE_FOLDER, DEMO_SETTINGS)
                own(BRIDGE_FOLDER, BRIDGE_USER)
                own(DATABASE_FOLDER, BRIDGE_USER)
                own(SYNAPSE_FOLDER, SYNAPSE_USER)
            case "bot":
                asyncio.run(make_bot(BRIDGE_FOLDER, DATABASE_FOLDER, console))
            case "logins":
                asyncio.run(give_logins(BRIDGE_FOLDER, console))
            case _:
                console.print(__doc__)
                return 2
    except Exception as error:
        code = error.code if isinstance(error, DevError) else exit_for(error)
        if code is None:
            raise
        console.print(str(error), soft_wrap=True)
        return code
    return 0


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
