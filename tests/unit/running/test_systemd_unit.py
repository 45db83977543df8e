"""The unit for systemd: it starts what is installed, and shuts the bridge off from the rest of the machine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[3] / "packaging" / "systemd" / "firm-bridge.service"
EXPOSED_AT_MOST = 20
"""Tenths, of 100, by systemd's own reckoning."""


def test_systemd_understands_each_line(tmp_path: Path) -> None:
    tried = tmp_path / UNIT.name
    # systemd also asks whether what it starts is there.
    tried.write_text(UNIT.read_text().replace("/srv/firm-bridge/venv/bin/firm-bridge", "/bin/true"))
    assert _analyze("verify", str(tried)) == (0, "")


def test_the_bridge_is_shut_off_from_the_rest_of_the_machine() -> None:
    code, said = _analyze("security", "--offline=true", f"--threshold={EXPOSED_AT_MOST}", str(UNIT))
    assert code == 0, said


def _analyze(*arguments: str) -> tuple[int, str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not here; Debian's package systemd has it")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr
