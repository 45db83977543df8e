"""Words on the real Synapse, from a client nobody here wrote (mautrix): what is sent is what was typed (V5)."""

from __future__ import annotations

from pathlib import Path

from mautrix.types import Format, MessageType, RoomID, TextMessageEventContent

from bridge.wording.markdown import LARGEST, notice
from tests.synapse.asked.test_foreign_client import BOT, Seat, at_their_clients
from tests.synapse.asked.test_stories import says, until
from tests.synapse.running.test_provisioning import own_firm


async def test_V5_what_is_typed_behind_dm_is_what_is_sent_and_is_never_run(tmp_path: Path, made_demo: Path) -> None:
    async with (
        own_firm(tmp_path, made_demo) as (firm, _),
        at_their_clients(firm, tmp_path / "logins.json") as seats,
    ):
        zoe, tomas, _ = seats.values()
        await words_of_a_formatted_message(zoe, tomas)
        await a_command_that_is_said(zoe, tomas)
        await the_largest_answer(zoe)


async def words_of_a_formatted_message(zoe: Seat, tomas: Seat) -> None:
    chat = (await zoe.rooms())[BOT]
    pill = f'<a href="https://matrix.to/#/{tomas.client.mxid}">Tomás Ferreira</a>'
    content = TextMessageEventContent(
        msgtype=MessageType.TEXT,
        body="!dm Tomás Ferreira The client is ~~not~~ liable, 2*3*4",
        format=Format.HTML,
        formatted_body=f"!dm {pill} The client is <del>not</del> liable, 2<em>3</em>4",
    )
    await tomas.sync()
    before = set(await tomas.client.get_joined_rooms())
    await zoe.client.send_message(chat, content)
    (pair,) = set(await joined_after(tomas, before))
    message = await until(tomas, pair, says("liable"))
    assert message["content"]["body"] == "The client is ~~not~~ liable, 2*3*4"
    assert message["sender"] == zoe.client.mxid


async def joined_after(seat: Seat, before: set[RoomID]) -> set[RoomID]:
    """The rooms that somebody came into."""
    while not (rooms := set(await seat.client.get_joined_rooms()) - before):
        await seat.sync(wait_ms=10_000)
    seat.since = None
    return rooms


async def a_command_that_is_said(zoe: Seat, tomas: Seat) -> None:
    chat = (await zoe.rooms())[BOT]
    await zoe.client.send_text(chat, "!dm @tomas.ferreira: !channel create Nested")
    rooms = await zoe.rooms()
    await until(tomas, rooms["Tomás Ferreira"], says("!channel create Nested"))
    # What is asked later is answered later, so it would have been made by now.
    await zoe.client.send_text(rooms["Tomás Ferreira"], "!ping there")
    while "pong there" not in await zoe.hear(chat, zoe.firm.settings.bot_id):
        pass
    assert "Nested" not in await zoe.ask_bot("!channel list")


async def the_largest_answer(zoe: Seat) -> None:
    content = notice("\n".join(f"- {number} **ünder** `code`" for number in range(5000)))
    assert len(str(content["formatted_body"]).encode()) > LARGEST * 2 // 5
    sent = TextMessageEventContent(
        msgtype=MessageType.NOTICE,
        body=content["body"],
        format=Format.HTML,
        formatted_body=content["formatted_body"],
    )
    await zoe.client.send_message((await zoe.rooms())[BOT], sent)
