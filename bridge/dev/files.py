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
from bridge.dev.place import LOG_YAML, MISSING, DevError, Place
from bridge.registration import registration_yaml
from bridge.settings import Settings

Json = dict[str, Any]
SERVER_NAME = "localhost"


def write_files(place: Place, own: Mapping[str, Json], *, instance_extra: Mapping[str, Any] | None = None) -> Settings:
    """Write the bridge's configuration, the registration and Synapse's instance file and key; return the settings.

    `own` are settings by section; addresses, ports, secrets and the database are added to them. Secrets written by an
    earlier call are kept. Raises DevError when an earlier file cannot be read, ConfigError when a setting is wrong.
    """
    for folder in (place.var, place.synapse_folder, place.logs):
        folder.mkdir(parents=True, exist_ok=True)
    write_settings(place, own, homeserver_url=place.synapse_url, listen_host=place.host)
    settings = load_settings(place.settings_file)
    write_private(place.registration_file, registration_yaml(settings))
    write_signing_key(place.synapse_folder / "signing.key")
    instance = instance_config(
        place,
        folder=place.synapse_folder,
        registration=place.registration_file,
        log_config=LOG_YAML,
        database={"name": "sqlite3", "args": {"database": str(place.synapse_database)}},
    )
    write_private(place.instance_file, _yaml({**instance, **(instance_extra or {})}))
    return settings


def write_settings(place: Place, own: Mapping[str, Json], *, homeserver_url: str, listen_host: str) -> None:
    """Write the bridge's configuration, keeping the tokens and the key of an earlier one."""
    old = _read(place.settings_file)
    data: dict[str, Json] = {section: dict(values) for section, values in own.items()}

    def put(section: str, **values: Any) -> None:
        data.setdefault(section, {}).update(values)

    put("homeserver", url=homeserver_url, server_name=SERVER_NAME)
    put(
        "appservice",
        as_token=_kept(old, "appservice", "as_token"),
        hs_token=_kept(old, "appservice", "hs_token"),
        url=place.bridge_url,
        listen_host=listen_host,
        listen_port=place.bridge_port,
    )
    put("database", url=f"sqlite:///{place.var / 'bridge.db'}")
    put("security", alias_key=_kept(old, "security", "alias_key"))
    write_private(place.settings_file, _yaml(data))


def instance_config(
    place: Place, *, folder: Path, registration: Path, log_config: Path, database: Json, bind: str | None = None
) -> Json:
    """The second file of Synapse's configuration: what belongs to this installation and to no rule.

    Paths are as Synapse sees them. The secrets of an earlier file are kept.
    """
    old = _read(place.instance_file)
    listener = {
        "port": place.synapse_port,
        "type": "http",
        "tls": False,
        "bind_addresses": [bind or place.host],
        # No federation (F1). `openid` is the one federation path that widgets need, to know who is looking.
        "resources": [{"names": ["client", "openid"], "compress": False}],
    }
    return {
        "server_name": SERVER_NAME,
        "public_baseurl": f"{place.synapse_url}/",
        "listeners": [listener],
        "database": database,
        "media_store_path": str(folder / "media"),
        "signing_key_path": str(folder / "signing.key"),
        "log_config": str(log_config),
        "app_service_config_files": [str(registration)],
        "macaroon_secret_key": old.get("macaroon_secret_key") or secrets.token_hex(32),
        "form_secret": old.get("form_secret") or secrets.token_hex(32),
    }


def read_demo_settings(path: Path) -> dict[str, Json]:
    """The demo's own settings by section, with the directory's path made absolute."""
    data: dict[str, Json] = _read(path)
    directory = data.get("directory", {})
    if "path" in directory:
        directory["path"] = str(path.resolve().parent / directory["path"])
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


def _kept(old: Mapping[str, Any], section: str, key: str) -> str:
    return str((old.get(section) or {}).get(key) or secrets.token_hex(32))


def _read(path: Path) -> Json:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise _unreadable(path) from error
    if not isinstance(data, dict):
        raise _unreadable(path)
    return data


def _unreadable(path: Path) -> DevError:
    return DevError(f"{path} cannot be read. Delete the folder {path.parent} to begin anew.", MISSING)


def _yaml(data: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True)
