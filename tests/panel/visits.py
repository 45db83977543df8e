"""Every page of the panel, as somebody comes to it: what it is called, by whom it is seen, and how.

A page that the panel's table of addresses has and that is not here fails `test_pages.py`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import expect

from bridge.web.panel.app import PAGES
from tests.panel.browser import Window

Deed = Callable[[Window], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Visit:
    """A page that is looked at."""

    name: str
    """Of the golden file, with its folder."""
    address: str
    """With the names of things in braces (tests/panel/furnished.py)."""
    who: str = "ruth"
    """Empty for nobody who is signed in."""
    status: int = 200
    does: Deed | None = None
    """What is done there, of which the page that answers is looked at."""


NO_PAGES = frozenset({"/conversation/{conversation}/file/{event}", "/conversation/{conversation}/file/{event}/picture"})
"""Addresses that answer with a file: `test_P1_V3_files_in_the_browser` looks at them."""


def pattern_of(address: str) -> str:
    """The address of the panel's table that this address is one of."""
    path = address.partition("?")[0]
    fits = [one for one in PAGES if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", one), path)]
    return min(fits, key=lambda one: one.count("{"), default="")


async def _makes_a_channel(window: Window) -> None:
    await window.types("textbox", "Name", "court filings")
    await window.ticks(re.compile("^Tom Price"))
    await window.presses("button", "Go")
    await expect(window.main().locator(".told")).to_be_focused()


async def _foresees_a_wall(window: Window) -> None:
    await window.types("textbox", "A matter's number", "2026-0042")
    await window.types("textbox", "Why", "Her brother is the executor")
    await window.ticks(re.compile("^Tom Price"))
    await window.presses("button", "Show what it would do")
    await expect(window.main().locator(".told")).to_be_focused()


async def _sets_a_wall(window: Window) -> None:
    await _foresees_a_wall(window)
    await window.presses("button", "Set the wall")
    await expect(window.main().get_by_role("heading", level=1)).to_contain_text("is set")


async def _updates(window: Window) -> None:
    await window.ticks(re.compile("^Walt Walled"))
    await window.presses("button", "Update")
    await expect(window.main().locator(".told")).to_be_focused()


async def _cuts_off(window: Window) -> None:
    await window.page.locator("summary", has_text="Cut ").focus()
    await window.page.keyboard.press("Enter")
    await window.presses("button", "Cut off")
    await expect(window.main().get_by_role("heading", level=1)).to_contain_text("has left the firm")


async def _starts_nothing(window: Window) -> None:
    await window.types("textbox", "Title", "Disclosure")
    await window.presses("button", "Go")
    await expect(window.main().locator(".told")).to_be_focused()


async def _signs_out(window: Window) -> None:
    await window.presses("button", "Sign out here")
    await expect(window.main().get_by_role("heading", level=1)).to_have_text("You are signed out")


VISITS: tuple[Visit, ...] = (
    Visit("alone/not-signed-in", "/", "", 401),
    Visit("alone/link-spent", "/in/spent", "", 410),
    Visit("alone/nothing-here", "/matter/m9", "ruth", 404),
    Visit("alone/no-admin", "/admin", "tom", 403),
    Visit("lists/home", "/", "tom"),
    Visit("lists/home-of-the-new", "/", "walt"),
    Visit("lists/matters", "/matters"),
    Visit("lists/no-matters", "/matters", "walt"),
    Visit("lists/matter", "/matter/m1"),
    Visit("lists/matter-restricted", "/matter/m3"),
    Visit("lists/matter-closed", "/matter/m2"),
    Visit("lists/matter-refused", "/matter/m1", does=_starts_nothing),
    Visit("lists/channels", "/channels"),
    Visit("lists/new-direct", "/new/direct"),
    Visit("lists/new-channel", "/new/channel"),
    Visit("lists/new-channel-refused", "/new/channel", does=_makes_a_channel),
    Visit("lists/search", "/search?q=court"),
    Visit("lists/search-file", "/search?q=lease"),
    Visit("lists/search-empty", "/search"),
    Visit("lists/search-nothing", "/search?q=zebra"),
    Visit("lists/files", "/files"),
    Visit("lists/files-of-matter", "/files?matter=m1"),
    Visit("lists/files-of-others", "/files", "walt"),
    Visit("lists/sessions", "/sessions"),
    Visit("conversation/files", "/conversation/{channel}"),
    Visit("conversation/files-none", "/conversation/{direct}"),
    Visit("conversation/files-nothing-fits", "/conversation/{channel}?q=zebra"),
    Visit("conversation/not-in-it", "/conversation/{channel}", "walt"),
    Visit("conversation/versions", "/conversation/{channel}/versions?name=Lease+draft.pdf"),
    Visit("conversation/pinned", "/conversation/{channel}/pinned"),
    Visit("conversation/seen", "/conversation/{channel}/message/{said}/seen"),
    Visit("conversation/pinned-none", "/conversation/{talk}/pinned"),
    Visit("conversation/participants", "/conversation/{channel}/participants"),
    Visit("conversation/participants-direct", "/conversation/{direct}/participants"),
    Visit("conversation/participants-everyone", "/conversation/{everyone}/participants"),
    Visit("conversation/participants-updated", "/conversation/{channel}/participants", does=_updates),
    Visit("conversation/about-channel", "/conversation/{channel}/about"),
    Visit("conversation/about-archived", "/conversation/{archived}/about"),
    Visit("conversation/about-matter", "/conversation/{talk}/about"),
    Visit("conversation/about-closed", "/conversation/{closed}/about"),
    Visit("conversation/about-direct", "/conversation/{direct}/about"),
    Visit("admin/overview", "/admin"),
    Visit("admin/staff", "/admin/staff"),
    Visit("admin/staff-none", "/admin/staff?q=zebra"),
    Visit("admin/person", "/admin/staff/tom"),
    Visit("admin/person-former", "/admin/staff/fay"),
    Visit("admin/matter", "/admin/matter/m1"),
    Visit("admin/why", "/admin/why"),
    Visit("admin/why-told", "/admin/why?person=walt&place=2026-0042"),
    Visit("admin/why-nothing", "/admin/why?person=walt&place=2026-9999"),
    Visit("admin/walls", "/admin/walls"),
    Visit("admin/wall", "/admin/wall/w1"),
    Visit("admin/wall-new", "/admin/walls/new"),
    Visit("admin/wall-foreseen", "/admin/walls/new", does=_foresees_a_wall),
    Visit("admin/audit", "/admin/audit?kind=commands"),
    Visit("admin/audit-none", "/admin/audit?person=ines&kind=guard"),
    Visit("admin/wall-set", "/admin/walls/new", does=_sets_a_wall),
    Visit("admin/cut-off", "/admin/staff/ines", does=_cuts_off),
    Visit("alone/signed-out", "/sessions", does=_signs_out),
)
"""In the order in which they are made: those that change something last."""
