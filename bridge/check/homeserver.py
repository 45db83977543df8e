"""What is asked of the homeserver: tokens, rights, and each setting that the rules need."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from yarl import URL

from bridge.check.accounts import accounts_findings, keeper_of
from bridge.check.finding import Finding, Verdict
from bridge.check.guard import guard_findings
from bridge.check.http import Asker, Reply, asker
from bridge.check.listener import LOOPBACKS, BridgeState, bridge_state
from bridge.check.media import media_finding
from bridge.check.scene import ADMIN, CLIENT, Scene, SceneError, with_room, with_stranger
from bridge.check.table import HOMESERVER_SETTINGS, HomeserverSetting
from bridge.check.well_known import well_known_findings
from bridge.matrix.errors import HomeserverError
from bridge.settings import APPSERVICE_ID, Settings
from bridge.store.record.homeserver_time import sentence

_DEVICE = "FIRM_BRIDGE_CHECK"
_PINGS = 3
"""How often the homeserver is asked to reach the bridge before it is believed that it cannot."""


async def homeserver_findings(asking: Asker, settings: Settings) -> AsyncIterator[Finding]:
    reply = await asking.ask("GET", "/_matrix/client/versions")
    if not reply.ok:
        yield Finding(
            "homeserver",
            Verdict.MISSING,
            f"{settings.homeserver.url} is not reached: {reply.error}.",
            "Start Synapse, and compare homeserver.url with its listener.",
        )
        return
    version = (await asking.ask("GET", f"{ADMIN}/v1/server_version")).body.get("server_version", "unknown version")
    yield Finding("homeserver", Verdict.OK, f"{settings.homeserver.url} answers: Synapse {version}.")
    yield clock_finding(reply.date, time.time())
    token = await _token(asking, settings)
    yield token
    if token.state is not Verdict.OK:
        return
    yield await _ping(asking, settings)
    async with keeper_of(settings) as keeper:
        async for finding in _inside(Scene(asking, settings, keeper)):
            yield finding


async def _inside(scene: Scene) -> AsyncIterator[Finding]:
    """What is seen as the bot and as a user of the homeserver."""
    asking, settings = scene.asker, scene.settings
    async for finding in _who(scene):
        yield finding
        if finding.state is Verdict.MISSING:
            yield Finding("homeserver settings", Verdict.UNSEEN, "They are looked at once the above is in order.")
            return
    yield await media_finding(scene)
    guard, *processes = await guard_findings(asking, settings)
    for finding in (guard, *processes):
        yield finding
    guarded = settings.guarded and guard.state is not Verdict.MISSING
    async for finding in _settings(scene, guard_in_force=guarded):
        yield finding
    for finding in await well_known_findings(settings):
        yield finding


def clock_finding(date: str, now: float) -> Finding:
    """How far the clocks are apart, by the homeserver's Date header and the time now in seconds. Pure."""
    try:
        ahead = now - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return Finding("clocks", Verdict.UNSEEN, "The homeserver's answers do not say what time it is there.")
    if apart := sentence(ahead):
        what, _, remedy = apart.partition(". ")
        return Finding("clocks", Verdict.WARNING, f"{what}.", remedy)
    return Finding("clocks", Verdict.OK, "The homeserver's clock and the bridge's agree.")


async def _token(asking: Asker, settings: Settings) -> Finding:
    """Whether the homeserver knows the bridge by its token, and is the firm's."""
    reply = await asking.ask("GET", f"{CLIENT}/account/whoami", settings.appservice.as_token.get_secret_value())
    sender = settings.sender_id
    if reply.status == 401:
        return Finding(
            "as_token",
            Verdict.MISSING,
            f"The homeserver does not accept appservice.as_token: {reply.error}",
            "Name the file that `firm-bridge registration` prints in homeserver.yaml, and restart Synapse:\n"
            "app_service_config_files:\n  - /etc/matrix-synapse/firm-bridge.yaml",
        )
    if not reply.ok:
        return Finding(
            "as_token", Verdict.MISSING, f"The homeserver answers: {reply.error}", "Look into Synapse's log."
        )
    found = str(reply.body.get("user_id"))
    if found != sender:
        return Finding(
            "as_token",
            Verdict.MISSING,
            f"The homeserver takes the bridge for {found}, and the configuration says {sender}.",
            "Set homeserver.server_name and appservice.sender_localpart to that, or write the registration anew with"
            " `firm-bridge registration` and restart Synapse.",
        )
    return Finding("as_token", Verdict.OK, f"The homeserver accepts the bridge's token, as {sender}.")


async def _ping(asking: Asker, settings: Settings) -> Finding:
    """Whether the homeserver reaches the bridge and has the right token for it."""
    service = settings.appservice
    async with bridge_state(service) as state:
        path = f"/_matrix/client/v1/appservice/{APPSERVICE_ID}/ping"
        for _ in range(_PINGS):
            reply = await asking.ask("POST", path, service.as_token.get_secret_value(), {"transaction_id": "check"})
            # Synapse keeps connections to a bridge that has gone since, and fails over each of them once, with words
            # that say nothing of the bridge ("AlreadyCalled", "ResponseNeverReceived"). Then it makes a new one.
            if reply.errcode != "M_CONNECTION_FAILED":
                break
        ours = await _is_ours(settings) if state is BridgeState.RUNNING else True
    return judge_ping(reply, state, settings, ours=ours)


async def _is_ours(settings: Settings) -> bool:
    """Whether what listens at the bridge's address takes this configuration's hs_token; true where it says neither."""
    service = settings.appservice
    host = LOOPBACKS.get(service.listen_host, service.listen_host)
    url = str(URL.build(scheme="http", host=host, port=service.listen_port))
    async with asker(url) as bridge:
        reply = await bridge.ask("POST", "/_matrix/app/v1/ping", service.hs_token.get_secret_value(), {})
    return reply.status not in {401, 403}


def judge_ping(reply: Reply, state: BridgeState, settings: Settings, *, ours: bool = True) -> Finding:
    """What an answer to the ping means (spec: appservice ping). Pure.

    `ours` says whether the bridge that runs takes this configuration's token.
    """
    service = settings.appservice
    again = "Write the registration anew with `firm-bridge registration`, and restart Synapse."
    if not ours:
        what = "The bridge that runs uses another hs_token than this configuration."
        remedy = (
            "If this configuration was changed since the bridge started: write the registration anew with"
            " `firm-bridge registration`, then restart Synapse and the bridge. If the bridge was started with another"
            " file, name that one with --config."
        )
        return Finding("hs_token", Verdict.MISSING, what, remedy)
    if reply.ok:
        what = "The homeserver reaches the bridge and has the right token."
        if state is BridgeState.STAND_IN:
            what = (
                "The homeserver reaches the bridge's address and has the right token. The bridge itself does not run."
            )
        return Finding("hs_token", Verdict.OK, what)
    if state is BridgeState.CANNOT_LISTEN:
        what = f"Nothing can listen on {service.listen_host} port {service.listen_port}."
        return Finding("hs_token", Verdict.MISSING, what, "Change appservice.listen_host or appservice.listen_port.")
    if reply.status == 403:
        what = f"The homeserver knows the bridge by another id than {APPSERVICE_ID}."
        return Finding("hs_token", Verdict.MISSING, what, again)
    if reply.errcode == "M_URL_NOT_SET":
        return Finding("hs_token", Verdict.MISSING, "The registration has no url.", again)
    if reply.errcode == "M_BAD_STATUS" and reply.body.get("status") in {401, 403}:
        return Finding("hs_token", Verdict.MISSING, "The homeserver has another hs_token than the bridge.", again)
    if reply.errcode == "M_BAD_STATUS":
        what = f"Something else than the bridge answers at the registration's url ({reply.error})."
        return Finding("hs_token", Verdict.MISSING, what, f"It should be {service.url}. {again}")
    if reply.errcode in {"M_CONNECTION_FAILED", "M_CONNECTION_TIMEOUT"}:
        what = f"The homeserver does not reach the bridge at the registration's url: {reply.error}"
        remedy = f"Compare appservice.url ({service.url}) with the registration, and look for a firewall between them."
        return Finding("hs_token", Verdict.MISSING, what, remedy)
    return Finding("hs_token", Verdict.MISSING, f"The ping was answered: {reply.error}", again)


async def _who(scene: Scene) -> AsyncIterator[Finding]:
    """Who keeps the accounts, and whether the bridge may act as it must."""
    async for finding in accounts_findings(scene.asker, scene.settings, scene.keeper):
        yield finding
        if finding.name == "accounts" and finding.state is Verdict.MISSING:
            return
    async for finding in _identities(scene):
        yield finding


async def _identities(scene: Scene) -> AsyncIterator[Finding]:
    asking, settings = scene.asker, scene.settings
    token = settings.appservice.as_token.get_secret_value()
    # A name nobody has: inside the namespace the homeserver says that it is not registered.
    nobody = f"@firm-bridge-check-nobody:{settings.homeserver.server_name}"
    reply = await asking.ask("GET", f"{CLIENT}/account/whoami", token, user_id=nobody)
    if "masquerade" in reply.error:
        what = "The registration does not let the bridge act for the firm's users."
        remedy = "Write the registration anew with `firm-bridge registration`, and restart Synapse."
        yield Finding("namespaces", Verdict.MISSING, what, remedy)
        return
    yield Finding("namespaces", Verdict.OK, "The bridge may act for every user of the firm.")
    yield await _bot(scene)
    yield await _device(scene, token)


async def _bot(scene: Scene) -> Finding:
    settings = scene.settings
    register = {
        "type": "m.login.application_service",
        "username": settings.appservice.bot_localpart,
        "inhibit_login": True,
    }
    token = settings.appservice.as_token.get_secret_value()
    # Made here already, so that it can be given its rights before the bridge first starts.
    reply = await scene.asker.ask("POST", f"{CLIENT}/register", token, register)
    if not reply.ok and reply.errcode != "M_USER_IN_USE":
        return Finding("bot", Verdict.MISSING, f"{settings.bot_id} cannot be registered: {reply.error}", "See above.")
    reply = await scene.as_bot("GET", f"{ADMIN}/v2/users/{quote(settings.bot_id, safe='')}")
    if reply.ok and (scene.keeper is not None or reply.body.get("admin")):
        return Finding("bot", Verdict.OK, f"{settings.bot_id} is there and is a server admin.")
    return Finding(
        "bot",
        Verdict.MISSING,
        f"{settings.bot_id} is there and is not a server admin, so the bridge can make no accounts.",
        "Have a server admin grant it (docs/admin-guide.md, Give the bot admin rights):\n"
        f"curl -X PUT -H 'Authorization: Bearer ADMIN_TOKEN' -d '{{\"admin\": true}}'"
        f" {settings.homeserver.url}{ADMIN}/v1/users/{settings.bot_id}/admin",
    )


async def _device(scene: Scene, token: str) -> Finding:
    """Whether what is sent twice after a crash arrives once: that needs a device (MSC4326)."""
    await scene.as_bot("PUT", f"{CLIENT}/devices/{_DEVICE}", {})
    bot = scene.settings.bot_id
    reply = await scene.asker.ask("GET", f"{CLIENT}/account/whoami", token, user_id=bot, device_id=_DEVICE)
    await scene.as_bot("DELETE", f"{CLIENT}/devices/{_DEVICE}", {})
    if reply.body.get("device_id") == _DEVICE:
        return Finding("device", Verdict.OK, "The bridge can use a device of its own.")
    what = (
        "The homeserver does not let the bridge use a device of its own, so a message may arrive twice after a crash."
    )
    return Finding("device", Verdict.MISSING, what, "Use Synapse 1.163 or newer.")


async def _settings(bare: Scene, *, guard_in_force: bool) -> AsyncIterator[Finding]:
    settings = bare.settings
    try:
        async with with_stranger(bare) as scene:
            yield _room_version(scene)
            yield await _notifications(scene)
            for setting in HOMESERVER_SETTINGS:
                if not setting.needs_room:
                    yield judge_setting(setting, await _probe(setting, scene), settings, guard_in_force=guard_in_force)
            async with with_room(scene) as scene_with_room:
                yield await _alias_namespace(scene_with_room)
                for setting in HOMESERVER_SETTINGS:
                    if setting.needs_room:
                        in_force = await _probe(setting, scene_with_room)
                        yield judge_setting(setting, in_force, settings, guard_in_force=guard_in_force)
    except (SceneError, HomeserverError) as error:
        yield Finding("homeserver settings", Verdict.MISSING, str(error), "Look into Synapse's log, then check again.")


async def _probe(setting: HomeserverSetting, scene: Scene) -> bool | None:
    return await setting.probe(scene) if setting.probe is not None else None


def judge_setting(
    setting: HomeserverSetting, in_force: bool | None, settings: Settings, *, guard_in_force: bool = False
) -> Finding:
    """What a probe's answer means. Pure."""
    lines = setting.yaml.format(bot=settings.bot_id) if "{bot}" in setting.yaml else setting.yaml
    if setting.gives_way and guard_in_force:
        if not in_force:
            return Finding(setting.name, Verdict.OK, "Not needed: the guard decides case by case.")
        what = "In force, which is coarser than the guard: it also forbids what staff may do."
        return Finding(setting.name, Verdict.WARNING, what, f"Take this out of homeserver.yaml, then restart:\n{lines}")
    if in_force:
        return Finding(setting.name, Verdict.OK, "In force.")
    if setting.gives_way and settings.guarded:
        what = "Not in force, and no guard is in force that would take its place."
        return Finding(setting.name, Verdict.MISSING, what, "Put the guard right; then this is not needed.")
    remedy = f"In homeserver.yaml, then restart Synapse:\n{lines}"
    if setting.probe is None:
        return Finding(setting.name, Verdict.UNSEEN, f"It cannot be seen from outside. {setting.why}", remedy)
    if in_force is None:
        return Finding(setting.name, Verdict.UNSEEN, f"The homeserver's answer did not tell. {setting.why}", remedy)
    state = Verdict.MISSING if setting.rules else Verdict.WARNING
    return Finding(setting.name, state, f"Not in force. {setting.why}", remedy, yaml=lines)


def _room_version(scene: Scene) -> Finding:
    wanted = scene.settings.homeserver.room_version
    offered = (scene.capabilities or {}).get("m.room_versions", {}).get("available", {})
    if wanted in offered:
        return Finding("room version", Verdict.OK, f"The homeserver can make rooms of version {wanted}.")
    what = f"The homeserver cannot make rooms of version {wanted}."
    return Finding("room version", Verdict.MISSING, what, "Set homeserver.room_version to 11.")


async def _notifications(scene: Scene) -> Finding:
    """Whether a client can have the names of rooms and people sent to the makers of telephones (F4)."""
    pusher = {
        "kind": "http",
        "app_id": "firm-bridge-check",
        "pushkey": "firm-bridge-check",
        "app_display_name": "firm-bridge check",
        "device_display_name": "firm-bridge check",
        "lang": "en",
        # A server that cannot exist (RFC 6761); nothing is sent to it before it is ended again.
        "data": {"url": "https://firm-bridge-check.invalid/_matrix/push/v1/notify"},
    }
    reply = await scene.as_stranger("POST", f"{CLIENT}/pushers/set", pusher)
    if not reply.ok:
        return Finding("notifications", Verdict.OK, "No client can have names sent to the makers of telephones.")
    ended = {"kind": None, "app_id": pusher["app_id"], "pushkey": pusher["pushkey"]}
    await scene.as_stranger("POST", f"{CLIENT}/pushers/set", ended)
    what = (
        "A client can have the numbers and titles of matters and the names of colleagues sent to the makers of"
        " telephones, until the bridge finds and ends that, within ten minutes."
    )
    if scene.settings.guarded:
        remedy = (
            "Install the guard of this version into Synapse's environment, and look into Synapse's log at its start."
        )
        return Finding("notifications", Verdict.MISSING, what, remedy)
    return Finding("notifications", Verdict.WARNING, what, "Install the guard (docs/admin-guide.md, The guard).")


async def _alias_namespace(scene: Scene) -> Finding:
    path = f"{CLIENT}/directory/room/{quote(f'#firm-bridge-check:{scene.settings.homeserver.server_name}', safe='')}"
    reply = await scene.as_stranger("PUT", path, {"room_id": scene.room_id})
    if reply.errcode == "M_EXCLUSIVE":
        return Finding("room addresses", Verdict.OK, "Only the bridge gives rooms an address.")
    if reply.ok:
        await scene.as_bot("DELETE", path)
    what = "Everybody can give rooms an address, also one that looks like a channel's."
    remedy = "Write the registration anew with `firm-bridge registration`, and restart Synapse."
    return Finding("room addresses", Verdict.MISSING, what, remedy)
