"""A wrong change of the directory is foreseen, confirmed and taken back on the real Synapse (O2, F2, M3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from bridge.service import open_firm
from tests.synapse.asked.test_channels import asking
from tests.synapse.guard.test_creation import create, start_chat
from tests.synapse.harness import Person
from tests.synapse.running.test_crash import KILLED, bot_chat
from tests.synapse.running.test_left_direct import history
from tests.synapse.running.test_provisioning import now, own_firm, rewrite

Json = dict[str, Any]
GONE = 6
"""Of the demo firm's staff, the first in its directory."""


def wrong(data: Json) -> None:
    """What a bad export says."""
    for person in data["staff"][:GONE]:
        person["former"] = True
    data["matters"][0]["status"] = "closed"


async def said_in(person: Person, room_id: str) -> list[str]:
    return [event["content"]["body"] for event in await history(person, room_id) if "body" in event["content"]]


async def test_everybody_is_back_where_they_were_and_reads_what_was_said_there(tmp_path: Path, made_demo: Path) -> None:
    async with own_firm(tmp_path, made_demo) as (firm, directory):
        firm.start_bridge()
        await firm.bridge_ready()
        marcus, daniel = await firm.login("marcus.bell"), await firm.login("daniel.okafor")
        maeve = await firm.login("maeve.oconnell")
        direct = (await create(daniel, start_chat(maeve))).ok()["room_id"]
        await daniel.say(direct, "Between the two of us")
        ask = asking(firm, marcus, await bot_chat(marcus, firm))
        assert "Picked" in await ask("!channel create Picked Ones @daniel.okafor @maeve.oconnell")
        rooms = {person.user_id: await person.joined_rooms() for person in (marcus, daniel, maeve)}

        rewrite(directory, wrong)
        while "waits for confirmation" not in await ask("!directory status"):
            pass
        foreseen = await ask("!directory plan")
        assert "Daniel Okafor: the account ends; out of every conversation" in foreseen
        assert "becomes closed" in foreseen
        which = await ask("!directory confirm")
        assert "Confirmed" in await ask(which[which.rindex("!directory confirm") :].rstrip(".`"))
        await firm.bridge_ready()
        account = f"/_synapse/admin/v2/users/{quote(daniel.user_id)}"
        while not (await firm.bot.get(account))["deactivated"]:
            pass
        # The bridge is killed as soon as it is stored, and the other time between two people's joins.
        firm.stop_bridge()
        firm.start_bridge("directory.undone")
        await firm.bridge_ready()
        since = await now(marcus)
        await marcus.say(await bot_chat(marcus, firm), "!directory undo")
        assert await firm.bridge_ended() == KILLED
        firm.start_bridge("member.joined:5")
        assert await firm.bridge_ended() == KILLED
        firm.start_bridge()
        await firm.bridge_ready()
        await marcus.wait_for_event(since, lambda _, event: "taken back" in str(event["content"].get("body")))
        while "confirmed before and taken back" not in await ask("!directory status"):
            pass
        assert not (await firm.bot.get(account))["deactivated"]

        daniel, maeve = await firm.login("daniel.okafor"), await firm.login("maeve.oconnell")
        for person in (marcus, daniel, maeve):
            assert await person.joined_rooms() == rooms[person.user_id]
        assert await said_in(maeve, direct) == ["Between the two of us"]
        assert await maeve.members(direct) == {daniel.user_id, maeve.user_id}
        await maeve.say(direct, "And still")
        assert "And still" in await said_in(daniel, direct)
        firm.stop_bridge()
        async with open_firm(firm.settings) as service:
            assert service.directory.held is not None
            assert [step.describe() for step in (await service.reconciler.planner.plan()).steps] == []
