"""How fast files come into the filing cabinet, beside a bare loop that downloads them, and how much memory that takes.

    python -m benchmarks.filing [--megabytes 200] [--rounds 5]

A Synapse, and a stub homeserver in this process, which costs next to nothing, give media to a process that files them,
or only downloads them, in turns. The bridge's part is all that a running bridge does for a file: streaming, checksum,
type, name, its rows in the database, moving it to its place, and the folder's list. The bare loop writes what it gets
to files, as many at once. Both make every file survive a loss of power (fsync). The figures are medians of the rounds,
since a shared machine is now faster, now slower.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
import uvloop
from aiohttp import web
from prometheus_client import CollectorRegistry
from rich.console import Console
from rich.table import Table

from benchmarks.provision import free_port
from bridge.dev import files, processes, synapse
from bridge.dev.place import LocalFirm
from bridge.filing.filer import Filer
from bridge.filing.into_cabinet import FilingLimits
from bridge.firm.model import Firm
from bridge.logs import set_up_logging
from bridge.mapping.files import Carried
from bridge.matrix.acting import NobodyElse
from bridge.matrix.client import MatrixClient
from bridge.metrics import Metrics
from bridge.settings import AppserviceSettings, HomeserverSettings, LogSettings, Settings
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.files.files import NewFile, add_file
from bridge.store.models import Conversation

MB = 1_000_000
OF_SYNAPSE = (MB, 10 * MB, 90 * MB)
OF_STUB = (MB, 10 * MB, 200 * MB)
CONCURRENCY = 2
_PIECE = 1 << 20
_TYPE = "application/octet-stream"
_TOKEN = "benchmark-token-0001"


@dataclass(frozen=True)
class Server:
    """Where media are."""

    name: str
    url: str
    token: str
    media: dict[int, str]
    """Media ids by size in bytes."""


async def bare(url: str, token: str, media: str, count: int, folder: Path) -> float:
    """Seconds in which the files are downloaded."""
    left = deque(range(count))
    target = f"{url}/_matrix/client/v1/media/download/localhost/{media}"

    async def work(session: aiohttp.ClientSession) -> None:
        while left:
            number = left.popleft()
            async with session.get(target) as response:
                response.raise_for_status()
                with (folder / f"{number}.bin").open("wb") as file:
                    async for piece in response.content.iter_chunked(_PIECE):
                        file.write(piece)
                    file.flush()
                    await asyncio.to_thread(os.fsync, file.fileno())

    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers, read_bufsize=_PIECE) as session:
        begun = time.perf_counter()
        await asyncio.gather(*(work(session) for _ in range(CONCURRENCY)))
        return time.perf_counter() - begun


async def filed(url: str, token: str, media: str, count: int, folder: Path) -> float:
    """Seconds in which the files are filed."""
    set_up_logging(LogSettings(level="error"))
    (folder / "cabinet").mkdir()
    settings = Settings(
        homeserver=HomeserverSettings(url=url),
        appservice=AppserviceSettings(as_token=token, hs_token=_TOKEN),
        security={"alias_key": "k" * 40},
        filing={"mode": "on", "url": str(folder / "cabinet")},
    )
    store = Store(f"sqlite:///{folder / 'bridge.db'}")
    await store.open()
    client = MatrixClient(settings.homeserver, settings.appservice, NobodyElse())
    await store.run(_index, count, media)
    filer = Filer(store, client, settings, Firm, Metrics(CollectorRegistry()), limits=FilingLimits(CONCURRENCY))
    begun = time.perf_counter()
    done = await filer.run()
    seconds = time.perf_counter() - begun
    await client.close()
    await store.close()
    if done != count:
        raise SystemExit(f"{done} of {count} files were filed.")
    return seconds


def _index(unit: Unit, count: int, media: str) -> None:
    """A unit: the files as they are known when their messages have come."""
    unit.run(Conversation.insert(id="talk", kind="matter", title="General", matter_id="m", created_at=1))
    for number in range(count):
        name = f"Scan {number}.bin"
        carried = Carried("file", name, name, "", f"mxc://localhost/{media}", "", _TYPE, None, None, None, None)
        add_file(
            unit, NewFile(f"$f{number}", "!room", "talk", "@ann:localhost", "ann", 1_700_000_000_000 + number, carried)
        )


@asynccontextmanager
async def stub(folder: Path) -> AsyncIterator[Server]:
    """A homeserver that does nothing but give out files."""

    async def media(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(folder / request.match_info["id"])

    for size in OF_STUB:
        (folder / str(size)).write_bytes(os.urandom(MB) * (size // MB))
    app = web.Application()
    app.router.add_get("/_matrix/client/v1/media/download/{server}/{id}", media)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield Server("stub", f"http://127.0.0.1:{runner.addresses[0][1]}", _TOKEN, {size: str(size) for size in OF_STUB})
    await runner.cleanup()


@asynccontextmanager
async def real(folder: Path) -> AsyncIterator[Server]:
    """A Synapse with a file of each size."""
    place = LocalFirm(folder, free_port(), 1)
    settings = files.write_files(place, {})
    program = synapse.start_synapse(place)
    try:
        await synapse.wait_for_synapse(program, place)
        await synapse.make_bot(place, settings)
        token = settings.appservice.as_token.get_secret_value()
        client = MatrixClient(settings.homeserver, settings.appservice, NobodyElse())
        media = {}
        for size in OF_SYNAPSE:
            uri = await client.upload(os.urandom(MB) * (size // MB), "application/octet-stream", "Scan.bin")
            media[size] = uri.rpartition("/")[2]
        await client.close()
        yield Server("Synapse", place.synapse_url, token, media)
    finally:
        processes.stop(program)


async def _measured(side: str, server: Server, size: int, count: int) -> tuple[float, float]:
    """Seconds and peak memory in MiB of one side, in a process of its own."""
    with TemporaryDirectory(prefix="bench-filing-") as folder:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.filing", "--side", side, "--url", server.url),
            *("--token", server.token, "--media", server.media[size], "--count", str(count), "--folder", folder),
            stdout=asyncio.subprocess.PIPE,
        )
        told, _ = await child.communicate()
        if child.returncode:
            raise SystemExit(f"The {side} side ended with {child.returncode}.")
        found = json.loads(told)
        return found["seconds"], found["peak_mib"]


async def _row(server: Server, size: int, megabytes: int, rounds: int) -> list[str]:
    count = max(megabytes * MB // size, 2)
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    for number in range(rounds):
        sides = ("filed", "bare") if number % 2 else ("bare", "filed")
        for side in sides:
            (ours if side == "filed" else theirs).append(await _measured(side, server, size, count))
    volume = count * size / MB
    speeds = [statistics.median(volume / seconds for seconds, _ in found) for found in (ours, theirs)]
    ratio = statistics.median(bare_s / filed_s for (filed_s, _), (bare_s, _) in zip(ours, theirs, strict=True))
    peaks = [max(peak for _, peak in found) for found in (ours, theirs)]
    return [
        *(server.name, f"{size // MB} MB", str(count), *(f"{speed:.0f} MB/s" for speed in speeds), f"{ratio:.2f}"),
        *(f"{peak:.0f} MiB" for peak in peaks),
    ]


async def compare(megabytes: int, rounds: int) -> None:
    """Print the table."""
    table = Table("from", "file", "files", "filed", "downloaded", "ratio", "peak memory, filed", "downloaded")
    for place in (real, stub):
        with TemporaryDirectory(prefix="bench-media-") as folder:
            async with place(Path(folder)) as server:
                for size in server.media:
                    table.add_row(*await _row(server, size, megabytes, rounds))
    Console(width=120).print(table)


def main() -> None:
    """Compare, or be one side of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=200, help="of files in one round")
    parser.add_argument("--rounds", type=int, default=5)
    for name in ("--side", "--url", "--token", "--media", "--count", "--folder"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side is None:
        asyncio.run(compare(options.megabytes, options.rounds))
        return
    side = filed if options.side == "filed" else bare
    work = side(options.url, options.token, options.media, int(options.count), Path(options.folder))
    seconds = uvloop.run(work)
    status = Path("/proc/self/status").read_text()
    peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
    print(json.dumps({"seconds": seconds, "peak_mib": peak}))


if __name__ == "__main__":
    main()
