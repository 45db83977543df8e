"""How old the newest backup is: for the doctor, the alarm, and in the settings that say so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.backup.newest import name_at, newest_backup
from bridge.check import Verdict
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
def test_the_newest_whole_backup_counts(
    tmp_path: Path, hours_old: tuple[int, ...], alarm_hours: int, late: bool
) -> None:
    for hours in hours_old:
        (tmp_path / name_at(NOW - timedelta(hours=hours))).touch()
    # What is being written, and what is none, are newer and count for nothing.
    (tmp_path / f"{name_at(NOW)}.part").touch()
    (tmp_path / "zebra.age").touch()
    settings = BackupSettings(folder=str(tmp_path), recipients=(RECIPIENT,), alarm_hours=alarm_hours)
    newest = newest_backup(settings, NOW)
    assert newest is not None
    assert newest.late is late
    assert newest.age_seconds == (min(hours_old) * 3600 if hours_old else -1)
    (finding,) = backup_findings(Settings(backup=settings), NOW)
    assert finding.state is (Verdict.WARNING if late or not hours_old else Verdict.OK)
    assert bool(finding.remedy) is (finding.state is Verdict.WARNING)


def test_a_folder_that_is_gone_has_no_backup_and_none_that_is_set_has_no_age(tmp_path: Path) -> None:
    gone = newest_backup(BackupSettings(folder=str(tmp_path / "gone"), recipients=(RECIPIENT,)), NOW)
    assert gone is not None
    assert gone.late
    assert newest_backup(BackupSettings(), NOW) is None
    assert list(backup_findings(Settings(), NOW)) == []


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
