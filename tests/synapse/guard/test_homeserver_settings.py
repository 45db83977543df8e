"""Each preventive setting of synapse-dev/homeserver.yaml, in force on a running Synapse.

What is forbidden is tried as a staff member and, where the rule binds them too, as a server admin; and that the bridge
can still do its work is tried as the bot.
"""

from __future__ import annotations

import uuid
from urllib.parse import quote

import pytest

from tests.synapse.harness import Person, RealSynapse


def fresh(word: str) -> str:
    """A name nobody else has."""
    return f"{word}-{uuid.uuid4().hex[:8]}"


async def room_with(synapse: RealSynapse, *people: Person, **body: object) -> str:
    """A private room made by the bot, with these people in it."""
    answer = await synapse.bot.request("POST", "createRoom", {"preset": "private_chat", **body})
    room_id: str = answer.ok()["room_id"]
    for person in people:
        (await synapse.bot.request("POST", f"rooms/{quote(room_id)}/invite", {"user_id": person.user_id})).ok()
        (await person.request("POST", f"rooms/{quote(room_id)}/join")).ok()
    return room_id


@pytest.fixture
async def nora(synapse: RealSynapse) -> Person:
    return await synapse.make_account(fresh("nora"), "Nora Quist")


@pytest.fixture
async def felix(synapse: RealSynapse) -> Person:
    return await synapse.make_account(fresh("felix"), "Felix Amari")


@pytest.fixture
async def admin(synapse: RealSynapse) -> Person:
    """A server admin who is not the bot."""
    person = await synapse.make_account(fresh("admin"), "Ada Admin")
    path = f"/_synapse/admin/v1/users/{quote(person.user_id)}/admin"
    (await synapse.bot.request("PUT", path, {"admin": True})).ok()
    return person


async def test_bot_is_a_server_admin(synapse: RealSynapse) -> None:
    answer = await synapse.bot.get(f"/_synapse/admin/v1/users/{quote(synapse.settings.bot_id)}/admin")
    assert answer == {"admin": True}


async def test_F1_registration_is_closed(synapse: RealSynapse) -> None:
    body = {"username": fresh("eve"), "password": "long-enough-for-anybody", "auth": {"type": "m.login.dummy"}}
    assert (await synapse.nobody.request("POST", "register", body)).status == 403
    assert (await synapse.nobody.request("POST", "register", body, kind="guest")).status == 403
    by_secret = await synapse.nobody.request("POST", "/_synapse/admin/v1/register")
    assert (by_secret.status, by_secret.body["error"]) == (400, "Shared secret registration is not enabled")


async def test_F1_no_federation_is_served_but_openid(synapse: RealSynapse, nora: Person) -> None:
    assert (await synapse.nobody.request("GET", "/_matrix/federation/v1/version")).status == 404
    assert (await synapse.nobody.request("GET", "/_matrix/key/v2/server")).status == 404
    assert (await synapse.nobody.request("GET", "/.well-known/matrix/server")).status == 404
    token = (await nora.request("POST", f"user/{quote(nora.user_id)}/openid/request_token")).ok()["access_token"]
    who = await synapse.nobody.request("GET", "/_matrix/federation/v1/openid/userinfo", access_token=token)
    assert who.ok() == {"sub": nora.user_id}


async def test_F1_other_servers_are_not_spoken_to(nora: Person) -> None:
    answer = await nora.request("GET", "publicRooms", server="elsewhere.example")
    assert (answer.status, answer.body["error"]) == (403, "Federation denied with elsewhere.example.")


async def test_M1_nobody_but_the_bridge_makes_rooms(synapse: RealSynapse, nora: Person, admin: Person) -> None:
    for person in (nora, admin):
        answer = await person.request("POST", "createRoom", {"preset": "private_chat"})
        assert (answer.status, answer.code) == (429, "M_LIMIT_EXCEEDED")
    for _ in range(12):  # more than Synapse's usual limit in one go
        assert await room_with(synapse)


async def test_M1_nobody_but_the_bridge_upgrades_rooms(synapse: RealSynapse, nora: Person) -> None:
    power = {"users": {nora.user_id: 100, synapse.settings.bot_id: 100}}
    room_id = await room_with(synapse, nora, power_level_content_override=power)
    answer = await nora.request("POST", f"rooms/{quote(room_id)}/upgrade", {"new_version": "11"})
    assert (answer.status, answer.code) == (429, "M_LIMIT_EXCEEDED")


async def test_M3_only_server_admins_invite(synapse: RealSynapse, nora: Person, felix: Person) -> None:
    room_id = await room_with(synapse, nora)
    answer = await nora.request("POST", f"rooms/{quote(room_id)}/invite", {"user_id": felix.user_id})
    assert (answer.status, answer.code) == (403, "M_FORBIDDEN")
    assert answer.body["error"] == "Invites have been disabled on this server"
    as_state = await nora.request(
        "PUT", f"rooms/{quote(room_id)}/state/m.room.member/{quote(felix.user_id)}", {"membership": "invite"}
    )
    assert as_state.status == 403
    assert await synapse.bot.members(room_id, "invite") == set()


async def test_M3_who_leaves_does_not_read_what_was_said(synapse: RealSynapse, nora: Person) -> None:
    room_id = await room_with(synapse, nora)
    await synapse.bot.say(room_id, "in confidence")
    (await nora.request("POST", f"rooms/{quote(room_id)}/leave")).ok()
    answer = await nora.request("GET", f"rooms/{quote(room_id)}/messages", dir="b")
    assert (answer.status, answer.code) == (403, "M_FORBIDDEN")


async def test_F3_names_and_pictures_cannot_be_changed(synapse: RealSynapse, nora: Person) -> None:
    admin_path = f"/_synapse/admin/v2/users/{quote(nora.user_id)}"
    (await synapse.bot.request("PUT", admin_path, {"avatar_url": "mxc://localhost/nora"})).ok()
    for person in (nora, synapse.acting_as(nora.user_id)):
        for field, value in (("displayname", "Felix Amari"), ("avatar_url", "mxc://localhost/felix")):
            answer = await person.request("PUT", f"profile/{quote(nora.user_id)}/{field}", {field: value})
            assert (answer.status, answer.code) == (403, "M_FORBIDDEN")
    (await synapse.bot.request("PUT", admin_path, {"displayname": "Nora Quist-Hale"})).ok()
    profile = await nora.get(f"profile/{quote(nora.user_id)}")
    assert profile == {"displayname": "Nora Quist-Hale", "avatar_url": "mxc://localhost/nora"}


async def test_F3_names_cannot_be_faked_in_one_room(synapse: RealSynapse, nora: Person) -> None:
    room_id = await room_with(synapse, nora)
    path = f"rooms/{quote(room_id)}/state/m.room.member/{quote(nora.user_id)}"
    await nora.request("PUT", path, {"membership": "join", "displayname": "Felix Amari"})
    assert (await synapse.bot.get(path))["displayname"] == "Nora Quist"


async def test_F3_nobody_puts_words_beside_their_name(synapse: RealSynapse, nora: Person, felix: Person) -> None:
    await room_with(synapse, nora, felix)
    path = f"presence/{quote(nora.user_id)}/status"
    await nora.request("PUT", path, {"presence": "online", "status_msg": "Senior Partner"})
    assert "status_msg" not in (await felix.get(path))
    assert "Senior Partner" not in str(await felix.sync())


async def test_F3_addresses_cannot_be_changed(nora: Person) -> None:
    answer = await nora.request("POST", "account/3pid/add", {"client_secret": "x", "sid": "1"})
    assert (answer.status, answer.body["error"]) == (400, "3PID changes are disabled on this server")


async def test_F4_strangers_learn_no_names(synapse: RealSynapse, nora: Person, felix: Person) -> None:
    assert (await synapse.nobody.request("GET", f"profile/{quote(nora.user_id)}")).status == 401
    assert (await felix.request("GET", f"profile/{quote(nora.user_id)}")).status == 403
    found = (await felix.request("POST", "user_directory/search", {"search_term": "Nora"})).ok()
    assert found["results"] == []
    await room_with(synapse, nora, felix)
    assert (await felix.get(f"profile/{quote(nora.user_id)}"))["displayname"] == "Nora Quist"


async def test_F4_only_the_bridge_gives_addresses_to_rooms(synapse: RealSynapse, nora: Person) -> None:
    room_id = await room_with(synapse, nora)
    path = "directory/room/" + quote(f"#{fresh('mine')}:localhost")
    answer = await nora.request("PUT", path, {"room_id": room_id})
    assert (answer.status, answer.code) == (400, "M_EXCLUSIVE")
    (await synapse.bot.request("PUT", path, {"room_id": room_id})).ok()


async def test_F4_only_the_bot_puts_rooms_on_the_list(synapse: RealSynapse, nora: Person) -> None:
    power = {"users": {nora.user_id: 100, synapse.settings.bot_id: 100}}
    room_id = await room_with(synapse, nora, power_level_content_override=power)
    path = f"directory/list/room/{quote(room_id)}"
    assert (await nora.request("PUT", path, {"visibility": "public"})).status == 403
    (await synapse.bot.request("PUT", path, {"visibility": "public"})).ok()
    assert (await nora.get(path))["visibility"] == "public"
    assert (await synapse.nobody.request("GET", "publicRooms")).status == 401


async def test_rooms_are_of_version_11_and_not_encrypted(synapse: RealSynapse) -> None:
    state = await synapse.bot.state(await room_with(synapse))
    contents = {event["type"]: event["content"] for event in state}
    assert contents["m.room.create"]["room_version"] == "11"
    assert "m.room.encryption" not in contents
    well_known = await synapse.bot.get("/.well-known/matrix/client")
    assert well_known["io.element.e2ee"] == {"default": False, "force_disable": True}
    assert well_known["m.homeserver"] == {"base_url": f"{synapse.url}/"}


async def test_V3_files_need_a_login(synapse: RealSynapse) -> None:
    answer = await synapse.nobody.request("GET", "/_matrix/client/v1/media/download/localhost/none")
    assert answer.status == 401
    limits = await synapse.bot.get("/_matrix/client/v1/media/config")
    assert limits["m.upload.size"] == 100 * 1024 * 1024


async def test_presence_and_link_previews_are_off(nora: Person) -> None:
    (await nora.request("PUT", f"presence/{quote(nora.user_id)}/status", {"presence": "online"})).ok()
    assert (await nora.sync()).get("presence", {}).get("events", []) == []
    answer = await nora.request("GET", "/_matrix/client/v1/media/preview_url", url="http://127.0.0.1/")
    assert answer.status == 404


async def test_an_office_can_log_in_through_one_address(synapse: RealSynapse, nora: Person) -> None:
    path = f"/_synapse/admin/v2/users/{quote(nora.user_id)}"
    (await synapse.bot.request("PUT", path, {"password": "walnut-river-42"})).ok()
    identifier = {"type": "m.id.user", "user": nora.user_id}
    body = {"type": "m.login.password", "identifier": identifier, "password": "walnut-river-42"}
    for _ in range(12):
        (await synapse.nobody.request("POST", "login", body)).ok()


async def test_people_type_in_bursts(synapse: RealSynapse, nora: Person) -> None:
    room_id = await room_with(synapse, nora)
    for number in range(25):
        await nora.say(room_id, f"line {number}")
