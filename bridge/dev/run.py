"""`firm-bridge dev`: a local Synapse, the bridge and the demo firm, from nothing or from what an earlier run left."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import FrameType

from rich.console import Console
from rich.status import Status

from bridge.dev import demo, files, processes, synapse
from bridge.dev.place import DEMO_SETTINGS, LocalFirm
from bridge.dev.processes import Program

_READY_SECONDS = 900.0
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopAsked(KeyboardInterrupt):
    """Ctrl-C, or a signal that means the same. asyncio lets no other kind through from everywhere."""


def run_dev(place: LocalFirm, console: Console) -> None:
    """Set up and run the local firm until Ctrl-C. Raises DevError where something is in the way or ends by itself."""
    synapse.check_installed()
    with _stop_on_signals(), ExitStack() as stack:
        try:
            stack.enter_context(processes.alone(place))
            for sentence in processes.stop_left_over(place):
                console.print(sentence)
            processes.check_ports(place)
            programs = _bring_up(place, console, stack)
            raise processes.wait_for_end(programs).died()
        except StopAsked:
            console.print("Stopping.")
    console.print("Stopped. `make run` goes on where this ended.")


def start_bridge(place: LocalFirm, env: Mapping[str, str] | None = None) -> Program:
    """Start the bridge on the configuration that `write_files` made. Call this from the main thread."""
    command = [sys.executable, "-m", "bridge.cli", "run", "--config", str(place.settings_file)]
    return processes.start("The bridge", "bridge", command, place, env)


def _bring_up(place: LocalFirm, console: Console, stack: ExitStack) -> tuple[Program, ...]:
    settings = files.write_files(place, files.read_demo_settings(DEMO_SETTINGS))
    console.print(f"Configuration is in {place.var}, logs are in {place.logs}", soft_wrap=True)

    server = synapse.start_synapse(place)
    stack.callback(processes.stop, server)
    with _step(console, "Starting Synapse"):
        asyncio.run(synapse.wait_for_synapse(server, place))
        asyncio.run(synapse.make_bot(place, settings))
    console.print(f"Synapse runs at {place.synapse_url}; {settings.bot_id} is its admin")

    bridge = start_bridge(place)
    stack.callback(processes.stop, bridge)
    with _step(console, "Starting the bridge, which makes the firm's accounts and rooms") as status:
        _wait_for_bridge(bridge, place, status)
    console.print(f"The bridge runs at {place.bridge_url}; {settings.firm.name} is on Matrix")
    console.print(f"The panel is at {place.panel_url}; write !panel to {settings.bot_id} to sign in", soft_wrap=True)

    with _step(console, "Trying the logins"):
        logins = asyncio.run(demo.give_logins(settings, place.logins_file, place.synapse_url))
    console.print(demo.logins_table(logins))
    console.print(demo.how_to_log_in(place.synapse_url), soft_wrap=True)
    console.print(
        f"ready: write !help to {settings.bot_id}. The logins are in {place.logins_file}. Ctrl-C stops everything.",
        soft_wrap=True,
    )
    return (server, bridge)


@contextmanager
def _step(console: Console, what: str) -> Iterator[Status]:
    """Say what is done before it is, for a terminal and a log file alike, and afterwards how long it took."""
    console.print(f"{what} ...")
    begun = time.monotonic()
    with console.status(what) as status:
        yield status
    console.print(f"  done in {time.monotonic() - begun:.0f} s")


def _wait_for_bridge(bridge: Program, place: LocalFirm, status: Status) -> None:
    def tell(body: str) -> None:
        status.update(f"Waiting for: {missing(body)}")

    url = f"{place.bridge_url}/health/ready"
    asyncio.run(processes.wait_until_healthy(bridge, url, seconds=_READY_SECONDS, tell=tell, enough=all_made))


def all_made(body: str) -> bool:
    """Whether the bridge's readiness page says that every room and account is as it should be."""
    checks = json.loads(body)["checks"]
    return bool(checks["rooms"] == "ok")


def missing(body: str) -> str:
    """What the bridge's readiness page says is not done yet, in one line."""
    try:
        checks = json.loads(body)["checks"]
    except (ValueError, KeyError, TypeError):
        return body[:200]
    return "; ".join(f"{name} {found}" for name, found in checks.items() if found != "ok")


@contextmanager
def _stop_on_signals() -> Iterator[None]:
    """Turn Ctrl-C and its like into StopAsked, once; while everything is being stopped, further ones are ignored."""

    def stop(number: int, frame: FrameType | None) -> None:
        for each in _STOP_SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise StopAsked

    before = {each: signal.signal(each, stop) for each in _STOP_SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
