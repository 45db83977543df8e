"""Synapse with a worker: the guard, which only the main process tells of changes, does not let one start (B15)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from bridge.check import Verdict
from bridge.check.guard import guard_finding
from bridge.check.http import asker
from bridge.dev.place import HOMESERVER_YAML, ROOT, SYNAPSE_PYTHON
from tests.ports import free_port
from tests.synapse import harness
from tests.synapse.harness import real_firm


async def test_a_worker_does_not_start_and_check_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {name: {"host": "127.0.0.1", "port": free_port()} for name in ("main", "events1")}
    monkeypatch.setitem(harness.TEST_INSTANCE, "instance_map", places)
    async with real_firm(tmp_path / "var") as firm:
        listener = {"type": "http", "port": places["events1"]["port"], "resources": [{"names": ["client"]}]}
        own = {"worker_app": "synapse.app.generic_worker", "worker_name": "events1", "worker_listeners": [listener]}
        (tmp_path / "worker.yaml").write_text(yaml.safe_dump(own))
        files = [HOMESERVER_YAML, firm.place.instance_file, tmp_path / "worker.yaml"]
        command = [str(SYNAPSE_PYTHON), "-m", "synapse.app.generic_worker"]
        command += [part for file in files for part in ("-c", str(file))]
        ended = subprocess.run(  # noqa: ASYNC221 - nothing else goes on
            command,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode != 0
        assert "The firm's guard does not work in worker processes yet, and this is one (events1)" in ended.stderr
        async with asker(firm.settings.homeserver.url) as asking:
            finding = await guard_finding(asking, firm.settings)
        assert finding.state is Verdict.MISSING
        assert "events1" in finding.what
