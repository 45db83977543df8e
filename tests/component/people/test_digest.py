"""The morning digest: what is in it and what must not be, once a day whatever happens, and each person's own off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge import faults
from bridge.care.digest import send_digests
from bridge.desk import Desk
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.model import MatterStatus, Staff, Wall
from bridge.handlers.router import Router
from bridge.matrix.errors import UnreachableError
from bridge.settings import CareSettings
from bridge.store.rooms.conversations import NewConversation, add_conversations
from bridge.store.rooms.participants import add_participants
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE, ESTATE_TALK, MERGER, MERGER_TALK, STAFF, make_firm
from tests.component.firm_on_fake import FirmOnFake, Said, channel
from tests.fakes.faults import Slow, bad_gateway, refusal, too_many_in_header

MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
"""A Monday, when the digest of the tests is due."""


class Died(Exception):
    """Stands for kill -9."""


AWAY = too_many_in_header(3600)


@pytest.fixture
async def talking(on: FirmOnFake) -> AsyncIterator[FirmOnFake]:
    """A firm in which Ben and Cleo are in Ann's matters and wrote to her: the estate last."""
    await on.store.run(add_participants, MERGER_TALK, ["c"], "a")
    await on.reconciler.rooms.converge(MERGER_TALK)
    for key, person, count in ((MERGER_TALK, CLEO, 1), (ESTATE_TALK, BEN, 2)):
        room = await on.room(key)
        for number in range(count):
            on.fake.message(room.room_id, on.user(person), f"Words {number}")
    on.events.clear()
    on.fake.requests.clear()
    yield on


def desk_of(on: FirmOnFake, **care: Any) -> Desk:
    settings = on.settings.model_copy(update={"care": CareSettings(**{"digest": True, **care})})
    return replace(on.desk, settings=settings)


async def digest(on: FirmOnFake, now: datetime = MORNING, **care: Any) -> dict[str, str]:
    """Send the digests due at a moment; what was said, by the user id of who reads it."""
    await send_digests(desk_of(on, **care), now)
    return await read_by(on, await on.said())


async def read_by(on: FirmOnFake, said: list[Said]) -> dict[str, str]:
    chats = {await on.chat(person): on.user(person) for person in STAFF if person.active}
    assert len({one.room_id for one in said}) == len(said)
    return {chats[one.room_id]: one.body for one in said}


async def test_it_lists_the_matters_with_unread_messages_newest_first_linked(talking: FirmOnFake) -> None:
    on = talking
    await send_digests(desk_of(on), MORNING)
    (said,) = await on.said()
    assert said.room_id == await on.chat(ANN)
    lines = said.body.splitlines()
    listed = [line for line in lines if line.startswith("- ")]
    assert listed == [
        "- 2026-0042 Estate of Orla Quill: 2 in General",
        "- 2026-0055 Sale of Tidewell Brewing: 1 in General",
    ]
    assert "!digest off" in lines[-1]
    for key in (ESTATE_TALK, MERGER_TALK):
        assert (await on.room(key)).room_id in said.content["formatted_body"]
    assert on.fake.changes() == []


async def test_only_who_has_unread_messages_gets_it_and_what_was_read_is_not_in_it(talking: FirmOnFake) -> None:
    on = talking
    on.fake.read((await on.room(ESTATE_TALK)).room_id, on.user(ANN))
    said = await digest(on)
    # Ben and Cleo wrote themselves, and Dan is in no matter: he is not even asked about.
    assert said.keys() == {on.user(ANN)}
    assert "2026-0042" not in said[on.user(ANN)]
    assert "2026-0055" in said[on.user(ANN)]
    assert {request.user_id for request in on.fake.asked("GET", "/sync$")} == on.users(ANN, BEN, CLEO)


async def test_channels_and_direct_conversations_are_not_in_it(talking: FirmOnFake) -> None:
    on = talking
    for key in (channel("Litigation"), channel("Everyone")):
        on.fake.message((await on.room(key)).room_id, on.user(ANN), "Hello all")
    assert (await digest(on)).keys() == {on.user(ANN)}


async def test_two_conversations_of_a_matter_are_one_line(talking: FirmOnFake) -> None:
    on = talking
    costs = Conversation("m1-costs", ConversationKind.MATTER, "Costs", "", "m1", participants=frozenset("ab"))
    await on.store.run(add_conversations, [NewConversation(costs)])
    await on.sync()
    on.fake.message((await on.room("m1-costs")).room_id, on.user(BEN), "Again")
    on.fake.message((await on.room(MERGER_TALK)).room_id, on.user(CLEO), "And again")
    body = (await digest(on))[on.user(ANN)]
    numbers = [line.partition(" (https")[0] for line in body.splitlines() if line.startswith("- ")]
    assert numbers == [
        "- 2026-0055 Sale of Tidewell Brewing: 2 in General",
        "- 2026-0042 Estate of Orla Quill: 1 in Costs, 2 in General",
    ]


async def test_M3_a_walled_person_reads_nothing_of_the_matter_even_before_its_rooms_follow(talking: FirmOnFake) -> None:
    on = talking
    on.firm = make_firm(walls=(Wall("w2", matter_id="m1", people=("a",)),))
    assert on.user(ANN) in (await on.room(ESTATE_TALK)).joined
    said = await digest(on)
    assert "2026-0055" in said[on.user(ANN)]
    assert "2026-0042" not in str(said)


async def test_M3_a_wall_set_while_the_homeserver_is_asked_holds(talking: FirmOnFake) -> None:
    on = talking
    held = Slow(asyncio.Event(), act_first=True)
    on.fake.script("GET", "/sync$", held)
    sending = asyncio.create_task(digest(on))
    await held.arrived.wait()
    on.firm = make_firm(walls=(Wall("w2", matter_id="m1", people=("a",)), Wall("w3", matter_id="m2", people=("a",))))
    held.until.set()
    assert await sending == {}


async def test_M3_who_left_a_conversation_or_whose_matter_is_deleted_reads_nothing_of_it(talking: FirmOnFake) -> None:
    on = talking
    on.firm = make_firm(matters=(ESTATE, replace(MERGER, status=MatterStatus.DELETED)))
    assert "2026-0055" not in str(await digest(on))
    on.firm = make_firm()
    on.fake.message((await on.room(ESTATE_TALK)).room_id, on.user(ANN), "For Ben")
    on.fake.leave((await on.room(ESTATE_TALK)).room_id, on.user(BEN))
    await on.hear()
    # The way back, which is no digest.
    await on.said()
    assert on.user(BEN) not in await digest(on, MORNING + timedelta(days=1))


async def test_F2_former_staff_get_none_and_are_not_asked_about(talking: FirmOnFake) -> None:
    on = talking
    on.firm = make_firm(staff=(replace(ANN, former=True), BEN, CLEO, DAN))
    assert await digest(on) == {}
    assert on.user(ANN) not in {request.user_id for request in on.fake.asked("GET", "/sync$")}


async def test_it_is_sent_once_a_day(talking: FirmOnFake) -> None:
    on = talking
    assert (await digest(on)).keys() == {on.user(ANN)}
    on.fake.requests.clear()
    on.fake.message((await on.room(ESTATE_TALK)).room_id, on.user(BEN), "One more")
    for minutes in (1, 60, 179, 600):
        assert await digest(on, MORNING + timedelta(minutes=minutes)) == {}
    assert on.fake.requests == []
    assert "3 in General" in (await digest(on, MORNING + timedelta(days=1)))[on.user(ANN)]


async def test_a_bridge_started_in_the_evening_sends_none(talking: FirmOnFake) -> None:
    assert await digest(talking, MORNING + timedelta(hours=11)) == {}
    assert talking.fake.requests == []


async def test_it_is_off_unless_the_firm_wants_it(talking: FirmOnFake) -> None:
    assert not CareSettings().digest
    assert await digest(talking, digest=False) == {}
    assert await digest(talking, digest_time="09:00") == {}
    assert talking.fake.requests == []


async def test_what_the_homeserver_did_not_answer_is_asked_again_the_same_morning(talking: FirmOnFake) -> None:
    on = talking
    on.fake.message((await on.room(ESTATE_TALK)).room_id, on.user(ANN), "For Ben")
    on.fake.script("GET", "/sync$", AWAY)
    with pytest.raises(UnreachableError):
        await send_digests(desk_of(on), MORNING)
    before = await read_by(on, await on.said())
    after = await digest(on, MORNING + timedelta(minutes=1))
    assert {*before, *after} == on.users(ANN, BEN)
    assert not before.keys() & after.keys()
    assert await digest(on, MORNING + timedelta(minutes=2)) == {}


async def test_one_whom_the_homeserver_refuses_is_asked_about_again_and_holds_up_nobody(talking: FirmOnFake) -> None:
    on = talking
    on.fake.message((await on.room(ESTATE_TALK)).room_id, on.user(ANN), "For Ben")
    on.fake.script("GET", "/sync$", refusal(403, "M_USER_SUSPENDED"))
    first = await send_digests(desk_of(on), MORNING)
    assert (first.refused, first.queued + first.nothing) == (1, 3)
    said = await read_by(on, await on.said())
    on.fake.requests.clear()
    again = await digest(on, MORNING + timedelta(minutes=1))
    assert {*said, *again} == on.users(ANN, BEN)
    assert not said.keys() & again.keys()
    assert len(on.fake.requests) == 1


async def test_an_answer_that_is_no_homeservers_is_asked_for_again_at_once(talking: FirmOnFake) -> None:
    on = talking
    on.fake.script("GET", "/sync$", bad_gateway())
    assert (await digest(on)).keys() == {on.user(ANN)}


@pytest.mark.parametrize("point", ["digest.asked", "digest.queued"])
async def test_a_crash_sends_none_twice_and_forgets_none(
    talking: FirmOnFake, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    on = talking
    on.fake.message((await on.room(ESTATE_TALK)).room_id, on.user(ANN), "For Ben")

    def die(name: str) -> None:
        if name == point:
            raise Died

    monkeypatch.setattr(faults, "point", die)
    with pytest.raises(Died):
        await send_digests(desk_of(on), MORNING)
    monkeypatch.undo()
    await send_digests(desk_of(on), MORNING + timedelta(minutes=3))
    assert (await read_by(on, await on.said())).keys() == on.users(ANN, BEN)


async def test_few_are_asked_about_at_once(talking: FirmOnFake) -> None:
    on = talking
    held = [Slow(asyncio.Event()) for _ in range(3)]
    on.fake.script("GET", "/sync$", *held)
    sending = asyncio.create_task(digest(on))
    await asyncio.gather(held[0].arrived.wait(), held[1].arrived.wait())
    held[0].until.set()
    await held[2].arrived.wait()
    assert held[0].done.is_set()
    for one in held:
        one.until.set()
    assert (await sending).keys() == {on.user(ANN)}


async def test_each_person_may_do_without(talking: FirmOnFake) -> None:
    on = talking
    firm_has_it = on.settings.model_copy(update={"care": CareSettings(digest=True)})
    for settings, words in ((on.settings, "There is no morning digest"), (firm_has_it, "You get no morning digest")):
        on.router = Router(replace(on.desk, settings=settings), on.places, on.at_work)
        assert words in await on.ask(ANN, "!digest off")
    assert "You get no" in await on.ask(ANN, "!digest")
    assert "`" not in await on.ask(ANN, "!digest perhaps")
    assert await digest(on) == {}
    # On again, it comes the next morning and not at once.
    assert "from Monday to Friday at 08:00" in await on.ask(ANN, "!digest ON")
    assert await digest(on, MORNING + timedelta(minutes=5)) == {}
    assert (await digest(on, MORNING + timedelta(days=1))).keys() == {on.user(ANN)}


async def test_titles_cannot_break_out_of_it(talking: FirmOnFake) -> None:
    on = talking
    odd = "](https://evil.example) <script>x</script> **bold** `code`"
    on.firm = make_firm(matters=(replace(ESTATE, title=odd), MERGER))
    await send_digests(desk_of(on), MORNING)
    (said,) = await on.said()
    assert odd in said.body
    html = said.content["formatted_body"]
    assert "<script" not in html
    assert 'href="https://evil' not in html
    assert "<strong>bold" not in html


async def test_a_long_one_is_cut_and_says_so(talking: FirmOnFake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.care.digest.SHOWN", 1)
    body = (await digest(talking))[talking.user(ANN)]
    assert "2026-0042" in body
    assert "2026-0055" not in body
    assert "And in 1 more conversation." in body


async def test_who_has_no_account_yet_waits_for_nothing(talking: FirmOnFake) -> None:
    on = talking
    on.firm = make_firm(staff=(*STAFF, Staff("n", "Nia", "New", "nia@firm.example")))
    assert (await digest(on)).keys() == {on.user(ANN)}
