"""Backups: made while the bridge works, tried, and put back whole or not at all, on both databases."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import yaml
from pydantic import SecretStr
from pyrage import x25519

from bridge.backup.making import Made, beside_database, make_backup
from bridge.backup.manifest import Side
from bridge.backup.restoring import put_back
from bridge.backup.sealed import BackupError
from bridge.backup.trying import Trial, try_backup
from bridge.cli import main
from bridge.cli.exits import Exit
from bridge.firm.audit import Deed
from bridge.settings import ClioSettings, DatabaseSettings, Settings
from bridge.store.engine.store import Store
from bridge.store.record.audit import record
from tests.backups import all_files, backed_up, key_file, opened, rewritten
from tests.component.conftest import SERVER, own_database
from tests.component.store.test_store import postgresql_only, sqlite_only
from tests.component.wire.traffic import until

ROOT = Path(__file__).parents[3]
NEWER = "9999_of_the_next_release"


def written(config: Path, settings: Settings, url: str = "http://127.0.0.1:1") -> Path:
    """The settings as a file."""
    backup = settings.backup
    secret = {"as_token": "a" * 32, "hs_token": "b" * 32}
    sections = {
        "homeserver": {"url": url},
        "appservice": secret,
        "security": {"alias_key": "c" * 32},
        "database": {"url": settings.database.url.get_secret_value()},
        "backup": {
            "folder": backup.folder,
            "recipients": list(backup.recipients),
            "synapse_database": backup.synapse_database.get_secret_value(),
        },
    }
    config.write_text(yaml.safe_dump(sections))
    return config


async def test_a_backup_beside_writers_is_whole_and_comes_back_whole(
    settings: Settings, config: Path, tmp_path: Path, synapse: Path
) -> None:
    store = Store(settings.database.url.get_secret_value())
    await store.open()
    entries = 0

    async def write_on() -> None:
        nonlocal entries
        while True:
            await store.run(record, Deed.COMMAND, actor="a", subject=f"ping {entries}")
            entries += 1

    writer = asyncio.create_task(write_on())
    await until(lambda: entries >= 5)
    before = entries
    made = await asyncio.to_thread(make_backup, settings, config, datetime.now(UTC))
    writer.cancel()
    await asyncio.gather(writer, return_exceptions=True)
    await store.close()
    await asyncio.to_thread(_comes_back_whole, made, settings, tmp_path, range(before, entries + 1))


def _comes_back_whole(made: Made, settings: Settings, tmp_path: Path, entries: range) -> None:
    with opened(made.file, tmp_path) as parts:
        assert parts.digest == made.digest
        (config,) = parts.manifest.files
        assert (parts.folder / config.member).read_text() == Path(config.came_from).read_text()
        trial = try_backup(parts, SERVER)
        assert trial.bridge is not None
        assert trial.bridge.audit.entries in entries
        assert trial.synapse is not None
        assert (trial.synapse.people, trial.synapse.rooms, trial.synapse.newest_ms) == (2, 1, 1800000000000)
        with own_database(tmp_path / "backups") as url:
            again = settings.model_copy(update={"database": DatabaseSettings(url=SecretStr(url))})
            aside = put_back(parts, again, [Side.SYNAPSE, Side.BRIDGE], datetime.now(UTC))
            assert [path.name.partition(".before")[0] for path in aside] == ["homeserver.db"]
            assert asyncio.run(_entries(url)) == trial.bridge.audit.entries


async def _entries(url: str) -> int:
    store = Store(url)
    await store.open()
    (count,) = await store.read(lambda unit: unit.row("SELECT count(*) FROM audit_row")) or (0,)
    await store.close()
    return int(count)


@sqlite_only
def test_what_was_killed_leaves_nothing_unencrypted_behind_for_long(settings: Settings, config: Path) -> None:
    work = beside_database(settings)
    assert work is not None
    first = backed_up(settings, config)
    left = [next(work.glob(".firm-bridge-backup-*")) / "copy.db", first.with_name(f"{first.name}.part")]
    for path in left:
        path.write_text("half")
    first.unlink()
    second = backed_up(settings, config)
    assert not [path for path in left if path.exists()]
    assert list(Path(settings.backup.folder).iterdir()) == [second]
    assert second.stat().st_mode & 0o077 == 0


WRONG: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "cut off": (lambda data: data[:-9], "its end is missing"),
    "without its end": (lambda data: data[:9000], "its end is missing"),
    "with a flipped byte": (lambda data: data[:9000] + bytes([data[9000] ^ 1]) + data[9001:], "is damaged"),
    "with a damaged beginning": (lambda data: b"x" + data[1:], "is no backup, or its beginning is damaged"),
    "empty": (lambda data: b"", "is no backup"),
    "longer than it was": (lambda data: data + b"x", "is damaged"),
}


@sqlite_only
@pytest.mark.parametrize("how", WRONG)
def test_a_damaged_file_changes_nothing(
    settings: Settings, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    change, told = WRONG[how]
    file = backed_up(settings, config)
    file.write_bytes(change(file.read_bytes()))
    identity = key_file(tmp_path)
    written(config, settings)
    before = all_files(tmp_path)
    for words in (["--try"], [], ["--unpack", str(tmp_path / "out")]):
        assert main(["restore", str(file), "-i", identity, "--config", str(config), *words]) == Exit.BACKUP
        said = capsys.readouterr().err
        assert told in said
        assert "Nothing was changed." in said
        assert all_files(tmp_path) == before


@sqlite_only
def test_another_key_opens_nothing(
    settings: Settings, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = backed_up(settings, config)
    written(config, settings)
    for identity, told in (
        (key_file(tmp_path, x25519.Identity.generate()), "is not encrypted to this key"),
        (str(config), "holds no secret key of age"),
        (str(tmp_path / "nowhere"), "cannot be read: No such file"),
    ):
        before = all_files(tmp_path)
        assert main(["restore", str(file), "-i", identity, "--config", str(config)]) == Exit.BACKUP
        said = capsys.readouterr().err
        assert told in said
        assert "c" * 32 not in said
        assert all_files(tmp_path) == before


@sqlite_only
def test_a_newer_releases_backup_is_told_by_its_number_or_its_tables(
    settings: Settings, config: Path, tmp_path: Path
) -> None:
    file = backed_up(settings, config)
    with (
        pytest.raises(BackupError, match=r"made by firm-bridge 9\.0, which is newer than this one"),
        opened(rewritten(file, format=2, release="9.0"), tmp_path),
    ):
        pass
    database = settings.database.url.get_secret_value().removeprefix("sqlite:///")
    with closing(sqlite3.connect(database)) as made, made:
        made.execute("INSERT INTO schema_migration (name, applied) VALUES (?, '2027-01-01')", (NEWER,))
    file.unlink()
    with opened(backed_up(settings, config), tmp_path) as parts:
        live = Path(database).read_bytes()
        for work in (lambda: try_backup(parts), lambda: put_back(parts, settings, [Side.BRIDGE], datetime.now(UTC))):
            with pytest.raises(BackupError, match=r"whose database this one .* does not know"):
                work()
        assert Path(database).read_bytes() == live


@sqlite_only
async def test_nothing_is_put_under_the_hands_of_a_running_bridge(
    settings: Settings, config: Path, tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    file, identity = await asyncio.to_thread(backed_up, settings, config), key_file(tmp_path)
    written(config, settings)
    words = ["restore", str(file), "-i", identity, "--config", str(config)]
    assert await asyncio.to_thread(main, words) == Exit.RUNNING
    assert "Another process of firm-bridge uses the database" in capsys.readouterr().err
    await store.close()
    assert await asyncio.to_thread(main, [*words, "--only", "bridge"]) == Exit.OK
    assert "What was there before is kept as" in capsys.readouterr().out


@sqlite_only
async def test_nothing_is_put_under_the_hands_of_a_running_synapse(
    settings: Settings, config: Path, tmp_path: Path, fake: object, capsys: pytest.CaptureFixture[str]
) -> None:
    file, identity = await asyncio.to_thread(backed_up, settings, config), key_file(tmp_path)
    written(config, settings, fake.url)  # type: ignore[attr-defined]
    before = all_files(tmp_path)
    words = ["restore", str(file), "-i", identity, "--config", str(config)]
    assert await asyncio.to_thread(main, words) == Exit.RUNNING
    assert "Synapse answers at" in capsys.readouterr().err
    assert all_files(tmp_path) == before


@sqlite_only
def test_the_files_that_settings_name_are_in_it(settings: Settings, config: Path, tmp_path: Path) -> None:
    secret = tmp_path / "a.secret"
    secret.write_text("the secret")
    key = ClioSettings(key_file=str(secret))
    with opened(backed_up(settings.model_copy(update={"clio": key}), config), tmp_path) as parts:
        kept = {one.came_from: (parts.folder / one.member).read_text() for one in parts.manifest.files}
    assert kept[str(secret)] == "the secret"


@sqlite_only
def test_the_server_for_a_trial_comes_from_the_environment_too(
    settings: Settings, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def try_backup(_: object, server: str) -> Trial:
        asked.append(server)
        return Trial(None, None)

    monkeypatch.setattr("bridge.backup.trying.try_backup", try_backup)
    words = ["restore", str(backed_up(settings, config)), "-i", key_file(tmp_path), "--try"]
    monkeypatch.setenv("FIRM_BRIDGE_TRIAL_SERVER", "postgresql://u:secret@h/db")
    assert main(words) == Exit.OK
    assert main([*words, "--server", "postgresql://other/db"]) == Exit.OK
    assert asked == ["postgresql://u:secret@h/db", "postgresql://other/db"]


@sqlite_only
def test_a_log_that_was_never_written_back_is_not_read_into_the_new_file(
    settings: Settings, config: Path, tmp_path: Path, synapse: Path
) -> None:
    """As a process that was killed leaves it, beside a file too damaged to take it."""
    file = backed_up(settings, config)
    synapse.write_bytes(b"damaged")
    log = synapse.with_name("homeserver.db-wal")
    log.write_bytes(b"what was not written back")
    with opened(file, tmp_path) as parts:
        (aside,) = put_back(parts, settings, [Side.SYNAPSE], datetime.now(UTC))
    assert not log.exists()
    assert aside.read_bytes() == b"damaged"
    assert aside.with_name(f"{aside.name}-wal").read_bytes() == b"what was not written back"
    with closing(sqlite3.connect(synapse)) as restored:
        assert restored.execute("SELECT count(*) FROM users").fetchone() == (2,)


FULL = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from bridge.backup.making import make_backup
from bridge.backup.restoring import open_backup
from bridge.backup.sealed import BackupError, identities_of
from bridge.configuration import load_settings
config, file, key, small = map(Path, sys.argv[1:])
settings = load_settings(config)
for work in (
    lambda: make_backup(settings, config, datetime.now(UTC)), lambda: open_backup(file, identities_of(key), small)
):
    try:
        work()
    except BackupError as error:
        print(error, [path.name for path in small.rglob("*")])
"""


@sqlite_only
def test_a_full_disk_is_said_and_nothing_is_left(settings: Settings, config: Path, tmp_path: Path) -> None:
    file, small = backed_up(settings, config), tmp_path / "small"
    small.mkdir()
    written(config, settings.model_copy(update={"backup": settings.backup.model_copy(update={"folder": str(small)})}))
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not here; Debian's package util-linux has it")
    python = shlex.join([sys.executable, "-c", FULL, str(config), str(file), key_file(tmp_path), str(small)])
    script = f"mount -t tmpfs -o size=8k none {small} || exit 77\n{python}"
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode in {1, 77} and not done.stdout:
        pytest.skip(f"no file system may be mounted here: {done.stderr.strip()}")
    assert done.stdout.count("the disk is full. Make room") == 2, done.stdout + done.stderr
    assert " []\n" in done.stdout


@postgresql_only
def test_a_dump_goes_into_an_empty_database_and_into_no_other(settings: Settings, config: Path, tmp_path: Path) -> None:
    file = backed_up(settings, config)
    with opened(file, tmp_path) as parts:
        with pytest.raises(BackupError, match="is not empty, so nothing was put into it"):
            put_back(parts, settings, [Side.BRIDGE], datetime.now(UTC))
        (parts.folder / "bridge.dump").write_bytes((parts.folder / "bridge.dump").read_bytes()[:4000])
        with pytest.raises(BackupError, match="pg_restore failed"):
            try_backup(parts)
    with psycopg.connect(SERVER) as connection:
        trials = connection.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'firm_bridge_trial%'")
        assert trials.fetchone() == (0,)


@sqlite_only
def test_nothing_lies_beside_the_database_of_a_synapse_that_did_not_run(
    settings: Settings, config: Path, synapse: Path
) -> None:
    backed_up(settings, config)
    assert list(synapse.parent.glob(f"{synapse.name}*")) == [synapse]


@sqlite_only
def test_what_cannot_be_backed_up_is_named_and_nothing_is_written(
    settings: Settings, config: Path, tmp_path: Path, synapse: Path
) -> None:
    synapse.unlink()
    with pytest.raises(BackupError, match=r"There is no database .*homeserver\.db"):
        backed_up(settings, config)
    lacking = settings.backup.model_copy(update={"synapse_files": (str(tmp_path / "signing.key"),)})
    with pytest.raises(BackupError, match=r"signing\.key cannot be backed up"):
        backed_up(settings.model_copy(update={"backup": lacking}), config)
    elsewhere = settings.backup.model_copy(update={"folder": str(tmp_path / "not mounted")})
    with pytest.raises(BackupError, match="There is no folder"):
        backed_up(settings.model_copy(update={"backup": elsewhere}), config)
    with pytest.raises(BackupError, match="names no key"):
        backed_up(settings.model_copy(update={"backup": settings.backup.model_copy(update={"recipients": ()})}), config)
    assert list(Path(settings.backup.folder).iterdir()) == []
