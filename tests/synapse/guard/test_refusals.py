"""What the guard refused on the real Synapse is in the audit log once, though both programs were killed (O1)."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import quote

from bridge.firm.audit import BY_GUARD
from bridge.firm.conversation import channel_id, channel_key, first_matter_conversation_id
from bridge.guard.protocol import sign_push
from tests.synapse.guard.test_guard import GuardedFirm, guarded_firm, push, put_member, status
from tests.synapse.harness import Json, Person, RealFirm
from tests.synapse.running.test_provisioning import now

TALK = first_matter_conversation_id("m")
COURT = channel_id(channel_key("Court Filings"))
SETTINGS: dict[str, Json] = {"firm": {"name": "Moor", "admin_roles": ["Partner"]}}
Told = tuple[str, str, str, str, str]
"""Deed, actor, person, subject and rule."""
AGAIN = 6
EXPECTED: Counter[Told] = Counter(
    {
        ("tried_to_invite", "a", "b", TALK, "M3"): 1,
        ("tried_to_join", "b", "", TALK, "M3"): 1,
        ("tried_to_knock", "d", "", COURT, "M3"): 1,
        ("tried_to_ban", "", "b", TALK, "M3"): 1,
        ("tried_to_change_room", "", "", COURT, "F1"): 1,
        ("tried_to_create", "a", "", "", "F4"): 1,
        ("tried_to_log_in", "d", "", "", "F2"): 1,
        ("tried_old_session", "d", "", "", "F2"): 1,
        ("tried_to_deactivate", "", "b", "", "F2"): 1,
        ("tried_to_shut_down", "", "", COURT, "O3"): 1,
        ("tried_to_tell_guard", "", "", "", "O1"): 1,
        **{("tried_to_invite", "a", f"@nobody{number}:localhost", TALK, "F1"): 1 for number in range(20)},
    }
) + Counter({("tried_to_invite", "a", "@often:localhost", TALK, "F1"): AGAIN})


async def test_O1_what_was_refused_while_the_bridge_was_away_is_in_the_log_once(tmp_path: Path) -> None:
    async with guarded_firm(tmp_path, SETTINGS) as guarded:
        firm, ann = guarded.firm, guarded.ann
        since = await now(ann)
        firm.kill_bridge()
        await one_of_each(guarded)
        for number in range(20):
            await refused(ann, f"rooms/{quote(guarded.matter)}/invite", {"user_id": firm.user_id(f"nobody{number}")})
        # Nothing was given time to be written.
        firm.kill_synapse()
        await firm.start_synapse()
        for _ in range(AGAIN):
            await refused(ann, f"rooms/{quote(guarded.matter)}/invite", {"user_id": firm.user_id("often")})
        firm.stop_synapse()
        await firm.start_synapse()
        assert (await status(firm))["waiting"] == sum(EXPECTED.values()) - AGAIN + 2

        firm.start_bridge()
        await ann.wait_for_event(since, lambda _, event: "was refused" in str(event["content"].get("body")))
        firm.kill_bridge()
        firm.kill_synapse()
        await firm.start_synapse()
        firm.start_bridge()
        await firm.bridge_ready()
        firm.stop_bridge()
        found = await exported(firm)
        assert counted(found) == EXPECTED
        assert {one["outcome"] for one in found} == {"refused"}
        assert "Ours" not in json.dumps(found)
        verified = await cli(firm, "audit", "verify")
        assert verified.startswith("The audit log is whole")


async def one_of_each(guarded: GuardedFirm) -> None:
    """Every kind of thing that the guard refuses, once."""
    firm, ann, ben, dan, bot = guarded.firm, guarded.ann, guarded.ben, guarded.dan, guarded.firm.bot
    talk, court = quote(guarded.matter), quote(guarded.channel)
    await refused(ann, f"rooms/{talk}/invite", {"user_id": ben.user_id})
    await refused(ben, f"rooms/{talk}/join", {})
    await refused(dan, f"knock/{court}", {})
    assert (await put_member(bot, guarded.matter, ben.user_id, "ban")).status == 403
    await refused(ann, "createRoom", {"name": "Ours", "creation_content": {"type": "m.space"}})
    await refused(bot, f"rooms/{court}/state/m.room.encryption/", {"algorithm": "m.megolm.v1.aes-sha2"}, "PUT")
    await refused(bot, f"/_synapse/admin/v1/deactivate/{quote(ben.user_id)}", {"erase": False})
    await refused(bot, f"/_synapse/admin/v1/rooms/{court}", {"purge": False}, "DELETE")
    assert (await push(firm, b'{"version": 1, "records": {}}', "")).status == 403
    # Dan has left, as the guard knows before the bridge has ended his sessions.
    version = (await status(firm))["version"]
    left = {"staff": {"d": {"former": True, "enabled": True}}}
    told = json.dumps({"version": version + 1, "base": version, "put": left, "drop": {}}).encode()
    key = firm.settings.guard.key.get_secret_value()
    assert (await push(firm, told, sign_push(key, told))).status == 200
    assert (await dan.request("GET", "joined_rooms")).code == "ORG_MATRIX_EXPIRED_ACCOUNT"
    login = {"type": "m.login.application_service", "identifier": {"type": "m.id.user", "user": "dan"}}
    service = Person(firm.http, firm.url, "", bot.token)
    assert (await service.request("POST", "login", login)).status == 403


SHOWN_AS = {"invite": "M_UNKNOWN", "createRoom": "M_INVALID_ROOM_STATE"}
"""The codes for which clients show most of a refusal, by what is asked (docs/clients.md)."""


async def refused(by: Person, path: str, body: Json, method: str = "POST") -> None:
    answer = await by.request(method, path, body)
    code = SHOWN_AS.get(path.rpartition("/")[2], "M_FORBIDDEN")
    assert (answer.status, answer.code) == (403, code), (path, answer)


async def exported(firm: RealFirm) -> list[Json]:
    """The entries of the log about refusals of the guard."""
    lines = (await cli(firm, "audit", "export")).splitlines()
    found: list[Json] = [json.loads(line) for line in lines if line.startswith("{")]
    return [one for one in found if one["deed"] in BY_GUARD | {"refusals_missing"}]


def counted(found: list[Json]) -> Counter[Told]:
    """How often each thing was refused, by what the entries say."""
    counts: Counter[Told] = Counter()
    for one in found:
        rule, _, more = one["reason"].partition(", ")
        often = re.search(r"(\d+) more times", more)
        counts[one["deed"], one["actor"], one["person"], one["subject"], rule] += int(often[1]) if often else 1
    return counts


async def cli(firm: RealFirm, *words: str) -> str:
    command = [sys.executable, "-m", "bridge.cli", *words, "--config", str(firm.place.settings_file)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    return done.stdout
