"""Element Web in headless Chromium: what people see of the firm in the client that most of them use.

Element is not in this repository. The variable ELEMENT_WEB names a folder with a built one, of the version that is in
synapse-dev/docker-compose.yaml.

    async with elements(firm) as element:
        eleanor = await element.sign_in("eleanor.ashcombe", password)
        assert "Everyone" in await eleanor.list("Rooms")
        await eleanor.open("Everyone")
        await eleanor.say("good morning")
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.async_api import FrameLocator, Locator, Page, expect

from bridge.dev.place import ROOT
from tests.clients.browser import Served, in_client, served

_COMPOSE = ROOT / "synapse-dev" / "docker-compose.yaml"
_FOLDER = "ELEMENT_WEB"


def in_element() -> list[pytest.MarkDecorator]:
    """The marks of tests in Element."""
    return in_client(_FOLDER, f"Element Web ({wanted_version()})")


def wanted_version() -> str:
    """The version of Element that the firm in containers has."""
    image: str = _compose()["services"]["element"]["image"]
    return image.rpartition(":")[2]


def configuration(homeserver: str) -> dict[str, Any]:
    """The config.json of the firm in containers, for a homeserver at another port."""
    text: str = _compose()["configs"]["element"]["content"]
    config: dict[str, Any] = json.loads(re.sub(r"http://127\.0\.0\.1:\$\{SYNAPSE_PORT:-8008\}", homeserver, text))
    return config


def _compose() -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load(_COMPOSE.read_text(encoding="utf-8"))
    return made


@dataclass(frozen=True, slots=True)
class Tile:
    """A line of the list of rooms."""

    name: str
    unread: int
    """What the badge counts; 0 where there is none."""
    dot: bool
    """Whether it shows as having something new that does not count."""
    red: bool
    """Whether something in it mentions the reader."""


@dataclass(frozen=True, slots=True)
class Window:
    """One person's Element."""

    page: Page
    user_id: str

    async def rooms(self, section: str = "Rooms") -> list[Tile]:
        """A section of the list as it stands on the screen, from top to bottom: "People" or "Rooms"."""
        tiles = self.page.get_by_role("group", name=section, exact=True).locator(".mx_RoomTile")
        return [await self._tile(tile) for tile in await tiles.all()]

    async def names(self, section: str = "Rooms") -> list[str]:
        """The names in a section of the list."""
        return [tile.name for tile in await self.rooms(section)]

    async def _tile(self, tile: Locator) -> Tile:
        name = await tile.locator(".mx_RoomTile_title").inner_text()
        badge = tile.locator(".mx_NotificationBadge_count")
        counted = (await badge.first.inner_text()).strip() if await badge.count() else ""
        dot = await tile.locator(".mx_NotificationBadge_dot").count() > 0
        red = await tile.locator(".mx_NotificationBadge_level_highlight").count() > 0
        return Tile(name, int(counted) if counted.isdigit() else 0, dot, red)

    def tile(self, name: str, section: str = "Rooms") -> Locator:
        """A room's line in the list."""
        named = self.page.locator(".mx_RoomTile_title").get_by_text(name, exact=True)
        return self.page.get_by_role("group", name=section, exact=True).locator(".mx_RoomTile").filter(has=named)

    async def shows(self, name: str, section: str = "Rooms") -> None:
        """Wait until a room is in the list."""
        await expect(self.tile(name, section)).to_be_visible()

    async def counts(self, name: str, unread: int, section: str = "Rooms") -> Tile:
        """Wait until a room's badge counts so many; its line in the list."""
        badge = self.tile(name, section).locator(".mx_NotificationBadge_count")
        await expect(badge.first).to_have_text(str(unread))
        return await self._tile(self.tile(name, section))

    async def open(self, name: str) -> None:
        """Click a room in the list, and wait until it is shown."""
        await self.tile(name, "Rooms").or_(self.tile(name, "People")).click()
        await expect(self.page.locator(".mx_RoomHeader")).to_contain_text(name)

    async def open_space(self, name: str) -> None:
        """Click a space at the left edge."""
        await self.page.locator(f'.mx_SpaceButton[aria-label="{name}"]').click()

    async def spaces_stand(self, *names: str) -> None:
        """Wait until the spaces at the left edge stand so, from top to bottom."""
        buttons = self.page.locator(".mx_SpacePanel .mx_SpaceItem:not(.mx_SpaceItem_new) .mx_SpaceButton")
        for place, name in enumerate(names):
            await expect(buttons.nth(place)).to_have_attribute("aria-label", name)
        await expect(buttons).to_have_count(len(names))

    async def start_chat(self, *names: str) -> None:
        """Press *Start chat*, pick people, press *Go*, and wait until their conversation is open."""
        await self.page.get_by_role("button", name="Start chat").first.click()
        await self._pick(names)
        await self.page.get_by_role("button", name="Go", exact=True).click()
        await expect(self.page.locator(".mx_Dialog")).to_have_count(0)
        for name in names:
            await expect(self.page.locator(".mx_RoomHeader")).to_contain_text(name)

    async def _pick(self, names: tuple[str, ...]) -> None:
        for name in names:
            await self.page.locator(".mx_InviteDialog_editor input").fill(name)
            await self.page.locator(".mx_InviteDialog_tile--room").filter(has_text=name).first.click()

    async def say(self, text: str) -> None:
        """Type a message in the room that is open, and send it."""
        box = self.page.locator(".mx_BasicMessageComposer_input")
        await box.click()
        await box.press_sequentially(text)
        await box.press("Enter")

    async def sent(self, text: str) -> None:
        """Wait until the homeserver has taken a message of one's own in the room that is open."""
        await expect(self.message(text)).to_be_visible()

    def message(self, text: str) -> Locator:
        """The last message with that text that the homeserver has taken: others have no event id of its yet."""
        return self.page.locator('.mx_EventTile[data-event-id^="$"]').filter(has_text=text).last

    async def new_room(self, name: str) -> None:
        """Press *New room* in what is open, a space or Home, give it a name, and leave all else as it is offered."""
        await self.page.get_by_role("button", name="Add room").click()
        await self.page.get_by_role("menuitem", name="New room").click()
        await self.page.get_by_label("Name").fill(name)
        await self.page.get_by_role("button", name="Create room").click()

    async def invite(self, *names: str) -> None:
        """Invite people into the room that is open and new."""
        await self.page.get_by_role("button", name="Invite to this room").first.click()
        await self._pick(names)
        await self.page.get_by_role("button", name="Invite", exact=True).click()

    async def search(self, words: str) -> None:
        """Search the messages of all rooms, from the info of the room that is open."""
        if not await self.page.get_by_placeholder("Search messages…").is_visible():
            await self.page.locator(".mx_RoomHeader_infoWrapper").click()
        box = self.page.get_by_placeholder("Search messages…")
        await box.fill(words)
        await box.press("Enter")
        await self.page.get_by_text("Search all rooms", exact=True).click()

    async def rename(self, name: str) -> None:
        """Give the room that is open another name in its settings."""
        await self.info("Settings")
        await self.page.get_by_label("Room Name").fill(name)
        await self.page.get_by_role("button", name="Save", exact=True).click()
        await self.page.keyboard.press("Escape")

    async def send_file(self, path: Path) -> None:
        """Attach a file in the room that is open, and upload it."""
        async with self.page.expect_file_chooser() as chosen:
            await self.page.get_by_role("button", name="Attachment").click()
        await (await chosen.value).set_files(path)
        await self.page.get_by_role("button", name="Upload", exact=True).click()

    async def pin(self, text: str) -> None:
        """Choose *Pin* in the menu of a message in the room that is open, once the homeserver has it.

        The bar that shows under the pointer is gone where the messages move on at that moment; the menu stays.
        """
        await self.message(text).locator(".mx_EventTile_body").click(button="right")
        await self.page.get_by_role("menuitem", name="Pin", exact=True).click()
        await expect(self.page.locator(".mx_PinnedMessageBanner")).to_contain_text(text)

    async def info(self, entry: str) -> None:
        """Open an entry of a room's info, such as "Files"."""
        named = self.page.get_by_role("menuitem", name=entry)
        if not await named.is_visible():
            await self.page.locator(".mx_RoomHeader_infoWrapper").click()
        await named.click()

    async def panel(self) -> FrameLocator:
        """Open the panel beside the room that is open, and let the client say who its person is.

        No question whether to load it comes before that one.
        """
        await self.page.locator(".mx_RoomHeader_infoWrapper").click()
        await self.page.get_by_role("tab", name="Extensions").click()
        await self.page.locator(".mx_ExtensionsCard_Button").get_by_text("Files, pins and people").click()
        await self.sees("Allow this widget to verify your identity")
        await self.page.get_by_role("button", name="Continue", exact=True).click()
        return self.page.frame_locator("iframe")

    async def people(self) -> None:
        """Open the list of people of the room that is open."""
        await self.page.locator(".mx_RoomHeader .mx_FacePile").click()

    async def sees(self, text: str | re.Pattern[str], within: str = "body") -> None:
        """Wait until words are to be seen on the screen, or in a part of it that a CSS selector names."""
        await expect(self.page.locator(within).get_by_text(text).last).to_be_visible()

    async def picture(self, path: Path) -> None:
        """Keep what is on the screen."""
        await self.page.screenshot(path=path)


@dataclass(frozen=True, slots=True)
class Element:
    """Element Web as a web server gives it to browsers, and a browser."""

    served: Served

    async def sign_in(self, user_id: str, password: str) -> Window:
        """Sign in on a browser of the person's own, by the form that people fill in, up to the list of rooms."""
        page = await self.served.page(user_id)
        await page.goto(f"{self.served.url}/#/login")
        await page.get_by_label("Username").fill(user_id.removeprefix("@").partition(":")[0])
        await page.get_by_label("Password").fill(password)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.locator(".mx_RoomTile").first).to_be_visible()
        return Window(page, user_id)


@asynccontextmanager
async def elements(homeserver: str) -> AsyncIterator[Element]:
    """Element on a port of its own, set up for a homeserver as the firm in containers has it."""
    async with served(_FOLDER, homeserver, configuration(homeserver)) as client:
        yield Element(client)
