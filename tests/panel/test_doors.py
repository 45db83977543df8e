"""The other two doors of the panel in a browser: single sign-on, and beside the messages in a client (P1 to P4)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from oidc_provider_mock import User, run_server_in_thread
from playwright.async_api import Frame, expect

from bridge.mapping.event import Event
from bridge.settings import SignOnSettings
from bridge.web.panel.widget.tabs import TABS
from tests.panel.browser import LOOKS, WIDE, WIDE_DARK, Look, Opened, Window, compared, kept, snapshot, windows
from tests.panel.furnished import Furnished, furnished
from tests.panel.other_site import client, other_site
from tests.ports import free_port

pytestmark = pytest.mark.timeout(300)
KNOWN = User(sub="ruth", claims={"email": "ruth@firm.example", "email_verified": True})
STRANGER = User(sub="eve", claims={"email": "eve@elsewhere.example", "email_verified": True})


async def judged(window: Window, name: str, frame: Frame | None = None) -> list[str]:
    """What is wrong with what is shown, in each look."""
    wrong = await window.judged(frame=frame)
    wrong += await compared(name, await snapshot((frame or window.page).locator("main")))
    await kept(window, WIDE, name)
    for look in LOOKS:
        await window.takes(look)
        wrong += [f"{name}, {look.name}: {one}" for one in await window.judged(seen=True, frame=frame)]
        await kept(window, look, name)
    await window.takes(WIDE)
    return wrong


async def test_P4_single_sign_on_by_keyboard(tmp_path: Path, database_url: str) -> None:
    with run_server_in_thread(user_claims=[KNOWN, STRANGER]) as provider:
        secret, issuer = tmp_path / "secret", f"http://localhost:{provider.server_port}"
        secret.write_text("of the panel\n", encoding="utf-8")
        sign_on = SignOnSettings(
            issuer=issuer, client_id="panel", client_secret_file=str(secret), name="Contoso account"
        )
        async with furnished(tmp_path, database_url, sign_on=sign_on) as made, windows(made.url) as window:
            ruth, eve = await window(WIDE), await window(WIDE)
            for one in (ruth, eve):
                # Its page wants a style sheet of another site.
                await one.page.route("**/cdn.jsdelivr.net/**", lambda route: route.fulfill(content_type="text/css"))
            assert await eve.opens("/matter/m1") == 401
            wrong = await judged(eve, "doors/sign-on")
            await eve.presses("link", "Sign in with Contoso account")
            await eve.page.get_by_role("button", name="eve").click()
            await expect(eve.main().get_by_role("heading", level=1)).to_have_text("Not signed in")
            wrong += await judged(eve, "doors/sign-on-unknown")
            assert await eve.opens("/sign-on/back?code=x&state=x") == 400
            wrong += await judged(eve, "doors/sign-on-not-begun")

            await ruth.opens("/matter/m1?from=1")
            await ruth.presses("link", "Sign in with Contoso account")
            await ruth.page.get_by_role("button", name="ruth").click()
            await expect(ruth.main().get_by_role("heading", level=1)).to_have_text("2026-0042 Estate")
            assert ruth.page.url.endswith("/matter/m1?from=1")
            await ruth.opens("/sessions")
            await ruth.presses("button", "Sign out here")
            await expect(ruth.main().get_by_role("link", name="Sign out of Contoso account, too")).to_be_visible()
            wrong += await judged(ruth, "doors/sign-on-signed-out")
            assert [*wrong, *eve.troubles, *ruth.troubles] == []


async def test_P4_single_sign_on_that_is_down_says_so(tmp_path: Path, database_url: str) -> None:
    sign_on = SignOnSettings(issuer=f"http://localhost:{free_port()}", client_id="panel", name="Contoso account")
    async with furnished(tmp_path, database_url, sign_on=sign_on) as made, windows(made.url) as window:
        ruth = await window(WIDE)
        await ruth.opens("/")
        await ruth.presses("link", "Sign in with Contoso account")
        await expect(ruth.main().get_by_role("heading", level=1)).to_have_text("Not just now")
        assert await judged(ruth, "doors/sign-on-down") == []


class BesideMessages:
    """The firm whose panel stands beside the messages in a client on another port."""

    def __init__(self, made: Furnished, window: Opened, port: int) -> None:
        self.made, self._window, self._port = made, window, port

    @asynccontextmanager
    async def shown(self, thing: str, who: str, look: Look = WIDE) -> AsyncIterator[tuple[Window, Frame]]:
        """Somebody's client with the page beside a conversation; nobody's gives no proof."""
        token = f"proof-{thing}-{who}" if who else ""
        if who:
            self.made.firm.fake.openid_tokens[token] = self.made.firm.user(who)
        address = f"{self.made.url}/widget/{quote(self.made.things[thing], safe='')}"
        window = await self._window(look)
        async with other_site(client(address, token, look.scheme), self._port) as site:
            await window.page.goto(site.replace("127.0.0.1", "localhost"))
            shown = await window.page.wait_for_selector("iframe")
            frame = None if shown is None else await shown.content_frame()
            assert frame is not None
            yield window, frame


@asynccontextmanager
async def beside_messages(folder: Path, database_url: str) -> AsyncIterator[BesideMessages]:
    port = free_port()
    async with (
        furnished(folder, database_url, widget=(f"http://localhost:{port}",)) as made,
        windows(made.url) as window,
    ):
        yield BesideMessages(made, window, port)


async def test_P1_P3_each_part_beside_the_messages_is_for_everybody(tmp_path: Path, database_url: str) -> None:
    async with beside_messages(tmp_path, database_url) as beside:
        wrong = list[str]()
        async with beside.shown("channel", "ruth") as (window, frame):
            await expect(frame.get_by_role("link", name="Front door.png")).to_be_visible()
            for name, tab in TABS.items():
                await window.reaches("button", tab.label, frame.locator("nav"))
                await window.page.keyboard.press("Enter")
                await expect(frame.locator(f"#part[data-shows={name}]")).to_be_attached()
                wrong += await judged(window, f"beside/{name}", frame)
            await window.reaches("button", "Pinned", frame.locator("nav"))
            await window.page.keyboard.press("Enter")
            await window.reaches("link", "The hearing is on Monday at ten", frame.locator("#part"))
            await window.page.keyboard.press("Enter")
            await window.page.wait_for_function("window.shown.length === 1")
            assert quote(beside.made.things["said"], safe="$") in await window.page.evaluate("window.shown[0]")
            # It changes by itself, and what has the focus keeps it.
            room = beside.made.firm.room("Court Filings")
            await window.reaches("button", "Files", frame.locator("nav"))
            await window.page.keyboard.press("Enter")
            beside.made.firm.fake.message(
                room,
                beside.made.firm.user("tom"),
                "x",
                filename="Listing.pdf",
                msgtype="m.file",
                url="mxc://localhost/m0",
            )
            await beside.made.firm.settle()
            beside.made.firm.bridge.live.heard([Event("$e", room, "m.room.message", "", 0, {})])
            await expect(frame.get_by_role("link", name="Listing.pdf")).to_be_visible()
            await expect(frame.get_by_role("button", name="Files")).to_be_focused()
            wrong += window.troubles
        for thing, who, name in (
            ("direct", "ruth", "files-none"),
            ("talk", "walt", "refused"),
            ("talk", "", "no-proof"),
        ):
            # In a client that is dark.
            async with beside.shown(thing, who, WIDE_DARK) as (window, frame):
                waiting = "One moment. Your client is asked who you are."
                await expect(frame.locator("#told")).not_to_have_text(waiting)
                wrong += [*await judged(window, f"beside/{name}", frame), *window.troubles]
        assert wrong == []
