"""The audit log on the command line (O1)."""

from __future__ import annotations

import asyncio
import csv
import json
from pathlib import Path

import pytest
import yaml

from bridge.cli import shell
from bridge.cli.app import main
from bridge.cli.exits import Exit
from bridge.firm.audit import Deed
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.store.engine.store import Store
from bridge.store.record.audit import head, record
from bridge.store.rooms.channels import rename
from bridge.store.rooms.conversations import NewConversation, add_conversations
from tests.component.conftest import tamper


@pytest.fixture(autouse=True)
def logging_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands set up logging for the whole process, and other tests look at the log."""
    monkeypatch.setattr(shell, "set_up_logging", lambda _: None)


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> Path:
    """A configuration whose database has two entries, the second with a title that a spreadsheet would run."""
    (tmp_path / "directory.yaml").write_text("staff: []\n")
    path = tmp_path / "bridge.yaml"
    secrets = {"as_token": "a" * 40, "hs_token": "h" * 40}
    settings = {
        "homeserver": {"url": "http://127.0.0.1:1", "server_name": "localhost"},
        "appservice": secrets,
        "database": {"url": database_url},
        "security": {"alias_key": "k" * 40},
        "directory": {"path": str(tmp_path / "directory.yaml")},
    }
    path.write_text(yaml.safe_dump(settings))

    async def fill() -> None:
        store = Store(database_url)
        await store.open()
        await store.run(record, Deed.ARCHIVED, actor="a", subject="club")
        await store.run(record, Deed.RENAMED, actor="a", subject="club", reason="=1+1")
        await store.close()

    asyncio.run(fill())
    return path


def test_O1_a_whole_log_is_said_to_be_whole_and_its_digest_given(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "verify", "--config", str(config)]) == Exit.OK
    said = capsys.readouterr().out
    assert "The audit log is whole: 2 entries." in said
    digest = said.split()[-1]
    assert main(["audit", "verify", "--config", str(config), "--head", digest]) == Exit.OK
    assert main(["audit", "verify", "--config", str(config), "--head", "0" * 64]) == Exit.TAMPERED


def test_O1_the_spreadsheet_has_names_beside_ids_and_words(config: Path, database_url: str) -> None:
    staff = {"id": "a", "first_name": "=Ann", "last_name": "Archer", "email": "ann@firm.example", "role": "Owner"}
    (config.parent / "directory.yaml").write_text(yaml.safe_dump({"staff": [staff]}))
    club = Conversation("club", ConversationKind.CHANNEL, "Club")

    async def fill() -> None:
        store = Store(database_url)
        await store.open()
        await store.run(add_conversations, [NewConversation(club, "club", "club", created_by="a")])
        await store.run(rename, "club", "Chess", "chess", "chess", by="a", cause="")
        await store.run(record, Deed.COMMAND, actor="a", subject="audit", person="gone")
        await store.close()

    asyncio.run(fill())
    target = config.parent / "log.csv"
    arguments = ["audit", "export", "--config", str(config), "--form", "csv", "--output", str(target)]
    assert main(arguments) == Exit.OK
    with target.open(newline="") as file:
        started, renamed, used = list(csv.DictReader(file))[-3:]
    assert (started["actor"], started["actor_name"]) == ("a", "'=Ann Archer")
    assert (started["subject"], started["subject_name"]) == ("club", "the channel Club (now Chess)")
    assert renamed["in_words"] == "'=Ann Archer renamed the channel Club to Chess"
    assert (used["subject_name"], used["person"], used["person_name"]) == ("!audit", "gone", "gone")


def test_O1_tampering_is_said_with_the_entry(
    config: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper(database_url, "UPDATE audit_row SET actor = 'b' WHERE position = 2")
    assert main(["audit", "verify", "--config", str(config)]) == Exit.TAMPERED
    assert "changed at entry 2" in capsys.readouterr().err


def test_O1_the_log_is_written_out_as_json_lines_and_as_csv(config: Path) -> None:
    written = config.parent / "log.jsonl"
    assert main(["audit", "export", "--config", str(config), "--output", str(written)]) == Exit.OK
    first, second = map(json.loads, written.read_text(encoding="utf-8").splitlines())
    assert (first["deed"], first["subject"], second["reason"]) == ("archived", "club", "=1+1")
    target = config.parent / "log.csv"
    arguments = ["audit", "export", "--config", str(config), "--form", "csv", "--output", str(target)]
    assert main(arguments) == Exit.OK
    assert target.stat().st_mode & 0o777 == 0o600
    with target.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["reason"] for row in rows] == ["", "'=1+1"]
    assert rows[1]["digest"] == second["digest"]
    assert list(rows[0])[:6] == ["position", "at", "at_ms", "deed", "actor", "actor_name"]
    # Another file is never written over.
    assert main(arguments) == Exit.EXISTS


def test_O1_a_part_of_the_log_can_be_written_out(config: Path) -> None:
    (config.parent / "directory.yaml").write_text(
        "staff:\n  - {id: a, first_name: Ann, last_name: Archer, email: ann@firm.example}\n"
    )

    def exported(*options: str) -> list[str]:
        written = config.parent / "part.jsonl"
        written.unlink(missing_ok=True)
        arguments = ["audit", "export", "--config", str(config), "--output", str(written), *options]
        assert main(arguments) == Exit.OK
        return [json.loads(line)["deed"] for line in written.read_text(encoding="utf-8").splitlines()]

    # Who only reads takes nothing over from the directory, which would be in the log, too.
    assert exported() == ["archived", "renamed"]
    assert exported("--person", "Ann Archer") == ["archived", "renamed"]
    assert exported("--refused") == []
    assert exported("--since", "2999-01-01") == []
    assert exported("--until", "2999-01-01", "--person", "a") == ["archived", "renamed"]
    assert main(["audit", "export", "--config", str(config), "--person", "Nobody"]) == Exit.NOT_FOUND
    assert main(["audit", "export", "--config", str(config), "--since", "soon"]) == Exit.USAGE


async def test_an_empty_log_has_no_head(store: Store) -> None:
    assert await store.run(head) == ""
