"""The files of a local firm: made when missing, brought up to date at every start, secrets kept."""

from __future__ import annotations

import base64
import os
import secrets
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bridge.configuration import load_settings
from bridge.dev.place import LOG_YAML, MISSING, DevError, LocalFirm
from bridge.registration import registration_yaml
from bridge.settings import Settings

Json = dict[str, Any]
SERVER_NAME = "localhost"


def write_files(place: LocalFirm, own: Mapping[str, Json], instance_extra: Mapping[str, Any] | None = None) -> Settings:
    """Write the bridge's configuration, the registration and Synapse's instance file and key; return the settings.

    `own` are settings by section, to which addresses, secrets and the database are added. `instance_extra` are further
    keys of Synapse's instance file. Secrets written by an earlier call are kept. Raises DevError when an earlier file
    cannot be read, ConfigError when a setting is wrong.
    """
    for folder in (place.var, place.synapse_folder, place.logs):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_settings(
        place.settings_file,
        own,
        homeserver_url=place.synapse_url,
        bridge_url=place.bridge_url,
        listen=(place.host, place.bridge_port),
        panel={"url": place.panel_url, "listen_host": place.host, "listen_port": place.panel_port or 9010},
        database_url=f"sqlite:///{place.bridge_database}",
    )
    settings = load_settings(place.settings_file)
    write_private(place.registration_file, registration_yaml(settings))
    signing_key = place.synapse_folder / "signing.key"
    write_signing_key(signing_key)
    write_instance(
        place.instance_file,
        {
            "public_baseurl": f"{place.synapse_url}/",
            "listeners": [listener(place.host, place.synapse_port)],
            "database": {"name": "sqlite3", "args": {"database": str(place.synapse_database)}},
            "media_store_path": str(place.synapse_folder / "media"),
            "signing_key_path": str(signing_key),
            "log_config": str(LOG_YAML),
            "app_service_config_files": [str(place.registration_file)],
            **guard(settings, place.synapse_folder / "firm-policy"),
            **(instance_extra or {}),
        },
    )
    return settings


def write_settings(
    file: Path,
    own: Mapping[str, Json],
    *,
    homeserver_url: str,
    bridge_url: str,
    listen: tuple[str, int],
    panel: Json,
    database_url: str,
) -> None:
    """Write the bridge's configuration, with the tokens and the key of an earlier one or new ones."""
    old = read_yaml_file(file)
    data: dict[str, Json] = {section: dict(values) for section, values in own.items()}

    def put(section: str, **values: Any) -> None:
        data.setdefault(section, {}).update(values)

    def secret(section: str, key: str) -> str:
        return (old.get(section) or {}).get(key) or secrets.token_hex(32)

    put("homeserver", url=homeserver_url, server_name=SERVER_NAME)
    put("appservice", as_token=secret("appservice", "as_token"), hs_token=secret("appservice", "hs_token"))
    put("appservice", url=bridge_url, listen_host=listen[0], listen_port=listen[1])
    put("panel", **panel)
    put("database", url=database_url)
    put("security", alias_key=secret("security", "alias_key"))
    if "guard" not in own:
        put("guard", key=secret("guard", "key"))
    write_private(file, _yaml(data))


def write_instance(file: Path, values: Mapping[str, Any]) -> None:
    """Write the second file of Synapse's configuration: what belongs to this installation and serves no rule.

    Paths in it are as Synapse sees them. To the values are added the server's name and secrets: those of an earlier
    file, or new ones.
    """
    old = read_yaml_file(file)
    names = ("macaroon_secret_key", "form_secret", "worker_replication_secret")
    own_secrets = {key: old.get(key) or secrets.token_hex(32) for key in names}
    write_private(file, _yaml({"server_name": SERVER_NAME, **values, **own_secrets}))


def listener(host: str, port: int) -> Json:
    """The one listener of a firm's Synapse."""
    # No federation (F1). `openid` is the one federation path that widgets need, to know who is looking.
    resources = [{"names": ["client", "openid"], "compress": False}]
    return {"port": port, "type": "http", "tls": False, "bind_addresses": [host], "resources": resources}


def guard(settings: Settings, policy_file: Path) -> Json:
    """The keys of Synapse's configuration that load the guard, or do in its place what Synapse can do by itself."""
    key = settings.guard.key.get_secret_value()
    if not key:
        return {"block_non_admin_invites": True, "rc_room_creation": {"per_second": 0, "burst_count": 0}}
    config = {"bot": settings.bot_id, "key": key, "path": str(policy_file), "checker": settings.checker_id}
    return {
        "modules": [{"module": "bridge.guard.module.Guard", "config": config}],
        "rc_room_creation": {"per_second": 0.05, "burst_count": 20},
    }


def read_demo_settings(path: Path) -> dict[str, Json]:
    """The demo's own settings by section, with the directory's path made absolute."""
    data: dict[str, Json] = read_yaml_file(path)
    directory = data["directory"]
    return {**data, "directory": {**directory, "path": str(path.resolve().parent / directory["path"])}}


def read_yaml_file(path: Path) -> Json:
    """What a file says; nothing where there is none. Raises DevError when it cannot be read."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise _unreadable(path) from error
    if not isinstance(data, dict):
        raise _unreadable(path)
    return data


def write_signing_key(path: Path) -> None:
    """Make Synapse's signing key, in the form of its own generator, unless it is there."""
    if path.exists():
        return
    seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    version = "".join(secrets.choice(string.ascii_letters) for _ in range(4))
    write_private(path, f"ed25519 a_{version} {seed}\n")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def _unreadable(path: Path) -> DevError:
    return DevError(f"{path} cannot be read. Delete the folder {path.parent} to begin anew.", MISSING)


def _yaml(data: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True)
