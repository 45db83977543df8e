"""Who asks when `check` tries what the homeserver refuses: the bot, a stranger without rights, and a room for trying.

The stranger is an account that nobody knows, without a password, in no room, and locked when `check` does not run. It
gets a token of its own for a few minutes, because the homeserver lets the bridge's token do everything. The room has
only the bot and the stranger in it, and is deleted with all traces.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from urllib.parse import quote

from bridge.check.accounts import MasAccess
from bridge.check.http import Asker, Json, Reply
from bridge.firm.errors import BridgeError
from bridge.firm.room_keys import CHECK, MARKER
from bridge.firm.room_rules import BOT_LEVEL
from bridge.mapping.ids import hidden_alias
from bridge.mapping.rooms.shapes import RoomShape
from bridge.mapping.rooms.state import power_levels
from bridge.matrix.accounts.bot_token import BotToken
from bridge.matrix.accounts.mas import find_user, make_user
from bridge.matrix.accounts.mas_api import path_of
from bridge.settings import Settings

_TOKEN_SECONDS = 300
_STRANGER_SCOPE = "urn:matrix:client:api:*"
CLIENT = "/_matrix/client/v3"
ADMIN = "/_synapse/admin"


class SceneError(BridgeError):
    """The scene cannot be set, so that nothing can be tried. The message says what was refused."""


@dataclass(frozen=True)
class Scene:
    """Those who ask, and where."""

    asker: Asker
    settings: Settings
    keeper: MasAccess | None = None
    """Who keeps the accounts in Synapse's place."""
    stranger_token: str = ""
    room_id: str = ""
    """The room for trying; empty before there is one."""
    capabilities: Json | None = None

    @property
    def stranger(self) -> str:
        """The stranger's Matrix id."""
        return self.settings.checker_id

    @property
    def alias(self) -> str:
        """The alias of the room for trying, by which one that was left over is found."""
        localpart = hidden_alias("check", self.settings.security.alias_key.get_secret_value())
        return f"#{localpart}:{self.settings.homeserver.server_name}"

    async def as_bot(self, method: str, path: str, body: Json | None = None) -> Reply:
        """Ask as the bot, with the bridge's token, or the one that opens the admin API."""
        if self.keeper is not None and path.startswith(ADMIN):
            return await self.asker.ask(method, path, await self.keeper.bot.token(), body)
        token = self.settings.appservice.as_token.get_secret_value()
        return await self.asker.ask(method, path, token, body, user_id=self.settings.bot_id)

    async def as_stranger(self, method: str, path: str, body: Json | None = None) -> Reply:
        """Ask as a user without rights."""
        return await self.asker.ask(method, path, self.stranger_token, body)

    async def as_nobody(self, method: str, path: str, body: Json | None = None) -> Reply:
        """Ask without a token."""
        return await self.asker.ask(method, path, body=body)

    def room_path(self, rest: str) -> str:
        """A path below the room for trying."""
        return f"{CLIENT}/rooms/{quote(self.room_id, safe='')}/{rest}"


@asynccontextmanager
async def with_stranger(scene: Scene) -> AsyncIterator[Scene]:
    """The scene without a room; the stranger's token ends with it. Raises SceneError and HomeserverError."""
    asker, settings = scene.asker, scene.settings
    register = {
        "type": "m.login.application_service",
        "username": scene.stranger[1:].partition(":")[0],
        "inhibit_login": True,
    }
    token = settings.appservice.as_token.get_secret_value()
    _expect(await asker.ask("POST", f"{CLIENT}/register", token, register), "registered", scene, "M_USER_IN_USE")
    await _delete_room(scene)
    async with _token_of_synapse(scene) if scene.keeper is None else _token_of_mas(scene, scene.keeper) as token:
        scene = replace(scene, stranger_token=token)
        reply = await scene.as_stranger("GET", f"{CLIENT}/capabilities")
        yield replace(scene, capabilities=reply.body.get("capabilities", {}))


@asynccontextmanager
async def _token_of_mas(scene: Scene, keeper: MasAccess) -> AsyncIterator[str]:
    """The stranger's token from MAS. Raises HomeserverError."""
    api = keeper.api
    there = await find_user(api, scene.stranger) or await make_user(api, scene.stranger)
    await api.post(path_of("users", there["id"], "unlock"))
    stranger = BotToken(api, scene.stranger, scope=_STRANGER_SCOPE, seconds=_TOKEN_SECONDS)
    try:
        yield await stranger.token()
        await stranger.close()
    finally:
        await api.post(path_of("users", there["id"], "lock"))


@asynccontextmanager
async def _token_of_synapse(scene: Scene) -> AsyncIterator[str]:
    """The stranger's token from Synapse. Raises SceneError."""
    user = quote(scene.stranger, safe="")
    _expect(await scene.as_bot("PUT", f"{ADMIN}/v2/users/{user}", {"locked": False}), "unlocked", scene)
    try:
        until = int((time.time() + _TOKEN_SECONDS) * 1000)
        reply = await scene.as_bot("POST", f"{ADMIN}/v1/users/{user}/login", {"valid_until_ms": until})
        _expect(reply, "logged in", scene)
        token = str(reply.body["access_token"])
        yield token
        await scene.asker.ask("POST", f"{CLIENT}/logout", token, {})
    finally:
        _expect(await scene.as_bot("PUT", f"{ADMIN}/v2/users/{user}", {"locked": True}), "locked", scene)


def _expect(reply: Reply, done: str, scene: Scene, also: str = "") -> None:
    if not reply.ok and not (also and reply.errcode == also):
        raise SceneError(f"{scene.stranger}, the account for checks, could not be {done}: {reply.error}")


@asynccontextmanager
async def with_room(scene: Scene) -> AsyncIterator[Scene]:
    """The scene with a room that the stranger is in and may do everything in; deleted at the end. Raises SceneError."""
    bot, stranger = scene.settings.bot_id, scene.stranger
    # The guard takes these alone. A server that encrypts by default takes none that forbid it, and that is to be seen.
    levels = power_levels(RoomShape(CHECK, CHECK, "Check"), bot, "11") if scene.settings.guarded else {}
    body = {
        "preset": "private_chat",
        "room_version": "11",
        "room_alias_name": scene.alias[1:].partition(":")[0],
        "invite": [stranger],
        # The guard lets nobody but these two into it.
        "initial_state": [
            {"type": MARKER, "state_key": "", "content": {"kind": CHECK, "key": CHECK}},
            {"type": "m.room.guest_access", "state_key": "", "content": {"guest_access": "forbidden"}},
        ],
        "power_level_content_override": {**levels, "users": {bot: BOT_LEVEL, stranger: BOT_LEVEL}},
    }
    reply = await scene.as_bot("POST", f"{CLIENT}/createRoom", body)
    if not reply.ok:
        raise SceneError(f"The bot could not make a room: {reply.error}")
    scene = replace(scene, room_id=str(reply.body["room_id"]))
    try:
        reply = await scene.as_stranger("POST", scene.room_path("join"), {})
        if not reply.ok:
            raise SceneError(f"{stranger} could not join a room: {reply.error}")
        yield scene
    finally:
        await _delete_room(scene)


async def _delete_room(scene: Scene) -> None:
    room_id = scene.room_id
    if not room_id:
        found = await scene.as_bot("GET", f"{CLIENT}/directory/room/{quote(scene.alias, safe='')}")
        room_id = str(found.body.get("room_id", ""))
    if room_id:
        reply = await scene.as_bot("DELETE", f"{ADMIN}/v1/rooms/{quote(room_id, safe='')}", {"purge": True})
        if not reply.ok:
            raise SceneError(f"The room {room_id}, made for this check, could not be deleted: {reply.error}")
