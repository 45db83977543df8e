"""`python -m tests.mutants`: try a seeded sample of changes, and say which of them no test notices.

SAMPLE and SEED in the environment choose others than the usual ones. Ends with 1 where a change lives of which
explained.py does not say why.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bridge.docs.pages import ROOT
from tests.mutants.changes import Change, changes
from tests.mutants.explained import EXPLAINED

JUDGED = (
    "bridge/firm",
    "bridge/guard",
    "bridge/mapping",
    "bridge/store",
    "bridge/directory",
    "bridge/operations",
    "bridge/handlers/arrival.py",
    "bridge/handlers/at_once.py",
    "bridge/handlers/way_back.py",
    "bridge/transcript",
    "bridge/reconcile/planning",
    "bridge/matrix/acting.py",
    "bridge/matrix/accounts",
    "bridge/backup",
    "bridge/own_before.py",
)
"""The pure modules, those that guard, what is kept, and what the firm does."""
ELSEWHERE = ("bridge/store/engine/postgresql.py", "bridge/store/migrations")
"""Judged on PostgreSQL alone, and what happened once and is never changed."""
NEEDED = ("bridge", "tests", "config", "docs", "synapse-dev", "pyproject.toml", "Makefile", "README.md")
TREE = ROOT / "var" / "mutants"
SECONDS = 600
"""After which a change counts as noticed: the tests hang."""
KINDS = ("tests/unit", "tests/component")
_STEPS = 3
"""How far away from a module tests are looked for."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of a file."""

    file: Path
    """Below the root."""
    change: Change

    @property
    def name(self) -> str:
        return f"{self.file}: {self.change.what}"


def mutants() -> list[Mutant]:
    """All of them, but for what is judged elsewhere and for modules that only Synapse can load: neither PostgreSQL nor
    Synapse is started for each change."""
    files = sorted(
        file
        for judged in JUDGED
        for file in ([ROOT / judged] if judged.endswith(".py") else (ROOT / judged).rglob("*.py"))
    )
    texts = {file.relative_to(ROOT): file.read_text(encoding="utf-8") for file in files}
    return [
        Mutant(file, change)
        for file, text in texts.items()
        if not any(file.is_relative_to(one) for one in ELSEWHERE)
        and not re.search(r"^from synapse", text, re.MULTILINE)
        for change in changes(text)
    ]


def tests_of(file: Path) -> Iterator[list[str]]:
    """The tests that import a module, then those that import what imports it: each once, the nearest first."""
    near, seen = {file}, set[Path]()
    for _ in range(_STEPS):
        for kind in KINDS:
            found = sorted(set(_importing(near, (ROOT / kind).rglob("test_*.py"))) - seen)
            seen.update(found)
            if found:
                yield [str(test) for test in found]
        near |= set(_importing(near, (ROOT / "bridge").rglob("*.py")))


def _importing(modules: set[Path], files: Iterable[Path]) -> Iterator[Path]:
    names = "|".join(re.escape(".".join(module.with_suffix("").parts)) for module in modules)
    wanted = re.compile(rf"^from ({names}) import |^import ({names})$", re.MULTILINE)
    return (file.relative_to(ROOT) for file in files if wanted.search(file.read_text(encoding="utf-8")))


def is_noticed(mutant: Mutant) -> bool:
    """Whether a test fails on it."""
    target = TREE / mutant.file
    before = target.read_text(encoding="utf-8")
    target.write_text(mutant.change.source, encoding="utf-8")
    try:
        return any(_fails(tests) for tests in tests_of(mutant.file))
    finally:
        target.write_text(before, encoding="utf-8")


def _fails(tests: list[str]) -> bool:
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": str(TREE)}
    try:
        done = subprocess.run(command, cwd=TREE, env=environment, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def main() -> int:
    """Try the sample and print what came of it."""
    shutil.rmtree(TREE, ignore_errors=True)
    for name in NEEDED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        TREE.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, TREE / name)
    every = mutants()
    sample = random.Random(int(os.environ.get("SEED", "13"))).sample(every, int(os.environ.get("SAMPLE", "100")))
    living: list[Mutant] = []
    for number, mutant in enumerate(sample, 1):
        began = time.monotonic()
        noticed = is_noticed(mutant)
        if not noticed:
            living.append(mutant)
        state = "noticed" if noticed else "explained" if mutant.name in EXPLAINED else "LIVES"
        took = time.monotonic() - began
        sys.stdout.write(
            f"{number:3} {state:9} {mutant.file}:{mutant.change.line} {mutant.change.what} ({took:.0f} s)\n"
        )
        sys.stdout.flush()
    unexplained = [mutant for mutant in living if mutant.name not in EXPLAINED]
    same = len(living) - len(unexplained)
    judged = len(sample) - same
    noticed_share = (judged - len(unexplained)) / judged
    sys.stdout.write(
        f"\n{len(every)} changes can be made; {len(sample)} were tried, of which {same} change nothing."
        f" Of the other {judged}, {noticed_share:.0%} are noticed.\n"
    )
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
