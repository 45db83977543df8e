"""The homeserver settings that the rules need: why, what to write, and how to see from outside that they are in force.

The one table from which `firm-bridge check` and docs/homeserver.md are made. No probe leaves anything behind.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

from bridge.check.scene import ADMIN, CLIENT, Scene
from bridge.firm.rules import RuleId

Probe = Callable[[Scene], Awaitable[bool | None]]
"""True: in force; False: missing; None: this cannot be told now."""
_MANY_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class HomeserverSetting:
    """One setting of homeserver.yaml."""

    name: str
    yaml: str
    """The lines to write; {bot} stands for the bot's Matrix id."""
    rules: tuple[RuleId, ...]
    """Those it serves; empty for one that is only advised."""
    why: str
    probe: Probe | None = None
    """None where nothing can be seen from outside."""
    needs_room: bool = False
    gives_way: bool = False
    """Whether the guard, where it is installed, takes its place."""


async def _capability(scene: Scene, name: str) -> bool | None:
    """Whether a capability is switched off."""
    enabled = (scene.capabilities or {}).get(name, {}).get("enabled")
    return None if enabled is None else enabled is False


async def _room_creation(scene: Scene) -> bool | None:
    # A room version that does not exist: the limit comes first, and where there is none the request is refused too.
    reply = await scene.as_stranger("POST", f"{CLIENT}/createRoom", {"room_version": "none"})
    if reply.status == 429:
        # With a rate of nought there is no time after which trying again would help.
        return int(reply.body.get("retry_after_ms", 1)) <= 0
    return False if reply.errcode == "M_UNSUPPORTED_ROOM_VERSION" else None


async def _invites(scene: Scene) -> bool | None:
    # A room that does not exist: the general refusal comes before the room is looked for.
    body = {"user_id": scene.settings.bot_id}
    room = quote(f"!none:{scene.settings.homeserver.server_name}", safe="")
    reply = await scene.as_stranger("POST", f"{CLIENT}/rooms/{room}/invite", body)
    return "disabled" in reply.error if reply.status == 403 else None


async def _set_displayname(scene: Scene) -> bool | None:
    return await _capability(scene, "m.set_displayname")


async def _set_avatar(scene: Scene) -> bool | None:
    return await _capability(scene, "m.set_avatar_url")


async def _room_profiles(scene: Scene) -> bool | None:
    name = "A name for this room"
    path = scene.room_path(f"state/m.room.member/{quote(scene.stranger, safe='')}")
    reply = await scene.as_stranger("PUT", path, {"membership": "join", "displayname": name})
    if not reply.ok:
        return None
    return (await scene.as_bot("GET", path)).body.get("displayname") != name


async def _threepids(scene: Scene) -> bool | None:
    return await _capability(scene, "m.3pid_changes")


async def _federation_out(scene: Scene) -> bool | None:
    # A server that cannot exist (RFC 6761).
    reply = await scene.as_stranger("GET", f"{CLIENT}/publicRooms?server=firm-bridge-check.invalid")
    return reply.status == 403 if reply.status else None


async def _federation_in(scene: Scene) -> bool | None:
    reply = await scene.as_nobody("GET", "/_matrix/federation/v1/version")
    return reply.status == 404 if reply.status else None


async def _forget(scene: Scene) -> bool | None:
    if not (await scene.as_stranger("POST", scene.room_path("leave"), {})).ok:
        return None
    reply = await scene.as_stranger("GET", scene.room_path("messages?dir=b&limit=1"))
    return reply.status == 403 if reply.status in {200, 403} else None


async def _profile_auth(scene: Scene) -> bool | None:
    reply = await scene.as_nobody("GET", f"{CLIENT}/profile/{quote(scene.settings.bot_id, safe='')}")
    return reply.status == 401 if reply.status else None


async def _profile_sharing(scene: Scene) -> bool | None:
    reply = await scene.as_stranger("GET", f"{CLIENT}/profile/{quote(scene.settings.bot_id, safe='')}")
    return reply.status == 403 if reply.status in {200, 403} else None


async def _registration(scene: Scene) -> bool | None:
    reply = await scene.as_nobody("POST", f"{CLIENT}/register", {})
    return {401: False, 403: True}.get(reply.status)


async def _guests(scene: Scene) -> bool | None:
    reply = await scene.as_nobody("POST", f"{CLIENT}/register?kind=guest", {})
    if reply.ok:
        guest = quote(str(reply.body["user_id"]), safe="")
        await scene.as_bot("POST", f"{ADMIN}/v1/deactivate/{guest}", {"erase": True})
        return False
    return True if reply.status == 403 else None


async def _shared_secret(scene: Scene) -> bool | None:
    # Without a secret the request is refused before it is read; with one, because it says nothing. Where accounts are
    # kept elsewhere, there is no such address.
    reply = await scene.as_nobody("POST", f"{ADMIN}/v1/register", {})
    return reply.errcode != "M_BAD_JSON" if reply.status in {400, 404} else None


async def _publication(scene: Scene) -> bool | None:
    path = f"{CLIENT}/directory/list/room/{quote(scene.room_id, safe='')}"
    if not (await scene.as_bot("PUT", path, {"visibility": "public"})).ok:
        return False
    await scene.as_bot("PUT", path, {"visibility": "private"})
    return (await scene.as_stranger("PUT", path, {"visibility": "public"})).status == 403


async def _public_rooms(scene: Scene) -> bool | None:
    reply = await scene.as_nobody("GET", f"{CLIENT}/publicRooms?limit=1")
    return reply.status == 401 if reply.status else None


async def _encryption(scene: Scene) -> bool | None:
    reply = await scene.as_bot("GET", scene.room_path("state/m.room.encryption"))
    return {200: False, 404: True}.get(reply.status)


async def _well_known(scene: Scene) -> bool | None:
    reply = await scene.as_nobody("GET", "/.well-known/matrix/client")
    return reply.body.get("io.element.e2ee", {}).get("default") is False if reply.ok else None


async def _presence(scene: Scene) -> bool | None:
    said, path = "A word beside my name", f"{CLIENT}/presence/{quote(scene.stranger, safe='')}/status"
    await scene.as_stranger("PUT", path, {"presence": "unavailable", "status_msg": said})
    reply = await scene.as_stranger("GET", path)
    await scene.as_stranger("PUT", path, {"presence": "offline"})
    return reply.body.get("status_msg") != said if reply.ok else None


async def _upload_size(scene: Scene) -> bool | None:
    reply = await scene.as_stranger("GET", "/_matrix/client/v1/media/config")
    return int(reply.body.get("m.upload.size", 0)) >= _MANY_BYTES if reply.ok else None


HOMESERVER_SETTINGS: tuple[HomeserverSetting, ...] = (
    HomeserverSetting(
        "rc_room_creation",
        "rc_room_creation:\n  per_second: 0\n  burst_count: 0",
        ("F1", "M3"),
        "Only the bridge makes rooms: nobody else can open one beside the rules, or upgrade one away from them.",
        _room_creation,
        gives_way=True,
    ),
    HomeserverSetting(
        "block_non_admin_invites",
        "block_non_admin_invites: true",
        ("F1", "M3"),
        "One wrong invitation opens a room's history for good. Only server admins invite, and the bot is one.",
        _invites,
        gives_way=True,
    ),
    HomeserverSetting(
        "enable_set_displayname",
        "enable_set_displayname: false",
        ("F3",),
        "Names come from the directory and cannot be changed by their owners.",
        _set_displayname,
    ),
    HomeserverSetting(
        "enable_set_avatar_url",
        "enable_set_avatar_url: false",
        ("F3",),
        "A colleague's picture is as good as a name for passing as somebody else.",
        _set_avatar,
    ),
    HomeserverSetting(
        "allow_per_room_profiles",
        "allow_per_room_profiles: false",
        ("F3",),
        "Otherwise everybody can take another name in a single room.",
        _room_profiles,
        needs_room=True,
    ),
    HomeserverSetting(
        "enable_3pid_changes",
        "enable_3pid_changes: false",
        ("F3",),
        "E-mail addresses come from the directory. With an address of their own people could reset a password.",
        _threepids,
    ),
    HomeserverSetting(
        "presence",
        "presence:\n  enabled: false",
        ("F3",),
        "With presence everybody can put words beside their name, which colleagues see and no transcript has.",
        _presence,
    ),
    HomeserverSetting(
        "federation_domain_whitelist",
        "federation_domain_whitelist: []",
        ("F1",),
        "No other homeserver is spoken to, so that nobody from outside can be in a room.",
        _federation_out,
    ),
    HomeserverSetting(
        "listeners",
        "# Take federation out of the names of every listener, which stand under listeners, resources.",
        ("F1",),
        "The listener offers no federation.",
        _federation_in,
    ),
    HomeserverSetting(
        "require_auth_for_profile_requests",
        "require_auth_for_profile_requests: true",
        ("F4",),
        "Without it, anybody who reaches the server can look up who works at the firm.",
        _profile_auth,
    ),
    HomeserverSetting(
        "limit_profile_requests_to_users_who_share_rooms",
        "limit_profile_requests_to_users_who_share_rooms: true",
        ("F4",),
        "An account that is in no room of the firm learns no names.",
        _profile_sharing,
    ),
    HomeserverSetting(
        "enable_registration",
        "enable_registration: false",
        ("F1",),
        "Accounts are made by the bridge alone, from the directory.",
        _registration,
    ),
    HomeserverSetting("allow_guest_access", "allow_guest_access: false", ("F1",), "There are no guests.", _guests),
    HomeserverSetting(
        "registration_shared_secret",
        "# Take the line registration_shared_secret out.",
        ("F1",),
        "Whoever knows it can make accounts, and server admins.",
        _shared_secret,
    ),
    HomeserverSetting(
        "room_list_publication_rules",
        'room_list_publication_rules:\n  - user_id: "{bot}"\n    action: allow',
        ("F4",),
        "The room list shows what the bot puts there, and nothing of anybody else.",
        _publication,
        needs_room=True,
    ),
    HomeserverSetting(
        "allow_public_rooms_without_auth",
        "allow_public_rooms_without_auth: false",
        ("F4",),
        "The room list is for those who are logged in.",
        _public_rooms,
    ),
    HomeserverSetting(
        "encryption_enabled_by_default_for_room_type",
        'encryption_enabled_by_default_for_room_type: "off"',
        ("V3", "O1"),
        "Holds, exports, search and filing need the text. An encrypted room would keep it from the firm.",
        _encryption,
        needs_room=True,
    ),
    # Behind all others that need the room: trying it makes the stranger leave.
    HomeserverSetting(
        "forget_rooms_on_leave",
        "forget_rooms_on_leave: true",
        ("M3",),
        "Who has left or was removed cannot read on what was said before.",
        _forget,
        needs_room=True,
    ),
    HomeserverSetting(
        "push",
        "push:\n  include_content: false",
        ("F4",),
        "Notifications go through the makers of telephones: they carry nothing of what was said.",
    ),
    HomeserverSetting(
        "extra_well_known_client_content",
        "public_baseurl: https://matrix.example.org/ # the address at which clients reach Synapse\n"
        "extra_well_known_client_content:\n  io.element.e2ee:\n    default: false\n    force_disable: true",
        (),
        "Tells clients not to offer encryption, which the rooms would refuse; without public_baseurl Synapse tells them"
        " nothing. Whoever answers for the server name must serve it at /.well-known/matrix/client, before anybody"
        " first logs in: else Element sets up encryption keys then, and asks to verify sessions ever after.",
        _well_known,
    ),
    HomeserverSetting(
        "max_upload_size",
        "max_upload_size: 100M",
        (),
        "Files of up to 100 MB, as people know them from practice-management systems (V3).",
        _upload_size,
    ),
    HomeserverSetting(
        "redaction_retention_period",
        "redaction_retention_period: null",
        ("O1",),
        "Text that was deleted stays in the database for the firm's records. Clients no longer get it.",
    ),
)
