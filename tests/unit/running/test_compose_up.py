"""`make compose`: what it needs is looked at before anything is made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bridge.dev import compose_up


def run(folder: Path, docker: str | None) -> tuple[int, str, str]:
    """`make compose`'s program with a `docker` that is this shell script, or with none."""
    if docker is not None:
        program = folder / "docker"
        program.write_text(f"#!/bin/sh\n{docker}\n")
        program.chmod(0o755)
    ended = subprocess.run(
        [sys.executable, str(Path(compose_up.__file__))],
        env={"PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout, ended.stderr


def answers(version: str) -> str:
    return f'if [ "$2" = version ]; then echo {version}; else echo "$@"; fi'


@pytest.mark.parametrize("version", ["2.23.1", "v2.24.0-desktop.1", "2.40.3", "5.0.0"])
def test_a_compose_that_is_new_enough_is_run(tmp_path: Path, version: str) -> None:
    code, out, err = run(tmp_path, answers(version))
    assert (code, err) == (0, "")
    assert out.split() == ["compose", "--file", str(compose_up.FILE), "up", "--build"]


@pytest.mark.parametrize("version", ["2.23.0", "2.9.0", "1.29.2", "v2.20.3"])
def test_an_older_one_is_refused_in_words(tmp_path: Path, version: str) -> None:
    code, out, err = run(tmp_path, answers(version))
    assert (code, out) == (6, "")
    assert f"This is Docker Compose {version}" in err
    assert "2.23.1 or newer" in err


@pytest.mark.parametrize("docker", [None, "echo 'unknown command' >&2; exit 1", "echo dev"])
def test_without_one_it_says_what_is_needed(tmp_path: Path, docker: str | None) -> None:
    code, _, err = run(tmp_path, docker)
    assert code == 6
    assert "2.23.1 or newer" in err
    assert "Traceback" not in err


def test_the_version_that_is_needed_is_said_beside_the_file() -> None:
    least = ".".join(map(str, compose_up.LEAST))
    for path in (compose_up.FILE, compose_up.FILE.with_name("README.md")):
        assert f"Docker Compose {least} or newer" in path.read_text()
