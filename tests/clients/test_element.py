"""What people see and do in Element, without typing a command, on the real Synapse in the demo firm."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect

from tests.clients.conftest import Office
from tests.clients.element import in_element

pytestmark = in_element()


async def test_nothing_greets_anybody_but_their_conversations(office: Office) -> None:
    """Not even on a second device: no keys, no verification, no red shield, no names greyed as if nobody were there."""
    for _ in range(2):
        maeve = await office.sign_in("maeve.oconnell")
        assert {"Everyone", "Litigation"} < set(await maeve.names())
        assert await maeve.names("People") == ["Firm Bot"]
    await maeve.open("Everyone")
    await maeve.people()
    await expect(maeve.page.locator(".mx_EntityTile")).to_have_count(13)
    await expect(maeve.page.locator(".mx_EntityTile_offline_neveractive, .mx_EntityTile_unreachable")).to_have_count(0)
    await expect(maeve.page.get_by_text("encryption")).to_have_count(0)


async def test_what_the_bot_says_counts_and_is_no_mention_of_whom_it_names(office: Office) -> None:
    marcus = await office.sign_in("marcus.bell")
    await marcus.open("Firm Bot")
    await marcus.sees("Welcome to")
    await marcus.open("Everyone")
    await expect(marcus.tile("Firm Bot", "People").locator(".mx_NotificationBadge_count")).to_have_count(0)
    await office.tells_the_bot("marcus.bell", "!why @marcus.bell 2026-0042")
    assert not (await marcus.counts("Firm Bot", 1, "People")).red
    await marcus.open("Firm Bot")
    await marcus.sees("Marcus Bell can see matter")
    await expect(marcus.page.locator(".mx_EventTile_highlight")).to_have_count(0)


async def test_looped_in_one_is_mentioned(office: Office) -> None:
    grace = await office.sign_in("grace.whitlock")
    await office.tells_the_bot("daniel.okafor", '!matter start 2026-0042 "Disclosure" @grace.whitlock')
    assert (await grace.counts("Disclosure · 2026-0042 Hollis v. Brightwater Marina", 1)).red


async def test_D1_D3_start_chat_with_one_and_with_several(office: Office) -> None:
    daniel = await office.sign_in("daniel.okafor")
    grace = await office.sign_in("grace.whitlock")
    await daniel.start_chat("Grace Whitlock")
    await daniel.say("Can you bring the Hollis file?")
    await grace.shows("Daniel Okafor", "People")
    await grace.open("Daniel Okafor")
    await grace.sees("Can you bring the Hollis file?")
    await daniel.start_chat("Maeve O'Connell", "Grace Whitlock")
    await daniel.say("Shall we meet at ten?")
    await grace.shows("Daniel Okafor and Maeve O'Connell", "People")
    assert not [name for name in await grace.names("People") if "Bot" in name and name != "Firm Bot"]


async def test_V2_V3_pins_and_files_by_the_clients_own_buttons(office: Office, tmp_path: Path) -> None:
    witnesses = tmp_path / "Witness list.pdf"
    witnesses.write_bytes(b"%PDF-1.4\n%%EOF\n")
    daniel = await office.sign_in("daniel.okafor")
    await daniel.open("Litigation")
    await daniel.send_file(witnesses)
    await daniel.say("The hearing is on 12 June")
    await daniel.sees("The hearing is on 12 June")
    await daniel.pin("The hearing is on 12 June")
    await daniel.info("Pinned messages")
    await daniel.sees("The hearing is on 12 June", within=".mx_RightPanel")
    await daniel.info("Files")
    await daniel.sees("Witness list.pdf", within=".mx_RightPanel")
