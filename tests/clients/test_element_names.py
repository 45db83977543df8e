"""What the list of rooms shows in Element: names that tell conversations apart, also after somebody left the firm."""

from __future__ import annotations

import pytest

from tests.clients.conftest import Office
from tests.clients.element import missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

HOLLIS = "2026-0042 Hollis v. Brightwater Marina"
SEEN = 25
"""Letters of a name that the list has room for."""


async def test_M1_conversations_of_one_matter_are_told_apart(office: Office) -> None:
    daniel = await office.sign_in("daniel.okafor")
    for title in ("Disclosure", "Expert evidence"):
        await office.tells_the_bot("daniel.okafor", f'!matter start 2026-0042 "{title}"')
    await daniel.shows(f"Expert evidence · {HOLLIS}")
    names = await daniel.names()
    assert {HOLLIS, f"Disclosure · {HOLLIS}"} < set(names)
    assert len({name[:SEEN] for name in names}) == len(names)


async def test_D3_conversations_keep_the_names_of_those_who_left_the_firm(office: Office) -> None:
    daniel = await office.sign_in("daniel.okafor")
    await daniel.start_chat("Wei Chen")
    await daniel.say("About the invoices")
    await daniel.sent("About the invoices")
    await daniel.start_chat("Wei Chen", "Rosa Delgado")
    await daniel.say("About the post")
    await daniel.sent("About the post")
    assert {"Wei Chen", "Rosa Delgado and Wei Chen"} < set(await daniel.names("People"))
    await office.tells_the_bot("marcus.bell", "!staff leave @wei.chen")
    await daniel.shows("Daniel Okafor, Rosa Delgado, Wei Chen", "People")
    await daniel.shows("Wei Chen", "People")
    names = await daniel.names("People")
    assert not [name for name in names if "Empty" in name or ("Bot" in name and name != "Firm Bot")]
