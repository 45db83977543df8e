"""Buttons of Element that do what they say, without a command typed (V1)."""

from __future__ import annotations

from pathlib import Path

from tests.clients.conftest import Office
from tests.clients.element import in_element

pytestmark = in_element()

HOLLIS = "2026-0042 Hollis v. Brightwater Marina"


async def test_C1_a_private_room_for_nobody_is_not_made_and_the_bot_says_why(office: Office) -> None:
    daniel = await office.sign_in("daniel.okafor")
    before = await daniel.names()
    await daniel.new_room("Dismissal of R")
    await daniel.sees("Failure to create room")
    await daniel.page.get_by_role("button", name="OK", exact=True).last.click()
    await daniel.open("Firm Bot")
    await daniel.sees("The room that you asked for in your client was not made.")
    assert await daniel.names() == before


async def test_M3_V4_what_is_refused_is_told_to_whoever_asked(office: Office, tmp_path: Path) -> None:
    """Element has words of its own for it, which tell nothing; the bot's follow at once, and count as unread."""
    script = tmp_path / "setup.bat"
    script.write_text("rem\n")
    daniel = await office.sign_in("daniel.okafor")
    await daniel.open("2026-0038 Copperkettle Bakery and the spoiled flour")
    await daniel.invite("Tomás Ferreira")
    await daniel.sees("Some invites couldn't be sent")
    await daniel.page.get_by_role("button", name="OK", exact=True).last.click()
    await daniel.page.get_by_role("button", name="Close dialog").last.click()
    await daniel.open("Litigation")
    await daniel.send_file(script)
    await daniel.sees("Upload Failed")
    await daniel.page.get_by_role("button", name="OK", exact=True).last.click()
    await daniel.open("Firm Bot")
    await daniel.sees("Tomás Ferreira was not added to")
    await daniel.sees("A file that you sent in Litigation was not taken.")


async def test_M1_V1_a_conversation_of_a_matter_is_made_shared_and_renamed(office: Office) -> None:
    daniel = await office.sign_in("daniel.okafor")
    grace = await office.sign_in("grace.whitlock")
    await daniel.open_space(HOLLIS)
    await daniel.new_room("Disclosure")
    await daniel.shows(f"Disclosure · {HOLLIS}")
    await daniel.invite("Grace Whitlock")
    await grace.open(f"Disclosure · {HOLLIS}")
    await grace.sees("Daniel Okafor started the conversation")
    await daniel.rename("Expert evidence")
    for window in (daniel, grace):
        await window.shows(f"Expert evidence · {HOLLIS}")


async def test_C1_V1_a_channel_is_made_for_picked_staff_and_found_by_search(office: Office) -> None:
    daniel = await office.sign_in("daniel.okafor")
    grace = await office.sign_in("grace.whitlock")
    await daniel.open_space("Ashcombe & Vale")
    await daniel.new_room("Bake Sale")
    await daniel.shows("Bake Sale")
    await daniel.invite("Grace Whitlock")
    await grace.open("Bake Sale")
    await grace.sees("Daniel Okafor started the channel Bake Sale")
    await grace.say("I bring a lemon drizzle")
    await grace.sent("I bring a lemon drizzle")
    await daniel.open("Litigation")
    await daniel.search("drizzle")
    await daniel.sees("I bring a lemon", within=".mx_RoomView_searchResultsPanel")
    await daniel.open("Bake Sale")
    await daniel.people()
    await daniel.sees("Grace Whitlock", within=".mx_RightPanel")
