"""Starting, watching and stopping the programs of a local firm."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bridge.dev.place import ENDED, IN_USE, DevError, LocalFirm

_CHILD = Path(__file__).with_name("child.py")
_LOOK_SECONDS = 0.1
STOP_SECONDS = 20.0
"""How long a program may take to end by itself."""


@dataclass(frozen=True, slots=True)
class Program:
    """A running program."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    pid_file: Path

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def died(self) -> DevError:
        """What to tell when it ended by itself."""
        code = self.process.wait()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return DevError(f"{self.name} {how}. The last lines of {self.log}:\n\n{tail(self.log)}", ENDED)


def start(name: str, slug: str, command: list[str], place: LocalFirm, env: Mapping[str, str] | None = None) -> Program:
    """Start a program in the background. Call this from the main thread: the program ends with the calling thread.

    `slug` names its log and pid file. It gets a session of its own, so that Ctrl-C in a terminal reaches only the one
    that started it.
    """
    log = place.logs / f"{slug}.log"
    if log.exists():
        log.replace(log.with_name(log.name + ".1"))
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-I", str(_CHILD), str(os.getpid()), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **(env or {})},
        )
    pid_file = place.var / f"{slug}.pid"
    pid_file.write_text(f"{process.pid}\n")
    return Program(name, process, log, pid_file)


def stop(program: Program) -> None:
    """Ask a program to end, wait, and end it by force where it does not."""
    program.process.terminate()
    try:
        program.process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        program.process.kill()
        program.process.wait()
    program.pid_file.unlink(missing_ok=True)


def kill(program: Program) -> None:
    """End a program as kill -9 does."""
    program.process.kill()
    program.process.wait()


def wait_for_end(programs: tuple[Program, ...]) -> Program:
    """Wait until one of the programs ends by itself, and return it."""
    with contextlib.ExitStack() as stack:
        handles: dict[int, Program] = {}
        for program in programs:
            if not program.running:
                return program
            handle = os.pidfd_open(program.process.pid)
            stack.callback(os.close, handle)
            handles[handle] = program
        ended, _, _ = select.select(handles, [], [])
        return handles[ended[0]]


async def wait_until_healthy(
    program: Program,
    url: str,
    *,
    seconds: float,
    tell: Callable[[str], None] | None = None,
    enough: Callable[[str], bool] = lambda said: True,
) -> None:
    """Wait until the URL answers 200 and what it says is `enough`. `tell` is called with what it says until then.

    Raises DevError when the program ends or the seconds pass.
    """
    said = "nothing"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not program.running:
                raise program.died()
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(url) as response:
                    said = await response.text()
                    if response.status == 200 and enough(said):
                        return
                    if tell is not None:
                        tell(said)
            await asyncio.sleep(_LOOK_SECONDS)
    raise DevError(
        f"{program.name} was not ready after {seconds:.0f} seconds. {url} last said: {said}\n"
        f"The last lines of {program.log}:\n\n{tail(program.log)}",
        ENDED,
    )


def stop_left_over(place: LocalFirm) -> Iterator[str]:
    """End what an earlier run in this folder left running, and say so for each."""
    for slug, mark in (("bridge", place.settings_file), ("synapse", place.instance_file)):
        pid_file = place.var / f"{slug}.pid"
        pid = _pid_in(pid_file)
        if pid is not None and str(mark) in _command_line(pid):
            _end(pid)
            yield f"Stopped {slug} (process {pid}), left over from an earlier run."
        pid_file.unlink(missing_ok=True)


def check_ports(place: LocalFirm) -> None:
    """Raise DevError where a port is taken."""
    ports = {"SYNAPSE_PORT": place.synapse_port, "BRIDGE_PORT": place.bridge_port, "PANEL_PORT": place.panel_port}
    for variable, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((place.host, port))
            except OSError as error:
                raise DevError(
                    f"Port {port} cannot be had ({error.strerror}). Stop the program that uses it,"
                    f" or choose another port: {variable}={port + 10 if port < 65000 else 18008} make run",
                    IN_USE,
                ) from error


@contextlib.contextmanager
def alone(place: LocalFirm) -> Iterator[None]:
    """Keep others out of the folder. Raises DevError where another run is using it."""
    place.var.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (place.var / "dev.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DevError(
                f"The firm in {place.var} is running already. Stop that run with Ctrl-C, or choose another folder"
                " and ports with VAR, SYNAPSE_PORT, BRIDGE_PORT and PANEL_PORT.",
                IN_USE,
            ) from error
        yield


def tail(log: Path, lines: int = 20) -> str:
    """The last lines of a log."""
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError as error:
        return f"(it cannot be read: {error.strerror})"


def _pid_in(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _end(pid: int) -> None:
    """End a process that is nobody's child here: first by asking, then by force."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + STOP_SECONDS
        while _command_line(pid) and time.monotonic() < end:
            time.sleep(_LOOK_SECONDS)
        if _command_line(pid):
            os.kill(pid, signal.SIGKILL)
