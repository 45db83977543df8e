"""Four people of the demo firm at work in the panel at the same time, by keyboard alone (P1 to P3).

What one does, the three others see in pages that they leave as they are.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import quote

import pytest
from playwright.async_api import Locator, expect

from tests.panel.browser import TELEPHONE, TELEPHONE_DARK, WIDE, WIDE_DARK, Window, windows
from tests.synapse.harness import Person, RealFirm
from tests.synapse.running.test_crash import bot_chat

ORCHARD = "2026-0017 Purchase of 14 Orchard Lane"
LOOKS = {
    "eleanor.ashcombe": WIDE,
    "zoe.lindqvist": TELEPHONE,
    "tomas.ferreira": WIDE_DARK,
    "grace.whitlock": TELEPHONE_DARK,
}


@dataclass(frozen=True, slots=True)
class Desk:
    """One of the four: their window of the panel, and their client."""

    window: Window
    client: Person

    async def stays(self, address: str = "/") -> None:
        """Open a page, and mark it, so that `stayed` can tell whether it was loaded again."""
        await self.window.opens(address)
        await self.window.page.evaluate("window.stayed = true")

    async def stayed(self) -> None:
        """Fail where the page that is shown is another than the one that was marked."""
        assert await self.window.page.evaluate("window.stayed === true"), f"{self.window.page.url} was loaded again."

    async def listed(self, name: str) -> Locator:
        """Wait until a conversation stands in the lists, and leave the page as it is."""
        found = self.window.lists().locator("li a").filter(has_text=name)
        await expect(found).to_have_count(1)
        await self.stayed()
        return found

    @property
    def here(self) -> str:
        """The address of the page that is shown."""
        return self.window.page.url.removeprefix(self.window.url)


@pytest.fixture
async def desks(firm: RealFirm) -> AsyncIterator[dict[str, Desk]]:
    """The four, signed in with links that the bot gave them."""
    firm.start_bridge()
    await firm.bridge_ready()
    async with windows(firm.place.panel_url) as window:
        found = dict[str, Desk]()
        for localpart, look in LOOKS.items():
            client, theirs = await firm.login(localpart), await window(look)
            await theirs.enter(await _link(firm, client))
            found[localpart.partition(".")[0]] = Desk(theirs, client)
        yield found
        assert [trouble for one in found.values() for trouble in one.window.troubles] == []


async def _link(firm: RealFirm, client: Person) -> str:
    """What the bot answers to !panel."""
    chat, since = await bot_chat(client, firm), (await client.sync())["next_batch"]
    await client.say(chat, "!panel")
    link = re.compile(re.escape(firm.place.panel_url) + r"/in/[\w-]+")
    _, said = await client.wait_for_event(since, lambda _, one: bool(link.search(str(one["content"].get("body", "")))))
    found = link.search(said["content"]["body"])
    assert found is not None
    return found[0]


async def _room(desk: Desk) -> str:
    """The room of the conversation that the window shows, which its link to the client names."""
    link = desk.window.main().get_by_role("link", name="Open in your client")
    await expect(link).to_be_visible()
    found = re.search(r"(!.+)$", str(await link.get_attribute("href")))
    assert found is not None
    return found[1]


async def _send_file(sender: Person, room: str, name: str, data: bytes) -> None:
    headers = {"Authorization": f"Bearer {sender.token}", "Content-Type": "application/pdf"}
    upload = f"{sender.url}/_matrix/media/v3/upload"
    async with sender.http.post(upload, params={"filename": name}, headers=headers, data=data) as answer:
        url = (await answer.json())["content_uri"]
    content = {
        "msgtype": "m.file",
        "body": name,
        "url": url,
        "info": {"mimetype": "application/pdf", "size": len(data)},
    }
    (await sender.request("PUT", f"rooms/{quote(room)}/send/m.room.message/file", content)).ok()


@pytest.mark.timeout(900)
async def test_P1_P2_P3_four_people_see_what_each_does(desks: dict[str, Desk]) -> None:
    eleanor, zoe, tomas, grace = desks["eleanor"], desks["zoe"], desks["tomas"], desks["grace"]

    # A direct conversation: plus, tick, Go.
    for one in desks.values():
        await one.stays()
    await zoe.window.presses("link", "New direct conversation")
    await zoe.window.types("searchbox", "Find a colleague", "tomas fer")
    await zoe.window.ticks(re.compile("^Tomás Ferreira"))
    await zoe.window.presses("button", "Go")
    await expect(zoe.window.main().get_by_role("heading", level=1)).to_have_text("Tomás Ferreira")
    await tomas.listed("Zoë Lindqvist")
    await expect(eleanor.window.lists()).not_to_contain_text("Zoë Lindqvist")

    # A conversation in a matter, beside which Eleanor has the matter open.
    await zoe.stays()
    await eleanor.stays("/matter/M-1017")
    await tomas.window.presses("link", "Matters", tomas.window.lists())
    await tomas.window.presses("link", ORCHARD, tomas.window.main())
    await tomas.window.types("textbox", "Title", "Searches")
    await tomas.window.ticks(re.compile("^Grace Whitlock"))
    await tomas.window.presses("button", "Go")
    await expect(tomas.window.main().get_by_role("heading", level=1)).to_have_text("Searches")
    searches = tomas.here
    await grace.listed("Searches")
    await expect(eleanor.window.main().get_by_role("link", name="Searches")).to_be_visible()
    await eleanor.stayed()

    # A channel: plus, name, tick, Go.
    await eleanor.stays()
    await grace.window.presses("link", "New channel")
    await grace.window.types("textbox", "Name", "Hearing Lists")
    await grace.window.ticks(re.compile("^Eleanor Ashcombe"))
    await grace.window.ticks(re.compile("^Zoë Lindqvist"))
    await grace.window.presses("button", "Go")
    await expect(grace.window.main().get_by_role("heading", level=1)).to_have_text("Hearing Lists")
    channel, room = grace.here, await _room(grace)
    for one in (eleanor, zoe):
        await one.listed("Hearing Lists")

    # The magnifying glass finds it, and whoever finds it joins.
    await grace.stays(f"{channel}/participants")
    await tomas.window.types("searchbox", "Search conversations, matters, people and files", "hearing")
    await tomas.window.page.keyboard.press("Enter")
    await tomas.window.presses("link", "Hearing Lists", tomas.window.main())
    await tomas.window.presses("button", "Join")
    await expect(grace.window.page.get_by_role("checkbox", name=re.compile("^Tomás Ferreira"))).to_be_checked()
    await grace.stayed()

    # What is said and sent is counted and listed, and nothing jumps while somebody looks further down.
    await eleanor.stays(channel)
    await eleanor.window.reaches("combobox", "Order")
    await grace.client.say(room, "The hearing on Orchard Lane is on Monday at ten")
    await _send_file(grace.client, room, "Listing.pdf", b"%PDF-1.7 of the hearing")
    await expect(eleanor.window.main().get_by_role("link", name="Listing.pdf", exact=True)).to_be_visible()
    await expect(eleanor.window.main().get_by_role("combobox", name="Order")).to_be_focused()
    await eleanor.stayed()
    mine = await zoe.listed("Hearing Lists")
    await expect(mine.locator(".count")).to_be_visible()
    await expect(zoe.window.lists().locator(".rolls ul").last.locator("li").first).to_contain_text("Hearing Lists")
    async with eleanor.window.page.expect_download() as saved:
        await eleanor.window.presses("link", "Listing.pdf")
    assert (await saved.value).suggested_filename == "Listing.pdf"

    # The homeserver's own search, as that person.
    await tomas.window.types("searchbox", "Search conversations, matters, people and files", "monday")
    await tomas.window.page.keyboard.press("Enter")
    await expect(tomas.window.main()).to_contain_text("The hearing on Orchard Lane is on Monday at ten")

    # A pin, seen and taken away.
    await eleanor.stays(f"{channel}/pinned")
    said = await grace.client.say(room, "Bundles by Friday")
    (await grace.client.request("PUT", f"rooms/{quote(room)}/state/m.room.pinned_events/", {"pinned": [said]})).ok()
    await expect(eleanor.window.main()).to_contain_text("Bundles by Friday")
    await expect(eleanor.window.main()).to_contain_text("Pinned by Grace Whitlock")
    await eleanor.stayed()
    await grace.stays(f"{channel}/pinned")
    await expect(grace.window.main()).to_contain_text("Bundles by Friday")
    await eleanor.window.presses("button", "Unpin the message of Grace Whitlock")
    await expect(grace.window.main()).to_contain_text("Nothing is pinned here.")
    await grace.stayed()

    # Participants: untick, Update. Zoë has the conversation open, and is shown that she may join.
    await zoe.window.opens(channel)
    await tomas.stays(f"{channel}/participants")
    await grace.window.presses("link", "Participants")
    await grace.window.ticks(re.compile("^Zoë Lindqvist"))
    await grace.window.presses("button", "Update")
    await expect(grace.window.main().locator(".told")).to_have_text("Removed: Zoë Lindqvist.")
    await expect(grace.window.main().locator(".told")).to_be_focused()
    await expect(tomas.window.page.get_by_role("checkbox", name=re.compile("^Zoë"))).not_to_be_checked()
    await tomas.stayed()
    await expect(zoe.window.main().get_by_role("button", name="Join")).to_be_visible()

    # About: rename, archive and open again, leave.
    await tomas.stays(f"{channel}/about")
    await grace.window.presses("link", "About")
    await grace.window.types("textbox", "Name", "Hearings")
    await grace.window.presses("button", "Rename")
    await expect(tomas.window.main().get_by_role("heading", level=1)).to_have_text("Hearings")
    await tomas.listed("Hearings")
    await grace.window.presses("button", "Archive")
    await expect(tomas.window.main()).to_contain_text("It is archived")
    await tomas.window.presses("button", "Open it again")
    await expect(grace.window.main()).not_to_contain_text("It is archived")
    await grace.window.presses("link", "About")
    await grace.window.presses("button", "Leave")
    await expect(grace.window.main().get_by_role("button", name="Join")).to_be_visible()

    # A wall: what it would do, then set. Tomás has the conversation open, and it goes from his screen.
    await tomas.window.opens(searches)
    await eleanor.window.presses("link", "Walls", eleanor.window.lists())
    await eleanor.window.presses("link", "New wall")
    await eleanor.window.types("textbox", "A matter's number", "2026-0017")
    await eleanor.window.types("textbox", "Why", "His sister is buying")
    await eleanor.window.ticks(re.compile("^Tomás Ferreira"))
    await eleanor.window.presses("button", "Show what it would do")
    await expect(eleanor.window.main()).to_contain_text("1 room, 1 person")
    await eleanor.window.presses("button", "Set the wall")
    await expect(tomas.window.main()).to_contain_text("There is nothing here that you can see.")
    await tomas.window.opens("/")
    await expect(tomas.window.page.locator("body")).not_to_contain_text("Orchard")

    # Whoever is cut off is signed out where they are.
    await eleanor.window.presses("link", "Staff", eleanor.window.lists())
    await eleanor.window.presses("link", "Tomás Ferreira", eleanor.window.main())
    await eleanor.window.page.locator("summary", has_text="Cut Tomás").focus()
    await eleanor.window.page.keyboard.press("Enter")
    await eleanor.window.presses("button", "Cut off")
    await expect(tomas.window.main()).to_contain_text("Please sign in")


@pytest.mark.timeout(600)
async def test_P3_a_stream_that_broke_comes_back_and_has_missed_nothing(firm: RealFirm, desks: dict[str, Desk]) -> None:
    zoe, grace = desks["zoe"], desks["grace"]
    await zoe.stays()
    firm.kill_bridge()
    # It happens while nobody can be told.
    (room,) = [one for one in await grace.client.joined_rooms() if await grace.client.room_name(one) == "Everyone"]
    await grace.client.say(room, "The bridge is down")
    firm.start_bridge()
    await asyncio.gather(firm.bridge_ready(), expect((await zoe.listed("Everyone")).locator(".count")).to_be_visible())
    await zoe.stayed()
    for one in desks.values():
        # Nobody listens while it is away, and it answers nobody while it begins (503).
        one.window.troubles[:] = [said for said in one.window.troubles if "Failed to load resource" not in said]
