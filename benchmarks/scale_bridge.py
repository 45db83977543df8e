"""The bridge of `scale.py`: started, asked and given changes to follow, with its processor time and memory watched.

    python -m benchmarks.scale_bridge FOLDER STAFF HOMESERVER PORT [--only commands|following] [--rounds 3] [--no-pass]

prints what it saw as JSON, a list of `Seen`. Which bridge that is says the folder it is started in. Everything is asked
and each change of the directory made in so many rounds, and what it takes is the median of them; with `--no-pass` the
start makes no pass over the firm.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.scale_firm import (
    MADE_MS,
    SERVER,
    number_of,
    room_id_of,
    set_up_quiet_logging,
    settings_of,
    write_directory,
)
from bridge.app import Bridge
from bridge.firm.conversation import bot_chat_id, channel_id, channel_key, first_matter_conversation_id
from bridge.jobs import Jobs
from bridge.mapping.event import event_of
from bridge.reconcile.passes import Passes
from bridge.service import FirmService, open_firm
from bridge.store.engine.store import Store
from bridge.store.queues.outbox import pending

PARTS = ("commands", "following")
"""What comes after the start."""
MOST_BYTES = 65_536
"""An event may have no more (specification, size limits)."""


@dataclass
class Seen:
    """What one piece of work took."""

    name: str
    kind: str
    """start, answer, change, event, read, follow or held."""
    cpu: float = 0.0
    """Milliseconds of processor time of the whole process."""
    loop: float = 0.0
    """The longest stretch of the event loop, in milliseconds of processor time."""
    loop_in: str = ""
    unit: float = 0.0
    """The longest unit of the store, in the same."""
    unit_in: str = ""
    answer_bytes: int = 0
    """Of the longest message that came of it."""
    peak_mib: float = 0.0
    """The most memory that the process ever had, up to here."""
    said: str = ""


@dataclass
class Watch:
    """Watches the event loop and the store."""

    seen: list[Seen] = field(default_factory=list)
    _now: Seen = field(default_factory=lambda: Seen("", ""))

    @asynccontextmanager
    async def on(self, name: str, kind: str) -> AsyncIterator[Seen]:
        """Have what is done meanwhile counted for this."""
        gc.collect()
        # What this task did until here counts for nothing.
        await asyncio.sleep(0)
        self._now = Seen(name, kind)
        begun = time.process_time()
        try:
            yield self._now
        finally:
            self._now.cpu = (time.process_time() - begun) * 1000
            self._now.peak_mib = peak_mib()
            self.seen.append(self._now)
            self._now = Seen("", "")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Put the watches in place."""
        step = asyncio.Handle._run

        def watched_step(handle: asyncio.Handle) -> None:
            begun = time.thread_time()
            step(handle)
            taken = (time.thread_time() - begun) * 1000
            if taken > self._now.loop:
                self._now.loop, self._now.loop_in = taken, where(handle)

        def watched(run: Callable[..., Any]) -> Callable[..., Any]:
            async def watched_run(store: Store, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
                name = getattr(work, "__qualname__", "") or getattr(getattr(work, "func", None), "__qualname__", "?")

                def timed(*args: Any, **kwargs: Any) -> Any:
                    begun = time.thread_time()
                    try:
                        return work(*args, **kwargs)
                    finally:
                        taken = (time.thread_time() - begun) * 1000
                        if taken > self._now.unit:
                            self._now.unit, self._now.unit_in = taken, name

                return await run(store, timed, *args, **kwargs)

            return watched_run

        with ExitStack() as patches:
            patches.enter_context(patch.object(asyncio.Handle, "_run", watched_step))
            for name in ("run", "run_undurable", "read"):
                patches.enter_context(patch.object(Store, name, watched(getattr(Store, name))))
            yield


def where(handle: asyncio.Handle) -> str:
    """Which coroutine, and where it stands now, or which callback a handle runs."""
    callback: Any = handle._callback  # type: ignore[attr-defined]
    task = getattr(callback, "__self__", None)
    if not isinstance(task, asyncio.Task):
        return str(getattr(callback, "__qualname__", callback))
    coroutine: Any = task.get_coro()
    names: list[str] = []
    while coroutine is not None and len(names) < 12:
        names.append(str(getattr(coroutine, "__qualname__", coroutine)))
        coroutine = getattr(coroutine, "cr_await", None)
    return " > ".join(names[-4:])


def peak_mib() -> float:
    """The high-water mark of the process's memory, by the kernel."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("The kernel tells no high-water mark.")


@dataclass
class Asking:
    """The running bridge, given events as the homeserver gives them."""

    bridge: Bridge
    firm: FirmService
    watch: Watch
    number: int = 0

    async def event(self, name: str, kind: str, event: dict[str, Any]) -> None:
        """Let an event be handled, and look at what is to be sent for it."""
        self.number += 1
        whole = {"event_id": f"$asked{self.number}", "origin_server_ts": MADE_MS + 10_000 + self.number, **event}
        async with self.watch.on(name, kind) as seen:
            if self.bridge.router.kept(event_of(whole), whole) is None:
                raise SystemExit(f"{name}: not handled")
            if (effect := await self.bridge.router.handle(whole)) is not None:
                await self.firm.store.run(effect)
        rows = await self.firm.store.run(pending, 0, 1000)
        # What is sent for this counts for nothing that is done later.
        while await self.firm.store.read(pending, 0, 1):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.05)
        seen.answer_bytes = max((len(row.content) for row in rows), default=0)
        # The last may be a sign at what was typed.
        bodies = [json.loads(row.content).get("body", "") for row in rows]
        seen.said = next(filter(None, reversed(bodies)), "")[:200]

    async def command(self, text: str, key: str = "", who: int = 0) -> None:
        """Let somebody type a command."""
        content = {"msgtype": "m.text", "body": text}
        room_id, sender = room_id_of(key or bot_chat_id(f"s{who}")), f"@robin{who}:{SERVER}"
        event = {"type": "m.room.message", "room_id": room_id, "sender": sender, "content": content}
        changes = text[1:].startswith(CHANGING) and not text[1:].startswith(SHOWING)
        await self.event(text if len(text) < 50 else f"{text[:40]}…", "change" if changes else "answer", event)

    async def membership(self, name: str, key: str, who: int, membership: str) -> None:
        """Let somebody join or leave by themselves."""
        user_id = f"@robin{who}:{SERVER}"
        event = {"type": "m.room.member", "room_id": room_id_of(key), "sender": user_id, "state_key": user_id}
        await self.event(name, "event", {**event, "content": {"membership": membership}})


CHANGING = ("matter start", "matter join", "dm ", "wall add", "wall lift", "channel ", "add", "remove", "digest")
"""Commands that change rooms, whose work grows with the rooms and not with the firm."""
SHOWING = ("channel list", "channel search", "channel recent", "channel info")


async def ask_all(asking: Asking, staff: int, number: int) -> None:
    """All commands that answer, at their most expensive, for the so many-th time."""
    matter, tide = number_of(10), channel_id(channel_key("Tide 0"))
    general = first_matter_conversation_id("m10")
    texts = [
        *("help", "matter list", "more", "matter list about", f"matter show {matter}", f"matter access {matter}"),
        *(
            "wall list",
            "more",
            f"wall list {matter}",
            "wall list @robin5",
            "wall report W-1",
            "wall list client:Client 2",
        ),
        *("plan", "more", f"plan {matter}", "plan Tide 0"),
        *(f"why @robin5 {matter}", "why @robin5 Tide 0", "access @robin5", "more", "access @robin0"),
        *("audit", "more", "audit @robin5", f"audit {matter}", "audit Tide 0", "audit deed:archived", "audit refused"),
        *("channel list", "more", "channel search tide", "channel recent", "channel info Tide 0"),
        *("files", "more", "files contract", "staff list", "directory status", "digest off", "channel search zzz"),
        *(f'matter start {matter} "Talk {number}" @robin9', f"dm @robin{7 + number}", "matter list zzz"),
        f"matter join {number_of(10 + 10 * number)} 1",
        *(f"wall add {matter} @robin9 Why not", f"wall lift {matter}", "wall acknowledge", "matter show 2026-99999"),
        *('wall add client:"Client 10" group:"Group 3" Because', 'wall lift client:"Client 10"'),
        *(f"channel create New{number} @robin3", f"channel archive New{number}", f"channel restore New{number}"),
    ]
    for text in texts:
        await asking.command(f"!{text}")
    for text in ("participants", "channel info", "files", "pinned", "add @robin12", "remove @robin12"):
        await asking.command(f"!{text}", tide)
    await asking.command("!participants", channel_id(channel_key("Everyone")))
    for text in ("participants", "matter show", "add @robin8", "remove @robin8"):
        await asking.command(f"!{text}", general, 70)
    await asking.command("!matter list", who=staff - 1)
    await asking.membership("somebody joins a channel", tide, 4 + number, "join")
    await asking.membership("somebody leaves a channel", tide, (number + 1) * (staff // 5), "leave")
    await asking.membership("somebody joins a matter", first_matter_conversation_id("m1"), 3 + number, "join")


async def follow_all(asking: Asking, folder: Path, staff: int, rounds: int) -> None:
    """Changes of the directory, small and held."""
    bridge, watch = asking.bridge, asking.watch
    directory: dict[str, Any] = {}

    async def follow(name: str, **changed: Any) -> None:
        directory.update(changed)
        write_directory(folder, staff, **directory)
        async with watch.on(f"{name}: read", "read"):
            await asking.firm.directory.refresh()
        async with watch.on(name, "follow"):
            await bridge.upkeep.follow_directory()

    for number in range(rounds):
        await follow("one matter's title", title=f"Title {number}")
    for number in range(rounds):
        await follow("one person joins a team", joined=number + 1)
    for number in range(rounds):
        await follow("one wall is set", walled=number + 1)
    for number in range(rounds):
        await follow("one person leaves", gone=number + 1)
    write_directory(folder, staff, **{**directory, "gone": staff // 3})
    await asking.firm.directory.refresh()
    async with watch.on("while a change is held", "held"):
        await bridge.upkeep.follow_directory()


def middle(times: Sequence[Seen]) -> Seen:
    """The median of what was done several times, with the longest stretch and unit and the largest answer of all."""
    loop, unit = max(times, key=lambda one: one.loop), max(times, key=lambda one: one.unit)
    return replace(
        sorted(times, key=lambda one: one.cpu)[len(times) // 2],
        name=times[0].name,
        loop=loop.loop,
        loop_in=loop.loop_in,
        unit=unit.unit,
        unit_in=unit.unit_in,
        answer_bytes=max(one.answer_bytes for one in times),
    )


def by_name(seen: Sequence[Seen]) -> list[Seen]:
    """One for each name, in the order of their first."""
    times: dict[str, list[Seen]] = {}
    for one in seen:
        times.setdefault(one.name, []).append(one)
    return list(map(middle, times.values()))


class NothingDone:
    """What comes of a pass that is left out."""

    done = 0
    failed: tuple[str, ...] = ()


async def no_pass(*_: object) -> NothingDone:
    """In place of a pass over the firm."""
    return NothingDone()


async def go(given: argparse.Namespace) -> list[Seen]:
    """Start the bridge and let it do these parts of the work."""
    folder, staff, parts = given.folder, given.staff, given.only or PARTS
    settings, watch = settings_of(folder, given.homeserver, given.port), Watch()
    set_up_quiet_logging()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    with ExitStack() as patches:
        patches.enter_context(watch.watching())
        for name in ("start", "stop"):
            patches.enter_context(patch.object(Jobs, name, lambda _: None))
        if given.no_pass:
            patches.enter_context(patch.object(Passes, "sync", no_pass))
        stop = asyncio.Event()
        async with watch.on("a start with a full pass", "start") as seen:
            opened = open_firm(settings)
            firm = await opened.__aenter__()
            bridge = Bridge(firm)
            running = asyncio.create_task(bridge.run(stop))
            while bridge.health()["reconciled"]:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.2)
        seen.said = f"failed: {len(getattr(firm.reconciler, 'again', ()))}"
        asking, asked = Asking(bridge, firm, watch), list[list[Seen]]()
        for number in range(given.rounds if "commands" in parts else 0):
            begun = len(watch.seen)
            await ask_all(asking, staff, number)
            asked.append(watch.seen[begun:])
        begun = len(watch.seen)
        if "following" in parts:
            await follow_all(asking, folder, staff, given.rounds)
        stop.set()
        await running
        await opened.__aexit__(None, None, None)
    return [watch.seen[0], *map(middle, zip(*asked, strict=True)), *by_name(watch.seen[begun:])]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("staff", type=int)
    parser.add_argument("homeserver")
    parser.add_argument("port", type=int)
    parser.add_argument("--only", choices=PARTS, action="append", default=[])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--no-pass", action="store_true")
    json.dump([asdict(one) for one in asyncio.run(go(parser.parse_args()))], sys.stdout)
