"""How old the newest backup is: for the doctor, the alarm, and in the settings that say so."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.backup.newest import BackupWatch, Found, name_at, newest_in
from bridge.check import Finding, Verdict
from bridge.check.local import backup_findings
from bridge.configuration import ConfigError, load_settings
from bridge.settings import BackupSettings, Settings

NOW = datetime(2026, 11, 30, 10, tzinfo=UTC)
RECIPIENT = "age1y02s66nm54exr0n29gy7lgjxxfgy3rgcz0dwk95u76scdanmq5ys2j8pfv"
SECRETS: dict[str, Any] = {
    "appservice": {"as_token": "a" * 32, "hs_token": "b" * 32},
    "security": {"alias_key": "c" * 32},
}


@pytest.mark.parametrize(
    ("hours_old", "alarm_hours", "late"),
    [((3, 40), 26, False), ((27,), 26, True), ((), 26, True), ((), 0, False), ((9999,), 0, False), ((-5,), 26, False)],
)
async def test_the_newest_whole_backup_counts(
    tmp_path: Path, hours_old: tuple[int, ...], alarm_hours: int, late: bool
) -> None:
    for hours in hours_old:
        (tmp_path / name_at(NOW - timedelta(hours=hours))).touch()
    # What is being written, and what is none, are newer and count for nothing.
    (tmp_path / f"{name_at(NOW)}.part").touch()
    for none in ("zebra.age", "firm-bridge-2026-13-01T000000Z.age", "firm-bridge-0000-01-01T000000Z.age"):
        (tmp_path / none).touch()
    for none in ("firm-bridge-2026-12-31T240000Z.age", "firm-bridge-２０２６-12-31T000000Z.age"):
        (tmp_path / none).touch()
    settings = BackupSettings(folder=str(tmp_path), recipients=(RECIPIENT,), alarm_hours=alarm_hours)
    watch = BackupWatch(settings)
    await watch.look()
    newest = watch.newest(NOW)
    assert newest.late is late
    assert newest.age_seconds == (min(hours_old) * 3600 if hours_old else -1)
    (finding,) = await findings(settings)
    assert finding.state is (Verdict.WARNING if late or not hours_old else Verdict.OK)
    assert bool(finding.remedy) is (finding.state is Verdict.WARNING)


async def findings(settings: BackupSettings, seconds: float = 60) -> list[Finding]:
    return [finding async for finding in backup_findings(Settings(backup=settings), NOW, seconds)]


async def test_a_folder_that_is_gone_has_no_backup_and_none_that_is_set_has_no_age(tmp_path: Path) -> None:
    gone = BackupWatch(BackupSettings(folder=str(tmp_path / "gone"), recipients=(RECIPIENT,)))
    await gone.look()
    assert gone.newest(NOW).late
    unset = BackupWatch(BackupSettings())
    await unset.look()
    assert (unset.newest(NOW).late, unset.newest(NOW).age_seconds) == (False, -1)
    assert await findings(BackupSettings()) == []


async def test_a_folder_that_hangs_holds_nothing_up_and_the_alarm_goes_by_what_was_seen_last(tmp_path: Path) -> None:
    settings = BackupSettings(folder=str(tmp_path), recipients=(RECIPIENT,))
    (tmp_path / name_at(NOW)).touch()
    back, looks = threading.Event(), 0

    def look(folder: str) -> Found | None:
        nonlocal looks
        looks += 1
        if looks == 2:
            back.wait()
        return newest_in(folder)

    watch = BackupWatch(settings, look)
    await watch.look()
    try:
        for _ in range(3):
            await watch.look(0.01)
        assert looks == 2, "one that hangs is not begun again"
        assert not watch.newest(NOW).late
        assert watch.newest(NOW + timedelta(hours=27)).late
    finally:
        back.set()


async def test_the_doctor_says_that_a_folder_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    back = threading.Event()
    monkeypatch.setattr(os, "listdir", lambda _: back.wait() and [])
    try:
        (finding,) = await findings(BackupSettings(folder=str(tmp_path), recipients=(RECIPIENT,)), 0.01)
    finally:
        back.set()
    assert finding.state is Verdict.WARNING
    assert "did not say within" in finding.what


def test_every_file_that_a_setting_names_is_known(tmp_path: Path) -> None:
    """Whatever is called …_file, however deep: it is backed up, and meant from the configuration's folder."""

    def walked(one: Any, path: str = "") -> set[str]:
        if not isinstance(one, dict):
            return {path} if path.endswith("_file") else set()
        return {found for key, value in one.items() for found in walked(value, f"{path}.{key}".lstrip("."))}

    named = walked(Settings().model_dump())
    assert {"smokeball.key_file", "clio.key_file", "mas.client_secret_file", "sign_on.client_secret_file"} <= named
    given: dict[str, Any] = {}
    for key in named:
        section, name = key.split(".")
        given.setdefault(section, {})[name] = f"{key}.secret"
    config = tmp_path / "firm-bridge.yaml"
    config.write_text(yaml.safe_dump({**SECRETS, **given}))
    assert load_settings(config).secret_files == {key: str(tmp_path / f"{key}.secret") for key in named}


@pytest.mark.parametrize(
    ("backup", "told"),
    [
        ({"folder": "b", "recipients": ["AGE-SECRET-KEY-1QQQ"]}, "One is no public key of age."),
        ({"folder": "b", "recipients": ["ssh-ed25519 AAAA"]}, "One is no public key of age."),
        ({"folder": "b"}, "backup.recipients: It is missing."),
        ({"recipients": [RECIPIENT]}, "backup.folder: It is missing."),
        ({"synapse_database": "homeserver.db"}, "backup.synapse_database: It is not an address of a database."),
    ],
)
def test_settings_that_could_not_make_a_backup_are_refused_before_it_is_time(
    tmp_path: Path, backup: dict[str, Any], told: str
) -> None:
    config = tmp_path / "firm-bridge.yaml"
    config.write_text(yaml.safe_dump({**SECRETS, "backup": backup}))
    with pytest.raises(ConfigError) as caught:
        load_settings(config)
    assert told in str(caught.value)
    assert "1QQQ" not in str(caught.value)


def test_paths_are_meant_from_the_configurations_folder(tmp_path: Path) -> None:
    config = tmp_path / "firm-bridge.yaml"
    given = {
        "folder": "backups",
        "recipients": [RECIPIENT],
        "synapse_database": "sqlite:///homeserver.db",
        "synapse_files": ["/etc/signing.key", "homeserver.yaml"],
    }
    config.write_text(yaml.safe_dump({**SECRETS, "backup": given}))
    read = load_settings(config).backup
    assert read.folder == str(tmp_path / "backups")
    assert read.synapse_database.get_secret_value() == f"sqlite:///{tmp_path}/homeserver.db"
    assert read.synapse_files == ("/etc/signing.key", str(tmp_path / "homeserver.yaml"))
