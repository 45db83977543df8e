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
from tests.synapse.harness import RealFirm, real_firm
from tests.synapse.test_foreign_client import BOT, SEEN

SCRIPT = Path(__file__).with_name("staff.mjs")


async def at_client(firm: RealFirm, passwords: dict[str, str], localpart: str, *actions: list[str]) -> list[Any]:
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
            assert {room["name"] for room in rooms} == names
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
