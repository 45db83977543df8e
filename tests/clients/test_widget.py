"""The panel beside the messages, in Element: it opens, proves the person, lists files and pins, and a click shows the
message (P1, P4)."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.async_api import expect

from tests.clients.conftest import Office
from tests.clients.element import in_element
from tests.synapse.running.test_provisioning import room_named

pytestmark = in_element()


async def test_P1_P4_it_opens_beside_the_messages_and_leads_to_them(office_with_panel: Office, tmp_path: Path) -> None:
    witnesses = tmp_path / "Witness list.pdf"
    witnesses.write_bytes(b"%PDF-1.4\n%%EOF\n")
    daniel = await office_with_panel.sign_in("daniel.okafor")
    await daniel.open("Litigation")
    await daniel.send_file(witnesses)
    await daniel.say("The hearing is on 12 June")
    await daniel.sent("The hearing is on 12 June")
    await daniel.pin("The hearing is on 12 June")
    elsewhere = await office_with_panel.firm.login("daniel.okafor")
    litigation = await room_named(elsewhere, "Litigation")
    for number in range(25):
        await elsewhere.say(litigation, f"Line {number}")
    await daniel.sees("Line 24")
    panel = await daniel.panel()
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
