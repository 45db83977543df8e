"""The units for systemd: they start what is installed, and shut it off from the rest of the machine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[3] / "packaging" / "systemd"
SERVICES = ("firm-bridge.service", "firm-bridge-backup.service")
EXPOSED_AT_MOST = 20
"""Tenths, of 100, by systemd's own reckoning."""


@pytest.mark.parametrize("name", [*SERVICES, "firm-bridge-backup.timer"])
def test_systemd_understands_each_line(tmp_path: Path, name: str) -> None:
    for unit in UNITS.iterdir():
        # systemd also asks whether what it starts is there.
        (tmp_path / unit.name).write_text(
            unit.read_text().replace("/srv/firm-bridge/venv/bin/firm-bridge", "/bin/true")
        )
    assert _analyze("verify", str(tmp_path / name)) == (0, "")


@pytest.mark.parametrize("name", SERVICES)
def test_it_is_shut_off_from_the_rest_of_the_machine(name: str) -> None:
    code, said = _analyze("security", "--offline=true", f"--threshold={EXPOSED_AT_MOST}", str(UNITS / name))
    assert code == 0, said


def _analyze(*arguments: str) -> tuple[int, str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not here; Debian's package systemd has it")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr
