"""Who has no place in the panel: every address is tried by strangers, and a guest in a room is nobody (P2, P4, F1)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.component.panel.panel_firm import Panel, filings, panel_firm
from tests.component.panel.test_widget import BESIDE, come_in
from tests.component.small_firm import channel
from tests.synapse.attacks.attempt import Alike, Call, Who
from tests.synapse.attacks.strangers import LOGINS
from tests.synapse.attacks.table import DECLARED

TO_ALL = re.compile(
    r"GET /(static/.*|in/\{token\}|widget/\{conversation\}|api/v1/openapi\.json)|POST /(in/\{token\}|widget/(in|out))"
)
"""Doors, and what everybody is shown: tried by nobody in particular, and with what each door wants."""


@pytest.fixture
async def beside(tmp_path: Path, database_url: str) -> AsyncIterator[Panel]:
    async with panel_firm(tmp_path, database_url) as panel:
        await panel.restart(panel=BESIDE)
        yield panel


def tried(who: Who) -> set[tuple[str, str]]:
    """Method and path of all that they ask the panel for."""
    steps = [step for one in DECLARED if one.who is who for step in one.steps]
    calls = [one for step in steps for one in ((step.secret, step.invented) if isinstance(step, Alike) else (step,))]
    return {(one.method, one.path) for one in calls if isinstance(one, Call) and one.panel}


@pytest.mark.parametrize("who", [Who.NOBODY, *LOGINS])
async def test_P2_A1_strangers_try_every_address_there_is(beside: Panel, who: Who) -> None:
    served = {
        f"{route.method} {route.resource.canonical}"
        for route in beside.firm.bridge.panel_app().router.routes()
        # A HEAD is answered as a GET is, without what it says.
        if route.resource is not None and route.method != "HEAD"
    }
    asked = tried(who)
    missing = {
        one
        for one in served
        if not TO_ALL.fullmatch(one)
        and not any(
            one.partition(" ")[0] == method
            and re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(one.partition(" ")[2])), path)
            for method, path in asked
        )
    }
    assert missing == set()
    assert len(served) > 80


async def test_F1_P4_a_guest_in_a_room_is_nobody_in_the_panel(beside: Panel) -> None:
    firm, room = beside.firm, await channel(beside.firm)
    firm.fake.add_user("guest")
    firm.fake.invite(room, firm.fake.bot_id, firm.user("guest"))
    firm.fake.join(room, firm.user("guest"))
    ruth = await beside.enter("ruth")
    address = await filings(ruth)
    conversation = address.rpartition("/")[2]
    firm.fake.openid_tokens["of-the-guest"] = firm.user("guest")
    assert await come_in(beside, "of-the-guest", conversation) == "403"
    for tab in ("", "/participants", "/about"):
        status, text = await ruth.get(address + tab)
        assert (status, "guest" in text.casefold()) == (200, False)
    await firm.settle()
    assert "guest" not in firm.members(room)
