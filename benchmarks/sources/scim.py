"""What pushing to the SCIM server takes, beside scim2-server's own storage in memory.

    python -m benchmarks.sources.scim [--users 1000] [--groups 100] [--staff 1000]

Each request goes to one after the other, in turns, over HTTP, one by one: users, then groups of ten of them, then each
user changed. The bridge is its panel's address, with its tokens, limits, audit log and database, and follows meanwhile
what was pushed as its jobs do. In memory is the same server over scim2-server's storage in memory, and bare is that
storage behind scim2-server's handler and aiohttp, with no tokens, limits or log. Then the same is pushed to a bridge
that has a firm loaded, ten matters for each of its staff, who are the ones that are pushed.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from rich.console import Console
from rich.table import Table
from scim2_server.handler import AsyncScimHandler
from scim2_server.memory import AsyncInMemoryStorage
from scim2_server.requests import ScimRequest
from scim2_server.service import ScimService

from benchmarks.scale_firm import write_directory
from bridge.directory.scim.running import Scim, make_provider
from bridge.jobs import WATCH_SECONDS
from bridge.operations.tokens import Scope
from bridge.settings import DirectorySettings, FirmSettings, PanelSettings, ScimSettings
from bridge.web.bearer import SCIM_PATH
from bridge.web.scim import make_scim
from tests.component.api.harness import Api
from tests.component.scim.harness import PATCH, Client, user
from tests.component.small_firm import small_firm

Json = dict[str, Any]
Ask = Callable[[str, str, Json], Awaitable[Json]]
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


class Memory(AsyncInMemoryStorage):
    """scim2-server's own storage, in which a change is stored at once."""

    async def stored(self) -> None:
        """Nothing is to be waited for."""


@asynccontextmanager
async def theirs() -> AsyncIterator[Ask]:
    """scim2-server over its storage in memory."""
    handler = AsyncScimHandler(ScimService(make_provider()), Memory())

    async def answered(request: web.Request) -> web.Response:
        asked = ScimRequest(
            method=request.method,
            base_url="https://scim.example",
            path="/" + request.match_info["path"],
            query=dict(request.query),
            headers=list(request.headers.items()),
            body=await request.read(),
        )
        found = await handler.handle(asked)
        body = None if found.body is None else orjson.dumps(found.body)
        return web.Response(body=body, status=int(found.status), headers=found.headers)

    app = web.Application()
    app.add_routes([web.route("*", "/{path:.*}", answered)])
    async with TestClient(TestServer(app)) as client:

        async def ask(method: str, path: str, body: Json) -> Json:
            headers = {"Content-Type": "application/scim+json"}
            async with client.request(method, path, data=orjson.dumps(body), headers=headers) as answer:
                made: Json = orjson.loads(await answer.read() or b"{}")
                assert answer.status < 300, made
                return made

        yield ask


@asynccontextmanager
async def loaded(folder: Path, staff: int) -> AsyncIterator[Client]:
    """The small firm of the tests, or a firm of so many besides Ruth."""
    async with small_firm(folder, f"sqlite:///{folder}/bridge.sqlite3") as firm:
        path = firm.service.settings.directory.path
        if staff:
            write_directory(folder, staff)
            path = str(folder / "directory")
            with (folder / "directory" / "staff.csv").open("a") as people:
                people.write("ruth,Ruth,Hollis,ruth@firm.example,Associate,no\r\n")
        await firm.restart(
            directory=DirectorySettings(path=path, removal_limit=100, sources={"files": (), "scim": ()}),
            panel=PanelSettings(url="https://panel.example"),
            firm=FirmSettings(name="Firm", admin_roles=("Associate",)),
        )
        firm.all_done()
        async with TestClient(TestServer(firm.bridge.panel_app())) as http:
            api = Api(firm, http)
            token = (await api.system("ruth", (Scope.SCIM,))).token
            yield Client(api, token)


@asynccontextmanager
async def in_memory(client: Client) -> AsyncIterator[Ask]:
    """The bridge's server over scim2-server's storage in memory."""
    bridge, service = client.api.firm.bridge, client.api.firm.service
    scim = Scim(ScimSettings(), service.store)
    scim.resources = Memory()  # type: ignore[assignment]
    app = web.Application()
    app.add_subapp(SCIM_PATH, make_scim(bridge.jobs.desk, scim, lambda: True, service.metrics))
    async with TestClient(TestServer(app)) as http:
        yield ours(Client(Api(client.api.firm, http), client.token))


def ours(client: Client) -> Ask:
    """The bridge."""

    async def ask(method: str, path: str, body: Json) -> Json:
        status, made = await client.ask(method, path, body)
        assert status < 300, made
        return made or {}

    return ask


@asynccontextmanager
async def followed(client: Client) -> AsyncIterator[list[float]]:
    """Follow what was pushed as the jobs of the bridge do; the seconds that each time took."""
    took: list[float] = []
    scim = client.api.firm.bridge.scim
    assert scim is not None

    async def follow() -> None:
        while True:
            began = time.perf_counter()
            await scim.run()
            await client.api.firm.service.directory.refresh()
            took.append(time.perf_counter() - began)
            await asyncio.sleep(WATCH_SECONDS)

    following = asyncio.create_task(follow())
    try:
        yield took
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
    await client.told()


def pushes(people: list[Json], groups: int, ids: list[str]) -> Iterator[tuple[str, str, Json]]:
    """What is pushed, in order; `ids` are those that were given to people meanwhile."""
    for one in people:
        yield "POST", "/Users", one
    for number in range(groups):
        members = [{"value": ids[(number * 10 + each) % len(people)]} for each in range(10)]
        yield "POST", "/Groups", {"schemas": [GROUP], "displayName": f"Group {number}", "members": members}
    for number in range(len(people)):
        change = {"op": "Replace", "path": "title", "value": f"Title {number}"}
        yield "PATCH", f"/Users/{ids[number]}", {"schemas": [PATCH], "Operations": [change]}


async def pushed(asks: list[Ask], people: list[Json], groups: int) -> list[list[float]]:
    """The seconds that each push took each of them, who are asked in turns."""
    took: list[list[float]] = [[] for _ in asks]
    ids: list[list[str]] = [[] for _ in asks]
    each = [pushes(people, groups, known) for known in ids]
    for number in range(len(people) + groups + len(people)):
        for place, ask in enumerate(asks):
            method, path, body = next(each[place])
            began = time.perf_counter()
            made = await ask(method, path, body)
            took[place].append(time.perf_counter() - began)
            if number < len(people):
                ids[place].append(made["id"])
    return took


def p95(seconds: list[float]) -> float:
    """In milliseconds."""
    return statistics.quantiles(seconds, n=20)[-1] * 1000


async def measured(users: int, groups: int, staff: int) -> Table:
    """The figures."""
    table = Table("what", "figure", "target")
    people = [user(f"Robin{number}") for number in range(users)]
    with TemporaryDirectory() as place:
        async with loaded(Path(place), 0) as client, in_memory(client) as same, theirs() as other, followed(client):
            mine, memory, bare = await pushed([ours(client), same, other], people, groups)
    ends = {"users and groups made": slice(0, users + groups), "users changed": slice(users + groups, None)}
    for what, part in ends.items():
        target = "at most 1.2" if part.start == 0 else ""
        for called, took in (("bridge", mine), ("in memory", memory), ("bare", bare)):
            table.add_row(f"{what}: {called}", f"{sum(took[part]):.2f} s")
        table.add_row(f"{what}: bridge to in memory", f"{sum(mine[part]) / sum(memory[part]):.2f}", target)
        table.add_row(f"{what}: bridge to bare", f"{sum(mine[part]) / sum(bare[part]):.2f}")
    table.add_row("p50, p95 of a push", f"{statistics.median(mine) * 1000:.1f} ms, {p95(mine):.1f} ms")
    with TemporaryDirectory() as place:
        known = [
            user(f"Robin{number}", userName=f"robin{number}@b.example", emails=[{"value": f"robin{number}@b.example"}])
            for number in range(users)
        ]
        async with loaded(Path(place), staff) as client:
            async with followed(client) as follows:
                (mine,) = await pushed([ours(client)], known, groups)
            firm = client.api.firm.service.directory.firm
            assert len(firm.matters) == staff * 10, len(firm.matters)
            assert len(firm.groups) >= groups, len(firm.groups)
    table.add_row(
        f"p50, p95 of a push, {staff} staff loaded",
        f"{statistics.median(mine) * 1000:.1f} ms, {p95(mine):.1f} ms",
        "p95 under 600 ms",
    )
    table.add_row("slowest push", f"{max(mine) * 1000:.0f} ms")
    table.add_row("following, times and median", f"{len(follows)}, {statistics.median(follows):.2f} s")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--groups", type=int, default=100)
    parser.add_argument("--staff", type=int, default=1000)
    given = parser.parse_args()
    table = asyncio.run(measured(given.users, given.groups, given.staff))
    Console(file=sys.stdout, width=110).print(table)


if __name__ == "__main__":
    main()
