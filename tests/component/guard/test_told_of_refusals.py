"""Whoever is refused hears why from the bot, once and within seconds: most clients show nothing of it (V1)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import pytest
from prometheus_client import CollectorRegistry

from bridge.care.refusals import take_refusals
from bridge.care.telling_refused import tell_refused
from bridge.clock import now_ms
from bridge.firm.audit import Deed
from bridge.firm.room_keys import STAFF_SPACE, matter_space_key
from bridge.guard.creation import PRIVATE
from bridge.guard.gate import BOT_ONLY, NOT_ADDED, NOT_ADDED_TO_DIRECT, READ_ONLY
from bridge.guard.refusals import Attempt
from bridge.metrics import Metrics
from bridge.store.engine.store import Store
from tests.cast import ANN, BEN, CLEO, ESTATE_TALK, EVE, MERGER_TALK
from tests.component.firm_on_fake import FirmOnFake, channel, direct, firm_on_fake
from tests.fakes.guard import FakeGuard
from tests.fakes.homeserver import FakeHomeserver


@pytest.fixture
async def on(fake: FakeHomeserver, store: Store, guard: FakeGuard) -> AsyncIterator[FirmOnFake]:
    async with firm_on_fake(fake, store) as made:
        yield made


async def heard(on: FirmOnFake, *attempts: Attempt) -> list[tuple[str, str]]:
    """What the bot says of these, and in whose chat."""
    assert on.fake.guard is not None
    await on.said()
    for one in attempts:
        on.fake.guard.keeper.note(one)
    await take_refusals(on.desk, Metrics(CollectorRegistry()), partial(tell_refused, desk=on.desk))
    chats = {await on.chat(person): person.id for person in (ANN, BEN, CLEO)}
    return [(chats[one.room_id], one.body) for one in await on.said()]


async def test_V1_who_invites_somebody_hears_whom_and_where_whatever_keeps_them_out(on: FirmOnFake) -> None:
    told = []
    for whom in (on.user(BEN), on.user(EVE), "@nobody:localhost"):
        ((who, body),) = await heard(on, Attempt(Deed.TRIED_TO_INVITE, on.user(ANN), MERGER_TALK, whom, "M3"))
        assert who == "a"
        told.append(body)
    assert told[0] == f"Ben Booth was not added to General · 2026-0055. {NOT_ADDED}"
    assert {one.partition(" was not added")[2] for one in told} == {told[0].partition(" was not added")[2]}
    await on.ask(ANN, "!dm @ben")
    ((_, body),) = await heard(on, Attempt(Deed.TRIED_TO_INVITE, on.user(ANN), direct("a", "b"), on.user(CLEO), "D2"))
    assert body == f"Cleo Crane was not added to your conversation with Ben Booth. {NOT_ADDED_TO_DIRECT}"


async def test_C1_who_wanted_a_room_hears_why_there_is_none(on: FirmOnFake) -> None:
    ((who, body),) = await heard(on, Attempt(Deed.TRIED_TO_CREATE, on.user(BEN), "", "", "D1", "private"))
    assert (who, body) == ("b", f"The room that you asked for in your client was not made. {PRIVATE}")


async def test_V4_who_sent_a_file_hears_why_it_is_not_there(on: FirmOnFake) -> None:
    for rule, said in (("V4 size", "larger"), ("V4 double extension", "another form"), ("V3", "cannot list")):
        for place, where in ((ESTATE_TALK, " in General · 2026-0042"), ("", "")):
            ((_, body),) = await heard(on, Attempt(Deed.TRIED_TO_SEND_FILE, on.user(ANN), place, "", rule))
            assert body.startswith(f"A file that you sent{where} was not taken. ")
            assert said in body


async def test_M4_O3_what_else_was_not_done_is_told_with_where(on: FirmOnFake) -> None:
    space = matter_space_key("m1")
    for tried, said in (
        (Attempt(Deed.TRIED_TO_WRITE, on.user(ANN), channel("Litigation"), "", "C1"), f"was not taken. {READ_ONLY}"),
        (
            Attempt(Deed.TRIED_TO_CHANGE_ROOM, on.user(ANN), space, "", "O3", "m.space.child"),
            f"In the space of matter 2026-0042 the list of rooms stays as it was. {BOT_ONLY}",
        ),
        (
            Attempt(Deed.TRIED_TO_CHANGE_ROOM, on.user(ANN), STAFF_SPACE, "", "O3", "x.y"),
            "In the staff space what you changed stays",
        ),
    ):
        ((_, body),) = await heard(on, tried)
        assert said in body


@pytest.mark.parametrize(
    "tried",
    [
        # A place that Ben may not know of: the bot's silence is the same as about a room that is not there.
        Attempt(Deed.TRIED_TO_INVITE, "@ben:localhost", MERGER_TALK, "@cleo:localhost", "M3"),
        Attempt(Deed.TRIED_TO_SEND_FILE, "@ben:localhost", MERGER_TALK, "", "V4 size"),
        Attempt(Deed.TRIED_TO_CHANGE_ROOM, "@ben:localhost", matter_space_key("m2"), "", "O3", "m.room.name"),
        Attempt(Deed.TRIED_TO_JOIN, "@ben:localhost", MERGER_TALK, "", "M3"),
        Attempt(Deed.TRIED_TO_JOIN, "@ben:localhost", ESTATE_TALK, "", "M3"),
        Attempt(Deed.TRIED_TO_KNOCK, "@ben:localhost", MERGER_TALK, "", "M3"),
        Attempt(Deed.TRIED_TO_INVITE, "@ben:localhost", "!nowhere:localhost", "@cleo:localhost", "F1"),
        # Others' conversations, leavers and strangers.
        Attempt(Deed.TRIED_TO_INVITE, "@cleo:localhost", "direct-of-others", "@ben:localhost", "D2"),
        Attempt(Deed.TRIED_TO_CREATE, "@eve:localhost", "", "", "F1", "not_staff"),
        Attempt(Deed.TRIED_TO_CREATE, "@mallory:localhost", "", "", "F1", "not_staff"),
        # What clients do by themselves.
        Attempt(Deed.TRIED_TO_DELETE_FILES, "@ann:localhost", "", "", "hold"),
        Attempt(Deed.TRIED_TO_MARK_READ, "@ann:localhost", "", "", "M3"),
        Attempt(Deed.TRIED_TO_CHANGE_PROFILE, "@ann:localhost", "", "", "F3"),
    ],
)
async def test_M3_nobody_hears_of_what_they_may_not_know_nor_of_what_they_did_not_do(
    on: FirmOnFake, tried: Attempt
) -> None:
    assert await heard(on, tried) == []


async def test_who_tries_again_and_again_is_told_once_and_of_many_things_in_short(on: FirmOnFake) -> None:
    same = Attempt(Deed.TRIED_TO_INVITE, on.user(ANN), ESTATE_TALK, on.user(EVE), "F1")
    assert len(await heard(on, same, same, same)) == 1
    many = [Attempt(Deed.TRIED_TO_INVITE, on.user(ANN), ESTATE_TALK, f"@x{n}:localhost", "F1") for n in range(9)]
    told = await heard(on, *many)
    assert len(told) == 6
    assert told[-1][1] == "The firm's server did not do 4 more of the things that you tried."


async def test_what_was_refused_long_ago_is_only_in_the_log(on: FirmOnFake, monkeypatch: pytest.MonkeyPatch) -> None:
    now = now_ms()
    monkeypatch.setattr("bridge.care.telling_refused.now_ms", lambda: now + 3_700_000)
    assert await heard(on, Attempt(Deed.TRIED_TO_CREATE, on.user(BEN), "", "", "D1", "private")) == []


async def test_a_word_that_only_a_newer_guard_knows_is_told_nobody(on: FirmOnFake) -> None:
    assert await heard(on, Attempt(Deed.TRIED_TO_CREATE, on.user(BEN), "", "", "D1", "of_tomorrow")) == []
