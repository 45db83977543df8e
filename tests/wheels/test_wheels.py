"""What a firm installs: the bridge's wheel in an empty environment, the guard's in Synapse's. `make wheels` runs it."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from bridge import __version__
from bridge.configuration import load_settings
from bridge.dev import files, processes
from bridge.dev.place import LOG_YAML, LocalFirm
from bridge.dev.run import all_made
from bridge.dev.synapse import make_bot, synapse_command, wait_for_synapse
from tests.ports import free_port
from tests.synapse.harness import READY_SECONDS, TEST_INSTANCE

WHEELS = Path(os.environ["WHEELS"])
"""The folder that `make wheels` fills: `bridge` is an environment, `guard` what was installed for Synapse."""
FIRM_BRIDGE = WHEELS / "bridge" / "bin" / "firm-bridge"
SHARED = WHEELS / "bridge" / "share" / "firm-bridge"


def firm_bridge(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed program, far from the checkout."""
    command = [str(FIRM_BRIDGE), *arguments]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)


def environment() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@contextmanager
def synapse_with_the_guards_wheel(place: LocalFirm) -> Iterator[processes.Program]:
    """A Synapse on what `init` wrote, which has of the bridge only the guard's wheel."""
    settings = load_settings(place.settings_file)
    signing_key = place.synapse_folder / "signing.key"
    files.write_signing_key(signing_key)
    files.write_instance(
        place.instance_file,
        {
            "public_baseurl": f"{place.synapse_url}/",
            "listeners": [files.listener(place.host, place.synapse_port)],
            "database": {"name": "sqlite3", "args": {"database": str(place.synapse_database)}},
            "media_store_path": str(place.synapse_folder / "media"),
            "signing_key_path": str(signing_key),
            "log_config": str(LOG_YAML),
            "app_service_config_files": [str(place.registration_file)],
            **files.guard(settings, place.synapse_folder / "firm-policy"),
            **TEST_INSTANCE,
        },
    )
    guard = {"PYTHONPATH": str(WHEELS / "guard")}
    program = processes.start("Synapse", "synapse", synapse_command(place), place, guard)
    try:
        asyncio.run(wait_for_synapse(program, place))
        asyncio.run(make_bot(place, settings))
        yield program
    finally:
        processes.stop(program)


@pytest.fixture
def place(tmp_path: Path) -> LocalFirm:
    """A folder in which `init` was run and the demo firm's directory laid."""
    place = LocalFirm(tmp_path, free_port(), free_port())
    for folder in (place.synapse_folder, place.logs):
        folder.mkdir(parents=True)
    ports = ("--homeserver-url", place.synapse_url, "--listen-port", str(place.bridge_port))
    done = firm_bridge(tmp_path, "init", "--config", "bridge.yaml", "--firm-name", "Ashcombe & Vale", *ports)
    assert (done.returncode, done.stderr) == (0, "")
    directory = (SHARED / "config" / "demo" / "directory.yaml").read_text(encoding="utf-8")
    (tmp_path / "directory.yaml").write_text(directory, encoding="utf-8")
    return place


def test_the_installed_program_knows_its_version_and_its_pages(tmp_path: Path) -> None:
    assert firm_bridge(tmp_path, "--version").stdout == f"firm-bridge {__version__}\n"
    said = firm_bridge(tmp_path, "--help").stdout
    assert str(SHARED) in "".join(said.split())
    assert "Set up and run a local Synapse" not in said
    assert (SHARED / "docs" / "admin-guide.md").is_file()
    assert (SHARED / "synapse-dev" / "homeserver.yaml").is_file()


def test_the_wheels_hold_what_works_from_them() -> None:
    installed = next((WHEELS / "bridge").glob("lib/python*/site-packages/bridge"))
    assert not {"dev", "docs"} & {path.name for path in installed.iterdir()}
    guard = {path.name for path in (WHEELS / "guard" / "bridge").iterdir()}
    assert guard - {"__pycache__"} == {"__init__.py", "py.typed", "firm", "guard"}


def test_init_check_and_run_with_the_guard_in_synapse(place: LocalFirm) -> None:
    with synapse_with_the_guards_wheel(place):
        before = firm_bridge(place.var, "check", "--config", "bridge.yaml")
        command = [str(FIRM_BRIDGE), "run", "--config", str(place.settings_file)]
        bridge = processes.start("The bridge", "bridge", command, place, {"PYTHONPATH": ""})
        try:
            ready = f"{place.bridge_url}/health/ready"
            asyncio.run(processes.wait_until_healthy(bridge, ready, seconds=READY_SECONDS, enough=all_made))
            after = firm_bridge(place.var, "check", "--config", "bridge.yaml")
        finally:
            processes.stop(bridge)
    assert bridge.process.returncode == 0
    assert (before.returncode, before.stderr) == (after.returncode, after.stderr) == (0, "")
    assert "guard: In force, and up to date." in after.stdout
