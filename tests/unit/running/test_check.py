"""What `check` makes of what it sees."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

from bridge import __version__
from bridge.check import Finding, Verdict
from bridge.check.guard import judge_guard
from bridge.check.homeserver import judge_ping, judge_setting
from bridge.check.http import Reply
from bridge.check.listener import BridgeState
from bridge.check.local import configuration_findings, database_findings, directory_findings
from bridge.check.media import judge_media
from bridge.check.table import HOMESERVER_SETTINGS
from bridge.check.well_known import judge_well_known, well_known_findings
from bridge.cli.tables import print_findings
from bridge.firm.model import Firm, Staff
from bridge.guard.protocol import FORM
from bridge.settings import (
    AppserviceSettings,
    DatabaseSettings,
    DirectorySettings,
    FirmSettings,
    GuardSettings,
    HomeserverSettings,
    Settings,
)
from bridge.store import models
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from tests.cast import ANN, entry

SETTINGS = Settings(homeserver=HomeserverSettings(server_name="firm.example"))


def with_database(path: Path) -> Settings:
    return Settings(database=DatabaseSettings.model_validate({"url": f"sqlite:///{path}"}))


async def database(settings: Settings, firm: Firm | None = None) -> list[Finding]:
    return [finding async for finding in database_findings(settings, firm)]


async def store_rows(path: Path, *rows: models.Base) -> None:
    store = Store(f"sqlite:///{path}")
    await store.open()
    for row in rows:
        await store.run(Unit.add, row)
    await store.close()


@pytest.mark.parametrize(("mode", "state"), [(0o600, Verdict.OK), (0o640, Verdict.WARNING), (0o604, Verdict.WARNING)])
def test_a_configuration_others_can_read(tmp_path: Path, mode: int, state: Verdict) -> None:
    config = tmp_path / "firm-bridge.yaml"
    config.touch()
    config.chmod(mode)
    (finding,) = configuration_findings(SETTINGS, config)
    assert finding.state is state
    assert ("chmod 600" in finding.remedy) is (state is Verdict.WARNING)


@pytest.mark.parametrize(
    ("url", "warned"),
    [("http://matrix.firm.example", True), ("https://matrix.firm.example", False), ("http://127.0.0.1:8008", False)],
)
def test_an_address_without_encryption_is_a_warning(tmp_path: Path, url: str, warned: bool) -> None:
    config = tmp_path / "firm-bridge.yaml"
    config.touch(0o600)
    service = AppserviceSettings.model_validate(
        {"url": "https://b.example", "as_token": "a" * 32, "hs_token": "b" * 32}
    )
    settings = Settings(homeserver=HomeserverSettings(url=url), appservice=service)
    names = {finding.name for finding in configuration_findings(settings, config)}
    assert ("homeserver.url" in names) is warned


def test_every_problem_of_the_directory_is_a_finding_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "directory.yaml"
    file.write_text("staff:\n  - {id: a, first_name: A}\n  - {id: a, first_name: B, last_name: C, email: nonsense}\n")
    firm, findings = directory_findings(Settings(directory=DirectorySettings(path=str(file))))
    assert firm is None
    assert len(findings) >= 2
    assert all(finding.state is Verdict.MISSING for finding in findings)
    assert any("directory.yaml:3" in finding.what for finding in findings)


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    firm, (finding,) = directory_findings(Settings(directory=DirectorySettings(path=str(tmp_path / "none.yaml"))))
    assert firm is None
    assert finding.state is Verdict.MISSING


async def test_a_database_not_there_yet_is_fine_and_is_not_made(tmp_path: Path) -> None:
    (finding,) = await database(with_database(tmp_path / "bridge.db"))
    assert finding.state is Verdict.OK
    assert not await asyncio.to_thread((tmp_path / "bridge.db").exists)


async def test_a_database_whose_folder_is_missing(tmp_path: Path) -> None:
    (finding,) = await database(with_database(tmp_path / "none" / "bridge.db"))
    assert finding.state is Verdict.MISSING
    assert finding.remedy == f"mkdir -p {tmp_path / 'none'}"


async def test_a_damaged_database(tmp_path: Path) -> None:
    file = tmp_path / "bridge.db"
    await asyncio.to_thread(file.write_text, "This is a letter, not a database. " * 100)
    (finding,) = await database(with_database(file))
    assert finding.state is Verdict.MISSING
    assert "Restore a backup" in finding.what


async def test_an_older_database_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "bridge.db"
    await asyncio.to_thread(file.touch)
    (finding,) = await database(with_database(file))
    assert finding.state is Verdict.OK
    assert "next start" in finding.what


async def test_what_waits_in_the_database_is_said(tmp_path: Path) -> None:
    file = tmp_path / "bridge.db"
    await store_rows(
        file,
        models.HeldChange(fingerprint="f", summary="much", held_at=1),
        models.InboxEvent(event_id="$1", room_id="!r", body=b"{}", received_at=1, status="dead"),
    )
    findings = {finding.name: finding for finding in await database(with_database(file))}
    assert findings["directory change"].state is Verdict.MISSING
    assert "firm-bridge directory confirm" in findings["directory change"].remedy
    assert findings["dead letters"].remedy == "firm-bridge dead-letters list"


async def test_two_people_with_one_localpart_are_both_named(tmp_path: Path) -> None:
    file = tmp_path / "bridge.db"
    await store_rows(file)
    people = (Staff("s1", "Tom", "Price", "tom@firm.example"), Staff("s2", "Tom", "Pratt", "tom@other.example"))
    findings = await database(with_database(file), Firm(staff={person.id: person for person in people}))
    (finding,) = (finding for finding in findings if finding.name == "accounts")
    assert finding.state is Verdict.MISSING
    assert "Tom Price" in finding.what
    assert "Tom Pratt" in finding.what


@pytest.mark.parametrize(
    ("reply", "state", "said"),
    [
        (Reply(200, {"duration_ms": 3}), BridgeState.RUNNING, "reaches the bridge"),
        (Reply(200, {"duration_ms": 3}), BridgeState.STAND_IN, "does not run"),
    ],
)
def test_a_ping_that_arrives(reply: Reply, state: BridgeState, said: str) -> None:
    finding = judge_ping(reply, state, SETTINGS)
    assert finding.state is Verdict.OK
    assert said in finding.what


@pytest.mark.parametrize(
    ("reply", "state", "said"),
    [
        (Reply(502, {"errcode": "M_BAD_STATUS", "status": 403}), BridgeState.STAND_IN, "another hs_token"),
        (Reply(502, {"errcode": "M_BAD_STATUS", "status": 401}), BridgeState.RUNNING, "another hs_token"),
        (Reply(502, {"errcode": "M_BAD_STATUS", "status": 404}), BridgeState.RUNNING, "Something else than the bridge"),
        (Reply(502, {"errcode": "M_CONNECTION_FAILED"}), BridgeState.STAND_IN, "does not reach the bridge"),
        (Reply(504, {"errcode": "M_CONNECTION_TIMEOUT"}), BridgeState.STAND_IN, "does not reach the bridge"),
        (Reply(502, {"errcode": "M_CONNECTION_FAILED"}), BridgeState.CANNOT_LISTEN, "Nothing can listen"),
        (Reply(403, {"errcode": "M_FORBIDDEN"}), BridgeState.STAND_IN, "another id"),
        (Reply(400, {"errcode": "M_URL_NOT_SET"}), BridgeState.STAND_IN, "no url"),
        (Reply(0, reason="connection lost"), BridgeState.STAND_IN, "connection lost"),
    ],
)
def test_a_ping_that_does_not_arrive_says_why_and_what_to_do(reply: Reply, state: BridgeState, said: str) -> None:
    finding = judge_ping(reply, state, SETTINGS)
    assert finding.state is Verdict.MISSING
    assert said in finding.what
    assert finding.remedy


@pytest.mark.parametrize("setting", HOMESERVER_SETTINGS, ids=lambda setting: setting.name)
def test_a_setting_that_is_missing_comes_with_the_lines_to_write(setting: object) -> None:
    listed = next(item for item in HOMESERVER_SETTINGS if item is setting)
    finding = judge_setting(listed, False if listed.probe else None, SETTINGS)
    assert finding.state in ({Verdict.MISSING, Verdict.WARNING} if listed.probe else {Verdict.UNSEEN})
    assert (finding.state is Verdict.MISSING) is bool(listed.rules and listed.probe)
    lines = finding.remedy.partition("\n")[2]
    assert "{" not in lines
    written = yaml.safe_load(lines)
    assert written is None or listed.name in written
    assert judge_setting(listed, True, SETTINGS) == Finding(listed.name, Verdict.OK, "In force.")


def test_an_answer_that_does_not_tell_is_not_taken_for_good() -> None:
    assert judge_setting(HOMESERVER_SETTINGS[0], None, SETTINGS).state is Verdict.UNSEEN


GUARDED = SETTINGS.model_copy(update={"guard": GuardSettings(key=SecretStr("k" * 32))})
IN_FORCE = {"form": FORM, "release": __version__, "version": 7, "digest": "d", "refused": {"F1": 2, "M3": 1}}


@pytest.mark.parametrize(
    ("reply", "digest", "state", "said"),
    [
        (Reply(200, IN_FORCE), "d", Verdict.OK, "refused 3 times"),
        (Reply(200, IN_FORCE), None, Verdict.OK, "up to date"),
        (
            Reply(200, {**IN_FORCE, "waiting": 3, "oldest_ms": 1}),
            "d",
            Verdict.WARNING,
            "holds 3 refusals, the oldest since 1970",
        ),
        (Reply(200, {**IN_FORCE, "waiting": 3, "oldest_ms": 2**62}), "d", Verdict.OK, "refused 3 times"),
        (Reply(200, {**IN_FORCE, "processes": []}), "d", Verdict.OK, "up to date"),
        (Reply(200, IN_FORCE), "e", Verdict.WARNING, "not what the bridge knows"),
        (Reply(200, {**IN_FORCE, "release": "9.9"}), "d", Verdict.WARNING, "They still understand each other"),
        (Reply(200, {**IN_FORCE, "release": "9.9"}), "e", Verdict.WARNING, "not what the bridge knows"),
        (Reply(200, {"version": 7, "digest": "d"}), "d", Verdict.WARNING, "of firm-bridge another release"),
        (Reply(200, {**IN_FORCE, "form": FORM + 1, "release": "9.9"}), "d", Verdict.MISSING, "do not understand"),
        (Reply(200, {**IN_FORCE, "form": None}), "d", Verdict.MISSING, "do not understand"),
        (Reply(200, {"version": 0, "digest": ""}), "d", Verdict.WARNING, "nobody comes into any room"),
        (Reply(403, {"errcode": "M_FORBIDDEN"}), "d", Verdict.MISSING, "another key"),
        (Reply(404, {"errcode": "M_UNRECOGNIZED"}), "d", Verdict.MISSING, "no guard is in force"),
        (Reply(0, reason="connection lost"), None, Verdict.MISSING, "connection lost"),
    ],
)
def test_how_the_guard_stands(reply: Reply, digest: str | None, state: Verdict, said: str) -> None:
    finding = judge_guard(reply, digest, GUARDED)
    assert finding.state is state
    assert said in finding.what
    assert bool(finding.remedy) is (state is not Verdict.OK)
    assert "k" * 32 not in finding.what + finding.remedy


@pytest.mark.parametrize(
    ("reply", "state", "said"),
    [
        (Reply(404, {"errcode": "M_NOT_FOUND", "error": "Unknown media"}), Verdict.OK, "It answers"),
        # The main process beside a media worker, a proxy that closes the admin API, and one that answers for itself.
        (Reply(404, {"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"}), Verdict.MISSING, "Unrecognized"),
        (Reply(403), Verdict.MISSING, "answer 403"),
        (Reply(404), Verdict.MISSING, "answer 404"),
        (Reply(200, {}), Verdict.MISSING, "answer 200"),
        (Reply(0, reason="connection lost"), Verdict.MISSING, "connection lost"),
    ],
)
def test_V4_whether_the_admin_api_answers_about_files(reply: Reply, state: Verdict, said: str) -> None:
    finding = judge_media(reply)
    assert finding.state is state
    assert said in finding.what
    assert bool(finding.remedy) is (state is Verdict.MISSING)


def test_a_guard_that_is_not_installed_comes_with_the_lines_to_write() -> None:
    finding = judge_guard(Reply(0), None, SETTINGS)
    assert finding.state is Verdict.WARNING
    (module,) = yaml.safe_load(finding.remedy[finding.remedy.index("modules:") :])["modules"]
    assert module["module"] == "bridge.guard.module.Guard"
    assert module["config"].keys() == {"bot", "checker", "key", "path"}
    assert module["config"]["bot"] == "@bot:firm.example"


def test_what_the_guard_takes_the_place_of_is_not_asked_for() -> None:
    coarse = [setting for setting in HOMESERVER_SETTINGS if setting.gives_way]
    assert {setting.name for setting in coarse} == {"block_non_admin_invites", "rc_room_creation"}
    for setting in coarse:
        for in_force in (False, None):
            assert judge_setting(setting, in_force, GUARDED, guard_in_force=True).state is Verdict.OK
        assert judge_setting(setting, True, GUARDED, guard_in_force=True).state is Verdict.WARNING
        # A key alone guards nothing.
        assert judge_setting(setting, False, GUARDED).state is Verdict.MISSING
        assert "no guard is in force" in judge_setting(setting, None, GUARDED).what
        assert judge_setting(setting, True, GUARDED) == Finding(setting.name, Verdict.OK, "In force.")
        assert judge_setting(setting, False, SETTINGS).state is Verdict.MISSING


def test_admin_roles_that_nobody_holds_are_said(tmp_path: Path) -> None:
    person = entry(ANN)
    file = tmp_path / "directory.yaml"
    file.write_text(yaml.safe_dump({"staff": [person]}))

    def names(*roles: str) -> list[str]:
        own = {"directory": DirectorySettings(path=str(file)), "firm": FirmSettings(admin_roles=roles)}
        _, findings = directory_findings(SETTINGS.model_copy(update=own))
        return [finding.name for finding in findings if finding.state is Verdict.MISSING]

    assert names("owner") == names("Owner") == []
    assert names("Director of IT") == ["firm.admin_roles"]


def test_a_bridge_that_runs_with_another_hs_token_is_seen() -> None:
    found = judge_ping(Reply(200, {"duration_ms": 3}), BridgeState.RUNNING, SETTINGS, ours=False)
    assert found.state is Verdict.MISSING
    assert "uses another hs_token" in found.what


WELL_KNOWN = b'{"m.homeserver": {"base_url": "https://m.firm.example"}, "io.element.e2ee": {"force_disable": %s}}'


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (WELL_KNOWN % b"true", Verdict.OK),
        (WELL_KNOWN % b"false", Verdict.WARNING),
        (WELL_KNOWN % b"1", Verdict.WARNING),
        (b'{"m.homeserver": {"base_url": "https://m.firm.example"}}', Verdict.WARNING),
        (b'{"io.element.e2ee": {"force_disable": true}}', Verdict.WARNING),
        (b"<html>", Verdict.WARNING),
        (b"[]", Verdict.WARNING),
        (b'{"m.homeserver": 7}', Verdict.WARNING),
        ("answer 404", Verdict.WARNING),
    ],
)
def test_what_clients_are_told_at_the_firms_name(said: bytes | str, state: Verdict) -> None:
    found = judge_well_known(SETTINGS, said)
    assert found.state is state
    assert "https://firm.example/.well-known/matrix/client" in found.what
    assert bool(found.remedy) is (state is not Verdict.OK)


@pytest.mark.parametrize("name", ["localhost", "localhost:8448", "127.0.0.1", "[::1]:8448", "demo.localhost"])
async def test_a_machines_own_name_is_not_asked_for_it(name: str) -> None:
    settings = Settings(homeserver=HomeserverSettings(server_name=name))
    assert await well_known_findings(settings) == []


def test_all_missing_settings_stand_in_one_block_to_paste(capsys: pytest.CaptureFixture[str]) -> None:
    missing = [judge_setting(one, False, SETTINGS) for one in HOMESERVER_SETTINGS if one.probe]
    print_findings([Finding("directory", Verdict.WARNING, "Odd.", "Look."), *missing])
    _, _, block = capsys.readouterr().out.partition("For homeserver.yaml")
    written = yaml.safe_load(block.partition("\n")[2].partition(" missing.")[0].rpartition("\n")[0])
    # Lines for the listeners would bring another port and other addresses than the server has.
    said_alone = {"registration_shared_secret", "listeners"}
    assert written.keys() == {one.name for one in HOMESERVER_SETTINGS if one.probe} - said_alone | {"public_baseurl"}
    assert "Look." not in block
