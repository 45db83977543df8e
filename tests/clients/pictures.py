"""The pictures in the documentation: the tutorial's story and the panel in Element. `make pictures` takes them anew."""

from __future__ import annotations

from contextlib import suppress

from playwright.async_api import TimeoutError as TookTooLong
from playwright.async_api import expect

from bridge.dev.place import ROOT
from tests.clients.conftest import Office
from tests.clients.element import Window, in_element

pytestmark = in_element()

FOLDER = ROOT / "docs" / "pictures"
NAMES = ("zoe.lindqvist", "tomas.ferreira", "eleanor.ashcombe")
_LOADINGS = 5
_LOADING_MS = 10_000
_PICTURES_SHOWN = """() => [...document.querySelectorAll(".mx_BaseAvatar")]
    .filter((one) => one.closest(".mx_SpacePanel, .mx_LeftPanel, .mx_RoomHeader"))
    .every((one) => one.querySelector("img")?.complete)"""
"""Whether every room, space and person in the lists and at the top has its picture."""
TALK = "Searches · 2026-0017 Purchase of 14 Orchard Lane"


async def undisturbed(office: Office, name: str) -> Window:
    """Somebody's Element, without what it says once to everybody."""
    window = await office.sign_in(name)
    # What Element asks for before its service worker can fetch it shows as letters until the page is loaded anew.
    for _ in range(_LOADINGS):
        await window.page.evaluate("navigator.serviceWorker.ready")
        await window.page.reload()
        await expect(window.page.locator(".mx_RoomTile").first).to_be_visible()
        with suppress(TookTooLong):
            await window.page.wait_for_function(_PICTURES_SHOWN, timeout=_LOADING_MS)
            await window.page.get_by_role("button", name="Dismiss", exact=True).first.click()
            return window
    raise AssertionError("Element shows letters in the place of pictures, however often it is loaded.")


async def take(window: Window, name: str) -> None:
    """Keep what is on the screen, once all pictures are."""
    await window.page.wait_for_function(_PICTURES_SHOWN)
    await window.picture(FOLDER / f"{name}.png")


async def test_take_the_pictures(office: Office) -> None:
    FOLDER.mkdir(exist_ok=True)
    zoe, tomas, eleanor = [await undisturbed(office, name) for name in NAMES]
    await zoe.open("Firm Bot")
    await zoe.say("!dm @tomas.ferreira Shall we have lunch?")
    await zoe.sees("Here is your direct conversation")
    await zoe.say('!matter start 2026-0017 "Searches" @tomas.ferreira @eleanor.ashcombe')
    await zoe.sees("Started")
    await take(zoe, "asking-the-bot")

    await tomas.open("Zoë Lindqvist")
    await tomas.sees("Shall we have lunch?")
    await tomas.say("At one, in the park")
    await zoe.open(TALK)
    await zoe.say("The local search is back: nothing about the lane")
    await tomas.open(TALK)
    await tomas.sees("nothing about the lane")
    await take(tomas, "before-the-wall")

    await eleanor.open("Firm Bot")
    await eleanor.say("!wall add 2026-0017 @tomas.ferreira His sister is buying")
    await eleanor.sees("taken out of 1 conversation")
    await eleanor.say("!why @tomas.ferreira 2026-0017")
    await eleanor.sees("What decides")
    await take(eleanor, "why")
    await tomas.open("Firm Bot")
    await tomas.say("!matter show 2026-0017")
    await tomas.sees("There is no matter")
    await take(tomas, "behind-the-wall")


async def test_take_the_panel_beside_the_messages(office_with_panel: Office) -> None:
    maeve = await undisturbed(office_with_panel, "maeve.oconnell")
    await maeve.open("Court Filings")
    await maeve.say("The hearing is on 12 June at ten")
    await maeve.pin("The hearing is on 12 June at ten")
    for line in ("Grace books the train", "The skeleton argument is due a week before"):
        await maeve.say(line)
        await maeve.sent(line)
    # The pictures at the top are those of the room as it was opened first, which may be letters.
    await maeve.page.reload()
    panel = await maeve.panel()
    await panel.get_by_role("button", name="Pinned").click()
    await panel.get_by_role("link", name="The hearing is on 12 June at ten").click()
    await maeve.sees("Change which room, message, or user you're viewing")
    await maeve.page.get_by_role("button", name="Approve", exact=True).click()
    await expect(maeve.page.locator(".mx_EventTile_selected")).to_contain_text("The hearing")
    await take(maeve, "panel-beside")
