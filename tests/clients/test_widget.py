"""The panel beside the messages, in Element: it opens, proves the person, lists files and pins, and a click shows the
message (P1, P4)."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import FrameLocator, expect

from tests.clients.conftest import Office
from tests.clients.element import Window, elements, in_element
from tests.synapse.harness import RealFirm

pytestmark = in_element()


@pytest.fixture
async def office(firm: RealFirm) -> AsyncIterator[Office]:
    """The demo firm, whose panel stands beside the messages in Element."""
    async with elements(firm.url) as element:
        firm.start_bridge(env={"FIRM_BRIDGE_PANEL__WIDGET": json.dumps([element.served.url])})
        await firm.bridge_ready()
        yield Office(firm, element)


async def beside(window: Window) -> FrameLocator:
    """The panel beside the room that is open, once the client has said who its person is."""
    await window.page.locator(".mx_RoomHeader_infoWrapper").click()
    await window.page.get_by_role("tab", name="Extensions").click()
    await window.page.locator(".mx_ExtensionsCard_Button").get_by_text("Files, pins and people").click()
    # No question whether to load it.
    await window.sees("Allow this widget to verify your identity")
    await window.page.get_by_role("button", name="Continue", exact=True).click()
    return window.page.frame_locator("iframe")


async def test_P1_P4_it_opens_beside_the_messages_and_leads_to_them(office: Office, tmp_path: Path) -> None:
    witnesses = tmp_path / "Witness list.pdf"
    witnesses.write_bytes(b"%PDF-1.4\n%%EOF\n")
    daniel = await office.sign_in("daniel.okafor")
    await daniel.open("Litigation")
    await daniel.send_file(witnesses)
    await daniel.say("The hearing is on 12 June")
    await daniel.sent("The hearing is on 12 June")
    await daniel.pin("The hearing is on 12 June")
    for number in range(25):
        await daniel.say(f"Line {number}")
    panel = await beside(daniel)
    await expect(panel.get_by_role("link", name="Witness list.pdf")).to_be_visible()
    await panel.get_by_role("button", name="Participants").click()
    await expect(panel.get_by_text("Grace Whitlock")).to_be_visible()
    await panel.get_by_role("button", name="About").click()
    await expect(panel.get_by_text("Channels are open to everybody in the firm.")).to_be_visible()
    await panel.get_by_role("button", name="Pinned").click()
    hearing = daniel.page.locator(".mx_EventTile").filter(has_text="The hearing is on 12 June").first
    await expect(hearing).not_to_be_in_viewport()
    await panel.get_by_role("link", name="The hearing is on 12 June").click()
    await daniel.sees("Change which room, message, or user you're viewing")
    await daniel.page.get_by_role("button", name="Approve", exact=True).click()
    await expect(hearing).to_be_in_viewport()
    await expect(daniel.page).to_have_url(re.compile(r"/\$[\w-]+$"))
    # It changes by itself.
    await panel.get_by_role("button", name="Files").click()
    second = tmp_path / "Skeleton argument.pdf"
    second.write_bytes(b"%PDF-1.4\n%%EOF\n")
    await daniel.send_file(second)
    await expect(panel.get_by_role("link", name="Skeleton argument.pdf")).to_be_visible()
