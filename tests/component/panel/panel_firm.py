"""The firm with its panel, and people's browsers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import CookieJar
from aiohttp.test_utils import TestClient, TestServer

from bridge.firm.conversation import first_matter_conversation_id
from bridge.settings import FirmSettings, PanelSettings
from bridge.web.panel.safety import COOKIE, HEADERS, form_token
from tests.component.small_firm import SmallFirm, small_firm

Answers = tuple[int, str]
SECRETS = ("2026-0042", "Estate")
HOSTILE = "<script>alert(1)</script>"


@dataclass
class Browser:
    """One person's browser."""

    panel: Panel
    session: str = ""

    async def get(self, address: str, **headers: str) -> Answers:
        """Status and text of a page."""
        async with self.panel.client.get(address, headers=self.sent(headers), allow_redirects=False) as answer:
            if not address.startswith("/static/"):
                assert {name: answer.headers.get(name) for name in HEADERS}.keys() <= answer.headers.keys()
            return answer.status, await answer.text()

    async def post(
        self,
        address: str,
        fields: list[tuple[str, str]],
        token: str | None = None,
        once: str = "0" * 16,
        **headers: str,
    ) -> int:
        """Send a form with its token; the status."""
        own = form_token(self.session) if token is None else token
        data = [("token", own), ("once", once), *fields]
        sent = self.sent(headers)
        async with self.panel.client.post(address, data=data, headers=sent, allow_redirects=False) as answer:
            self.text = (await answer.read()).decode(errors="replace")
            self.headers = answer.headers
            self.location = answer.headers.get("Location", "")
            return answer.status

    def sent(self, headers: dict[str, str] | None = None) -> dict[str, str]:
        """The headers of a request, with the cookie."""
        named = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        return {"Cookie": f"{COOKIE}={self.session}", **named} if self.session else named


@dataclass
class Panel:
    """The firm with its panel."""

    firm: SmallFirm
    client: TestClient  # type: ignore[type-arg]

    async def serve(self) -> None:
        """Serve the panel as the bridge has it now."""
        await self.client.close()
        self.firm.all_done()
        self.client = TestClient(TestServer(self.firm.bridge.panel_app()), cookie_jar=CookieJar(unsafe=True))
        await self.client.start_server()

    async def restart(self, **sections: Any) -> None:
        """Restart the firm with other sections of its settings, and the panel with it."""
        await self.firm.restart(**sections)
        await self.serve()

    async def link(self, localpart: str) -> str:
        """The path of a link that the bot gives this person."""
        found = re.search(r"https://panel\.example(/in/[\w-]+)", await self.firm.ask(localpart, "!panel"))
        assert found is not None
        return found[1]

    async def enter(self, localpart: str) -> Browser:
        """Sign in with a link."""
        async with self.client.post(await self.link(localpart), allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/")
            cookie = answer.cookies[COOKIE]
        flags = (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"])
        assert flags == (True, True, "Lax", "/", "")
        return Browser(self, cookie.value)


@asynccontextmanager
async def panel_firm(folder: Path, database_url: str, **changed: Any) -> AsyncIterator[Panel]:
    """The panel of the small firm, with other sections in the place of its directory's own."""
    async with small_firm(folder, database_url, **changed) as firm:
        # Everybody is a firm admin, Walt behind his wall too: it gives nobody more to see here.
        await firm.restart(
            panel=PanelSettings(url="https://panel.example", client="https://chat.example/#/room/"),
            firm=FirmSettings(name="Firm", admin_roles=("Associate",)),
        )
        panel = Panel(firm, TestClient(TestServer(firm.bridge.panel_app())))
        await panel.serve()
        try:
            yield panel
        finally:
            await panel.client.close()


async def filings(browser: Browser) -> str:
    """The address of the channel Court Filings."""
    _, text = await browser.get("/channels")
    address: str
    (address,) = set(re.findall(r'href="(/conversation/channel-\w+)">Court Filings', text))
    return address


def nobody(panel: Panel) -> Browser:
    return Browser(panel)


def filled(address: str) -> str:
    """An address of the table, about the matter behind Walt's wall."""
    return address.format(
        conversation=first_matter_conversation_id("m1"),
        matter="m1",
        event="$file",
        person="tom",
        wall="w1",
        session="0" * 16,
    )
