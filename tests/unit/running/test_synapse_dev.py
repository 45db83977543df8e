"""The local Synapse: one homeserver configuration for every way of running it, and nothing that overrides it."""

from __future__ import annotations

import asyncio
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from rich.console import Console

from bridge.cli.exits import Exit
from bridge.dev import compose, files
from bridge.dev.place import (
    DEMO_SETTINGS,
    ENDED,
    HOMESERVER_YAML,
    LOG_YAML,
    ROOT,
    DevError,
    LocalFirm,
    place_from_environment,
)
from bridge.dev.synapse import synapse_command
from bridge.docs.pages import metrics_page
from bridge.guard.protocol import FACTS_PATH, FAREWELL_PATH, PATH, PROCESSES_PATH, REFUSALS_PATH
from bridge.matrix.errors import UnreachableError
from bridge.store.engine.errors import StoreError
from tests.ports import free_port

ALERTS = ROOT / "config" / "alerts.yaml"
FOLDER = ROOT / "synapse-dev"
HOMESERVER: dict[str, Any] = yaml.safe_load(HOMESERVER_YAML.read_text())
COMPOSE_TEXT = (FOLDER / "docker-compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, Any] = COMPOSE["services"]

PREVENTIVE = {
    "enable_registration": False,
    "allow_guest_access": False,
    "federation_domain_whitelist": [],
    "trusted_key_servers": [],
    "serve_server_wellknown": False,
    "enable_3pid_changes": False,
    "report_stats": False,
    "forget_rooms_on_leave": True,
    "enable_set_displayname": False,
    "enable_set_avatar_url": False,
    "allow_per_room_profiles": False,
    "require_auth_for_profile_requests": True,
    "limit_profile_requests_to_users_who_share_rooms": True,
    "room_list_publication_rules": [{"user_id": "@bot:*", "action": "allow"}],
    "encryption_enabled_by_default_for_room_type": "off",
    "redaction_retention_period": None,
    "url_preview_enabled": False,
    "default_room_version": "11",
}


@pytest.fixture
def place(tmp_path: Path) -> LocalFirm:
    return LocalFirm(tmp_path / "var", 18008, 19009)


@pytest.fixture
def native(place: LocalFirm) -> dict[str, Any]:
    """The instance file of a native run."""
    files.write_files(place, files.read_demo_settings(DEMO_SETTINGS))
    return files.read_yaml_file(place.instance_file)


@pytest.fixture
def composed(tmp_path: Path) -> dict[str, Any]:
    """The instance file of the run in containers."""
    bridge, synapse, database = (tmp_path / name for name in ("bridge", "synapse", "database"))
    for folder in (bridge, synapse, database):
        folder.mkdir()
    compose.setup(bridge, synapse, database, DEMO_SETTINGS)
    return files.read_yaml_file(synapse / "instance.yaml")


@pytest.mark.parametrize("key", sorted(PREVENTIVE))
def test_homeserver_prevents(key: str) -> None:
    assert key in HOMESERVER
    assert HOMESERVER[key] == PREVENTIVE[key]


def test_what_compose_runs_once_is_in_the_source_that_its_image_has() -> None:
    _, _, image = (FOLDER / "Dockerfile").read_text().partition(f" AS {COMPOSE['x-once']['build']['target']}")
    (place,) = re.findall("^WORKDIR (.+)$", image, re.MULTILINE)
    assert f"\nCOPY bridge {place}/bridge\n" in image
    assert f"\nCOPY synapse-dev/homeserver.yaml {place}/synapse-dev/\n" in image


@pytest.mark.parametrize("kind", ["native", "composed"])
def test_instance_overrides_nothing(kind: str, request: pytest.FixtureRequest) -> None:
    instance = request.getfixturevalue(kind)
    assert set(instance) & set(HOMESERVER) == set()


@pytest.mark.parametrize("kind", ["native", "composed"])
def test_M3_the_guard_is_loaded(kind: str, request: pytest.FixtureRequest) -> None:
    (module,) = request.getfixturevalue(kind)["modules"]
    assert module["module"] == "bridge.guard.module.Guard"
    assert (module["config"]["bot"], len(module["config"]["key"])) == ("@bot:localhost", 64)
    # So many that people can start what they need, and not so many that one could fill the server.
    assert request.getfixturevalue(kind)["rc_room_creation"] == {"per_second": 0.05, "burst_count": 20}


def test_M3_without_the_guard_synapse_blocks_invitations_and_rooms_itself(place: LocalFirm) -> None:
    files.write_files(place, {"guard": {"key": ""}})
    instance = files.read_yaml_file(place.instance_file)
    assert instance["block_non_admin_invites"] is True
    assert instance["rc_room_creation"] == {"per_second": 0, "burst_count": 0}
    assert "modules" not in instance


def test_both_runs_differ_in_values_only(native: dict[str, Any], composed: dict[str, Any]) -> None:
    assert set(native) == set(composed)


@pytest.mark.parametrize("kind", ["native", "composed"])
def test_F1_listener_has_no_federation(kind: str, request: pytest.FixtureRequest) -> None:
    (listener,) = request.getfixturevalue(kind)["listeners"]
    assert [resource["names"] for resource in listener["resources"]] == [["client", "openid"]]


WORKERS = FOLDER / "workers"


def test_R2_every_process_of_synapse_reads_the_one_configuration_that_loads_the_guard() -> None:
    over = yaml.safe_load((WORKERS / "docker-compose.yaml").read_text())["services"]
    shared = yaml.safe_load((WORKERS / "workers.yaml").read_text())
    first = [
        "-c",
        "/etc/synapse/homeserver.yaml",
        "-c",
        "/data/instance.yaml",
        "-c",
        "/etc/synapse/workers/workers.yaml",
    ]
    names = {"main": "synapse", **{name: name for name in shared["instance_map"] if name != "main"}}
    for name, service in names.items():
        program = f"synapse.app.{'homeserver' if name == 'main' else 'generic_worker'}"
        assert over[service]["command"] == [program, *first, "-c", f"/etc/synapse/workers/{name}.yaml"]
        own = yaml.safe_load((WORKERS / f"{name}.yaml").read_text())
        # Nothing there changes what prevents.
        assert not {*own, *shared} & {*HOMESERVER, "modules"}
        listeners = own["listeners" if name == "main" else "worker_listeners"]
        assert shared["instance_map"][name] == {"host": service, "port": listeners[-1]["port"]}
        assert {kind for one in listeners for part in one["resources"] for kind in part["names"]} <= {
            *("client", "openid", "media", "replication")
        }


def test_R2_nginx_lets_nobody_in_between_the_processes_and_sends_the_bridge_to_the_main_one() -> None:
    conf = (WORKERS / "nginx.conf").read_text()
    upstreams = dict(re.findall(r"upstream (\w+) \{(.*?)\}", conf, re.DOTALL))
    over = yaml.safe_load((WORKERS / "docker-compose.yaml").read_text())["services"]
    hosts = {host for servers in upstreams.values() for host in re.findall(r"server (\w+):", servers)}
    assert hosts <= set(over)
    assert upstreams["main"].split() == ["server", "synapse:8008;"]
    rules = re.findall(r"~(\S+) (\w+);", conf)
    for path in (PATH, FACTS_PATH, REFUSALS_PATH, FAREWELL_PATH, "/_synapse/admin/v2/users/@a:b"):
        assert [process for rule, process in rules if re.search(rule, path)] == []
    for closed in (PROCESSES_PATH, "/_synapse/replication"):
        assert re.search(rf"location (= )?{re.escape(closed)} \{{\s+return 404;", conf)
    assert {process for _, process in rules} == set(upstreams) - {"main"}


def test_native_run_listens_on_this_machine_only(native: dict[str, Any]) -> None:
    assert native["listeners"][0]["bind_addresses"] == ["127.0.0.1"]


def test_containers_and_native_run_read_the_same_file(place: LocalFirm) -> None:
    synapse = SERVICES["synapse"]
    mounts = {inside: outside for outside, inside, *_ in (volume.split(":") for volume in synapse["volumes"])}
    program = "synapse.app.homeserver"
    assert synapse["command"] == [program, "-c", "/etc/synapse/homeserver.yaml", "-c", "/data/instance.yaml"]
    assert (FOLDER / mounts["/etc/synapse/homeserver.yaml"]).resolve() == HOMESERVER_YAML
    assert (FOLDER / mounts["/etc/synapse/log.yaml"]).resolve() == LOG_YAML
    assert "environment" not in synapse
    assert synapse_command(place)[-4:] == ["-c", str(HOMESERVER_YAML), "-c", str(place.instance_file)]


def test_nobody_can_register_with_a_shared_secret(native: dict[str, Any], composed: dict[str, Any]) -> None:
    keys = {*HOMESERVER, *native, *composed}
    assert not [key for key in keys if key.startswith("registration_shared_secret")]
    assert "SHARED_SECRET" not in COMPOSE_TEXT


def test_containers_are_published_on_this_machine_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_containers_wait_for_what_they_need() -> None:
    needs = {
        name: {needed: how["condition"] for needed, how in service.get("depends_on", {}).items()}
        for name, service in SERVICES.items()
    }
    assert needs["synapse"] == {"setup": "service_completed_successfully", "postgres": "service_healthy"}
    assert needs["bot"] == {"synapse": "service_healthy"}
    assert needs["bridge"] == {"bot": "service_completed_successfully"}
    healthy = {needed for each in needs.values() for needed, how in each.items() if how == "service_healthy"}
    assert all("healthcheck" in SERVICES[name] for name in healthy)


def test_images_are_pinned_and_synapse_is_the_tested_one() -> None:
    image = (FOLDER / "Dockerfile").read_text()
    images = [service["image"] for service in SERVICES.values() if "build" not in service]
    assert all(re.fullmatch(r"[a-z/-]+:v?\d[\w.-]*", one) for one in images)
    assert re.findall("^ARG BASE=(.+)$", image, re.MULTILINE) == ["debian:bookworm-slim"]
    stages = re.findall(r"^FROM (\S+) AS (\S+)$", image, re.MULTILINE)
    names = {name for _, name in stages}
    assert {base for base, _ in stages} - names == {"$BASE"}
    assert {service["build"]["target"] for service in SERVICES.values() if "build" in service} <= names
    # By the file that the tests' own is installed by.
    assert "\nCOPY synapse-dev/constraints.txt /usr/src/\n" in image
    assert re.search(r"^matrix-synapse==", (FOLDER / "constraints.txt").read_text(), re.MULTILINE)


def test_what_is_built_with_stays_out_of_the_images() -> None:
    image = (FOLDER / "Dockerfile").read_text()
    built = dict(re.findall(r"^FROM \S+ AS (\S+)$(.*?)(?=^FROM|\Z)", image, re.MULTILINE | re.DOTALL))
    assert "gcc" in built["builder"]
    for stage in ("python", "bridge", "synapse", "demo"):
        assert not re.search(r"gcc|lib\S+-dev|pip install", built[stage]), stage
    assert all(re.search(r"^USER \d+:\d+$", built[stage], re.MULTILINE) for stage in ("bridge", "synapse"))


def test_containers_write_to_their_volumes_alone_and_have_no_power() -> None:
    over = yaml.safe_load((WORKERS / "docker-compose.yaml").read_text())["services"]
    ours = [one for one in SERVICES.values() if "build" in one]
    ours += [one for name, one in over.items() if one.get("image") == "firm-bridge-synapse"]
    assert len(ours) == 9
    for one in [*SERVICES.values(), *over.values()]:
        if (asked := one.get("healthcheck", {}).get("test", [""])) and "python3" in asked:
            compile(asked[-1], "healthcheck", "exec")
            assert asked[:-1] == ["CMD", "python3", "-c"]
    for one in ours:
        assert (one["read_only"], one["cap_drop"], one["tmpfs"]) == (True, ["ALL"], ["/tmp"])
        assert one["security_opt"] == ["no-new-privileges:true"]


def test_the_synapse_image_has_all_that_the_guard_imports(tmp_path: Path) -> None:
    image = tmp_path / "opt"
    lines = re.findall(r"^COPY (bridge/.+) (/opt/\S+)$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)
    for sources, target in lines:
        for source in sources.split():
            there = ROOT / source
            destination = tmp_path / target.lstrip("/")
            if there.is_dir():
                shutil.copytree(there, destination, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                destination.mkdir(parents=True, exist_ok=True)
                shutil.copy(there, destination)
    # Python without any installed package: only the standard library and what was copied.
    modules = "bridge.guard.gate, bridge.guard.keeper, bridge.guard.protocol, bridge.firm.room_keys"
    program = f"import sys; sys.path.insert(0, {str(image / 'firm-bridge')!r}); import {modules}"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_element_is_pointed_at_synapse() -> None:
    content = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", COMPOSE["configs"]["element"]["content"])
    server = json.loads(content)["default_server_config"]["m.homeserver"]
    assert server == {"base_url": "http://127.0.0.1:8008", "server_name": files.SERVER_NAME}


def test_settings_and_registration_agree(place: LocalFirm) -> None:
    settings = files.write_files(place, files.read_demo_settings(DEMO_SETTINGS))
    registration = yaml.safe_load(place.registration_file.read_text())
    assert registration["as_token"] == settings.appservice.as_token.get_secret_value()
    assert registration["url"] == place.bridge_url == settings.appservice.url
    assert (settings.appservice.listen_host, settings.appservice.listen_port) == ("127.0.0.1", 19009)
    assert Path(settings.directory.path) == ROOT / "config" / "demo" / "directory.yaml"


def test_secrets_stay_and_ports_follow(place: LocalFirm) -> None:
    before = files.write_files(place, {})
    instance_before = files.read_yaml_file(place.instance_file)
    key_before = (place.synapse_folder / "signing.key").read_text()
    moved = LocalFirm(place.var, 28008, 29009)
    after = files.write_files(moved, {})
    instance_after = files.read_yaml_file(place.instance_file)
    assert (after.security, after.guard) == (before.security, before.guard)
    assert after.appservice.as_token == before.appservice.as_token
    assert after.appservice.hs_token == before.appservice.hs_token
    assert (after.homeserver.url, after.appservice.url) == (moved.synapse_url, moved.bridge_url)
    assert instance_after["macaroon_secret_key"] == instance_before["macaroon_secret_key"]
    assert instance_after["listeners"][0]["port"] == 28008
    assert (place.synapse_folder / "signing.key").read_text() == key_before


def test_two_places_share_no_secret(tmp_path: Path) -> None:
    one = files.write_files(LocalFirm(tmp_path / "one"), {})
    other = files.write_files(LocalFirm(tmp_path / "other"), {})
    assert one.appservice.as_token != other.appservice.as_token
    assert one.security.alias_key != other.security.alias_key


def test_files_with_secrets_are_private(place: LocalFirm, native: dict[str, Any]) -> None:
    secret = [place.settings_file, place.registration_file, place.instance_file, place.synapse_folder / "signing.key"]
    assert {path.stat().st_mode & 0o777 for path in secret} == {0o600}
    assert place.var.stat().st_mode & 0o077 == 0


def test_a_broken_file_is_named(place: LocalFirm) -> None:
    files.write_files(place, {})
    place.settings_file.write_text("{")
    with pytest.raises(DevError, match=re.escape(f"{place.settings_file} cannot be read")):
        files.write_files(place, {})


def test_place_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable, value in (("VAR", str(tmp_path)), ("SYNAPSE_PORT", "8108"), ("BRIDGE_PORT", "9109")):
        monkeypatch.setenv(variable, value)
    assert place_from_environment() == LocalFirm(tmp_path, 8108, 9109, 9110)
    monkeypatch.setenv("PANEL_PORT", "9200")
    assert place_from_environment() == LocalFirm(tmp_path, 8108, 9109, 9200)
    monkeypatch.setenv("SYNAPSE_PORT", "eight")
    with pytest.raises(DevError, match="SYNAPSE_PORT is 'eight'"):
        place_from_environment()
    monkeypatch.setenv("SYNAPSE_PORT", "9109")
    with pytest.raises(DevError, match="both 9109"):
        place_from_environment()


def test_every_metric_of_the_alarms_is_one_of_the_bridges() -> None:
    rules = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    known = set(re.findall(r"firm_bridge_\w+", metrics_page()))
    for rule in rules:
        assert set(re.findall(r"firm_bridge_\w+", rule["expr"])) <= known
        assert rule["annotations"]["summary"].endswith(".")
    assert {"FirmBridgeDirectoryBroken", "FirmBridgeDirectoryHeld"} <= {rule["alert"] for rule in rules}


async def test_the_bot_waits_for_a_synapse_that_is_not_up_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    async def health(request: web.Request) -> web.Response:
        return web.Response(text="OK")

    port, said = free_port(), asyncio.Event()
    console = Console(file=io.StringIO())
    monkeypatch.setattr(console, "print", lambda *_: said.set())
    waiting = asyncio.create_task(compose.wait_for_synapse(f"http://127.0.0.1:{port}", console))
    await said.wait()
    app = web.Application()
    app.add_routes([web.get("/health", health)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await waiting
    await runner.cleanup()


async def test_a_synapse_that_never_comes_up_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compose, "SYNAPSE_SECONDS", 0.1)
    with pytest.raises(DevError, match="docker compose logs synapse") as raised:
        await compose.wait_for_synapse(f"http://127.0.0.1:{free_port()}", Console(file=io.StringIO()))
    assert raised.value.code == ENDED


@pytest.mark.parametrize(
    "error", [UnreachableError("GET /", 0, "", "no answer"), StoreError("It is gone."), DevError("", 6)]
)
def test_no_task_of_compose_ends_with_a_traceback(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fail(*_: object) -> None:
        raise error

    for task, name in (("bot", "make_bot"), ("logins", "give_logins")):
        monkeypatch.setattr(compose, name, fail)
        assert compose.main(task) in {Exit.UNREACHABLE, Exit.DATABASE, Exit.SOMETHING_MISSING}
        assert "Traceback" not in capsys.readouterr().out
