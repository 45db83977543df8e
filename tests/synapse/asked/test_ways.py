"""People find their way on the real Synapse: the welcome on the first day, and help that fits the place."""

from __future__ import annotations

from pathlib import Path

from tests.synapse.asked.test_channels import asking
from tests.synapse.harness import Json, is_welcome
from tests.synapse.running.test_provisioning import now, own_firm, rewrite, room_named

MARIT = {
    "id": "mdahl",
    "first_name": "Marit",
    "last_name": "Dahl",
    "email": "marit.dahl@ashcombevale.example",
    "role": "Paralegal",
}


async def test_a_new_colleague_reads_her_welcome_and_finds_help_where_she_is(tmp_path: Path, made_demo: Path) -> None:
    async with own_firm(tmp_path, made_demo) as (firm, directory):
        firm.start_bridge()
        await firm.bridge_ready()
        eleanor = await firm.login("eleanor.ashcombe")
        since, everyone = await now(eleanor), await room_named(eleanor, "Everyone")
        rewrite(directory, lambda data: data["staff"].append(MARIT))
        await eleanor.wait_for_event(since, lambda room, event: event.get("state_key") == firm.user_id("marit.dahl"))
        marit = await firm.login("marit.dahl")
        while not (chats := (await marit.account_data("m.direct")).get(firm.settings.bot_id)):
            pass
        (chat,) = chats

        # She logs in after it was sent, and reads it in the history of her chat.
        welcomes: list[Json] = []
        while not welcomes:
            said = (await marit.get(f"rooms/{chat}/messages", dir="b", limit="20"))["chunk"]
            welcomes = [event for event in said if event["type"] == "m.room.message" and is_welcome(event)]
        assert welcomes[0]["content"]["body"].startswith("Welcome to Ashcombe & Vale, Marit.")
        ask = asking(firm, marit, chat)
        for line in welcomes[0]["content"]["body"].splitlines():
            if line.startswith(("- “!matter", "- “!channel")):
                answer = await ask(line.removeprefix("- “").partition("”")[0])
                assert not answer.startswith("There is no"), answer

        # A restart welcomes nobody again.
        firm.stop_bridge()
        firm.start_bridge()
        await firm.bridge_ready()
        assert await ask("ping") == "pong"
        said = (await marit.get(f"rooms/{chat}/messages", dir="b", limit="50"))["chunk"]
        assert len([event for event in said if is_welcome(event)]) == 1

        # Help fits the place, also for one who calls the bot by its name.
        await ask('!matter start 2026-0042 "Pontoon"')
        (pontoon,) = [room for room in await marit.joined_rooms() if "Pontoon" in await marit.room_name(room)]
        for room_id, heading in (
            (pontoon, "In this matter conversation"),
            (everyone, "In the channel of the whole firm"),
        ):
            since = await now(marit)
            await marit.say(room_id, f"{firm.settings.bot_id} help")

            def helps(where: str, event: Json, room_id: str = room_id) -> bool:
                return where == room_id and event["sender"] == firm.settings.bot_id and "body" in event["content"]

            assert heading in (await marit.wait_for_event(since, helps))[1]["content"]["body"]
