"""Buttons of Cinny that do what they say or say why not, without a command typed (V1)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from bridge.guard.creation import PRIVATE
from tests.clients.cinny import Cinny, CinnyWindow, cinnies, in_cinny
from tests.clients.conftest import PASSWORD, give_password
from tests.synapse.harness import RealFirm

pytestmark = in_cinny()

HOLLIS = "2026-0042 Hollis v. Brightwater Marina"


@dataclass(frozen=True, slots=True)
class CinnyOffice:
    """The demo firm, with its bridge running, and Cinny for everybody."""

    firm: RealFirm
    cinny: Cinny

    async def sign_in(self, localpart: str) -> CinnyWindow:
        """Somebody's Cinny, signed in, on a browser of its own."""
        await give_password(self.firm, localpart)
        return await self.cinny.sign_in(self.firm.user_id(localpart), PASSWORD)

    async def space(self, localpart: str, name: str) -> str:
        """The room id of a space that somebody is in."""
        person = await self.firm.login(localpart)
        named = [room for room in await person.joined_rooms() if await person.room_name(room) == name]
        (space,) = [room for room in named if await person.is_space(room)]
        return space


@pytest.fixture
async def office(firm: RealFirm) -> AsyncIterator[CinnyOffice]:
    """The demo firm, made and running, and Cinny to sign in with."""
    firm.start_bridge()
    await firm.bridge_ready()
    async with cinnies(firm.url) as cinny:
        yield CinnyOffice(firm, cinny)


async def test_D1_create_chat_opens_the_conversation_of_both(office: CinnyOffice) -> None:
    daniel = await office.sign_in("daniel.okafor")
    grace = await office.sign_in("grace.whitlock")
    await daniel.create_chat("Grace Whitlock")
    await daniel.say("Can you bring the Hollis file?")
    await grace.open_directs()
    await grace.open("Daniel Okafor")
    await grace.sees("Can you bring the Hollis file?")


async def test_C1_a_private_room_for_nobody_is_not_made_and_cinny_shows_why(office: CinnyOffice) -> None:
    daniel = await office.sign_in("daniel.okafor")
    person = await office.firm.login("daniel.okafor")
    before = await person.joined_rooms()
    await daniel.new_room_at_home("Dismissal of R")
    await daniel.sees(PRIVATE, within=".create-room__error")
    assert await person.joined_rooms() == before


async def test_M1_C1_new_room_in_a_space_is_the_firms_room_there(office: CinnyOffice) -> None:
    daniel = await office.sign_in("daniel.okafor")
    matter, firm = [await office.space("daniel.okafor", name) for name in (HOLLIS, "Ashcombe & Vale")]
    await daniel.new_room_in_space(matter, "Disclosure")
    await daniel.open_space(matter)
    await daniel.open(f"Disclosure · {HOLLIS}")
    await daniel.sees("Daniel Okafor started the conversation")
    await daniel.new_room_in_space(firm, "Bake Sale")
    await daniel.open_space(firm)
    await daniel.open("Bake Sale")
    await daniel.sees("Daniel Okafor started the channel Bake Sale")
