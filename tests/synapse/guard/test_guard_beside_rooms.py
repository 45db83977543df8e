"""The guard on the real Synapse, beside rooms: the bot's account, leavers' accounts, notifications, profiles, reading,
uploads, and what is said with a membership."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import aiohttp

from bridge.check import Verdict
from bridge.guard.files import UNLISTED, UNREADABLE
from bridge.guard.gate import READ_ONLY
from bridge.guard.requests import BOT_ONLY_BRIDGE, NO_FIELDS, NOT_IN_ROOM, WITHOUT_NAMES, pushes_ids_alone
from bridge.service import open_firm
from tests.synapse.asked.test_channels import asking
from tests.synapse.guard.test_guard import GuardedFirm, guarded_firm
from tests.synapse.harness import WITHOUT_GUARD, Answer, Json, Person, RealFirm
from tests.synapse.running.test_check import look
from tests.synapse.running.test_crash import bot_chat
from tests.synapse.running.test_provisioning import now, room_named

ADMIN = "/_synapse/admin/v1/"
MXC = "mxc://localhost/abc"


async def send(who: Person, room_id: str, content: Json, event_type: str = "m.room.message", txn: str = "") -> Answer:
    path = f"rooms/{quote(room_id)}/send/{event_type}/{txn or abs(hash(str(content)))}"
    return await who.request("PUT", path, content)


def pusher(**data: str) -> Json:
    return {
        "kind": "http",
        "app_id": "x",
        "pushkey": str(data),
        "app_display_name": "x",
        "device_display_name": "x",
        "lang": "en",
        "data": {"url": "http://127.0.0.1/_matrix/push/v1/notify", **data},
    }


def noted(firm: RealFirm) -> list[tuple[str, str]]:
    """Deeds and who did them, as the audit log has them."""
    with closing(sqlite3.connect(firm.place.bridge_database, timeout=30)) as connection:
        rows = connection.execute("SELECT deed, actor FROM audit_row WHERE deed LIKE 'tried%'").fetchall()
    return [(str(deed), str(actor)) for deed, actor in rows]


async def test_what_is_refused_beside_rooms_and_what_clients_need_passes(tmp_path: Path) -> None:
    async with guarded_firm(tmp_path) as guarded:
        await _the_bot_is_the_bridges(guarded)
        await _no_names_are_pushed(guarded)
        await _profiles_are_the_directorys(guarded)
        await _files_come_as_files(guarded)
        await _nobody_reads_on(guarded)
        await _nothing_is_said_with_a_membership(guarded)
        await _refused_uploads_are_their_senders(guarded)
        finding = (await look(guarded.firm.settings))["guard"]
        assert finding.state is Verdict.OK, finding


async def _the_bot_is_the_bridges(guarded: GuardedFirm) -> None:
    firm = guarded.firm
    root = await firm.make_account("root")
    grant = f"{ADMIN}users/{quote(root.user_id)}/admin"
    (await firm.bot.request("PUT", grant, {"admin": True})).ok()
    bot = quote(firm.settings.bot_id)
    tried = {
        "POST deactivate": await root.request("POST", f"{ADMIN}deactivate/{bot}", {"erase": True}),
        "PUT deactivated": await root.request("PUT", f"/_synapse/admin/v2/users/{bot}", {"deactivated": True}),
        "PUT name": await root.request("PUT", f"/_synapse/admin/v2/users/{bot}", {"displayname": "Boss"}),
        "suspend": await root.request("PUT", f"{ADMIN}suspend/{bot}", {"suspend": True}),
        "login": await root.request("POST", f"{ADMIN}users/{bot}/login"),
        "password": await root.request("POST", f"{ADMIN}reset_password/{bot}", {"new_password": "walnut-river-42"}),
        "shadow ban": await root.request("POST", f"{ADMIN}users/{bot}/shadow_ban"),
        "redact all": await root.request("POST", f"{ADMIN}user/{bot}/redact", {"rooms": []}),
    }
    for name, answer in tried.items():
        assert (name, answer.status, answer.body.get("error")) == (name, 403, BOT_ONLY_BRIDGE.sentence)
    # Reading and granting go on, and so do other accounts.
    await root.get(f"/_synapse/admin/v2/users/{bot}")
    (await root.request("PUT", f"{ADMIN}users/{bot}/admin", {"admin": True})).ok()
    # Not even the bridge's token closes it, or gives somebody a session of it that opens anything.
    assert (await firm.bot.request("POST", f"{ADMIN}deactivate/{bot}", {"erase": False})).status == 403
    session = await firm.acting_as(root.user_id).request("POST", f"{ADMIN}users/{bot}/login")
    stolen = Person(firm.http, firm.url, firm.settings.bot_id, session.ok()["access_token"])
    assert (await stolen.request("GET", "joined_rooms")).code == "ORG_MATRIX_EXPIRED_ACCOUNT"
    # The account of active staff is closed by nobody either.
    ann = quote(guarded.ann.user_id)
    assert (await root.request("POST", f"{ADMIN}deactivate/{ann}", {"erase": False})).status == 403


async def _no_names_are_pushed(guarded: GuardedFirm) -> None:
    ann = guarded.ann
    for unwanted in (pusher(), pusher(format="full"), pusher(format="")):
        answer = await ann.request("POST", "pushers/set", unwanted)
        assert answer.status == 400
        assert WITHOUT_NAMES.sentence in answer.body["error"]
    (await ann.request("POST", "pushers/set", pusher(format="event_id_only"))).ok()
    kept = (await ann.get("pushers"))["pushers"]
    assert [one["data"].get("format") for one in kept] == ["event_id_only"]


async def _profiles_are_the_directorys(guarded: GuardedFirm) -> None:
    ann = guarded.ann
    path = f"profile/{quote(ann.user_id)}/"
    for name in ("org.example.title", "m.tz", "m.status"):
        for version in ("/_matrix/client/v3/", "/_matrix/client/r0/"):
            answer = await ann.request("PUT", version + path + name, {name: "Senior Partner"})
            assert answer.status != 200
            if version.endswith("v3/"):
                assert (answer.status, answer.body["error"]) == (403, NO_FIELDS.sentence)
    assert set(await ann.get(path.rstrip("/"))) <= {"displayname", "avatar_url"}
    # Who put something there before takes it out.
    assert (await ann.request("DELETE", path + "org.example.title")).status in {200, 404}


async def _files_come_as_files(guarded: GuardedFirm) -> None:
    ann, room = guarded.ann, guarded.matter
    voice: Json = {
        "msgtype": "m.audio",
        "body": "Voice message",
        "url": MXC,
        "info": {"duration": 5040, "mimetype": "audio/ogg", "size": 9},
        "org.matrix.msc1767.file": {"url": MXC, "name": "Voice message.ogg", "mimetype": "audio/ogg", "size": 9},
        "org.matrix.msc1767.audio": {"duration": 5040, "waveform": [1, 2, 3]},
        "org.matrix.msc3245.voice": {},
    }
    said = (await send(ann, room, voice)).ok()["event_id"]
    edit = {"rel_type": "m.replace", "event_id": said}
    (await send(ann, room, {**voice, "m.new_content": {**voice, "body": "Better"}, "m.relates_to": edit})).ok()
    (
        await send(
            ann, room, {"m.relates_to": {"rel_type": "m.annotation", "event_id": said, "key": "👍"}}, "m.reaction"
        )
    ).ok()
    (await send(ann, room, {"msgtype": "m.text", "body": "x", "formatted_body": "<b>x</b>"})).ok()
    refusals: list[tuple[Json, str, str]] = [
        ({**voice, "org.example.more": {"deep": [[MXC + "2"]]}}, "m.room.message", UNLISTED.sentence),
        ({"deep": [[[MXC]]]}, "org.example.file", UNLISTED.sentence),
        ({"msgtype": "m.text", "body": "x", "formatted_body": "<IMG src=x>"}, "m.room.message", UNLISTED.sentence),
        ({"ciphertext": "x"}, "m.room.encrypted", UNREADABLE.sentence),
    ]
    for content, event_type, sentence in refusals:
        answer = await send(ann, room, content, event_type)
        assert (answer.status, answer.body.get("error")) == (403, sentence), (content, answer)
    # Who is not in the room hears what Synapse always says.
    answer = await send(guarded.ben, room, {"ciphertext": "x"}, "m.room.encrypted")
    assert "not in room" in answer.body["error"]


async def _nobody_reads_on(guarded: GuardedFirm) -> None:
    ann, dan = guarded.ann, guarded.dan
    room = quote(guarded.channel)
    (await dan.request("POST", f"join/{room}")).ok()
    first, second = [await ann.say(guarded.channel, text) for text in ("one", "two")]
    (await dan.request("POST", f"rooms/{room}/receipt/m.read/{quote(first)}")).ok()
    (await dan.request("POST", f"rooms/{room}/leave")).ok()
    for path, body in (
        (f"receipt/m.read/{quote(second)}", None),
        (f"receipt/m.read.private/{quote(second)}", None),
        (f"receipt/m.fully_read/{quote(second)}", None),
        ("read_markers", {"m.read": second, "m.fully_read": second}),
    ):
        for version in ("v3", "r0"):
            answer = await dan.request("POST", f"/_matrix/client/{version}/rooms/{room}/{path}", body)
            assert (answer.status, answer.body["error"]) == (403, NOT_IN_ROOM.sentence)
    # Of a room that there is not, and of one they never were in, they hear the same.
    for other in ("!none:localhost", guarded.matter):
        answer = await guarded.ben.request("POST", f"rooms/{quote(other)}/receipt/m.read/{quote(second)}")
        assert (answer.status, answer.body["error"]) == (403, NOT_IN_ROOM.sentence)
    (await ann.request("POST", f"rooms/{room}/read_markers", {"m.read": second})).ok()


async def _nothing_is_said_with_a_membership(guarded: GuardedFirm) -> None:
    firm, ann, cleo = guarded.firm, guarded.ann, guarded.cleo
    ask = asking(firm, cleo, await bot_chat(cleo, firm))
    await ask("!channel create Old Plans")
    old = await room_named(cleo, "Old Plans")
    (await ann.request("POST", f"join/{quote(old)}")).ok()
    own = f"rooms/{quote(old)}/state/m.room.member/{quote(cleo.user_id)}"
    # Where people write a reason is a word like others; keys of a client's own are shown by none and kept by nobody.
    (await cleo.request("PUT", own, {"membership": "join", "reason": "hello", "org.example": "hidden"})).ok()
    content = await cleo.get(own)
    assert content.get("reason") == "hello"
    assert "org.example" not in content
    await ask("!channel archive Old Plans")
    answer = await cleo.request("PUT", own, {"membership": "join", "reason": "still here"})
    assert (answer.status, answer.body["error"]) == (403, READ_ONLY)
    # Leaving is never refused; the words stay away.
    since = await now(ann)
    (await cleo.request("POST", f"rooms/{quote(old)}/leave", {"reason": "because", "org.example": "this"})).ok()
    _, event = await ann.wait_for_event(
        since, lambda room, event: room == old and event.get("state_key") == cleo.user_id
    )
    assert event["content"]["membership"] == "leave"
    assert event["content"].keys() <= {"membership", "displayname", "avatar_url"}
    # And who comes back brings none.
    (await cleo.request("POST", f"join/{quote(old)}", {"reason": "me again"})).ok()
    assert "reason" not in await cleo.get(own)


async def _refused_uploads_are_their_senders(guarded: GuardedFirm) -> None:
    firm, ann = guarded.firm, guarded.ann
    upload = f"{firm.url}/_matrix/media/v3/upload"
    headers = {"Authorization": f"Bearer {ann.token}", "Content-Type": "application/pdf"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(upload, headers=headers, data=b"\x7fELF" + bytes(100)) as done,
    ):
        assert done.status == 403
    wanted = {("tried_to_send_file", "a"), ("tried_to_be_pushed", "a"), ("tried_to_mark_read", "d")}
    wanted |= {("tried_to_encrypt", "a"), ("tried_to_change_profile", "a"), ("tried_to_act_as_bot", "@root:localhost")}
    while not wanted <= set(noted(firm)):
        pass
    assert ("tried_to_send_file", "") not in noted(firm)


async def test_F3_F4_without_the_guard_the_bridge_finds_and_ends_what_clients_put_beside_accounts(
    tmp_path: Path,
) -> None:
    async with guarded_firm(tmp_path, WITHOUT_GUARD) as guarded:
        firm, ann = guarded.firm, guarded.ann
        path = f"profile/{quote(ann.user_id)}/org.example.title"
        (await ann.request("POST", "pushers/set", pusher())).ok()
        (await ann.request("PUT", path, {"org.example.title": "Senior Partner"})).ok()
        firm.stop_bridge()
        async with open_firm(firm.settings) as service:
            (found,) = await service.homeserver.admin_pushers(ann.user_id)
            assert not pushes_ids_alone(found["data"])
            await service.homeserver.end_pusher(ann.user_id, found["app_id"], found["pushkey"])
            assert await service.homeserver.admin_pushers(ann.user_id) == []
            assert "org.example.title" in await service.homeserver.profile(ann.user_id)
            await service.homeserver.drop_profile_field(ann.user_id, "org.example.title")
            assert "org.example.title" not in await service.homeserver.profile(ann.user_id)
