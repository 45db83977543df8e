"""*Remove* of a person's own client: offered to some, recorded, refused where the people stay the same (V1)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest

from bridge.firm.audit import Deed
from bridge.guard.gate import MEMBER, NOT_ADDED, NOT_TAKEN_OUT, Change, Gate, Mark
from bridge.store.engine.store import Store
from bridge.store.record import audit
from tests.cast import ANN, BEN, CLEO, ESTATE_TALK
from tests.component.firm_on_fake import FirmOnFake, channel, firm_on_fake
from tests.fakes.guard import FakeGuard
from tests.fakes.homeserver import FakeHomeserver
from tests.fakes.room import Denied

BOT = "@bot:localhost"


@pytest.fixture
async def firm(fake: FakeHomeserver, store: Store, guard: FakeGuard) -> AsyncIterator[FirmOnFake]:
    async with firm_on_fake(fake, store) as made:
        yield made


async def removers(firm: FirmOnFake, key: str) -> set[str]:
    """The user ids of those whose clients offer to remove others."""
    levels = (await firm.room(key)).state["m.room.power_levels", ""]
    return {who for who, level in levels["users"].items() if who != BOT and level >= levels["kick"]}


async def test_V1_who_started_it_and_who_is_responsible_take_others_out_in_their_client(firm: FirmOnFake) -> None:
    assert await removers(firm, ESTATE_TALK) == firm.users(ANN)
    await firm.ask(BEN, "!channel create Tide Tables @ann @cleo")
    tides = channel("Tide Tables")
    assert await removers(firm, tides) == firm.users(BEN)
    room = await firm.room(tides)
    firm.fake.kick(room.room_id, firm.user(BEN), firm.user(CLEO))
    await firm.hear()
    assert await firm.people(tides) == firm.users(ANN, BEN)
    entries = await firm.store.run(audit.audited, limit=100)
    (gone,) = [one.entry for one in entries if one.entry.deed is Deed.PARTICIPANT_REMOVED]
    assert (gone.actor, gone.person, gone.subject) == ("b", "c", tides)
    # Whose level is the same as the other's types the command.
    with pytest.raises(Denied):
        firm.fake.kick(room.room_id, firm.user(ANN), firm.user(BEN))
    await firm.settled()


async def test_C4_nobody_is_offered_to_take_somebody_out_of_the_whole_firms_channel(firm: FirmOnFake) -> None:
    (everyone,) = [
        one.id for one in (await firm.reconciler.planner.desired()).world.conversations.values() if one.everyone
    ]
    assert await removers(firm, everyone) == set()


async def test_without_the_guard_only_the_bot_takes_people_out(fake: FakeHomeserver, store: Store) -> None:
    async with firm_on_fake(fake, store) as firm:
        assert await removers(firm, ESTATE_TALK) == set()


@pytest.mark.parametrize(
    ("kind", "sender", "before", "refused"),
    [
        ("matter", "@ann:localhost", "join", None),
        ("channel", "@ann:localhost", "join", None),
        ("direct", "@ann:localhost", "join", NOT_TAKEN_OUT),
        ("bot", "@ann:localhost", "join", NOT_TAKEN_OUT),
        ("admins", "@ann:localhost", "join", NOT_TAKEN_OUT),
        ("space", "@ann:localhost", "join", NOT_TAKEN_OUT),
        ("matter", "@ann:localhost", "", NOT_ADDED),
        ("direct", "@ben:localhost", "join", None),
        ("direct", BOT, "join", None),
    ],
)
def test_V1_the_guard_lets_nobody_be_taken_out_where_the_people_stay(
    kind: str, sender: str, before: str, refused: str | None
) -> None:
    change = Change(MEMBER, sender, "@ben:localhost", "leave", before)
    refusal = Gate(BOT).refusal(change, Mark(kind, "k"), None, date.min)
    assert (refusal.sentence if refusal else None) == refused
