"""A matter's conversation is archived and opened again by those in it, whatever the matter's status is (M4, V1)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bridge.firm.model import Matter, MatterStatus, Staff
from bridge.guard.gate import READ_ONLY
from bridge.store.engine.store import Store
from tests.cast import ANN, BEN, CLEO, ESTATE, ESTATE_TALK, MERGER, make_firm
from tests.component.firm_on_fake import FirmOnFake, firm_on_fake
from tests.fakes.guard import FakeGuard
from tests.fakes.homeserver import FakeHomeserver
from tests.fakes.room import Denied


@pytest.fixture
async def firm(fake: FakeHomeserver, store: Store, guard: FakeGuard) -> AsyncIterator[FirmOnFake]:
    async with firm_on_fake(fake, store) as made:
        yield made


async def closed(firm: FirmOnFake) -> bool:
    """Whether nobody but the bot writes in the conversation, by the room's levels and by the guard."""
    room = await firm.room(ESTATE_TALK)
    levels = room.state["m.room.power_levels", ""]
    try:
        firm.fake.send(room.room_id, firm.user(ANN), "m.room.message", {"msgtype": "m.text", "body": "Hello"})
    except Denied as error:
        assert levels["events_default"] == levels["kick"] == 100
        assert error.status == 403
        return True
    assert levels["events_default"] == 0
    return False


async def answered(firm: FirmOnFake, person: Staff, text: str, room_id: str = "") -> str:
    """The answer, behind what the bot says in the conversation."""
    return (await firm.say(person, text, room_id))[-1].body


async def test_M4_it_is_read_only_until_somebody_in_it_opens_it_again(firm: FirmOnFake) -> None:
    room_id = (await firm.room(ESTATE_TALK)).room_id
    assert "is archived: it can be read and found" in await answered(firm, BEN, "!archive", room_id)
    assert await closed(firm)
    assert (await firm.room(ESTATE_TALK)).room_id == room_id
    assert "read-only" in await firm.ask(ANN, "!matter show 2026-0042")
    assert await firm.people(ESTATE_TALK) == firm.users(ANN, BEN)
    assert "is open again" in await answered(firm, ANN, "!matter restore 2026-0042")
    assert not await closed(firm)
    await firm.hear()
    await firm.settled()


async def test_M4_what_becomes_of_the_matter_opens_nothing(firm: FirmOnFake) -> None:
    await answered(firm, ANN, "!matter archive 2026-0042")
    for status in (MatterStatus.CLOSED, MatterStatus.OPEN):
        before = firm.firm
        firm.firm = make_firm(matters=(replace(ESTATE, status=status), MERGER))
        await firm.reconciler.passes.follow(before)
        assert await closed(firm)
    firm.firm = make_firm(matters=(replace(ESTATE, status=MatterStatus.CLOSED), MERGER))
    assert "is closed, so nobody writes" in await answered(firm, ANN, "!matter restore 2026-0042")
    assert await closed(firm)


async def test_M2_only_who_is_in_it_archives_it_and_nobody_hears_of_a_hidden_one(firm: FirmOnFake) -> None:
    assert "You are in no conversation" in await firm.ask(CLEO, "!matter archive 2026-0042")
    hidden = await firm.ask(BEN, "!matter archive 2026-0055")
    assert hidden.replace("2026-0055", "X") == (await firm.ask(BEN, "!matter archive 2026-0099")).replace(
        "2026-0099", "X"
    )
    assert not await closed(firm)


def test_the_sentence_for_a_closed_conversation_fits_an_archived_one() -> None:
    assert "can be read" in READ_ONLY


async def test_M4_nobody_is_told_to_start_something_in_a_closed_matter(firm: FirmOnFake) -> None:
    closed = Matter("m9", "2026-0077", "Old lease", MatterStatus.CLOSED)
    firm.firm = make_firm(matters=(ESTATE, MERGER, closed))
    for command in ("!matter show", "!matter join", "!matter archive"):
        assert "!matter start" not in await firm.ask(ANN, f"{command} 2026-0077")
