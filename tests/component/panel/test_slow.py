"""A form whose body does not come in time is given up (P2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.web import arriving
from tests.component.panel.panel_firm import Panel, panel_firm


@pytest.fixture
async def panel(tmp_path: Path, database_url: str) -> AsyncIterator[Panel]:
    async with panel_firm(tmp_path, database_url) as made:
        yield made


@pytest.mark.parametrize(
    ("address", "kind"), [("/new/direct", "application/x-www-form-urlencoded"), ("/widget/in", "application/json")]
)
async def test_P2_a_form_that_does_not_come_is_not_waited_for(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, address: str, kind: str
) -> None:
    monkeypatch.setattr(arriving, "BODY_SECONDS", 0.1)
    await panel.restart(
        panel=panel.firm.service.settings.panel.model_copy(update={"widget": ("https://chat.example",)})
    )
    ruth = await panel.enter("ruth")
    head = [f"POST {address} HTTP/1.1", "Host: panel.example", f"Content-Type: {kind}", "Content-Length: 99"]
    head += [f"{name}: {value}" for name, value in ruth.sent().items()]
    host, port = panel.client.host, panel.client.port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write("\r\n".join([*head, "", "a"]).encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 408")
    writer.close()
