"""Joins that Synapse refuses by a room's rule are noted for the audit log, each once (O1)."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

from bridge.guard.protocol import sign_push
from tests.synapse.guard.test_guard import GuardedFirm, guarded_firm, push, put_member, status
from tests.synapse.harness import Answer, Json

Ways = dict[str, Callable[[], Awaitable[Answer]]]


async def test_O1_M3_a_join_that_the_rooms_rule_refuses_is_noted_once(tmp_path: Path) -> None:
    async with guarded_firm(tmp_path) as guarded:
        firm, ann, ben, cleo, dan = guarded.firm, guarded.ann, guarded.ben, guarded.cleo, guarded.dan
        # Nothing is fetched from the guard, and nobody is put in or out.
        firm.kill_bridge()
        matter = quote(guarded.matter)
        ways: Ways = {
            "by id": lambda: ben.request("POST", f"join/{matter}"),
            "by the other path": lambda: ben.request("POST", f"rooms/{matter}/join"),
            "by a server": lambda: ben.request("POST", f"join/{matter}", {}, server_name="elsewhere.example"),
            "as a state event": lambda: put_member(ben, guarded.matter, ben.user_id, "join"),
            "by asking": lambda: ben.request("POST", f"knock/{matter}"),
        }
        for how, way in ways.items():
            assert (how, await refused(guarded, way)) == (how, {"M3": 1})

        # Dan may see the matter and is in none of its conversations: what is missing is not the firm's permission.
        assert await refused(guarded, lambda: dan.request("POST", f"join/{matter}")) == {}

        # Of a server admin's joins Synapse asks no module.
        path = f"/_synapse/admin/v1/users/{quote(ben.user_id)}/admin"
        (await firm.bot.request("PUT", path, {"admin": True})).ok()
        for how in ("by id", "by the other path", "as a state event"):
            assert (how, await refused(guarded, ways[how])) == (how, {"M3": 1})
        alias = (await ann.get(f"rooms/{quote(guarded.channel)}/state/m.room.canonical_alias/"))["alias"]
        (await ben.request("POST", f"join/{quote(alias)}")).ok()
        answer = await ben.request("POST", f"join/{quote('#nowhere:localhost')}")
        assert answer.status == 404

        # Whom the guard itself refuses: Cleo was invited before there was a wall.
        (await ann.request("POST", f"rooms/{matter}/invite", {"user_id": cleo.user_id})).ok()
        await wall_off(guarded, "c")
        assert await refused(guarded, lambda: cleo.request("POST", f"join/{matter}")) == {"M3": 1}
        (await cleo.request("POST", f"rooms/{matter}/leave")).ok()
        # Now she is a former member, whose requests about the room the guard refuses before they come to it.
        for way in (
            lambda: cleo.request("POST", f"join/{matter}"),
            lambda: put_member(cleo, guarded.matter, cleo.user_id, "join"),
            lambda: cleo.request("POST", f"knock/{matter}"),
        ):
            assert await refused(guarded, way) == {"M3": 1}
        assert await refused(guarded, lambda: cleo.request("GET", f"rooms/{matter}/messages", dir="b")) == {}
        # Ann is in, and only says once more that she is.
        (await ann.request("POST", f"join/{matter}")).ok()


async def refused(guarded: GuardedFirm, way: Callable[[], Awaitable[Answer]]) -> dict[str, int]:
    """How often a refusal was noted for one request that is refused, by rule."""
    before = (await status(guarded.firm))["refused"]
    answer = await way()
    assert (answer.status, answer.code) == (403, "M_FORBIDDEN"), answer
    after = (await status(guarded.firm))["refused"]
    return {rule: count - before.get(rule, 0) for rule, count in after.items() if count != before.get(rule, 0)}


async def wall_off(guarded: GuardedFirm, staff_id: str) -> None:
    """Tell the guard of a wall between somebody and the matter, as the bridge does before it acts."""
    version = (await status(guarded.firm))["version"]
    wall: Json = {"kind": "exclude", "matter": "m", "client": "", "people": [staff_id], "since": None, "expires": None}
    told = json.dumps({"version": version + 1, "base": version, "put": {"wall": {"x": wall}}, "drop": {}}).encode()
    key = guarded.firm.settings.guard.key.get_secret_value()
    assert (await push(guarded.firm, told, sign_push(key, told))).status == 200
