"""The welcome on somebody's first day: once for each, where they can read it, naming nothing they may not see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from bridge.firm.conversation import bot_chat_id
from bridge.firm.model import MatterStatus, Staff, Wall
from bridge.handlers.welcome import welcome_text
from bridge.store.engine.store import Store, StoreError
from bridge.store.queues.outbox import forget_sent
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE, EVE, MERGER, STAFF, make_firm
from tests.component.firm_on_fake import FirmOnFake, firm_on_fake
from tests.component.on_fake import settings_for
from tests.fakes.homeserver import FakeHomeserver

FAY = Staff("f", "Fay", "Finch", "fay@firm.example", "Associate")
TODAY = date(2026, 11, 23)


async def first_day(on: FirmOnFake) -> dict[str, Any]:
    """Fay joins the firm; her join of her chat with the bot."""
    on.firm = make_firm(staff=(*STAFF, FAY))
    await on.sync()
    chat = await on.chat(FAY)
    (joined,) = [
        event
        for event in on.events
        if event["room_id"] == chat and event.get("state_key") == on.user(FAY) and event["sender"] == on.user(FAY)
    ]
    return joined


async def test_a_new_colleague_is_welcomed_in_the_chat_once_she_can_read_it(on: FirmOnFake) -> None:
    await first_day(on)
    assert await on.said() == []
    await on.hear()
    (said,) = await on.said()
    assert (said.room_id, said.sender, said.content["msgtype"]) == (await on.chat(FAY), on.fake.bot_id, "m.text")
    assert said.body == (
        "Welcome to Archer & Booth, Fay.\n\n"
        "I am Firm Bot. I open conversations, bring people into them, and find matters and channels for you.\n\n"
        "Three things to try:\n\n"
        "- “!dm @ann Hello” writes to Ann Archer\n"
        "- “!matter show 2026-0055” tells you about Sale of Tidewell Brewing\n"
        "- “!channel info Everyone” tells you about a channel you are in\n\n"
        "!help shows what you can ask me, here and in every conversation. Elsewhere begin with the exclamation mark;"
        " here you can leave it out."
    )
    for text in ("!dm @ann Hello", "!matter show 2026-0055", "!channel info Everyone"):
        assert f"<code>{text}</code>" in said.content["formatted_body"]
        answer = (await on.say(FAY, text))[-1].body
        assert "Ann Archer" in answer or "Tidewell" in answer or "Everyone" in answer


async def test_everybody_is_welcomed_at_the_first_start_and_none_but_active_staff(store: Store) -> None:
    async with FakeHomeserver() as fake, firm_on_fake(fake, store, synced=False) as on:
        await on.sync()
        await on.hear()
        said = await on.said()
        assert [one.room_id for one in said] == [await on.chat(person) for person in (ANN, BEN, CLEO, DAN)]
        # Not all of them try it on the same colleague.
        assert len({one.body.split("writes to ")[1].splitlines()[0] for one in said}) == 4
        assert all(EVE.name not in one.body for one in said)


async def test_M3_the_welcome_names_no_matter_behind_a_wall(store: Store) -> None:
    async with FakeHomeserver() as fake, firm_on_fake(fake, store, synced=False) as on:
        walls = (Wall("w1", matter_id="m2", people=("b", "c")), Wall("w2", matter_id="m1", people=("c",)))
        on.firm = make_firm(walls=walls)
        await on.sync()
        await on.hear()
        said = {one.room_id: one.body for one in await on.said()}
        assert "2026-0042" in said[await on.chat(BEN)]
        assert "2026-0055" not in said[await on.chat(BEN)]
        assert "matter show" not in said[await on.chat(CLEO)]
        assert "Two things to try" in said[await on.chat(CLEO)]


async def test_the_same_event_again_even_much_later_welcomes_nobody_twice(on: FirmOnFake) -> None:
    joined = await first_day(on)
    await on.hear()
    assert len(await on.said()) == 1
    await on.handle(joined)
    await on.store.run(forget_sent, 2**53)
    await on.handle(joined)
    assert await on.said() == []


async def test_a_crash_before_the_welcome_is_stored_loses_and_doubles_nothing(on: FirmOnFake) -> None:
    joined = await first_day(on)
    first, again = await on.router.handle(joined), await on.router.handle(joined)
    assert first is not None
    assert again is not None
    await on.store.run(first)
    await on.store.run(again)
    assert len(await on.said()) == 1


async def test_a_rejoin_is_not_welcomed_again(on: FirmOnFake) -> None:
    on.fake.leave(await on.chat(CLEO), on.user(CLEO))
    await on.hear()
    assert [one.body for one in await on.said()] == [
        "This is where you reach me, so you stay in it. Mute it if it is too much."
    ]
    assert await on.people(bot_chat_id("c")) == on.users(CLEO)


async def test_a_chat_made_anew_is_not_welcomed_in_again(on: FirmOnFake) -> None:
    old = await on.chat(BEN)
    on.fake.leave(old, on.fake.bot_id)
    await on.sync()
    await on.hear()
    assert await on.chat(BEN) != old
    assert await on.said() == []


async def test_F2_who_comes_back_to_the_firm_is_not_welcomed_again(on: FirmOnFake) -> None:
    chat = await on.chat(CLEO)
    on.firm = make_firm(staff=(ANN, BEN, replace(CLEO, former=True), DAN, EVE))
    await on.sync()
    await on.hear()
    on.firm = make_firm()
    await on.sync()
    await on.hear()
    assert await on.said() == []
    assert (await on.chat(CLEO), await on.people(bot_chat_id("c"))) == (chat, on.users(CLEO))


async def test_F2_who_left_before_the_bridge_heard_is_welcomed_when_she_comes_back_and_not_before(
    on: FirmOnFake,
) -> None:
    await first_day(on)
    on.firm = make_firm(staff=(*STAFF, replace(FAY, former=True)))
    await on.sync()
    await on.hear()
    assert await on.said() == []
    on.firm = make_firm(staff=(*STAFF, FAY))
    await on.sync()
    await on.hear()
    assert [one.room_id for one in await on.said()] == [await on.chat(FAY)]


async def test_F1_a_stranger_who_gets_into_a_chat_is_not_welcomed(on: FirmOnFake) -> None:
    stranger, chat = on.fake.add_user("stranger"), await on.chat(BEN)
    for user_id in (stranger, on.user(CLEO)):
        on.fake.invite(chat, on.fake.bot_id, user_id)
        on.fake.join(chat, user_id)
    await on.hear()
    assert [one.room_id for one in await on.said() if "Welcome" in one.body] == []
    assert await on.people(bot_chat_id("b")) == on.users(BEN)


@pytest.fixture
async def text() -> AsyncIterator[Any]:
    """The welcome of Fay, with anything about the firm changed."""
    async with FakeHomeserver() as fake:
        settings = settings_for(fake)

        def made(localparts: dict[str, str], channels: list[str], person: Staff = FAY, **firm: Any) -> str:
            changed = make_firm(**{"staff": (*STAFF, person), **firm})
            return welcome_text(settings, changed, person, localparts, channels, TODAY)

        yield made


def test_a_welcome_for_the_only_one_in_the_firm_shows_what_there_is(text: Any) -> None:
    alone = text({}, [], staff=(FAY,), matters=())
    assert "to try" not in alone
    assert "`!help`" in alone
    assert "One thing to try:\n\n- `!channel info Tides`" in text({"fay": "f"}, ["Tides"], matters=())


def test_a_matter_of_ones_own_comes_first_and_a_closed_one_never(text: Any) -> None:
    assert "2026-0055" in text({}, [])
    assert "2026-0042" in text({}, [], matters=(replace(ESTATE, assisting=("f",)), MERGER))
    closed = replace(MERGER, status=MatterStatus.CLOSED)
    assert "2026-0042" in text({}, [], matters=(ESTATE, closed))
    assert "matter show" not in text({}, [], matters=(closed,))
    assert '`!matter show "2026 0055"`' in text({}, [], matters=(replace(MERGER, number="2026 0055"),))


def test_names_of_any_kind_show_as_they_are(text: Any) -> None:
    odd = replace(FAY, first_name="*Fay*")
    made = text({"ben": "b"}, ["`Tides` <b>"], person=odd, matters=(replace(MERGER, title="[Sale](x)"),))
    assert "\\*Fay\\*" in made
    assert "about \\[Sale\\](x)" in made
    assert "`` !channel info `Tides` <b> ``" in made or "``!channel info `Tides` <b>``" in made


async def test_nobody_is_noted_as_welcomed_whose_welcome_could_not_be_stored(
    on: FirmOnFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined = await first_day(on)

    def fail(*_: Any) -> None:
        raise StoreError("The disk is full.")

    with monkeypatch.context() as broken:
        broken.setattr("bridge.handlers.welcome.enqueue", fail)
        with pytest.raises(StoreError):
            await on.handle(joined)
    await on.handle(joined)
    assert len(await on.said()) == 1
