"""Services of tests that die at a fault point."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest


async def run_service(module: str, *words: str, fault: str = "") -> int:
    """Run a module to its end, or to its death at a fault point; the exit code, negative for the signal."""
    service = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", module, *words),
        env={**os.environ, "FIRM_BRIDGE_FAULT": fault},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await service.communicate()
    assert service.returncode is not None
    if service.returncode > 0:
        pytest.fail(said.decode())
    return service.returncode
