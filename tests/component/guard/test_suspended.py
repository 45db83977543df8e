"""A server admin has suspended somebody's account: nobody waits for them, they are named, and they come in later."""

from __future__ import annotations

from tests.cast import ANN, BEN, CLEO, DAN
from tests.component.firm_on_fake import FirmOnFake, channel, direct


async def test_the_others_come_in_and_talk_and_who_is_suspended_is_named(on: FirmOnFake) -> None:
    account = on.fake.accounts[on.user(CLEO)]
    account.suspended = True
    said = await on.say(ANN, "!dm @ben @cleo @dan: Lunch?")
    room = await on.room(direct("a", "b", "c", "d"))
    told = [one.body for one in said if one.sender == on.fake.bot_id]
    assert any(body.startswith("Cleo Crane cannot come into") and "suspended on the server" in body for body in told)
    assert [(one.room_id, one.body) for one in said if one.sender == on.user(ANN)] == [(room.room_id, "Lunch?")]
    assert set(room.joined) - {on.fake.bot_id} == on.users(ANN, BEN, DAN)
    assert room.members[on.user(CLEO)] == "invite"
    # Once that is lifted they come in by themselves, and nothing is left to do.
    account.suspended = False
    await on.sync()
    assert set(room.joined) == on.users(ANN, BEN, CLEO, DAN)
    await on.hear()
    await on.settled()


async def test_somebody_suspended_is_taken_out_like_everybody(on: FirmOnFake) -> None:
    on.fake.accounts[on.user(BEN)].suspended = True
    room = await on.room(channel("Litigation"))
    assert "Ben Booth: removed" in await on.ask(ANN, "!remove @ben", room.room_id)
    assert on.user(BEN) not in room.joined
