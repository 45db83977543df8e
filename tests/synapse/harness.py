"""A real Synapse, and a firm on it: the same files and programs as `firm-bridge dev`, in a folder of the test's own.

async with real_firm(tmp_path) as firm:          # Synapse runs, the bot is its admin, the bridge does not run yet
    firm.start_bridge(fault="room.made")         # named fault point; "" for none
    await firm.bridge_ended()                    # killed itself there
    firm.start_bridge()
    await firm.bridge_ready()                    # everything reconciled
    eleanor = await firm.login("eleanor.ashcombe")
    rooms = await eleanor.joined_rooms()
    firm.kill_synapse(); await firm.start_synapse()
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from bridge.dev import files, processes
from bridge.dev.place import DEMO_SETTINGS, LocalFirm
from bridge.dev.processes import Program
from bridge.dev.run import all_made, start_bridge
from bridge.dev.synapse import check_installed, make_bot, start_synapse, wait_for_synapse
from bridge.settings import Settings
from tests.ports import free_port

Json = dict[str, Any]
READY_SECONDS = 180.0
SYNC_MILLISECONDS = 10_000
TEST_INSTANCE = {"bcrypt_rounds": 4, "background_updates": {"sleep_enabled": False}}
"""Passwords hashed in no time, and a new database brought up to date without pauses. Touches no rule."""

WITHOUT_GUARD: Mapping[str, Json] = {"guard": {"key": ""}}
"""Settings of a firm whose Synapse has no guard."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What Synapse said."""

    status: int
    body: Any

    @property
    def code(self) -> str:
        """The Matrix error code; empty where there is none."""
        return str(self.body.get("errcode", "")) if isinstance(self.body, dict) else ""

    def ok(self) -> Any:
        """The body of a 200; fails the test otherwise."""
        assert self.status == 200, f"{self.status} {self.body}"
        return self.body


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is logged in; or the application service, acting as somebody; or, without a token, nobody."""

    http: aiohttp.ClientSession
    url: str
    user_id: str
    token: str
    masquerade: bool = False

    async def request(self, method: str, path: str, body: Any = None, **query: str) -> Answer:
        """Ask Synapse. A `path` that does not begin with a slash is below /_matrix/client/v3."""
        if not path.startswith("/"):
            path = "/_matrix/client/v3/" + path
        params = {"user_id": self.user_id, **query} if self.masquerade else query
        async with self.http.request(
            method,
            self.url + path,
            params=params,
            headers={"Authorization": f"Bearer {self.token}"} if self.token else {},
            json=({} if method in {"POST", "PUT"} else None) if body is None else body,
        ) as response:
            said = await (response.json() if response.content_type == "application/json" else response.text())
            return Answer(response.status, said)

    async def get(self, path: str, **query: str) -> Any:
        """The body of a GET that must be answered 200."""
        return (await self.request("GET", path, **query)).ok()

    async def joined_rooms(self) -> set[str]:
        """The ids of the rooms this person is in."""
        return set((await self.get("joined_rooms"))["joined_rooms"])

    async def room_name(self, room_id: str) -> str:
        """A room's name; empty where it has none."""
        answer = await self.request("GET", f"rooms/{quote(room_id)}/state/m.room.name/")
        return "" if answer.status == 404 else str(answer.ok().get("name", ""))

    async def is_space(self, room_id: str) -> bool:
        """Whether a room is a space."""
        created = await self.get(f"rooms/{quote(room_id)}/state/m.room.create/")
        return bool(created.get("type") == "m.space")

    async def state(self, room_id: str) -> list[Json]:
        """All current state events of a room."""
        events: list[Json] = await self.get(f"rooms/{quote(room_id)}/state")
        return events

    async def members(self, room_id: str, membership: str = "join") -> set[str]:
        """The user ids with that membership."""
        return {
            event["state_key"]
            for event in await self.state(room_id)
            if event["type"] == "m.room.member" and event["content"].get("membership") == membership
        }

    async def account_data(self, data_type: str) -> Json:
        """Global account data; empty where there is none."""
        answer = await self.request("GET", f"user/{quote(self.user_id)}/account_data/{data_type}")
        return {} if answer.status == 404 else dict(answer.ok())

    async def say(self, room_id: str, text: str) -> str:
        """Send a message, no faster than the homeserver lets people type, and return its event id."""
        content = {"msgtype": "m.text", "body": text}
        path = f"rooms/{quote(room_id)}/send/m.room.message/{next(_txn_ids)}"
        while (answer := await self.request("PUT", path, content)).status == 429:  # noqa: ASYNC110 - it says how long
            await asyncio.sleep(answer.body["retry_after_ms"] / 1000)
        return str(answer.ok()["event_id"])

    async def sync(self, since: str = "") -> Json:
        """One sync: everything at once without `since`, else what is new, waiting for it."""
        query = {"since": since, "timeout": str(SYNC_MILLISECONDS)} if since else {"timeout": "0"}
        answer: Json = await self.get("sync", **query)
        return answer

    async def wait_for_event(self, since: str, wanted: Callable[[str, Json], bool]) -> tuple[str, Json]:
        """Sync from `since` until an event is wanted; `wanted` is given room id and event. Returns both.

        Invitations and what was there when a room was joined are looked at, too.
        """
        while True:
            answer = await self.sync(since)
            since = answer["next_batch"]
            for room_id, event in _events(answer):
                if wanted(room_id, event):
                    return room_id, event


def is_welcome(event: Json) -> bool:
    """Whether this is the bot's welcome, which comes when it comes."""
    return str(event.get("content", {}).get("body", "")).startswith("Welcome to ")


_txn_ids = (f"test{number}" for number in itertools.count())


def _events(answer: Json) -> list[tuple[str, Json]]:
    rooms = answer.get("rooms", {})
    found: list[tuple[str, Json]] = []
    for room_id, room in [*rooms.get("join", {}).items(), *rooms.get("leave", {}).items()]:
        for part in ("state", "timeline"):
            found += [(room_id, event) for event in room.get(part, {}).get("events", ())]
    for room_id, room in rooms.get("invite", {}).items():
        found += [(room_id, event) for event in room.get("invite_state", {}).get("events", ())]
    return found


class RealSynapse:
    """A Synapse of the test's own, with the bot as its admin. Stopping and killing may be done at any time."""

    def __init__(self, place: LocalFirm, settings: Settings) -> None:
        self.place = place
        self.settings = settings
        self.server: Program | None = None
        self.http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))

    @property
    def url(self) -> str:
        """Where it is reached."""
        return self.place.synapse_url

    @property
    def bot(self) -> Person:
        """The bot, as the application service acts as it."""
        return self.acting_as(self.settings.bot_id)

    @property
    def nobody(self) -> Person:
        """Somebody who is not logged in."""
        return Person(self.http, self.url, "", "")

    def user_id(self, localpart: str) -> str:
        """A full user id."""
        return f"@{localpart}:{self.settings.homeserver.server_name}"

    def acting_as(self, user_id: str) -> Person:
        """The application service, acting as anybody who has an account."""
        return Person(self.http, self.url, user_id, self.settings.appservice.as_token.get_secret_value(), True)

    async def start_synapse(self) -> None:
        """Start Synapse, on what is there, and wait until it answers."""
        self.server = start_synapse(self.place)
        await wait_for_synapse(self.server, self.place)

    def stop_synapse(self) -> None:
        """Stop Synapse as its operator would."""
        assert self.server is not None
        processes.stop(self.server)

    def kill_synapse(self) -> None:
        """End Synapse as kill -9 does."""
        assert self.server is not None
        processes.kill(self.server)

    def unfinished_updates(self) -> int:
        """How many changes of its own database Synapse still has to make; on a new one it begins with some."""
        return int(self.homeserver_rows("SELECT count(*) FROM background_updates")[0][0])

    def homeserver_rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query finds in Synapse's database."""
        with closing(sqlite3.connect(self.place.synapse_database, timeout=30)) as connection:
            return connection.execute(sql).fetchall()

    async def make_account(self, localpart: str, name: str = "") -> Person:
        """Make an account through the admin API, as the bridge does, and log it in."""
        user_id = self.user_id(localpart)
        body = {"displayname": name or localpart.title()}
        answer = await self.bot.request("PUT", f"/_synapse/admin/v2/users/{quote(user_id)}", body)
        assert answer.status in {200, 201}, answer
        return await self.login(localpart)

    async def make_server_admin(self, localpart: str) -> Person:
        """Make an account that is a server admin's, and log it in."""
        person = await self.make_account(localpart)
        path = f"/_synapse/admin/v1/users/{quote(person.user_id)}/admin"
        (await self.bot.request("PUT", path, {"admin": True})).ok()
        return person

    async def login_by_password(self, localpart: str, password: str) -> Json:
        """Give somebody a password and log them in by it; what Synapse answers, with a refresh token."""
        path = f"/_synapse/admin/v2/users/{quote(self.user_id(localpart))}"
        (await self.bot.request("PUT", path, {"password": password, "logout_devices": False})).ok()
        login = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": localpart},
            "password": password,
            "refresh_token": True,
        }
        return dict((await self.nobody.request("POST", "login", login)).ok())

    async def login(self, localpart: str) -> Person:
        """Log in somebody who has an account, on a new device. Needs no password: the application service vouches."""
        service = replace(self.bot, masquerade=False)
        identifier = {"type": "m.id.user", "user": localpart}
        body = {"type": "m.login.application_service", "identifier": identifier}
        answer = (await service.request("POST", "login", body)).ok()
        return Person(self.http, self.url, answer["user_id"], answer["access_token"])

    async def close(self) -> None:
        """Stop what runs."""
        await self.http.close()
        if self.server is not None and self.server.running:
            self.stop_synapse()


class RealFirm(RealSynapse):
    """A firm on a Synapse of its own, whose bridge can be started, stopped and killed."""

    bridge: Program | None = None

    def start_bridge(self, fault: str = "", env: Mapping[str, str] | None = None) -> None:
        """Start the bridge. `fault` names the point at which it kills itself (bridge/faults.py)."""
        self.bridge = start_bridge(self.place, {"FIRM_BRIDGE_FAULT": fault, **(env or {})})

    async def bridge_ready(self) -> None:
        """Wait until the bridge has reconciled everything."""
        url = f"{self.place.bridge_url}/health/ready"
        await processes.wait_until_healthy(self._bridge, url, seconds=READY_SECONDS, enough=all_made)

    async def bridge_ended(self) -> int:
        """Wait until the bridge ends by itself, and return its exit code: -9 after a fault."""
        return await asyncio.to_thread(self._bridge.process.wait, READY_SECONDS)

    def stop_bridge(self) -> None:
        """Stop the bridge as its operator would."""
        processes.stop(self._bridge)

    def kill_bridge(self) -> None:
        """End the bridge as kill -9 does."""
        processes.kill(self._bridge)

    @contextmanager
    def bridge_held(self) -> Iterator[None]:
        """A time in which the bridge hears and does nothing."""
        self._bridge.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._bridge.process.send_signal(signal.SIGCONT)

    def logs(self) -> str:
        """The last lines of the bridge's log, for messages of failed tests."""
        return processes.tail(self._bridge.log, 60)

    @property
    def _bridge(self) -> Program:
        assert self.bridge is not None, "start_bridge was not called"
        return self.bridge

    async def close(self) -> None:
        """Stop what runs: the bridge, then Synapse."""
        if self.bridge is not None and self.bridge.running:
            self.stop_bridge()
        await super().close()


@asynccontextmanager
async def real_firm(
    var: Path, own: Mapping[str, Json] | None = None, copy_of: Path | None = None
) -> AsyncIterator[RealFirm]:
    """A firm whose Synapse runs and knows the bot; the bridge is not started.

    `own` are settings by section, such as {"directory": {"path": "..."}}; without it the firm is the demo firm.
    `copy_of` is the folder of a firm that was made and stopped, to go on from there.
    """
    check_installed()
    if copy_of is not None:
        shutil.copytree(copy_of, var, dirs_exist_ok=True)
    place = free_place(var)
    settings = files.write_files(place, own or files.read_demo_settings(DEMO_SETTINGS), TEST_INSTANCE)
    firm = RealFirm(place, settings)
    try:
        await firm.start_synapse()
        await make_bot(place, settings)
        yield firm
    finally:
        await firm.close()


def free_place(var: Path) -> LocalFirm:
    """A place with three ports that nobody uses at this moment."""
    return LocalFirm(var, free_port(), free_port(), free_port())
