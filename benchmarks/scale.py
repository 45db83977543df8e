"""Whether the bridge stays quick in a large firm: beside a tenth of it, and beside an earlier build, in one run.

    python -m benchmarks.scale [--staff 1000] [--earlier 5917f01|none] [--keep FOLDER] [--only commands|following]

The firm has ten matters, a hundred files, a thousand audit entries and two direct conversations for each person,
three walls for ten people, and fifty channels; all of it is long in place on a stub homeserver. The bridge starts
with a full pass, answers every command that shows something, hears of people who come and go, and follows changes of
its directory. What is measured is processor time: of the whole process, of the longest stretch of the event loop and
of the longest unit of the store, so that other programs on the machine do not count. `--keep` keeps the firms that
were made, and takes those that are there; `--only` leaves out one part of what comes after the start, and `--earlier
none` the earlier build. That build only follows changes, without a pass at its start, which alone takes it minutes.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from benchmarks.scale_bridge import MOST_BYTES, PARTS, Seen

HERE = Path(__file__).parents[1]
MOST_MS = 50.0
"""Of processor time for an answer, a stretch of the event loop and a unit."""
MOST_MIB = 200.0
LEAST_GAIN = 10.0
"""How many times less processor time following a change takes than in the earlier build."""
MOST_GROWTH = 1.5
"""Of what does not depend on the size of the firm, when that is ten times as large."""
NOISE_MS = 10.0
"""Less is not compared: that much differs from run to run."""
ROUNDS = 3
"""How often everything is asked and each change of the directory made; the earlier build makes it once."""
BENCHMARK_THEN = "8da06d3"
"""The commit whose benchmark is used with the earlier build: the last that had to do with both."""
LIBRARIES_THEN = ("httptools",)
"""What the earlier build needs and this one does not."""
CALLED_THEN = (
    (r"people\[n::20\]\)\) for n in range\(50\)", "people[n % 20 :: staff // 5])) for n in range(50)"),
    (r"bridge\.(store|reconcile)\.(?:engine|files|planning|queues|rooms)\.", r"bridge.\1."),
    (r"child_state\((\w+), order\)", r"child_state(\1)"),
    (r"for child, order in shape\.children\.items\(\)", "for child in shape.children"),
    (r"bridge\.upkeep\.follow_directory", "bridge._follow_directory"),
)
"""What was otherwise in the earlier build: patterns, and what stands in their place there."""
READS_ALL = {"!plan"}
"""Answers for which all rooms are read, so that only their stretches and units are bounded."""
GROWS = (
    "!matter list",
    "!wall list",
    "!access",
    "!matter access",
    "!audit",
    "!more",
    "!directory status",
    "!plan",
    "!wall lift",
    "!wall add client",
)
"""What is found among all matters, walls or people, or tells everybody of a group: it may take ten times as long, and
no more."""
LINEAR = 12.0


@dataclass(frozen=True)
class Build:
    """A build of the bridge, and the folder that it is in."""

    name: str
    folder: Path


def earlier_build(commit: str, folder: Path) -> Build:
    """The bridge as it was at a commit, with the benchmark around it that came first."""
    folder.mkdir()
    archive = subprocess.run(["git", "archive", commit], cwd=HERE, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    for name in ("scale_bridge.py", "scale_firm.py", "scale_homeserver.py"):
        shown = ["git", "show", f"{BENCHMARK_THEN}:benchmarks/{name}"]
        text = subprocess.run(shown, cwd=HERE, capture_output=True, text=True, check=True).stdout
        for pattern, then in CALLED_THEN:
            text = re.sub(pattern, then, text)
        (folder / "benchmarks" / name).write_text(text)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(folder)]
    subprocess.run([*pip, *LIBRARIES_THEN], check=True)
    return Build(commit[:7], folder)


@contextmanager
def homeserver(build: Build, firm: Path, port: int) -> Iterator[str]:
    """The stub homeserver in a process of its own; its address."""
    command = [sys.executable, "-m", "benchmarks.scale_homeserver", str(firm), str(port)]
    with subprocess.Popen(
        command, cwd=build.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


def run(build: Build, made: Path, staff: int, options: Sequence[str], console: Console) -> list[Seen]:
    """What the bridge of a build takes in this firm, with these options of `scale_bridge.py`."""
    console.print(f"{build.name} in a firm of {staff:,}")
    with TemporaryDirectory() as name:
        bridges, homeservers = Path(name) / "bridge", Path(name) / "homeserver"
        shutil.copytree(made, bridges)
        shutil.copytree(made, homeservers)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with homeserver(build, homeservers, port) as url:
            command = ["-m", "benchmarks.scale_bridge", str(bridges), str(staff), url, str(port), *options]
            done = subprocess.run(
                [sys.executable, *command], cwd=build.folder, stdout=subprocess.PIPE, text=True, check=True
            )
    seen = [Seen(**one) for one in json.loads(done.stdout)]
    # At once, since what comes after may take long.
    console.print("\n".join(f"{one.cpu:8.0f} ms {one.name}" for one in seen), markup=False)
    return seen


def made_firm(build: Build, folder: Path, staff: int, console: Console) -> Path:
    """The folder with a firm of this size; made by the earlier build, so that both find a database they know."""
    made = folder / f"firm-{staff}"
    if not (made / "made").exists():
        console.print(f"Making a firm of {staff:,}")
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        command = [sys.executable, "-m", "benchmarks.scale_firm", str(made), str(staff)]
        subprocess.run(command, cwd=build.folder, check=True)
        (made / "made").touch()
    return made


def problems(now: Seen, tenth: Seen, before: Seen | None) -> Iterator[str]:
    """What of this work is not as it should be in the large firm; `tenth` is the same in a tenth of it."""
    if now.kind == "answer" and now.name not in READS_ALL and now.cpu > MOST_MS:
        yield f"takes {now.cpu:.0f} ms"
    if now.loop > MOST_MS:
        yield f"a stretch of the event loop takes {now.loop:.0f} ms, in {now.loop_in}"
    if now.unit > MOST_MS:
        yield f"a unit takes {now.unit:.0f} ms, {now.unit_in}"
    if now.answer_bytes > MOST_BYTES:
        yield f"the answer has {now.answer_bytes} bytes"
    if now.kind == "start" and now.peak_mib > MOST_MIB:
        yield f"takes {now.peak_mib:.0f} MiB"
    if before is not None and now.kind == "follow" and now.cpu * LEAST_GAIN > before.cpu:
        yield f"takes {now.cpu:.0f} ms, {before.cpu / now.cpu:.1f} times less than before"
    growth = now.cpu / max(tenth.cpu, NOISE_MS)
    most = (
        MOST_GROWTH
        if now.kind in {"answer", "change", "event", "follow", "held"} and not now.name.startswith(GROWS)
        else LINEAR
    )
    if growth > most:
        yield f"takes {growth:.1f} times what it takes in a tenth of the firm"


def show(tenth: Sequence[Seen], whole: Sequence[Seen], before: Sequence[Seen], console: Console) -> int:
    """Print what was seen, and how many problems there are."""
    table = Table("ms of processor time", "a tenth", "whole", "loop", "unit", "earlier", "gain", "MiB")
    found = []
    earlier = {one.name: one for one in before if one.kind in {"read", "follow"}}
    for small, now in zip(tenth, whole, strict=True):
        old = earlier.get(now.name)
        table.add_row(
            now.name,
            f"{small.cpu:.0f}",
            f"{now.cpu:.0f}",
            f"{now.loop:.0f}",
            f"{now.unit:.0f}",
            f"{old.cpu:.0f}" if old else "",
            f"{old.cpu / max(now.cpu, 0.1):.1f}" if old else "",
            f"{now.peak_mib:.0f}",
        )
        found += [f"{now.name}: {problem}" for problem in problems(now, small, old)]
    console.print(table)
    console.print("\n".join(found) or "Everything holds.")
    return len(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--staff", type=int, default=1000)
    parser.add_argument("--earlier", default="5917f01", help="a commit, or none")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", choices=PARTS, action="append", default=[])
    given = parser.parse_args()
    console = Console()
    with TemporaryDirectory() as name:
        now = Build("this build", HERE)
        earlier = None if given.earlier == "none" else earlier_build(given.earlier, Path(name) / "earlier")
        folder, sizes = given.keep or Path(name), (given.staff // 10, given.staff)
        small, large = (made_firm(earlier or now, folder, size, console) for size in sizes)
        options = ["--rounds", str(ROUNDS), *(option for part in given.only for option in ("--only", part))]
        tenth = run(now, small, sizes[0], options, console)
        whole = run(now, large, sizes[1], options, console)
        follows = ["--only", "following", "--no-pass"]
        before = run(earlier, large, sizes[1], follows, console) if earlier is not None else []
    raise SystemExit(min(show(tenth, whole, before, console), 1))


if __name__ == "__main__":
    main()
