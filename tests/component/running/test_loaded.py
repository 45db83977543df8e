"""What a firm has no use for is not loaded: it would cost every start time, and every bridge memory."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.component.small_firm import write_directory

_STARTS = """
import asyncio, sys
import bridge.cli.app
from bridge.app import Bridge
from bridge.service import open_firm
from bridge.settings import Settings

async def start(folder):
    settings = Settings(
        homeserver={"url": "http://127.0.0.1:9"},
        appservice={"as_token": "as-token-of-the-tests-0001", "hs_token": "hs-token-of-the-tests-0001"},
        directory={"path": folder + "/directory.yaml"},
        database={"url": "sqlite:///" + folder + "/bridge.db"},
        security={"alias_key": "alias-key-of-the-tests-0001"},
    )
    async with open_firm(settings) as firm:
        Bridge(firm).web_app()

asyncio.run(start(sys.argv[1]))
print(*sys.modules)
"""
_UNUSED = {
    "the panel": {"bridge.web.panel", "jinja2", "aiohttp_sse"},
    "the API": {"bridge.web.api", "limits"},
    "single sign-on": {"bridge.oidc.provider", "joserfc"},
    "sources of the directory": {
        "bridge.directory.clio.api",
        "bridge.directory.smokeball.api",
        "cryptography",
        "scim2_models",
        "bridge.web.sources",
    },
    "the Matrix Authentication Service": {"bridge.matrix.accounts.mas"},
    "backups": {"bridge.backup.sealed", "pyrage"},
    "transcripts as PDF": {"fpdf", "fontTools"},
    "pictures": {"PIL"},
}
"""By what a small firm on SQLite does without. peewee loads PostgreSQL's driver itself, wherever it is installed."""


def test_a_bridge_loads_nothing_that_its_firm_does_without(tmp_path: Path) -> None:
    write_directory(str(tmp_path / "directory.yaml"))
    ran = subprocess.run([sys.executable, "-c", _STARTS, str(tmp_path)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    loaded = set(ran.stdout.split("\n")[-2].split())
    assert {"bridge.app", "bridge.directory.file", "nio"} <= loaded
    assert all(find_spec(module) for unused in _UNUSED.values() for module in unused)
    assert {name: found for name, unused in _UNUSED.items() if (found := unused & loaded)} == {}
