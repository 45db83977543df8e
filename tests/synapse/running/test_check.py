"""`check` on the real Synapse: with the firm's settings nothing is missing, with Synapse's own everything is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from pydantic import SecretStr

from bridge.check import Finding, Verdict
from bridge.check.deep import compare
from bridge.check.homeserver import homeserver_findings
from bridge.check.http import asker
from bridge.check.listener import bridge_state
from bridge.check.table import HOMESERVER_SETTINGS
from bridge.dev import files, processes
from bridge.dev.place import LocalFirm
from bridge.dev.synapse import check_installed, register_bot, start_synapse, wait_for_synapse
from bridge.firm.conversation import channel_id, channel_key, first_matter_conversation_id
from bridge.service import FirmService, open_firm
from bridge.settings import Settings
from tests.synapse.harness import TEST_INSTANCE, WITHOUT_GUARD, RealSynapse, free_place

OPEN: dict[str, Any] = {
    **TEST_INSTANCE,
    "rc_room_creation": {"per_second": 10, "burst_count": 100},
    "block_non_admin_invites": False,
    "enable_set_displayname": True,
    "enable_set_avatar_url": True,
    "presence": {"enabled": True},
    "allow_per_room_profiles": True,
    "enable_3pid_changes": True,
    "federation_domain_whitelist": None,
    "forget_rooms_on_leave": False,
    "limit_profile_requests_to_users_who_share_rooms": False,
    "require_auth_for_profile_requests": False,
    "enable_registration": True,
    "enable_registration_without_verification": True,
    "allow_guest_access": True,
    "registration_shared_secret": "only-for-this-test",
    "room_list_publication_rules": [{"action": "allow"}],
    "allow_public_rooms_without_auth": True,
    "encryption_enabled_by_default_for_room_type": "all",
    "extra_well_known_client_content": {},
    "max_upload_size": "50M",
}
"""The opposite of each setting that the rules need."""


def open_listener(place: LocalFirm) -> dict[str, Any]:
    resources = [{"names": ["client", "federation"]}]
    return {**files.listener(place.host, place.synapse_port), "resources": resources}


@pytest.fixture(scope="module")
def _open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalFirm, Settings]]:
    check_installed()
    place = free_place(tmp_path_factory.mktemp("open"))
    settings = files.write_files(place, WITHOUT_GUARD, {**OPEN, "listeners": [open_listener(place)]})
    server = start_synapse(place)
    try:
        asyncio.run(wait_for_synapse(server, place))
        yield place, settings
    finally:
        processes.stop(server)


async def look(settings: Settings) -> dict[str, Finding]:
    async with asker(settings.homeserver.url) as asking:
        return {finding.name: finding async for finding in homeserver_findings(asking, settings)}


def changed(settings: Settings, section: str, **values: object) -> Settings:
    return settings.model_copy(update={section: getattr(settings, section).model_copy(update=values)})


async def rooms(synapse: RealSynapse) -> set[str]:
    return {room["room_id"] for room in (await synapse.bot.get("/_synapse/admin/v1/rooms", limit="1000"))["rooms"]}


async def test_with_the_firms_settings_nothing_is_missing(synapse: RealSynapse) -> None:
    found = await look(synapse.settings)
    assert [name for name, f in found.items() if f.state is not Verdict.OK and f.state is not Verdict.UNSEEN] == [
        "guard",
        "notifications",
    ]
    unseen = [name for name, finding in found.items() if finding.state is Verdict.UNSEEN]
    assert unseen == ["push", "redaction_retention_period"]
    assert {setting.name for setting in HOMESERVER_SETTINGS} <= set(found)


async def test_checking_leaves_nothing_but_a_locked_account(synapse: RealSynapse) -> None:
    rooms_before = await rooms(synapse)
    await look(synapse.settings)
    await look(synapse.settings)
    account = await synapse.bot.get(f"/_synapse/admin/v2/users/{quote(synapse.settings.checker_id)}")
    assert (account["locked"], account["admin"]) == (True, False)
    assert await rooms(synapse) == rooms_before


async def test_each_setting_that_is_not_in_force_is_found(_open_server: tuple[LocalFirm, Settings]) -> None:
    place, settings = _open_server
    await register_bot(settings)
    before = await look(settings)
    assert before["bot"].state is Verdict.MISSING
    assert "Give the bot admin rights" in before["bot"].remedy
    assert before["homeserver settings"].state is Verdict.UNSEEN
    # Through the database Synapse would remember who is no admin until its restart.
    await grant(place, settings)
    found = await look(settings)
    for setting in HOMESERVER_SETTINGS:
        expected = Verdict.UNSEEN if setting.probe is None else Verdict.MISSING if setting.rules else Verdict.WARNING
        assert found[setting.name].state is expected, found[setting.name]
    assert found["room addresses"].state is Verdict.OK


async def grant(place: LocalFirm, settings: Settings) -> None:
    """Make the bot a server admin, by an admin made with the shared secret, as the admin guide says."""
    import hashlib
    import hmac

    async with aiohttp.ClientSession(base_url=place.synapse_url) as http:
        nonce = (await (await http.get("/_synapse/admin/v1/register")).json())["nonce"]
        signed = "\0".join([nonce, "root", "root-password", "admin"])
        mac = hmac.new(OPEN["registration_shared_secret"].encode(), signed.encode(), hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": "root", "password": "root-password", "admin": True, "mac": mac}
        made = await (await http.post("/_synapse/admin/v1/register", json=body)).json()
        answer = await http.put(
            f"/_synapse/admin/v1/users/{settings.bot_id}/admin",
            json={"admin": True},
            headers={"Authorization": f"Bearer {made['access_token']}"},
        )
        assert answer.status == 200


async def test_a_wrong_as_token_is_told_from_a_wrong_hs_token(synapse: RealSynapse) -> None:
    wrong = SecretStr("f" * 32)
    found = await look(changed(synapse.settings, "appservice", as_token=wrong))
    assert found["as_token"].state is Verdict.MISSING
    assert "app_service_config_files" in found["as_token"].remedy
    found = await look(changed(synapse.settings, "appservice", hs_token=wrong))
    assert found["as_token"].state is Verdict.OK
    assert found["hs_token"].state is Verdict.MISSING
    assert "another hs_token" in found["hs_token"].what


async def test_another_server_name_or_id_than_the_registrations(
    synapse: RealSynapse, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await look(changed(synapse.settings, "homeserver", server_name="firm.example"))
    assert found["as_token"].state is Verdict.MISSING
    assert "takes the bridge for" in found["as_token"].what
    # As with a registration that was written when the id could be set.
    monkeypatch.setattr("bridge.check.homeserver.APPSERVICE_ID", "other")
    found = await look(synapse.settings)
    assert "another id" in found["hs_token"].what


async def test_the_registrations_url_leads_elsewhere(synapse: RealSynapse) -> None:
    found = await look(changed(synapse.settings, "appservice", listen_port=free_place(Path("x")).bridge_port))
    assert found["hs_token"].state is Verdict.MISSING
    assert "does not reach the bridge" in found["hs_token"].what


async def test_a_bridge_that_runs_is_told_from_the_stand_in(synapse: RealSynapse) -> None:
    async with running(synapse.settings):
        found = await look(synapse.settings)
    assert found["hs_token"].what == "The homeserver reaches the bridge and has the right token."
    found = await look(synapse.settings)
    assert "The bridge itself does not run." in found["hs_token"].what


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[None]:
    """Somebody who listens where the bridge would and answers pings."""
    async with bridge_state(settings.appservice):
        yield


async def test_a_homeserver_that_is_away(synapse: RealSynapse) -> None:
    url = f"http://127.0.0.1:{free_place(Path('x')).synapse_port}"
    found = await look(changed(synapse.settings, "homeserver", url=url))
    assert list(found) == ["homeserver"]
    assert found["homeserver"].state is Verdict.MISSING


async def test_a_room_left_over_by_a_check_that_was_killed_is_removed(synapse: RealSynapse) -> None:
    from bridge.check.scene import Scene, with_room, with_stranger

    settings = synapse.settings
    rooms_before = await rooms(synapse)
    async with asker(settings.homeserver.url) as asking, with_stranger(Scene(asking, settings)) as scene:
        left_over = with_room(scene)
        with_a_room: Scene = await left_over.__aenter__()
        assert with_a_room.room_id in await rooms(synapse)
    found = await look(settings)
    assert found["limit_profile_requests_to_users_who_share_rooms"].state is Verdict.OK
    assert found["forget_rooms_on_leave"].state is Verdict.OK
    assert await rooms(synapse) == rooms_before


async def test_an_unusable_room_version(synapse: RealSynapse) -> None:
    found = await look(changed(synapse.settings, "homeserver", room_version="99"))
    assert found["room version"].state is Verdict.MISSING


DIRECTORY = """
staff:
  - {id: n, first_name: Nora, last_name: North, email: nora.north@firm.example, role: Owner}
  - {id: p, first_name: Pell, last_name: Park, email: pell.park@firm.example, role: Associate}
  - {id: q, first_name: Quin, last_name: Quay, email: quin.quay@firm.example, role: Associate}
matters:
  - {id: m1, number: 2026-0042, title: Estate, status: open, responsible: n, restricted: true}
channels:
  - {name: Court Filings, participants: [n, p]}
"""


@asynccontextmanager
async def small_firm(synapse: RealSynapse, folder: Path) -> AsyncIterator[FirmService]:
    """A firm of three on the shared Synapse, whose rooms are taken away again."""
    (folder / "directory.yaml").write_text(DIRECTORY, encoding="utf-8")
    settings = changed(synapse.settings, "directory", path=str(folder / "directory.yaml"))
    settings = changed(settings, "database", url=SecretStr(f"sqlite:///{folder / 'bridge.db'}"))
    before = await rooms(synapse)
    try:
        async with open_firm(settings) as service:
            assert not (await service.sync()).failed
            yield service
    finally:
        for room_id in await rooms(synapse) - before:
            await synapse.bot.request("DELETE", f"/_synapse/admin/v1/rooms/{quote(room_id)}", {"purge": True})


async def test_O3_a_deep_check_prints_each_change_made_behind_the_bridges_back(
    synapse: RealSynapse, tmp_path: Path
) -> None:
    async with small_firm(synapse, tmp_path) as service:
        assert await compare(service, (), lambda *_: None) == []
        bot, quin, talk = synapse.bot, synapse.user_id("quin.quay"), first_matter_conversation_id("m1")
        made = (await service.reconciler.planner.desired()).world.rooms
        filings, everyone = (made[channel_id(channel_key(name))] for name in ("Court Filings", "Everyone"))
        admin = "/_synapse/admin/v1"
        for method, path, body in (
            ("POST", f"{admin}/join/{quote(made[talk])}", {"user_id": quin}),
            ("POST", f"rooms/{quote(filings)}/kick", {"user_id": synapse.user_id("pell.park")}),
            ("PUT", f"rooms/{quote(filings)}/state/m.room.name", {"name": "Gossip"}),
            ("PUT", f"rooms/{quote(filings)}/state/m.room.history_visibility", {"history_visibility": "invited"}),
            ("PUT", f"directory/list/room/{quote(filings)}", {"visibility": "private"}),
            ("DELETE", f"directory/room/{quote('#court-filings:localhost')}", None),
            ("DELETE", f"{admin}/rooms/{quote(everyone)}", {"purge": True}),
            ("PUT", f"{admin}/users/{quote(quin)}/admin", {"admin": True}),
        ):
            assert (await bot.request(method, path, body)).status == 200, path
        cellar = await synapse.acting_as(quin).request("POST", "createRoom", {"name": "Cellar"})
        said = {(one.kind.value, one.where, one.what) for one in await compare(service, (), lambda *_: None)}
        estate, pell = "General · 2026-0042 Estate", synapse.user_id("pell.park")
        assert said == {
            ("member", estate, f"{quin} is in it, and should not be."),
            ("rules", estate, "Can be written in, though somebody is to be kept from what is added to it."),
            ("room", estate, "Goes on in a new room, because of somebody who was in it and may be no more."),
            ("member", "Channel Court Filings", f"{pell} is not in it, and should be."),
            ("name", "Channel Court Filings", "Not as it should be: the name."),
            ("rules", "Channel Court Filings", "Not as it should be: who may read what was said before."),
            ("list", "Channel Court Filings", "Is not in the room directory."),
            ("address", "Channel Court Filings", "Its address #court-filings:localhost leads nowhere."),
            ("room", "Channel Everyone", "The bridge made it, and it is gone from the homeserver."),
            ("account", quin, "The account is a server admin."),
            ("unknown room", "Cellar", f"Is none of the firm's, and in it are {quin}."),
        }
        assert cellar.status == 200
        await bot.request("PUT", f"{admin}/users/{quote(quin)}/admin", {"admin": False})
