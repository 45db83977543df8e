"""How fast files come into the filing cabinet, beside a bare loop that downloads them, and how much memory that takes.

    python -m benchmarks.filing [--megabytes 400] [--rounds 5]

A stub homeserver in this process gives media to a process that files them, or only downloads them, in turns. The
bridge's part is all that a running bridge does for a file: streaming, checksum, type, name, its rows in the database,
moving it to its place, and the folder's list. The bare loop writes what it gets to files, as many at once. Both make
every file survive a loss of power (fsync). The figures are medians of the rounds, since a shared machine is now faster,
now slower.
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
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
from aiohttp import web
from prometheus_client import CollectorRegistry
from rich.console import Console
from rich.table import Table

from bridge.filing.filer import Filer
from bridge.firm.model import Firm
from bridge.logs import set_up_logging
from bridge.mapping.files import Carried
from bridge.matrix.acting import NobodyElse
from bridge.matrix.client import MatrixClient
from bridge.metrics import Metrics
from bridge.settings import AppserviceSettings, HomeserverSettings, LogSettings, Settings
from bridge.store.files import Sent, add_file
from bridge.store.models import Conversation
from bridge.store.store import Store

MB = 1_000_000
SIZES = (MB, 10 * MB, 200 * MB)
CONCURRENCY = 2
_PIECE = 1 << 20
_TOKENS = {"as_token": "benchmark-as-token-0001", "hs_token": "benchmark-hs-token-0001"}


async def bare(url: str, count: int, folder: Path) -> float:
    """Seconds in which the files are downloaded."""
    left = deque(range(count))

    async def work(session: aiohttp.ClientSession) -> None:
        while left:
            number = left.popleft()
            async with session.get(f"{url}/_matrix/client/v1/media/download/localhost/m{number}") as response:
                with (folder / f"{number}.bin").open("wb") as file:
                    async for piece in response.content.iter_chunked(_PIECE):
                        file.write(piece)
                    file.flush()
                    await asyncio.to_thread(os.fsync, file.fileno())

    async with aiohttp.ClientSession(read_bufsize=_PIECE) as session:
        begun = time.perf_counter()
        await asyncio.gather(*(work(session) for _ in range(CONCURRENCY)))
        return time.perf_counter() - begun


async def filed(url: str, count: int, folder: Path) -> float:
    """Seconds in which the files are filed."""
    set_up_logging(LogSettings(level="error"))
    (folder / "cabinet").mkdir()
    settings = Settings(
        homeserver=HomeserverSettings(url=url),
        appservice=AppserviceSettings(**_TOKENS),
        security={"alias_key": "k" * 40},
        filing={"mode": "on", "url": str(folder / "cabinet"), "concurrency": CONCURRENCY},
    )
    store = Store(f"sqlite:///{folder / 'bridge.db'}")
    await store.open()
    client = MatrixClient(settings.homeserver, settings.appservice, NobodyElse())
    await store.run(lambda: _index(count))
    filer = Filer(store, client, settings, Firm, Metrics(CollectorRegistry()))
    begun = time.perf_counter()
    done = await filer.run()
    seconds = time.perf_counter() - begun
    await client.close()
    await store.close()
    if done != count:
        raise SystemExit(f"{done} of {count} files were filed.")
    return seconds


def _index(count: int) -> None:
    """A unit: the files as they are known when their messages have come."""
    Conversation.create(id="talk", kind="matter", title="General", matter_id="m", created_at=1)
    for number in range(count):
        name, mxc = f"Scan {number}.bin", f"mxc://localhost/m{number}"
        carried = Carried("file", name, name, "", mxc, "", "", None, None, None, None)
        add_file(Sent(f"$f{number}", "!room", "talk", "@ann:localhost", "ann", 1_700_000_000_000 + number, carried))


async def _serve(folder: Path, size: list[int]) -> tuple[web.AppRunner, str]:
    """A stub homeserver; every file is the one of the size that stands in the list."""

    async def media(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(folder / f"{size[0]}.bin")

    for length in SIZES:
        (folder / f"{length}.bin").write_bytes(os.urandom(MB) * (length // MB))
    app = web.Application()
    app.router.add_get("/_matrix/client/v1/media/download/{server}/{id}", media)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


async def _measured(side: str, url: str, count: int) -> tuple[float, float]:
    """Seconds and peak memory in MiB of one side, in a process of its own."""
    with TemporaryDirectory(prefix="bench-filing-") as folder:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.filing", "--side", side, "--url", url),
            *("--count", str(count), "--folder", folder),
            stdout=asyncio.subprocess.PIPE,
        )
        told, _ = await child.communicate()
        if child.returncode:
            raise SystemExit(f"The {side} side ended with {child.returncode}.")
        found = json.loads(told)
        return found["seconds"], found["peak_mib"]


async def compare(megabytes: int, rounds: int) -> None:
    """Print the table."""
    table = Table("file", "files", "filed", "downloaded", "ratio", "peak memory, filed", "downloaded")
    with TemporaryDirectory(prefix="bench-media-") as folder:
        size = [0]
        runner, url = await _serve(Path(folder), size)
        for length in SIZES:
            size[0], count = length, max(megabytes * MB // length, 2)
            ours, theirs, ratios = [], [], []
            peaks: dict[str, list[float]] = {"filed": [], "bare": []}
            for _ in range(rounds):
                seconds, peak = await _measured("filed", url, count)
                bare_seconds, bare_peak = await _measured("bare", url, count)
                ours.append(count * length / MB / seconds)
                theirs.append(count * length / MB / bare_seconds)
                ratios.append(bare_seconds / seconds)
                peaks["filed"].append(peak)
                peaks["bare"].append(bare_peak)
            table.add_row(
                f"{length // MB} MB",
                str(count),
                f"{statistics.median(ours):.0f} MB/s",
                f"{statistics.median(theirs):.0f} MB/s",
                f"{statistics.median(ratios):.2f}",
                f"{max(peaks['filed']):.0f} MiB",
                f"{max(peaks['bare']):.0f} MiB",
            )
        await runner.cleanup()
    Console().print(table)


def main() -> None:
    """Compare, or be one side of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=400, help="of files in one round")
    parser.add_argument("--rounds", type=int, default=5)
    for name in ("--side", "--url", "--count", "--folder"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side is None:
        asyncio.run(compare(options.megabytes, options.rounds))
        return
    side = filed if options.side == "filed" else bare
    seconds = asyncio.run(side(options.url, int(options.count), Path(options.folder)))
    status = Path("/proc/self/status").read_text()
    peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
    print(json.dumps({"seconds": seconds, "peak_mib": peak}))


if __name__ == "__main__":
    main()
