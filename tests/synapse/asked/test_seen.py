"""Who has read up to a message, on the real Synapse: what its receipts tell the bridge, and what they keep (P5)."""

from __future__ import annotations

from urllib.parse import quote

from tests.synapse.asked.test_channels import asking
from tests.synapse.harness import Json, Person, RealFirm
from tests.synapse.running.test_crash import bot_chat
from tests.synapse.running.test_provisioning import now, room_named


async def read(somebody: Person, room_id: str, event_id: str, kind: str = "m.read", **more: str) -> None:
    """What their client sends when they see a message."""
    path = f"rooms/{quote(room_id)}/receipt/{kind}/{quote(event_id)}"
    (await somebody.request("POST", path, more)).ok()


async def test_P5_receipts_tell_who_has_read_and_private_ones_tell_nobody(firm: RealFirm) -> None:
    firm.start_bridge()
    await firm.bridge_ready()
    zoe, wei, tomas, priya = [
        await firm.login(name) for name in ("zoe.lindqvist", "wei.chen", "tomas.ferreira", "priya.raghunathan")
    ]
    chat = await bot_chat(zoe, firm)
    await asking(firm, zoe, chat)("!channel create Book Club @wei.chen @tomas.ferreira @priya.raghunathan")
    club = await room_named(zoe, "Book Club")
    for somebody in (wei, tomas, priya):
        assert await room_named(somebody, "Book Club") == club
    first, second = await zoe.say(club, "Read this"), await zoe.say(club, "And this")

    async def seen(event_id: str) -> str:
        since = await now(zoe)
        await zoe.say(club, f"!seen https://matrix.to/#/{club}/{event_id}")

        def answers(room_id: str, event: Json) -> bool:
            return room_id == chat and event["sender"] == firm.settings.bot_id and event["type"] == "m.room.message"

        return str((await zoe.wait_for_event(since, answers))[1]["content"]["body"])

    assert "Chen" not in await seen(first)
    await read(priya, club, second, "m.read.private")
    await read(tomas, club, first, thread_id="main")
    await read(wei, club, second)
    # Written down a moment later. Those before it came before it.
    while "Wei Chen, by " not in (said := await seen(first)):
        continue
    assert "Tomás Ferreira, 20" in said
    assert "Priya" not in said
    assert "Zoë" not in said
    said = await seen(second)
    assert "Wei Chen, 20" in said
    assert "Tom" not in said
    # Nobody hears of it who is not in there, or any more.
    await asking(firm, zoe, chat)("!channel remove Book Club @wei.chen")
    assert "Chen" not in await seen(second)
