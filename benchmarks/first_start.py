"""How long it takes from a fresh clone until the demo firm is ready, beside what nobody can do without.

    python -m benchmarks.first_start [--python python3.11]

`make run` of a fresh clone, until it says ready; and the same two environments installed by pip alone, one after the
other, with the first start of Synapse alone until it answers. Both in one run, each in a folder of its own, with what
pip has kept from earlier: run it twice where that is nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from bridge.dev import files, processes, synapse
from bridge.dev.place import ROOT, LocalFirm
from tests.synapse.harness import free_place

MOST = 1.15


def ready_from_clone(folder: Path, python: str) -> float:
    """Seconds from the clone until `make run` says ready."""
    place = free_place(folder / "var")
    ports = {"SYNAPSE_PORT": str(place.synapse_port), "BRIDGE_PORT": str(place.bridge_port), "VAR": str(place.var)}
    began = time.perf_counter()
    clone(folder / "clone")
    process = subprocess.Popen(
        ["make", f"PYTHON={python}", "run"],
        cwd=folder / "clone",
        env={**os.environ, **ports},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("ready"):
            break
    took = time.perf_counter() - began
    process.terminate()
    process.wait()
    if not said or not said[-1].startswith("ready"):
        sys.exit("".join(said))
    return took


def alone(folder: Path, python: str) -> tuple[float, float]:
    """Seconds of pip for both environments, and of Synapse until it first answers."""
    clone(folder / "clone")
    began = time.perf_counter()
    install(folder / "clone", python, ".venv", "constraints.txt", ["--editable", ".[test,postgresql]"])
    install(folder / "clone", python, ".venv/synapse", "synapse-dev/constraints.txt", ["matrix-synapse"])
    installed = time.perf_counter() - began
    place: LocalFirm = free_place(folder / "var")
    files.write_files(place, {})
    began = time.perf_counter()
    server = synapse.start_synapse(place)
    try:
        asyncio.run(synapse.wait_for_synapse(server, place))
        return installed, time.perf_counter() - began
    finally:
        processes.stop(server)


def clone(folder: Path) -> None:
    """The commit that is checked out here, as somebody gets it."""
    run(["git", "clone", "--quiet", str(ROOT), str(folder)], ROOT)


def install(folder: Path, python: str, where: str, constraints: str, wanted: Sequence[str]) -> None:
    """An environment, and what pip puts into it."""
    run([python, "-m", "venv", where], folder)
    pip = [str(folder / where / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--constraint", constraints, *wanted], folder)


def run(command: Sequence[str], folder: Path) -> None:
    """Run a command to its end."""
    subprocess.run(command, cwd=folder, check=True)


def main() -> None:
    """Measure both and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", default="python3.11")
    python = parser.parse_args().python
    console = Console(highlight=False)
    with TemporaryDirectory() as folder:
        installed, started = alone(Path(folder), python)
        console.print(f"pip, both environments: {installed:.1f} s; Synapse's first start alone: {started:.1f} s")
    with TemporaryDirectory() as folder:
        whole = ready_from_clone(Path(folder), python)
    console.print(f"fresh clone until ready: {whole:.1f} s; ratio {whole / (installed + started):.2f}, at most {MOST}")


if __name__ == "__main__":
    main()
