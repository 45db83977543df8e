"""The bot is seen typing while a command takes long, and a sign that fails troubles nobody."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from bridge.handlers.router import Router
from bridge.matrix.at_work import AtWork
from bridge.matrix.errors import HomeserverError
from tests.cast import ANN, BEN
from tests.component.firm_on_fake import FirmOnFake, channel, direct
from tests.fakes.faults import Slow, refusal


@pytest.fixture
def impatient(on: FirmOnFake) -> FirmOnFake:
    """The firm with a bot that shows at once that it is at work."""
    on.at_work = AtWork(on.client, moment=0)
    on.router = Router(on.desk, on.places, on.at_work)
    return on


def signs(on: FirmOnFake, room_id: str) -> list[bool]:
    """What the homeserver was told about the bot's typing in a room."""
    return [request.body["typing"] for request in on.fake.asked("PUT", "/typing/") if room_id in request.path]


async def long_command(on: FirmOnFake, text: str, room_id: str) -> None:
    """Let Ann give a command that goes on until the bot is seen typing in some room."""
    held, seen = Slow(asyncio.Event()), Slow(asyncio.Event(), act_first=True)
    on.fake.script("POST", "/createRoom$", held)
    on.fake.script("PUT", "/typing/", seen)
    on.fake.message(room_id, on.user(ANN), text)
    work = asyncio.create_task(on.handle(on.events.popleft()))
    await held.arrived.wait()
    await seen.arrived.wait()
    seen.until.set()
    await seen.done.wait()
    held.until.set()
    await work
    await on.at_work.settled()


async def test_a_long_command_shows_typing_until_its_answer(impatient: FirmOnFake) -> None:
    chat = await impatient.chat(ANN)
    await long_command(impatient, "!channel create Tides", chat)
    assert signs(impatient, chat) == [True, False]
    assert impatient.fake.typing == set()
    assert (await impatient.said())[0].body.startswith("Made the channel")


async def test_typing_is_shown_where_the_command_was_typed(impatient: FirmOnFake) -> None:
    litigation = (await impatient.room(channel("Litigation"))).room_id
    await long_command(impatient, "!channel create Tides", litigation)
    assert signs(impatient, litigation) == [True, False]


async def test_typing_for_a_direct_conversation_is_shown_in_the_chat_because_the_bot_is_not_there(
    impatient: FirmOnFake,
) -> None:
    await impatient.say(ANN, "!dm @ben")
    await impatient.at_work.settled()
    impatient.fake.requests.clear()
    talk = (await impatient.room(direct("a", "b"))).room_id
    await long_command(impatient, "!channel create Tides", talk)
    assert signs(impatient, talk) == []
    assert signs(impatient, await impatient.chat(ANN)) == [True, False]


async def test_a_quick_command_shows_no_typing(on: FirmOnFake) -> None:
    assert await on.ask(BEN, "!ping") == "pong"
    await on.at_work.settled()
    assert on.fake.asked("PUT", "/typing/") == []


async def test_typing_that_cannot_be_shown_does_not_trouble_the_command(impatient: FirmOnFake) -> None:
    held, refused = Slow(asyncio.Event()), refusal(403, "M_FORBIDDEN")
    impatient.fake.script("POST", "/createRoom$", held)
    impatient.fake.script("PUT", "/typing/", refused, refused)
    impatient.fake.message(await impatient.chat(ANN), impatient.user(ANN), "!channel create Tides")
    with capture_logs() as logs:
        work = asyncio.create_task(impatient.handle(impatient.events.popleft()))
        await held.arrived.wait()
        await impatient.at_work.settled()
        held.until.set()
        await work
    assert (await impatient.said())[0].body.startswith("Made the channel")
    assert "typing_not_shown" in [line["event"] for line in logs]


async def test_a_command_that_fails_leaves_no_typing_behind(impatient: FirmOnFake) -> None:
    impatient.fake.script("POST", "/createRoom$", refusal(401, "M_UNKNOWN_TOKEN"))
    impatient.fake.message(await impatient.chat(ANN), impatient.user(ANN), "!channel create Tides")
    with pytest.raises(HomeserverError):
        await impatient.handle(impatient.events.popleft())
    await impatient.at_work.settled()
    assert impatient.fake.typing == set()


async def test_an_answer_does_not_wait_for_the_sign_to_go_away(impatient: FirmOnFake) -> None:
    held, slow = Slow(asyncio.Event()), Slow(asyncio.Event())
    impatient.fake.script("POST", "/createRoom$", held)
    impatient.fake.script("PUT", "/typing/", slow)
    impatient.fake.message(await impatient.chat(ANN), impatient.user(ANN), "!channel create Tides")
    work = asyncio.create_task(impatient.handle(impatient.events.popleft()))
    await slow.arrived.wait()
    held.until.set()
    await work
    assert len(await impatient.said()) == 1
    slow.until.set()
    await impatient.at_work.settled()
    assert signs(impatient, await impatient.chat(ANN)) == [True, False]
