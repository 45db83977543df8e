"""The guard on the real Synapse: whoever asks, and by whatever way, nobody is let in who must not be (F1, M3)."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from pydantic import SecretStr

from bridge.check import Verdict
from bridge.dev.place import ROOT, SYNAPSE_PYTHON
from bridge.firm.conversation import channel_id, channel_key, first_matter_conversation_id
from bridge.firm.room_keys import MARKER, STAFF_SPACE, matter_space_key
from bridge.guard.gate import (
    BOT_ONLY,
    NEVER,
    NO_KNOCKING,
    NO_POLICY,
    NOT_ADDED,
    NOT_ADDED_TO_DIRECT,
    OTHER_RULES,
)
from bridge.guard.protocol import OUTDATED, PATH, SIGNATURE_HEADER, sign_push, sign_question
from bridge.mapping.rooms.shapes import RoomShape
from bridge.mapping.rooms.state import create_body
from bridge.service import open_firm
from tests.synapse.harness import Answer, Json, Person, RealFirm, real_firm
from tests.synapse.running.test_check import look
from tests.synapse.running.test_crash import bot_chat
from tests.synapse.running.test_provisioning import membership_of, now

NAMES = {"a": "ann", "b": "ben", "c": "cleo", "d": "dan"}
DIRECTORY: Json = {
    "staff": [
        {"id": who, "first_name": name, "last_name": "Moor", "email": f"{name}@firm.example", "role": "Partner"}
        for who, name in NAMES.items()
    ],
    "matters": [
        {"id": "m", "number": "2026-0042", "title": "Estate of Orla Quill", "responsible": "a"},
        {"id": "r", "number": "2026-0043", "title": "Sale", "responsible": "a", "restricted": True},
    ],
    "walls": [{"id": "w", "matter": "2026-0042", "people": ["b"], "memo": "A cousin.", "set_by": "a"}],
    "channels": [{"name": "Court Filings", "participants": ["a"]}],
}


@dataclass
class GuardedFirm:
    """A firm of four: Ben is walled from the matter, Ann is on it, Cleo and Dan may come in but are not."""

    firm: RealFirm
    ann: Person
    ben: Person
    cleo: Person
    dan: Person

    def room(self, key: str) -> str:
        """The room of a key."""
        with closing(sqlite3.connect(self.firm.place.bridge_database)) as connection:
            (room_id,) = connection.execute("SELECT room_id FROM room WHERE key = ?", (key,)).fetchone()
        return str(room_id)

    @property
    def matter(self) -> str:
        return self.room(first_matter_conversation_id("m"))

    @property
    def channel(self) -> str:
        return self.room(channel_id(channel_key("Court Filings")))

    async def memberships(self, room_id: str) -> dict[str, str]:
        """Everybody who has a member event in a room, as the admin API shows it."""
        answer = await self.firm.bot.get(f"/_synapse/admin/v1/rooms/{quote(room_id)}/state")
        return {
            event["state_key"]: event["content"]["membership"]
            for event in answer["state"]
            if event["type"] == "m.room.member"
        }


@asynccontextmanager
async def guarded_firm(
    folder: Path, settings: Mapping[str, Json] | None = None, **homeserver: Any
) -> AsyncIterator[GuardedFirm]:
    """The firm with its bridge running. `settings` are by section, in the place of these."""
    (folder / "directory.yaml").write_text(json.dumps(DIRECTORY))
    own: dict[str, Json] = {
        "directory": {"path": str(folder / "directory.yaml"), "removal_limit": 100},
        "firm": {"name": "Moor"},
        "accounts": {"avatars": False},
        "homeserver": homeserver,
        **(settings or {}),
    }
    async with real_firm(folder / "var", own) as firm:
        firm.start_bridge()
        await firm.bridge_ready()
        people = [await firm.login(name) for name in NAMES.values()]
        for person in people:
            # More is tried here than anybody may try in a minute.
            path = f"/_synapse/admin/v1/users/{quote(person.user_id)}/override_ratelimit"
            (await firm.bot.request("POST", path, {"messages_per_second": 0, "burst_count": 0})).ok()
        yield GuardedFirm(firm, *people)


def test_the_guard_imports_nothing_but_synapse_and_the_firm() -> None:
    program = (
        "import sys, bridge.guard.module; print(*sorted(name for name in sys.modules if name.startswith('bridge')))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([SYNAPSE_PYTHON, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert {".".join(name.split(".")[:2]) for name in done.stdout.split()} == {"bridge", "bridge.firm", "bridge.guard"}


def test_a_wrong_configuration_stops_synapse_with_a_sentence(tmp_path: Path) -> None:
    good = {"bot": "@bot:firm.example", "key": "k" * 16, "path": str(tmp_path / "firm-policy")}
    wrong = [{"bot": "bot"}, {"key": "short"}, {"path": "firm-policy"}, {"path": "/none/firm-policy"}, {"botts": "x"}]
    program = """if True:
        import json, sys
        from synapse.module_api.errors import ConfigError
        from bridge.guard.module import Guard
        for config in json.loads(sys.argv[1]):
            try:
                print("taken", Guard.parse_config(config).bot)
            except ConfigError as error:
                print(error.msg)
    """
    configs = json.dumps([good, *({**good, **change} for change in wrong)])
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [str(SYNAPSE_PYTHON), "-c", program, configs]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said[0] == "taken @bot:firm.example"
    assert [line.partition(":")[0] for line in said[1:]] == [
        "The guard needs bot",
        "The guard needs key",
        "The guard needs path",
        "The guard needs path",
        "The guard's settings are bot, key, path and checker, each a text.",
    ]


async def put_member(by: Person, room_id: str, user_id: str, membership: str) -> Answer:
    return await by.request(
        "PUT", f"rooms/{quote(room_id)}/state/m.room.member/{quote(user_id)}", {"membership": membership}
    )


NOT_IN_SPACE = "You do not belong to any of the required rooms/spaces to join this room."
"""Synapse says so, before the guard is asked, to everybody who is not in the matter's space."""
INVITED_BY_A_MEMBER = {"is invited by a member", "is invited as state by a member"}


async def attempts(guarded: GuardedFirm, room_id: str, victim: Person) -> dict[str, Answer]:
    """Every way to give somebody who must not be in a room a membership of any kind."""
    bot, ann = guarded.firm.bot, guarded.ann
    room, by_service = quote(room_id), guarded.firm.acting_as(victim.user_id)
    body = {"user_id": victim.user_id}
    return {
        "joins": await victim.request("POST", f"rooms/{room}/join"),
        "joins by id or alias": await victim.request("POST", f"join/{room}"),
        "is joined by the bridge's own token": await by_service.request("POST", f"rooms/{room}/join"),
        "sets an own membership": await put_member(victim, room_id, victim.user_id, "join"),
        "knocks": await victim.request("POST", f"knock/{room}"),
        "is invited by a member": await ann.request("POST", f"rooms/{room}/invite", body),
        "is invited as state by a member": await put_member(ann, room_id, victim.user_id, "invite"),
        "is invited by the bot": await bot.request("POST", f"rooms/{room}/invite", body),
        "is joined by the admin API": await bot.request("POST", f"/_synapse/admin/v1/join/{room}", body),
        "is banned": await bot.request("POST", f"rooms/{room}/ban", body),
        "is banned as state": await put_member(bot, room_id, victim.user_id, "ban"),
        "is kicked without ever having been in": await put_member(bot, room_id, victim.user_id, "leave"),
    }


@pytest.mark.parametrize("version", ["11", "12"])
async def test_F1_M3_nobody_comes_in_who_must_not(version: str, tmp_path: Path) -> None:
    async with guarded_firm(tmp_path, room_version=version) as guarded:
        firm, ann, ben = guarded.firm, guarded.ann, guarded.ben
        stranger = await firm.make_account("stranger")
        boss = await firm.make_account("boss")
        path = f"/_synapse/admin/v1/users/{quote(boss.user_id)}/admin"
        (await firm.bot.request("PUT", path, {"admin": True})).ok()
        firm.stop_bridge()
        forbidden = [
            (guarded.matter, ben),
            (guarded.room(matter_space_key("m")), ben),
            (guarded.room(first_matter_conversation_id("r")), guarded.dan),
            *[(guarded.channel, person) for person in (stranger, boss)],
            (guarded.room(STAFF_SPACE), boss),
        ]
        for room_id, victim in forbidden:
            before = await guarded.memberships(room_id)
            for how, answer in (await attempts(guarded, room_id, victim)).items():
                # For M_FORBIDDEN clients say that the room is closed to other servers.
                code = "M_UNKNOWN" if how in INVITED_BY_A_MEMBER else "M_FORBIDDEN"
                assert (how, answer.status, answer.code) == (how, 403, code)
                assert "2026" not in str(answer.body)
            assert await guarded.memberships(room_id) == before
            assert victim.user_id not in before

        # Who is walled and who is merely not invited are told the same, byte for byte.
        answers = [await person.request("POST", f"rooms/{quote(guarded.matter)}/join") for person in (ben, guarded.dan)]
        assert answers[0] == answers[1] == Answer(403, {"errcode": "M_FORBIDDEN", "error": NOT_IN_SPACE})
        told = await ann.request("POST", f"rooms/{quote(guarded.matter)}/invite", {"user_id": ben.user_id})
        assert told.body["error"] == NOT_ADDED

        # A room beside the firm's: the bot alone is in it, and it has the firm's rules.
        assert (await firm.bot.request("POST", "createRoom", {"preset": "private_chat"})).status == 403
        beside = body_beside(firm, version)
        made = (await firm.bot.request("POST", "createRoom", beside)).ok()["room_id"]
        for body in ({"invite": [ann.user_id]}, {"initial_state": [*beside["initial_state"], member_event(ann)]}):
            answer = await firm.bot.request("POST", "createRoom", {**beside, **body})
            assert (answer.status, answer.body["error"]) == (403, NOT_ADDED)
        assert (await firm.bot.request("POST", f"rooms/{quote(made)}/invite", {"user_id": ann.user_id})).status == 403
        marked = {"type": MARKER, "state_key": "", "content": {"kind": "matter", "key": "none"}}
        body = {"initial_state": [*beside["initial_state"], marked, member_event(ann)]}
        answer = await firm.bot.request("POST", "createRoom", {**beside, **body})
        assert (answer.status, answer.body["error"]) == (403, NOT_ADDED)

        # Nobody gives power over a room, and power would give none over who is in it or what is seen of it.
        path = f"rooms/{quote(guarded.channel)}/state/m.room.power_levels/"
        levels = await firm.bot.get(path)
        answer = await firm.bot.request("PUT", path, {**levels, "users_default": 100})
        assert (answer.status, answer.body["error"]) == (403, OTHER_RULES)
        (await firm.bot.request("PUT", path, levels)).ok()
        for event_type, content in FORBIDDEN_STATE.items():
            answer = await ann.request("PUT", f"rooms/{quote(guarded.channel)}/state/{event_type}/", content)
            sentence = NEVER if event_type in {"m.room.encryption", "m.room.third_party_invite"} else BOT_ONLY
            assert (event_type, answer.status, answer.body.get("error")) == (event_type, 403, sentence)
        answer = await ann.request("POST", f"rooms/{quote(guarded.channel)}/upgrade", {"new_version": "11"})
        assert answer.status in {403, 429}
        refused = await status(firm)
        assert refused["refused"].keys() >= {"F1", "M3", "O3"}


FORBIDDEN_STATE: dict[str, Json] = {
    "m.room.power_levels": {"users_default": 100},
    "m.room.join_rules": {"join_rule": "public"},
    "m.room.history_visibility": {"history_visibility": "world_readable"},
    "m.room.guest_access": {"guest_access": "can_join"},
    "m.room.encryption": {"algorithm": "m.megolm.v1.aes-sha2"},
    "m.room.third_party_invite": {"display_name": "x", "key_validity_url": "https://x", "public_key": "x"},
    "m.room.tombstone": {"body": "moved", "replacement_room": "!other:localhost"},
    "m.space.child": {"via": ["localhost"]},
    MARKER: {"kind": "channel", "key": "none"},
}


def body_beside(firm: RealFirm, version: str) -> Json:
    """A createRoom request for a room with the firm's rules that is none of its rooms."""
    shape = RoomShape("beside", "matter", "Beside")
    body = create_body(shape, alias_localpart="", bot_id=firm.settings.bot_id, room_version=version, room_ids={})
    unmarked = [event for event in body["initial_state"] if event["type"] != MARKER]
    return {key: value for key, value in body.items() if key != "room_alias_name"} | {"initial_state": unmarked}


def member_event(person: Person) -> Json:
    return {"type": "m.room.member", "state_key": person.user_id, "content": {"membership": "invite"}}


async def set_state(by: Person, room_id: str, event_type: str, content: Json) -> None:
    (await by.request("PUT", f"rooms/{quote(room_id)}/state/{event_type}/", content)).ok()


async def test_V1_C1_F4_what_the_guard_makes_possible(tmp_path: Path) -> None:
    async with guarded_firm(tmp_path) as guarded:
        firm, ann, ben, cleo, dan = guarded.firm, guarded.ann, guarded.ben, guarded.cleo, guarded.dan
        stranger = await firm.make_account("stranger")

        # V1: a colleague who may know the matter is invited in a client, and is in.
        since = await now(ann)
        (await ann.request("POST", f"rooms/{quote(guarded.matter)}/invite", {"user_id": cleo.user_id})).ok()
        await ann.wait_for_event(since, membership_of(cleo.user_id, "join", guarded.matter))
        refused = await ann.request("POST", f"rooms/{quote(guarded.matter)}/invite", {"user_id": ben.user_id})
        assert (refused.status, refused.body["error"]) == (403, NOT_ADDED)
        assert ben.user_id not in await guarded.memberships(guarded.matter)

        # F4, C1: channels are in the server's own directory, found and joined with one click.
        for person in (ben, dan):
            listed = (await person.get("publicRooms"))["chunk"]
            assert {room["name"] for room in listed} == {"Everyone", "Court Filings"}
        found = (await dan.request("POST", "publicRooms", {"filter": {"generic_search_term": "filings"}})).ok()
        (room,) = found["chunk"]
        assert (room["room_id"], room["join_rule"]) == (guarded.channel, "knock_restricted")
        (await dan.request("POST", f"join/{quote(room['canonical_alias'])}")).ok()
        assert (await stranger.request("POST", f"join/{quote(room['canonical_alias'])}")).status == 403
        knock = await ben.request("POST", f"knock/{quote(guarded.channel)}")
        assert (knock.status, knock.body["error"]) == (403, NO_KNOCKING)
        since = await now(ann)
        (await ann.request("POST", f"rooms/{quote(guarded.channel)}/invite", {"user_id": ben.user_id})).ok()
        await ann.wait_for_event(since, membership_of(ben.user_id, "join", guarded.channel))

        # M3: a wall set now holds in Synapse before anybody is taken out, and in every way back.
        since = await now(ann)
        walls = [*DIRECTORY["walls"], {"id": "x", "matter": "2026-0042", "people": ["c"], "memo": "", "set_by": "a"}]
        (tmp_path / "directory.yaml").write_text(json.dumps({**DIRECTORY, "walls": walls}))
        await ann.wait_for_event(since, membership_of(cleo.user_id, "leave", guarded.matter))
        for how, answer in (await attempts(guarded, guarded.matter, cleo)).items():
            # She was in, so that a ban or another leave opens nothing; and leaving twice is no change.
            # Once the others have gone on in another room, there is nobody left through whom to join.
            assert answer.status in ({200} if "banned" in how or "kicked" in how else {403, 404}), how


async def test_check_sees_the_guard(tmp_path: Path) -> None:
    async with guarded_firm(tmp_path) as guarded:
        firm = guarded.firm
        found = await look(firm.settings)
        assert {name for name, finding in found.items() if finding.state is not Verdict.OK} == {
            "push",
            "redaction_retention_period",
        }
        assert (found["block_non_admin_invites"].what, found["guard"].what[:8]) == (
            "Not needed: the guard decides case by case.",
            "In force",
        )
        # What the check itself tries is not held against anybody.
        assert (await status(firm))["waiting"] == 0
        key = SecretStr("another-key-than-the-guards")
        other = firm.settings.model_copy(update={"guard": firm.settings.guard.model_copy(update={"key": key})})
        assert (await look(other))["guard"].state is Verdict.MISSING
        firm.stop_bridge()
        walls = [*DIRECTORY["walls"], {"id": "x", "matter": "2026-0042", "people": ["c"], "memo": "", "set_by": "a"}]
        (tmp_path / "directory.yaml").write_text(json.dumps({**DIRECTORY, "walls": walls}))
        # What the bridge has accepted and could not tell yet.
        async with open_firm(firm.settings):
            assert "not what the bridge knows" in (await look(firm.settings))["guard"].what


async def test_M3_the_guard_holds_while_the_bridge_is_down_and_without_a_policy_nobody_comes_in(tmp_path: Path) -> None:
    async with guarded_firm(tmp_path) as guarded:
        firm, ann, ben, cleo, dan = guarded.firm, guarded.ann, guarded.ben, guarded.cleo, guarded.dan
        since = (await ann.sync())["next_batch"]
        await ann.say(await bot_chat(ann, firm), "!dm @cleo")
        direct, _ = await ann.wait_for_event(since, membership_of(cleo.user_id, "join"))
        await ann.wait_for_event(since, membership_of(firm.settings.bot_id, "leave", direct))
        firm.kill_bridge()
        firm.kill_synapse()
        policy_file = firm.place.synapse_folder / "firm-policy"
        with policy_file.open("ab") as file:
            file.write(b"torn off by the cras")
        await firm.start_synapse()

        # From its disk: what was forbidden is, and what was allowed is.
        for how, answer in (await attempts(guarded, guarded.matter, ben)).items():
            assert (how, answer.status) == (how, 403)
        for user_id in (dan.user_id, firm.settings.bot_id):
            answer = await ann.request("POST", f"rooms/{quote(direct)}/invite", {"user_id": user_id})
            assert (answer.status, answer.body["error"]) == (403, NOT_ADDED_TO_DIRECT)
        (await dan.request("POST", f"rooms/{quote(guarded.channel)}/join")).ok()
        (await dan.request("POST", f"rooms/{quote(guarded.channel)}/leave")).ok()

        # F2: a server admin closes a stranger's account, but nobody's of the staff.
        stranger = await firm.make_account("stranger")
        admin = "/_synapse/admin"
        closings: list[tuple[str, str, Json]] = [
            (f"{admin}/v1/deactivate/{quote(dan.user_id)}", "POST", {"erase": False}),
            (f"{admin}/v2/users/{quote(dan.user_id)}", "PUT", {"deactivated": True}),
        ]
        for path, method, wanted in closings:
            answer = await firm.bot.request(method, path, wanted)
            assert (method, answer.status, answer.code) == (method, 403, "M_FORBIDDEN")
        assert (await dan.get("account/whoami"))["user_id"] == dan.user_id
        (await firm.bot.request("POST", f"{admin}/v1/deactivate/{quote(stranger.user_id)}", {"erase": False})).ok()

        # Forged, replayed and senseless pushes.
        pushes = [line.partition(b" ")[::2] for line in policy_file.read_bytes().splitlines()]
        for signature, body in pushes:
            answer = await push(firm, body, signature.decode())
            assert (answer.status, answer.code) == (409, OUTDATED)
        version = (await status(firm))["version"]
        key = firm.settings.guard.key.get_secret_value()
        nothing = json.dumps({"version": version + 1, "records": {}}).encode()
        assert (await push(firm, nothing, sign_push("another-key-than-the-guards", nothing))).status == 403
        assert (await push(firm, nothing, "")).status == 403
        late = json.dumps({"version": version + 2, "base": version - 1, "put": {}, "drop": {}}).encode()
        answer = await push(firm, late, sign_push(key, late))
        assert (answer.status, answer.body["version"]) == (409, version)
        assert (await push(firm, b"[]", sign_push(key, b"[]"))).status == 400
        assert (await status(firm))["version"] == version

        # Without a policy nobody comes in, and people go on writing.
        firm.stop_synapse()
        policy_file.write_bytes(policy_file.read_bytes().replace(b'"version"', b'"Version"', 1))
        await firm.start_synapse()
        assert (await status(firm))["version"] == 0
        answer = await cleo.request("POST", f"rooms/{quote(guarded.channel)}/join")
        assert (answer.status, answer.body["error"]) == (403, NO_POLICY)
        assert (await firm.acting_as(dan.user_id).request("POST", f"join/{quote(guarded.channel)}")).status == 403
        await ann.say(guarded.channel, "still here")
        await ann.say(guarded.matter, "still here")
        firm.start_bridge()
        await firm.bridge_ready()
        (await cleo.request("POST", f"rooms/{quote(guarded.channel)}/join")).ok()


async def push(firm: RealFirm, body: bytes, signature: str) -> Answer:
    async with aiohttp.ClientSession() as http:
        headers = {SIGNATURE_HEADER: signature, "Content-Type": "application/json"}
        async with http.post(firm.url + PATH, data=body, headers=headers) as response:
            return Answer(response.status, await response.json())


async def status(firm: RealFirm) -> Json:
    key = firm.settings.guard.key.get_secret_value()
    async with (
        aiohttp.ClientSession() as http,
        http.get(firm.url + PATH, headers={SIGNATURE_HEADER: sign_question(key)}) as response,
    ):
        answer: Json = Answer(response.status, await response.json()).ok()
        return answer
