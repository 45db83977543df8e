"""What staff see in a client nobody here wrote: matrix-js-sdk from npm. `make clients` runs it.

Node and the SDK are needed, which `make test` does not ask for.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from bridge.dev.demo import give_logins
from tests.clients.browser import PATIENT
from tests.synapse.asked.test_foreign_client import BOT, FIRM, MATTERS, SEEN
from tests.synapse.harness import RealFirm, real_firm

pytestmark = PATIENT

SCRIPT = Path(__file__).with_name("staff.mjs")


async def at_client(firm: RealFirm, passwords: dict[str, str], localpart: str, *actions: list[Any]) -> list[Any]:
    """Log somebody in, let her take the actions, and return what each gave."""
    user_id = firm.user_id(localpart)
    node = await asyncio.create_subprocess_exec(
        "node",
        SCRIPT,
        firm.url,
        user_id,
        passwords[user_id],
        json.dumps(actions),
        env={**os.environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await node.communicate()
    assert node.returncode == 0, errors.decode()[-2000:]
    found: list[Any] = json.loads(out)
    return found


async def test_the_demo_firm_in_matrix_js_sdk(tmp_path: Path) -> None:
    async with real_firm(tmp_path) as firm:
        firm.start_bridge()
        await firm.bridge_ready()
        logins = await give_logins(firm.settings, tmp_path / "logins.json", firm.url)
        passwords = {login["user_id"]: login["password"] for login in logins["people"]}
        for localpart, names in SEEN.items():
            (rooms,) = await at_client(firm, passwords, localpart, ["rooms"])
            assert {room["name"] for room in rooms if not room["space"]} == names
            assert {room["name"] for room in rooms if room["space"]} == {FIRM, *(names & MATTERS)}
            assert {room["membership"] for room in rooms} == {"join"}
            assert [room["name"] for room in rooms if room["direct"]] == [BOT]
            assert not any(room["encrypted"] or room["invited"] for room in rooms)

        chat = next(room["id"] for room in rooms if room["name"] == BOT)
        bot = firm.settings.bot_id
        said = await at_client(
            firm,
            passwords,
            "eleanor.ashcombe",
            ["say", chat, "!ping good morning", bot],
            ["say", chat, "!dm @wei.chen @rosa.delgado Tea at four?", bot],
            ["say", chat, "!help dm", bot],
        )
        assert said[0]["answer"]["body"] == "pong good morning"
        assert "Wei Chen and Rosa Delgado" in said[1]["answer"]["body"]
        assert "<code>" in said[2]["answer"]["formatted_body"]

        # D3: a direct message of the three, named after the others, with what Eleanor wrote in it.
        (rooms,) = await at_client(firm, passwords, "wei.chen", ["rooms"])
        tea = next(room for room in rooms if room["direct"] and room["name"] != BOT)
        assert tea["members"] == sorted(map(firm.user_id, ("eleanor.ashcombe", "rosa.delgado", "wei.chen")))
        assert tea["name"] == "Eleanor Ashcombe and Rosa Delgado"
        ((message),) = await at_client(firm, passwords, "rosa.delgado", ["until", tea["id"], "Tea at four?"])
        assert message == {"sender": firm.user_id("eleanor.ashcombe"), "body": "Tea at four?"}

        # D3: it keeps the names of its people while Rosa is not in it, and clients name it again once she is back.
        await at_client(firm, passwords, "rosa.delgado", ["leave", tea["id"]])
        await at_client(firm, passwords, "wei.chen", ["named", tea["id"], "Eleanor Ashcombe, Rosa Delgado, Wei Chen"])
        await at_client(firm, passwords, "wei.chen", ["say", tea["id"], "Rosa?"], ["named", tea["id"], tea["name"]])

        # D3: so it does when she leaves the firm.
        await at_client(firm, passwords, "eleanor.ashcombe", ["say", chat, "!staff leave @rosa.delgado", bot])
        await at_client(firm, passwords, "wei.chen", ["named", tea["id"], "Eleanor Ashcombe, Rosa Delgado, Wei Chen"])


async def test_C_stories(tmp_path: Path) -> None:
    async with real_firm(tmp_path) as firm:
        firm.start_bridge()
        await firm.bridge_ready()
        logins = await give_logins(firm.settings, tmp_path / "logins.json", firm.url)
        passwords = {login["user_id"]: login["password"] for login in logins["people"]}
        bot = firm.settings.bot_id

        async def at(localpart: str, *actions: list[Any]) -> list[Any]:
            return await at_client(firm, passwords, localpart, *actions)

        async def chat_of(localpart: str) -> str:
            (rooms,) = await at(localpart, ["rooms"])
            return next(str(room["id"]) for room in rooms if room["name"] == BOT)

        chat = {name: await chat_of(name) for name in ("eleanor.ashcombe", "wei.chen", "rosa.delgado")}

        # C1: Eleanor makes a channel; Wei finds it in the staff space and joins with one click.
        made, rooms = await at(
            "eleanor.ashcombe", ["say", chat["eleanor.ashcombe"], "!channel create Lunch @rosa.delgado", bot], ["rooms"]
        )
        assert "Made the channel" in made["answer"]["body"]
        lunch = next(room["id"] for room in rooms if room["name"] == "Lunch")
        space = next(room["id"] for room in rooms if room["name"] == FIRM)
        found, _, who = await at(
            "wei.chen", ["find", space], ["join", lunch], ["say", chat["wei.chen"], "!channel info Lunch", bot]
        )
        assert {"id": lunch, "name": "Lunch"} in found
        assert "Participants: 3" in who["answer"]["body"]

        # C2: what Wei writes is unread for both others, as is the first line; C3: the channel leads the list.
        await at("wei.chen", ["say", lunch, "Soup today"])
        for reader in ("eleanor.ashcombe", "rosa.delgado"):
            assert await at(reader, ["unread", lunch, 2]) == [2]
        (recent,) = await at("rosa.delgado", ["say", chat["rosa.delgado"], "!channel recent", bot])
        assert recent["answer"]["body"].startswith("1. Lunch")

        # V1: renamed and given a topic in her own client, and so for everybody and for the bot.
        await at("rosa.delgado", ["name", lunch, "Long Lunch"], ["topic", lunch, "Soup, mostly"])
        assert await at("eleanor.ashcombe", ["named", lunch, "Long Lunch"]) == ["Soup, mostly"]
        (told,) = await at("eleanor.ashcombe", ["say", chat["eleanor.ashcombe"], "!channel search long", bot])
        assert "Long Lunch" in told["answer"]["body"]

        # C1: left in her own client; archived it can be read and not written in; restored it is as before.
        _, said = await at(
            "rosa.delgado", ["leave", lunch], ["say", chat["rosa.delgado"], "!channel archive Long Lunch", bot]
        )
        assert "archived" in said["answer"]["body"].lower()
        assert await at("wei.chen", ["refused", "say", lunch, "Anybody?"]) == ["M_FORBIDDEN"]
        await at("wei.chen", ["say", chat["wei.chen"], "!channel restore Long Lunch", bot], ["say", lunch, "Yes"])
        (rooms,) = await at("wei.chen", ["rooms"])
        members = next(room["members"] for room in rooms if room["id"] == lunch)
        assert members == sorted([bot, *map(firm.user_id, ("eleanor.ashcombe", "wei.chen"))])

        # C4: who leaves the channel of the whole firm is back in it, and hears why.
        everyone = next(room["id"] for room in rooms if room["name"] == "Everyone")
        _, why = await at("wei.chen", ["leave", everyone], ["until", chat["wei.chen"], "everybody stays in it."])
        assert why["sender"] == bot
        (rooms,) = await at("wei.chen", ["rooms"])
        assert "join" in {room["membership"] for room in rooms if room["id"] == everyone}
