"""Running Synapse and making the bot a server admin of it."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from bridge.dev.place import HOMESERVER_YAML, MISSING, ROOT, SYNAPSE_PYTHON, DevError, LocalFirm
from bridge.dev.processes import Program, start, wait_until_healthy
from bridge.matrix.acting import NobodyElse
from bridge.matrix.client import MatrixClient
from bridge.matrix.errors import UserTakenError
from bridge.settings import Settings

_START_SECONDS = 180.0


def check_installed() -> None:
    """Raise DevError where Synapse is not installed."""
    if not SYNAPSE_PYTHON.exists():
        raise DevError(
            f"Synapse is not installed: there is no {SYNAPSE_PYTHON}. `make run` installs it and then runs this.",
            MISSING,
        )


def synapse_command(place: LocalFirm) -> list[str]:
    """How Synapse is started: the one homeserver configuration, then what belongs to this installation."""
    module = ["-m", "synapse.app.homeserver"]
    return [str(SYNAPSE_PYTHON), *module, "-c", str(HOMESERVER_YAML), "-c", str(place.instance_file)]


def start_synapse(place: LocalFirm) -> Program:
    """Start Synapse on the files that `write_files` made. Call this from the main thread."""
    # The guard of this very checkout, without installing it into Synapse's environment.
    return start("Synapse", "synapse", synapse_command(place), place, {"PYTHONPATH": str(ROOT)})


async def wait_for_synapse(program: Program, place: LocalFirm) -> None:
    """Wait until Synapse answers. Raises DevError when it does not come up."""
    await wait_until_healthy(program, f"{place.synapse_url}/health", seconds=_START_SECONDS)


async def make_bot(place: LocalFirm, settings: Settings) -> None:
    """Register the bot and make it a server admin, on a Synapse with SQLite.

    Call this before the bridge first runs against this Synapse: Synapse remembers who is no admin until it restarts.
    """
    await register_bot(settings)
    grant_admin(place.synapse_database, settings.bot_id)


async def register_bot(settings: Settings) -> None:
    """Register the bot through the application service; one that is there stays as it is."""
    client = MatrixClient(settings.homeserver, settings.appservice, NobodyElse())
    try:
        with contextlib.suppress(UserTakenError):
            await client.register(settings.appservice.bot_localpart)
    finally:
        await client.close()


def grant_admin(database: Path, user_id: str) -> None:
    """Set the admin flag of an account in Synapse's SQLite database. Raises DevError when there is no such account."""
    with contextlib.closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        changed = connection.execute("UPDATE users SET admin = 1 WHERE name = ?", (user_id,)).rowcount
    if changed != 1:
        raise no_such_account(user_id, f"Delete the folder {database.parents[1]} to begin anew.")


def no_such_account(user_id: str, remedy: str) -> DevError:
    """What to tell when Synapse's database lacks the bot."""
    return DevError(f"Synapse's database has no account {user_id}. {remedy}", MISSING)
