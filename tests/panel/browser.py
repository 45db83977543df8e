"""The panel in headless Chromium, as people use it: in a wide window and on a telephone, in light and dark.

    async with windows("http://localhost:9010") as window:
        ruth = await window(WIDE)
        await ruth.enter(link)
        await ruth.presses("link", "Channels")       # by keyboard alone

Chromium is the system's. Whatever goes wrong in a page, a refused script or style among it, fails the test that asks
`window.troubles`.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import ConsoleMessage, Frame, Locator, Page, async_playwright, expect

CHROMIUM = shutil.which("chromium") or "chromium"
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)
_SWITCHES = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
_AGENT = "Firefox/999 (the tests)"
_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
"""Sets of rules of axe: WCAG 2.2 at level AA, and what its makers advise besides."""
_SEEN: Final = ["color-contrast", "target-size"]
_MOST_TABS = 250
_EXPECTED = re.compile(r"the server responded with a status of 4\d\d|both allow-scripts and allow-same-origin")
"""What Chromium says of a page that is refused, as some are meant to be, and of Element's frame around one."""
Role = Literal["link", "button", "checkbox", "textbox", "searchbox", "combobox", "radio"]


@dataclass(frozen=True, slots=True)
class Look:
    """A window's size, in CSS pixels, and its colours."""

    name: str
    width: int
    height: int
    scheme: Literal["light", "dark"]


WIDE = Look("wide, light", 1280, 800, "light")
WIDE_DARK = Look("wide, dark", 1280, 800, "dark")
TELEPHONE = Look("telephone, light", 390, 844, "light")
TELEPHONE_DARK = Look("telephone, dark", 390, 844, "dark")
NARROWEST = Look("narrowest, light", 320, 640, "light")
"""In which nothing may be cut off, nor be scrolled to sideways (WCAG 2.2, 1.4.10)."""
LOOKS = (TELEPHONE_DARK, NARROWEST, *((WIDE_DARK, TELEPHONE) if os.environ.get("PANEL_FORM") == "long" else ()))
"""In which every page is looked at, besides the wide and light one."""
ARIA = Path(__file__).parent / "aria"
PICTURES = os.environ.get("PANEL_PICTURES", "")


@dataclass(frozen=True, slots=True)
class Window:
    """One person's window."""

    page: Page
    url: str
    troubles: list[str] = field(default_factory=list)
    """What went wrong in its pages."""

    async def enter(self, link: str) -> None:
        """Sign in with a link."""
        await self.page.goto(link)
        await self.presses("button", re.compile("^Sign in as"))
        await expect(self.page.locator("nav.lists")).to_be_attached()

    async def opens(self, address: str) -> int:
        """Show the page at an address of the panel; its status."""
        answer = await self.page.goto(self.url + address)
        assert answer is not None
        return answer.status

    def main(self) -> Locator:
        """The page without the lists beside it."""
        return self.page.locator("main")

    def lists(self) -> Locator:
        """The lists beside the page."""
        return self.page.locator("nav.lists")

    async def presses(self, role: Role, name: str | re.Pattern[str], within: Locator | None = None) -> None:
        """Go to something with the keyboard, and press Enter, as on a link or a button."""
        await self.reaches(role, name, within)
        await self.page.keyboard.press("Enter")

    async def ticks(self, name: str | re.Pattern[str]) -> None:
        """Go to a box with the keyboard, and tick or untick it."""
        await self.reaches("checkbox", name)
        await self.page.keyboard.press("Space")

    async def types(self, role: Role, name: str, text: str) -> None:
        """Go to a field with the keyboard, and type in place of what is in it."""
        await self.reaches(role, name)
        await self.page.keyboard.press("ControlOrMeta+A")
        await self.page.keyboard.type(text)

    async def reaches(self, role: Role, name: str | re.Pattern[str], within: Locator | None = None) -> None:
        """Press Tab until something has the focus, and see that it shows it. Fails where it is never reached."""
        exact = isinstance(name, str)
        wanted = (within or self.page.locator("body")).get_by_role(role, name=name, exact=exact).first
        await expect(wanted).to_be_visible()
        for _ in range(_MOST_TABS):
            if await wanted.evaluate("(one) => one === document.activeElement"):
                assert await wanted.evaluate(_SHOWS_FOCUS), f"Nothing shows that the focus is on {role} {name}."
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"The keyboard does not lead to {role} {name}.")

    async def takes(self, look: Look) -> None:
        """Make the window another size, in other colours, with the page as it is."""
        await self.page.emulate_media(color_scheme=look.scheme)
        await self.page.set_viewport_size({"width": look.width, "height": look.height})

    async def judged(self, *, seen: bool = False, frame: Frame | None = None) -> list[str]:
        """What axe finds in the page, or in a frame of it, one line each, and what is wider than the window.

        With `seen`, only by the rules that another size or other colours may break.
        """
        page = frame or self.page
        chosen = {"type": "rule", "values": _SEEN} if seen else {"type": "tag", "values": _RULES}
        await page.evaluate(f"if (!window.axe) {{ {AXE_SCRIPT} }}")
        found = await page.evaluate(_RUN_AXE, chosen)
        lines = [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]
        return [*lines, *(f"wider than the window: {one}" for one in await page.evaluate(_WIDER))]


_SHOWS_FOCUS = """(one) => {
    const style = getComputedStyle(one);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
}"""
_RUN_AXE = """(chosen) => axe.run({ runOnly: chosen, resultTypes: ["violations"] }).then((all) => all.violations)"""
_WIDER = """() => document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] :
    [...document.querySelectorAll("body *")]
        .filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
        .map((one) => one.outerHTML.slice(0, 120))"""

Opened = Callable[[Look], Awaitable[Window]]


@asynccontextmanager
async def windows(url: str) -> AsyncIterator[Opened]:
    """What opens windows, each with cookies of its own, on the panel at an address."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=_SWITCHES)

        async def opened(look: Look) -> Window:
            size: Any = {"width": look.width, "height": look.height}
            context = await chromium.new_context(
                viewport=size, color_scheme=look.scheme, locale="en-GB", user_agent=_AGENT, reduced_motion="reduce"
            )
            context.set_default_timeout(PATIENCE_MS)
            page = await context.new_page()
            window = Window(page, url)
            page.on("pageerror", lambda error: window.troubles.append(str(error)))
            page.on("console", lambda said: _note(window, said))
            return window

        try:
            yield opened
        finally:
            await chromium.close()


def _note(window: Window, said: ConsoleMessage) -> None:
    if said.type in {"error", "warning"} and not _EXPECTED.search(said.text):
        window.troubles.append(said.text)


_CHANGING: Final = (
    (re.compile(r"(direct|matter|channel)-[0-9a-f]{8,}"), r"\1-ID"),
    (re.compile(r"wall-[0-9a-z]{4,}", re.IGNORECASE), "wall-ID"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d"), "MOMENT"),
    (re.compile(r"20\d\d-\d\d-\d\d"), "DAY"),
    (re.compile(r"!room\d+:localhost"), "!ROOM"),
    (re.compile(r"(?<=room/)!?[\w:.%!-]+"), "!ROOM"),
    (re.compile(r"(?:\$|%24)[\w.%-]+"), "$EVENT"),
    (re.compile(r"(change|sessions/|taken? back the change) [0-9a-f]{6,}"), r"\1 ID"),
    (re.compile(r"localhost(:|%3A)\d+"), "localhost"),
)
"""What is another in each run, and what stands in its place."""


async def compared(name: str, now: str) -> list[str]:
    """What a screen reader meets beside the golden file of that name, which `PANEL_ARIA=anew` writes anew."""
    file = ARIA / f"{name}.yaml"
    if os.environ.get("PANEL_ARIA") == "anew":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(now, encoding="utf-8")
    golden = file.read_text(encoding="utf-8") if file.exists() else ""
    return [] if golden == now else [f"A screen reader meets something else than {file.name} says:\n{now}"]


async def kept(window: Window, look: Look, name: str) -> None:
    """Keep a picture of what a window shows, where `PANEL_PICTURES` names a folder, to look at."""
    if not PICTURES:
        return
    folder = Path(PICTURES) / look.name.replace(", ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    await window.page.screenshot(path=folder / f"{name.replace('/', '-')}.png", full_page=True)


async def snapshot(part: Locator) -> str:
    """What a screen reader meets in a part of a page, with what is another in each run left out."""
    text = await part.aria_snapshot()
    for pattern, word in _CHANGING:
        text = pattern.sub(word, text)
    return text + "\n"
