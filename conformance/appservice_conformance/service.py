"""The application service under test: started, killed, and spoken to as a homeserver does."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from appservice_conformance import world
from appservice_conformance.homeserver import Answer, Homeserver
from appservice_conformance.world import Json

PREFIX = "/_matrix/app/v1"
START_SECONDS = 30.0
ANSWER_SECONDS = 20.0
"""That a service may take for an answer over HTTP."""


@dataclass(frozen=True)
class Adapter:
    """What has to be known of a service to try it: one file of services/."""

    name: str
    command: tuple[str, ...]
    """Starts it; nothing for one that runs already, for which cases that kill are left out."""
    url: str
    """Of one that runs already."""
    hs_token: str
    homeserver_port: int
    """Where one that runs already looks for its homeserver; 0 for any."""
    version: tuple[str, ...]
    """Prints the versions that were tried."""
    environment: dict[str, str]
    known_user: str
    """A user that it says it knows; empty where it knows none."""
    known_alias: str
    pong_seconds: float
    """That it may take to handle what it was told."""
    answers: tuple[Answer, ...]


def read_adapter(path: Path) -> Adapter:
    """The adapter in a file. `{here}` in it is the file's folder, `{python}` this Python. Raises KeyError."""
    given = tomllib.loads(path.read_text())

    def filled(text: str) -> str:
        here = str(path.parent.absolute())
        return os.path.expandvars(text.replace("{here}", here).replace("{python}", sys.executable))

    return Adapter(
        name=given["name"],
        command=tuple(filled(part) for part in given.get("command", ())),
        url=given.get("url", ""),
        hs_token=given.get("hs_token", world.HS_TOKEN),
        homeserver_port=given.get("homeserver_port", 0),
        version=tuple(filled(part) for part in given.get("version", ())),
        environment={name: filled(value) for name, value in given.get("environment", {}).items()},
        known_user=given.get("known_user", ""),
        known_alias=given.get("known_alias", ""),
        pong_seconds=given.get("pong_seconds", 5.0),
        answers=tuple(Answer(one["path"], one.get("status", 200), one["body"]) for one in given.get("answers", ())),
    )


def version_of(adapter: Adapter) -> str:
    """What its version command prints; empty for one without."""
    if not adapter.version:
        return ""
    environment = {**os.environ, **adapter.environment}
    return subprocess.run(adapter.version, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@dataclass
class Service:
    """The service, and what a homeserver does with it."""

    adapter: Adapter
    homeserver: Homeserver
    folder: Path
    _process: subprocess.Popen[bytes] | None = None
    url: str = ""
    _client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=ANSWER_SECONDS))

    def start(self) -> None:
        """Start it, and wait until it listens."""
        if not self.adapter.command:
            self.url = self.adapter.url
            return
        port = int(httpx.URL(self.url).port or 0) if self.url else _free_port()
        self.url = f"http://127.0.0.1:{port}"
        with (self.folder / "service.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.adapter.command,
                env={**os.environ, **self._told(port), **self.adapter.environment},
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._await_listening(port)

    def _told(self, port: int) -> dict[str, str]:
        return {
            "AS_PORT": str(port),
            "AS_ID": world.SERVICE_ID,
            "AS_TOKEN": world.AS_TOKEN,
            "HS_TOKEN": self.adapter.hs_token,
            "HS_URL": f"http://127.0.0.1:{self.homeserver.port}",
            "HS_NAME": world.SERVER,
            "BOT_LOCALPART": "bot",
            "PERSON": world.PERSON,
            "ROOMS": ",".join(world.ROOMS),
            "DATA_DIR": str(self.folder),
        }

    def _await_listening(self, port: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process is not None and self._process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"The service does not listen on port {port}. Read {self.folder}/service.log.")

    def kill(self) -> None:
        """End it and what it started, as a crash would."""
        if self._process is not None:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def make_sure(self) -> None:
        """Start it again where it is not there any more."""
        if self.adapter.command and (self._process is None or self._process.poll() is not None):
            self._process = None
            self.start()

    @property
    def can_be_killed(self) -> bool:
        """Whether the suite started it."""
        return bool(self.adapter.command)

    def request(self, method: str, path: str, *, token: str | None = None, **more: Any) -> httpx.Response:
        """One request with the right token, or the one that is given; none where it is empty."""
        given = self.adapter.hs_token if token is None else token
        headers = {**({"Authorization": f"Bearer {given}"} if given else {}), **more.pop("headers", {})}
        return self._client.request(method, self.url + path, headers=headers, **more)

    def put(self, body: Any, txn: str = "", **more: Any) -> httpx.Response:
        """A transaction with this body: bytes, or what is written as JSON."""
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        return self.request("PUT", f"{PREFIX}/transactions/{txn or world.transaction_id()}", **content, **more)

    def push(self, *events: Json, txn: str = "", **more: Any) -> httpx.Response:
        """A transaction of these events."""
        return self.put({"events": list(events)}, txn, **more)

    def handles(self, *said: str, within: float | None = None) -> bool:
        """Whether each of the words was answered in time."""
        wanted = set(said)
        return self.homeserver.wait(
            lambda pongs: wanted <= {one for one, _ in pongs}, self.adapter.pong_seconds if within is None else within
        )

    def goes_on(self, room: str = world.ROOMS[0]) -> bool:
        """Whether it still answers what is asked; what was asked in the room before has then had its turn."""
        return self.push(world.ask(said := world.word(), room)).status_code == 200 and self.handles(said)

    def times(self, said: str, room: str = world.ROOMS[0]) -> int:
        """How often somebody in the room sees the answer, once a later question there was answered."""
        self.goes_on(room)
        return self.homeserver.pongs().count(said)

    def in_order(self, said: Iterable[str], room: str) -> list[str]:
        """Those of the words that were answered in the room, in the order of the answers."""
        wanted = set(said)
        return [one for one in self.homeserver.pongs(room) if one in wanted]

    def close(self) -> None:
        """End everything."""
        self.kill()
        self._client.close()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
