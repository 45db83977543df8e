"""Cinny in headless Chromium: what people see of the firm in a client that shows the server's own sentences.

The variable CINNY_WEB names a folder with a built one, of version 4.2.2.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.clients.browser import Served, in_client, served

_FOLDER = "CINNY_WEB"


def in_cinny() -> list[pytest.MarkDecorator]:
    """The marks of tests in Cinny."""
    return in_client(_FOLDER, "Cinny 4.2.2")


def _configuration(homeserver: str) -> dict[str, Any]:
    """The config.json of Cinny as it is released, for the firm's homeserver alone."""
    return {
        "defaultHomeserver": 0,
        "homeserverList": [homeserver],
        "allowCustomHomeservers": True,
        "featuredCommunities": {"openAsDefault": False, "spaces": [], "rooms": [], "servers": []},
        "hashRouter": {"enabled": True, "basename": "/"},
    }


@dataclass(frozen=True, slots=True)
class CinnyWindow:
    """One person's Cinny."""

    page: Page
    user_id: str

    async def open(self, name: str) -> None:
        """Click a room in the list of what is open, and wait until it is shown."""
        await self.page.get_by_role("link").filter(has_text=name).click()
        await expect(self.page.locator("[data-slate-editor]")).to_be_visible()

    async def open_space(self, room_id: str) -> None:
        """Click a space at the left edge, which shows its lobby or what was last open there."""
        await self.page.locator(f'button[data-id="{room_id}"]').click()
        await expect(self.page.get_by_text("Lobby", exact=True).first).to_be_visible()

    async def open_directs(self) -> None:
        """Go to direct conversations, as the button with a person on it does, which has no name."""
        await self._go("direct")

    async def _go(self, place: str) -> None:
        await self.page.evaluate("place => { window.location.hash = place }", f"/{place}/")

    async def create_chat(self, name: str) -> None:
        """Press *Create Chat*, look for somebody, press *Message*, and *Open* once the conversation is there."""
        await self.open_directs()
        await self.page.get_by_text("Create Chat").click()
        await self.page.locator(".invite-user input").fill(name)
        await self.page.get_by_role("button", name="Search", exact=True).click()
        await self.page.get_by_role("button", name="Message", exact=True).click()
        await self.page.get_by_role("button", name="Open", exact=True).click()

    async def new_room_at_home(self, name: str) -> None:
        """Press *Create Room* at home, give it a name, and leave all else as it is offered."""
        await self._go("home")
        await self.page.get_by_text("Create Room").first.click()
        await self._create(name)

    async def new_room_in_space(self, space: str, name: str) -> None:
        """Press *Add Room* and *New Room* in a space's lobby, give it a name, leave all else, and wait for the end."""
        await self.open_space(space)
        await self.page.get_by_text("Lobby", exact=True).first.click()
        await self.page.get_by_role("button", name="Add Room").first.click()
        await self.page.get_by_text("New Room", exact=True).click()
        await self._create(name)
        await expect(self.page.locator(".create-room")).to_have_count(0)

    async def _create(self, name: str) -> None:
        await self.page.locator(".create-room input[name=name]").fill(name)
        await self.page.locator(".create-room").get_by_role("button", name="Create", exact=True).click()

    async def say(self, text: str) -> None:
        """Type a message in the room that is open, and send it."""
        box = self.page.locator("[data-slate-editor]")
        await box.click()
        await box.press_sequentially(text)
        await box.press("Enter")

    async def sees(self, text: str, within: str = "body") -> None:
        """Wait until words are to be seen on the screen, or in a part of it that a CSS selector names."""
        await expect(self.page.locator(within).get_by_text(text).last).to_be_visible()


@dataclass(frozen=True, slots=True)
class Cinny:
    """Cinny as a web server gives it to browsers, and a browser."""

    served: Served

    async def sign_in(self, user_id: str, password: str) -> CinnyWindow:
        """Sign in on a browser of the person's own, by the form that people fill in."""
        page = await self.served.page(user_id)
        await page.goto(self.served.url)
        await page.locator("input[name=usernameInput]").fill(user_id.removeprefix("@").partition(":")[0])
        await page.locator("input[name=passwordInput]").fill(password)
        await page.get_by_role("button", name="Login", exact=True).click()
        await expect(page.get_by_text("Home", exact=True).first).to_be_visible()
        return CinnyWindow(page, user_id)


@asynccontextmanager
async def cinnies(homeserver: str) -> AsyncIterator[Cinny]:
    """Cinny on a port of its own, set up for a homeserver."""
    async with served(_FOLDER, homeserver, _configuration(homeserver)) as client:
        yield Cinny(client)
