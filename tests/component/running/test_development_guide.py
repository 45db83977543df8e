"""The development guide is true: its first command works as it is written, and it knows every target."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from bridge.commands.asking.permissions import PlaceKind
from bridge.docs.pages import ROOT

GUIDE = (ROOT / "docs" / "development.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r'^```(?:python|text) title="([^"]+)"\n(.*?)^```$', GUIDE, re.MULTILINE | re.DOTALL))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_first_command_works_as_it_is_written(tmp_path: Path) -> None:
    for folder in ("bridge", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (command, declared), (test, tried) = BLOCKS.items()
    assert command == "bridge/commands/matters/showing.py, at its end"
    with (tmp_path / command.partition(",")[0]).open("a", encoding="utf-8") as file:
        file.write(f"\n\n{declared}")
    (tmp_path / test).write_text(tried, encoding="utf-8")

    run = [sys.executable, "-m", "pytest", "-q", test, "tests/component/asked/test_permissions.py", "-k", "client"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    (passed,) = re.findall(r"(\d+) passed", done.stdout)
    assert int(passed) > len(PlaceKind), "its own test, and one for each kind of conversation"


def test_make_by_itself_says_what_there_is() -> None:
    said = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (targets,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert [
        target for target in targets.split() if not re.search(rf"^  (?:\S+, )*{target}(?:,|\s|$)", said, re.MULTILINE)
    ] == []


def test_the_guide_says_what_each_target_takes() -> None:
    (targets,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert [
        target
        for target in targets.split()
        if target not in {"help", "run", "docs"} and not target.startswith("bench-") and f"`make {target}`" not in GUIDE
    ] == []
