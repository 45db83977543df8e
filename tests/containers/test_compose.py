"""The demo firm in containers: what the images are, and that people can work there, before and after a stop."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.ports import free_port
from tests.synapse.harness import Person

ROOT = Path(__file__).parents[2]
STANDINS = "tests/containers/standins.yaml"
ONE = ["synapse-dev/docker-compose.yaml"]
WORKERS = [*ONE, "synapse-dev/workers/docker-compose.yaml"]
UP_SECONDS = 600


class Stack:
    """The firm in containers of one project."""

    def __init__(self, name: str, files: list[str]) -> None:
        self._name = name
        self._files = [word for file in [*files, STANDINS] for word in ("--file", file)]
        self.synapse, self.panel, main = (free_port() for _ in range(3))
        ports = {"SYNAPSE_PORT": self.synapse, "PANEL_PORT": self.panel}
        if len(files) > 1:
            ports["MAIN_PORT"] = main
        self._environment = {**os.environ, **{key: str(port) for key, port in ports.items()}}

    def compose(self, *words: str) -> str:
        """What podman-compose says; it must succeed."""
        command = ["podman-compose", "--project-name", self._name, *self._files, *words]
        return self._run(command, self._environment)

    def inside(self, service: str, *words: str) -> subprocess.CompletedProcess[str]:
        """A program in a service's container."""
        command = ["podman", "exec", f"{self._name}_{service}_1", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def up(self) -> None:
        """All of it, but for Element, until the demo staff can log in."""
        wanted = [name for name in self.services() if name != "element"]
        self.compose("up", "--detach", "--no-build", *wanted)
        code = self._run(["podman", "wait", f"{self._name}_logins_1"], self._environment).strip()
        assert code == "0", self.compose("logs", "logins", "bridge")

    def services(self) -> list[str]:
        """What the files name."""
        return self.compose("config", "--services").split()

    def logins(self) -> dict[str, Any]:
        """Who can log in."""
        done = self.inside("bridge", "cat", "/var/lib/firm-bridge/demo-logins.json")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    @staticmethod
    def _run(command: list[str], environment: dict[str, str]) -> str:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=UP_SECONDS
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(params=[ONE, WORKERS], ids=["one", "workers"])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The firm, at work."""
    made = Stack("firm-bridge-test", request.param)
    try:
        made.up()
        yield made
    finally:
        made.compose("down", "--volumes", "--timeout", "5")


@asynccontextmanager
async def eleanor(stack: Stack) -> AsyncIterator[tuple[Person, str]]:
    """Eleanor at her client, and her chat with the bot."""
    logins = stack.logins()
    (login,) = [one for one in logins["people"] if one["user_id"].startswith("@eleanor.")]
    url = f"http://127.0.0.1:{stack.synapse}"
    async with aiohttp.ClientSession() as http:
        nobody = Person(http, url, login["user_id"], "")
        identifier = {"type": "m.id.user", "user": login["user_id"]}
        body = {"type": "m.login.password", "identifier": identifier, "password": login["password"]}
        token = (await nobody.request("POST", "login", body)).ok()["access_token"]
        person = Person(http, url, login["user_id"], token)
        (chat,) = (await person.account_data("m.direct"))[logins["bot"]]
        yield person, chat


async def answer(person: Person, chat: str, text: str) -> str:
    """What the bot answers."""
    since = (await person.sync())["next_batch"]
    await person.say(chat, text)

    def by_the_bot(room_id: str, event: dict[str, Any]) -> bool:
        return room_id == chat and event["type"] == "m.room.message" and "m.relates_to" in event["content"]

    _, event = await person.wait_for_event(since, by_the_bot)
    return str(event["content"]["body"])


@pytest.mark.timeout(1800)
async def test_people_work_there_before_and_after_a_stop(stack: Stack) -> None:
    assert stack.inside("bridge", "id", "--user").stdout == "10001\n"
    for service in ("bridge", "synapse"):
        assert "Read-only file system" in stack.inside(service, "touch", "/usr/bin/more").stderr
        for program in ("cc", "gcc", "pip", "pip3"):
            assert stack.inside(service, "sh", "-c", f"command -v {program}").returncode != 0
    checked = stack.inside("bridge", "firm-bridge", "check", "--config", "/var/lib/firm-bridge/bridge.yaml")
    assert checked.returncode == 0, checked.stdout + checked.stderr

    async with eleanor(stack) as (person, chat):
        assert "2026-0042" in await answer(person, chat, "!matter list")
        made = await answer(person, chat, "!channel create Kept over the night")
        assert "Kept over the night" in made
        async with person.http.get(f"http://127.0.0.1:{stack.panel}/") as page:
            assert (page.status, "Ashcombe" in await page.text()) == (200, True)

    await asyncio.to_thread(stack.compose, "stop", "--timeout", "30")
    await asyncio.to_thread(stack.up)
    async with eleanor(stack) as (person, chat):
        assert "Kept over the night" in await answer(person, chat, "!channel list")
        with_it = await person.get(f"rooms/{chat}/messages", dir="b", limit="20")
        assert made in {event["content"].get("body") for event in with_it["chunk"]}
