"""The panel beside the messages, in Element: it opens, proves the person, lists files and pins, and a click shows the
message (P1, P4)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import FrameLocator, expect

from tests.clients.conftest import Office
from tests.clients.element import Window, elements, missing
from tests.ports import free_port
from tests.synapse.harness import RealFirm

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
_TITLE = "Files, pins and people"


@pytest.fixture
async def office_beside(firm: RealFirm) -> AsyncIterator[Office]:
    """The demo firm, whose panel stands beside the messages in Element."""
    async with elements(firm.url) as element:
        port = free_port()
        firm.start_bridge(
            env={
                "FIRM_BRIDGE_PANEL__URL": f"http://localhost:{port}",
                "FIRM_BRIDGE_PANEL__LISTEN_PORT": str(port),
                "FIRM_BRIDGE_PANEL__WIDGET": f'["{element.url}"]',
            }
        )
        await firm.bridge_ready()
        yield Office(firm, element)


def beside(window: Window) -> FrameLocator:
    """The panel in the client."""
    return window.page.frame_locator("iframe[title='Files, pins and people']")


async def test_P1_P4_it_opens_beside_the_messages_and_leads_to_them(office_beside: Office, tmp_path: Path) -> None:
    witnesses = tmp_path / "Witness list.pdf"
    witnesses.write_bytes(b"%PDF-1.4\n%%EOF\n")
    daniel = await office_beside.sign_in("daniel.okafor")
    await daniel.open("Litigation")
    await daniel.send_file(witnesses)
    await daniel.say("The hearing is on 12 June")
    await daniel.sent("The hearing is on 12 June")
    await daniel.pin("The hearing is on 12 June")
    await daniel.info("Extensions")
    await daniel.picture(tmp_path / "1.png")
    await daniel.page.get_by_role("button", name=_TITLE).first.click()
    await daniel.page.wait_for_timeout(5000)
    await daniel.picture(tmp_path / "2.png")
    await expect(beside(daniel).get_by_text("Witness list.pdf")).to_be_visible()
    await daniel.picture(tmp_path / "3.png")
