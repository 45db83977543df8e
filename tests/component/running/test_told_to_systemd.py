"""What systemd hears: that the bridge serves, and that it still does."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.upkeep import systemd
from tests.component.running_bridge import running, settings_in
from tests.fakes.homeserver import FakeHomeserver


@pytest.fixture(params=["file", "abstract"])
def heard(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where systemd listens."""
    address = str(tmp_path / "notify")
    if request.param == "abstract":
        address = f"@{address}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        listening.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        yield listening


async def test_it_has_started_when_it_takes_requests(heard: socket.socket, tmp_path: Path, database_url: str) -> None:
    async with FakeHomeserver() as fake, running(settings_in(tmp_path, database_url, fake), fake) as firm:
        assert await asyncio.get_running_loop().sock_recv(heard, 100) == b"READY=1"
        await firm.well()


async def test_it_is_alive_for_as_long_as_it_works(heard: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "2000")
    told = asyncio.create_task(systemd.alive())
    for _ in range(3):
        assert await asyncio.get_running_loop().sock_recv(heard, 100) == b"WATCHDOG=1"
    told.cancel()


async def test_nothing_is_told_where_no_watchdog_asks(heard: socket.socket) -> None:
    await systemd.alive()
    with pytest.raises(BlockingIOError):
        heard.recv(100)


def test_a_systemd_that_does_not_listen_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    with capture_logs() as logs:
        systemd.serving()
    assert [entry["event"] for entry in logs] == ["systemd_not_told"]
