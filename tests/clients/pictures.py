"""The pictures in the documentation: the tutorial's story in Element. `make pictures` takes them anew."""

from __future__ import annotations

import pytest

from bridge.dev.place import ROOT
from tests.clients.conftest import Office
from tests.clients.element import Window, missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

FOLDER = ROOT / "docs" / "pictures"
NAMES = ("zoe.lindqvist", "tomas.ferreira", "eleanor.ashcombe")
TALK = "Searches · 2026-0017 Purchase of 14 Orchard Lane"


async def undisturbed(office: Office, name: str) -> Window:
    """Somebody's Element, without what it says once to everybody."""
    window = await office.sign_in(name)
    # Element's service worker, without which it gets no pictures, is there from the second loading on.
    await window.page.reload()
    await window.page.get_by_role("button", name="Dismiss", exact=True).first.click()
    return window


async def test_take_the_pictures(office: Office) -> None:
    FOLDER.mkdir(exist_ok=True)
    zoe, tomas, eleanor = [await undisturbed(office, name) for name in NAMES]
    await zoe.open("Firm Bot")
    await zoe.say("!dm @tomas.ferreira Shall we have lunch?")
    await zoe.sees("Here is your direct conversation")
    await zoe.say('!matter start 2026-0017 "Searches" @tomas.ferreira @eleanor.ashcombe')
    await zoe.sees("Started")
    await zoe.picture(FOLDER / "asking-the-bot.png")

    await tomas.open("Zoë Lindqvist")
    await tomas.sees("Shall we have lunch?")
    await tomas.say("At one, in the park")
    await zoe.open(TALK)
    await zoe.say("The local search is back: nothing about the lane")
    await tomas.open(TALK)
    await tomas.sees("nothing about the lane")
    await tomas.picture(FOLDER / "before-the-wall.png")

    await eleanor.open("Firm Bot")
    await eleanor.say("!wall add 2026-0017 @tomas.ferreira His sister is buying")
    await eleanor.sees("taken out of 1 conversation")
    await eleanor.say("!why @tomas.ferreira 2026-0017")
    await eleanor.sees("What decides")
    await eleanor.picture(FOLDER / "why.png")
    await tomas.open("Firm Bot")
    await tomas.say("!matter show 2026-0017")
    await tomas.sees("There is no matter")
    await tomas.picture(FOLDER / "behind-the-wall.png")
