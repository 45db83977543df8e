"""Headless Chromium, and a client's built pages on a port of their own, set up for one homeserver.

Chromium is the system's. The clients are not in this repository: a variable of the environment names a folder with a
built one, and where it names none, the tests in it are skipped and say so.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, Route, async_playwright, expect

from tests.ports import free_port

_WIDTH, _HEIGHT = 1280, 800
"""Of a window at a desk, in CSS pixels."""

PATIENCE_MS = 90_000
"""How long something may take to be seen: a busy machine is slow, and what is right is never waited for so long."""
PATIENT = pytest.mark.timeout(600)
"""The mark of tests with a client beside Synapse and the bridge."""
expect.set_options(timeout=PATIENCE_MS)
_CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def in_client(variable: str, client: str) -> list[pytest.MarkDecorator]:
    """The marks of tests in a built client, such as "Cinny 4.2.2", whose folder a variable names."""
    reason = _missing(variable, client)
    return [pytest.mark.skipif(bool(reason), reason=reason), PATIENT]


def _missing(variable: str, client: str) -> str:
    """What is not there of what these tests need, and what to do; empty where all is."""
    folder = os.environ.get(variable, "")
    if not folder:
        return f"The variable {variable} names no folder with a built {client}."
    if not (Path(folder) / "index.html").is_file():
        return f"In {folder}, which {variable} names, there is no built {client}: no index.html."
    if shutil.which("chromium") is None:
        return "There is no chromium on the PATH. It comes with the system's package of that name."
    return ""


@dataclass(frozen=True, slots=True)
class Served:
    """A client as a web server gives it to browsers, and a browser."""

    url: str
    homeserver: str
    browser: Browser

    async def page(self, user_id: str) -> Page:
        """An empty page, in a browser of the person's own."""
        context = await self.browser.new_context(viewport={"width": _WIDTH, "height": _HEIGHT}, locale="en-GB")
        context.set_default_timeout(PATIENCE_MS)

        async def well_known(route: Route) -> None:
            """Answer in place of the firm's server name (docs/admin-guide.md), which `localhost` cannot."""
            await route.fulfill(response=await route.fetch(url=f"{self.homeserver}/.well-known/matrix/client"))

        await context.route(f"https://{user_id.partition(':')[2]}/.well-known/matrix/client", well_known)
        return await context.new_page()


@asynccontextmanager
async def served(variable: str, homeserver: str, config: dict[str, Any]) -> AsyncIterator[Served]:
    """The client whose folder a variable names, with this config.json, for a homeserver."""
    runner = web.AppRunner(_application(Path(os.environ[variable]), config), access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_CHROMIUM)
            yield Served(f"http://127.0.0.1:{port}", homeserver, browser)
            await browser.close()
    finally:
        await runner.cleanup()


def _application(folder: Path, config: dict[str, Any]) -> web.Application:
    async def index(_: web.Request) -> web.FileResponse:
        return web.FileResponse(folder / "index.html")

    async def settings(_: web.Request) -> web.Response:
        return web.json_response(config)

    app = web.Application()
    app.router.add_get("/", index)
    app.router.add_get("/config.json", settings)
    app.router.add_static("/", folder)
    return app
