"""The demo firm at people's clients."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from urllib.parse import quote

import pytest

from tests.clients.element import Element, Window, elements
from tests.synapse.conftest import firm as firm
from tests.synapse.conftest import made_demo as made_demo
from tests.synapse.harness import RealFirm
from tests.synapse.running.test_crash import bot_chat

PASSWORD = "cedar-otter-lantern-41"


async def give_password(firm: RealFirm, localpart: str) -> None:
    """Let somebody sign in with PASSWORD."""
    given = {"password": PASSWORD, "logout_devices": False}
    (await firm.bot.request("PUT", f"/_synapse/admin/v2/users/{quote(firm.user_id(localpart))}", given)).ok()


@pytest.fixture(autouse=True, scope="session")
def _slow_machine() -> Iterator[None]:
    """A browser beside Synapse and the bridge leaves little to either, and these tests have more time than others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.synapse.harness.READY_SECONDS", 300)
        yield


@dataclass(frozen=True, slots=True)
class Office:
    """The demo firm, with its bridge running, and Element for everybody."""

    firm: RealFirm
    element: Element

    async def sign_in(self, localpart: str) -> Window:
        """Somebody's Element, signed in, on a browser of its own."""
        await give_password(self.firm, localpart)
        return await self.element.sign_in(self.firm.user_id(localpart), PASSWORD)

    async def tells_the_bot(self, localpart: str, command: str) -> None:
        """Somebody types to the bot, in another client."""
        person = await self.firm.login(localpart)
        await person.say(await bot_chat(person, self.firm), command)


@pytest.fixture
async def office(firm: RealFirm) -> AsyncIterator[Office]:
    """The demo firm, made and running, and Element to sign in with."""
    firm.start_bridge()
    await firm.bridge_ready()
    async with elements(firm.url) as element:
        yield Office(firm, element)


@pytest.fixture
async def office_with_panel(firm: RealFirm) -> AsyncIterator[Office]:
    """The same, with the panel beside the messages in Element."""
    async with elements(firm.url) as element:
        firm.start_bridge(env={"FIRM_BRIDGE_PANEL__WIDGET": json.dumps([element.served.url])})
        await firm.bridge_ready()
        yield Office(firm, element)
