"""`firm-bridge dev`: from nothing, again on what it left, with other ports, and after everything was killed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bridge.dev.place import LocalFirm
from tests.ports import free_port
from tests.synapse.harness import free_place


@contextmanager
def dev(place: LocalFirm) -> Iterator[subprocess.Popen[str]]:
    """`firm-bridge dev`, once it said that it is ready."""
    ports = {
        "SYNAPSE_PORT": str(place.synapse_port),
        "BRIDGE_PORT": str(place.bridge_port),
        "PANEL_PORT": str(free_port()),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge.cli", "dev"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **{name: str(port) for name, port in ports.items()}, "VAR": str(place.var)},
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        for line in process.stdout:
            said.append(line)
            if line.startswith("ready"):
                break
        else:
            pytest.fail("".join(said))
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def rooms_of(logins: dict[str, Any], person: dict[str, str]) -> set[str]:
    """Log in with the password, and list the rooms."""
    identifier = {"type": "m.id.user", "user": person["user_id"]}
    body = {"type": "m.login.password", "identifier": identifier, "password": person["password"]}
    client = f"{logins['homeserver']}/_matrix/client/v3"
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        async with session.post(f"{client}/login", json=body) as answer:
            token = (await answer.json())["access_token"]
        async with session.get(f"{client}/joined_rooms", headers={"Authorization": f"Bearer {token}"}) as answer:
            return set((await answer.json())["joined_rooms"])


def read_logins(place: LocalFirm) -> dict[str, Any]:
    logins: dict[str, Any] = json.loads(place.logins_file.read_text())
    return logins


@pytest.mark.timeout(300)
async def test_the_firm_comes_up_and_comes_back(tmp_path: Path) -> None:
    place = free_place(tmp_path / "var")
    with dev(place):
        logins = read_logins(place)
        assert (logins["homeserver"], logins["bot"]) == (place.synapse_url, "@bot:localhost")
        assert {tuple(person) for person in logins["people"]} == {("name", "user_id", "password", "role")}
        names = {person["name"]: person for person in logins["people"]}
        assert len(names) == 12
        assert "Julian Prescott" not in names  # he left
        assert place.logins_file.stat().st_mode & 0o777 == 0o600
        rooms = await rooms_of(logins, names["Wei Chen"])
        assert rooms
        # Leaving the block kills it as kill -9 does, and with it Synapse and the bridge.

    # As the account of somebody who left and came back: nobody knows its password.
    with closing(sqlite3.connect(place.synapse_database)) as connection, connection:
        connection.execute("UPDATE users SET password_hash = NULL WHERE name = ?", (names["Wei Chen"]["user_id"],))

    elsewhere = free_place(place.var)
    with dev(elsewhere) as again:
        moved = read_logins(elsewhere)
        assert moved["homeserver"] == elsewhere.synapse_url
        changed = [new for new, old in zip(moved["people"], logins["people"], strict=True) if new != old]
        assert [person["name"] for person in changed] == ["Wei Chen"]
        names["Wei Chen"] = changed[0]
        assert await rooms_of(moved, names["Wei Chen"]) == rooms
        again.send_signal(signal.SIGTERM)
        assert again.wait(60) == 0

    with dev(elsewhere) as once_more:
        os.kill(int((place.var / "bridge.pid").read_text()), signal.SIGKILL)
        assert once_more.wait(60) == 14
        assert once_more.stdout is not None
        assert "The bridge was killed by SIGKILL." in once_more.stdout.read()
