"""Commands: what they print, what they write, and how they end."""

from __future__ import annotations

import json
import re
import stat
import tomllib
from pathlib import Path

import pytest
import yaml

import bridge.app
import bridge.dev
from bridge import __version__
from bridge.cli import main
from bridge.cli.exits import Exit, exit_for
from bridge.configuration import load_settings
from bridge.dev.place import ROOT
from bridge.directory.problems import DirectoryError
from bridge.firm.text.directions import apart
from bridge.matrix.errors import ForbiddenError, NotServerAdminError, TokenRejectedError, UnreachableError
from bridge.reconcile.planning.foreseen import Effect
from bridge.reconcile.planning.steps import Plan
from bridge.reconcile.tally import Result
from bridge.settings import Settings
from bridge.store import models
from bridge.store.engine.store import StoreError
from bridge.web.listening import ListenError
from bridge.wording.directory import confirmed_text
from tests.unit.cli.fake_firm import STEPS, FakeFirm, Run, stored

# init and registration


def test_init_writes_a_usable_configuration_and_its_registration(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("init", "--server-name", "firm.example", "--homeserver-url", "https://matrix.firm.example")
    assert code == Exit.OK
    assert "firm-bridge check" in out
    settings = load_settings(tmp_path / "firm-bridge.yaml")
    registration = yaml.safe_load((tmp_path / "registration.yaml").read_text())
    assert settings.homeserver.url == "https://matrix.firm.example"
    assert registration["as_token"] == settings.appservice.as_token.get_secret_value()
    assert registration["hs_token"] == settings.appservice.hs_token.get_secret_value()
    assert "firm\\.example" in registration["namespaces"]["users"][0]["regex"]


def test_init_makes_other_secrets_every_time_and_does_not_print_them(run: Run, tmp_path: Path) -> None:
    seen = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        _, out, err = run("init", "--config", f"{name}/firm-bridge.yaml")
        settings = load_settings(tmp_path / name / "firm-bridge.yaml")
        service = settings.appservice
        fields = (service.as_token, service.hs_token, settings.security.alias_key, settings.guard.key)
        made = {field.get_secret_value() for field in fields}
        assert all(len(secret) == 64 for secret in made)
        assert not any(secret in out + err for secret in made)
        seen |= made
    assert len(seen) == 8


def test_init_writes_files_that_only_their_owner_reads(run: Run, tmp_path: Path) -> None:
    run("init")
    for name in ("firm-bridge.yaml", "registration.yaml"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["firm-bridge.yaml", "registration.yaml"])
def test_init_never_overwrites(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    code, _, err = run("init")
    assert code == Exit.EXISTS
    assert name in err
    assert (tmp_path / name).read_text() == "mine"
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_init_does_not_follow_a_link_to_nowhere(run: Run, tmp_path: Path) -> None:
    (tmp_path / "registration.yaml").symlink_to(tmp_path / "elsewhere")
    assert run("init")[0] == Exit.EXISTS
    assert not (tmp_path / "elsewhere").exists()


def test_init_writes_nothing_that_could_not_be_used(run: Run, tmp_path: Path) -> None:
    code, _, err = run("init", "--server-name", "https://firm.example")
    assert code == Exit.CONFIGURATION
    assert "homeserver.server_name" in err
    assert list(tmp_path.iterdir()) == []


def test_registration_prints_what_init_wrote(run: Run, tmp_path: Path) -> None:
    run("init")
    code, out, _ = run("registration")
    assert code == Exit.OK
    assert out == (tmp_path / "registration.yaml").read_text()


# how commands end


def test_codes_are_distinct_and_have_sentences() -> None:
    assert all(code.meaning.endswith(".") for code in Exit)
    assert [code.value for code in Exit] == list(range(len(Exit)))


def test_no_configuration(run: Run) -> None:
    code, _, err = run("plan")
    assert code == Exit.CONFIGURATION
    assert "firm-bridge init" in err


def test_a_command_that_does_not_exist(run: Run) -> None:
    assert run("plann")[0] == Exit.USAGE


def test_help_is_no_error(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == Exit.OK
    assert "dead-letters" in out


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnreachableError("GET /x", 0, "", "connection lost"), Exit.UNREACHABLE),
        (TokenRejectedError("GET /x", 401, "M_UNKNOWN_TOKEN", "no"), Exit.TOKEN_REJECTED),
        (NotServerAdminError("@bot:firm.example"), Exit.SOMETHING_MISSING),
        (DirectoryError(()), Exit.DIRECTORY),
        (StoreError("The disk is full."), Exit.DATABASE),
        (ListenError("Port 9009 is taken."), Exit.LISTEN),
        (ForbiddenError("GET /x", 403, "M_FORBIDDEN", "no"), Exit.REFUSED),
    ],
)
def test_each_error_has_its_code_and_is_said(run: Run, firm: FakeFirm, error: Exception, code: Exit) -> None:
    firm.error = error
    ended, out, err = run("plan")
    assert (ended, out) == (code, "")
    assert str(error) in err
    assert "Traceback" not in err


def test_an_error_nobody_foresaw_is_raised(run: Run, firm: FakeFirm) -> None:
    firm.error = ZeroDivisionError("odd")
    assert exit_for(firm.error) is None
    with pytest.raises(ZeroDivisionError):
        run("plan")


def test_run_runs_the_bridge_with_the_settings(run: Run, firm: FakeFirm, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Settings] = []
    monkeypatch.setattr(bridge.app, "run", given.append)
    assert run("run")[0] == Exit.OK
    assert given[0].homeserver.server_name == "firm.example"


def test_dev_ends_as_the_local_firm_ends(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge.dev, "main", lambda: 14)
    assert run("dev")[0] == Exit.ENDED


# plan and sync


def test_O2_plan_prints_every_step_and_marks_those_about_access(run: Run, firm: FakeFirm) -> None:
    code, out, _ = run("plan")
    assert code == Exit.OK
    assert out.splitlines()[:2] == ["* Make the room Everyone.", "  Set m.room.topic in Everyone."]
    assert "2 steps, 1 of them" in out
    assert not firm.synced


def test_O2_plan_as_json(run: Run, firm: FakeFirm) -> None:
    firm.planned = Plan(accounts=STEPS, problems=("Two people would both be tom.",))
    printed = json.loads(run("plan", "--json")[1])
    assert [step["action"] for step in printed["steps"]] == ["create_room", "set_state"]
    assert [step["changes_access"] for step in printed["steps"]] == [True, False]
    assert printed["problems"] == ["Two people would both be tom."]


def test_an_empty_plan_says_so(run: Run, firm: FakeFirm) -> None:
    firm.planned = Plan()
    assert "Nothing to do" in run("plan")[1]


def test_sync_with_yes(run: Run, firm: FakeFirm) -> None:
    code, out, _ = run("sync", "--yes")
    assert code == Exit.OK
    assert firm.synced
    assert "2 steps taken." in out


def test_sync_asks_first_and_takes_no_for_an_answer(run: Run, firm: FakeFirm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typer.confirm", lambda *_args, **_options: False)
    assert run("sync")[0] == Exit.OK
    assert not firm.synced


def test_sync_names_what_failed(run: Run, firm: FakeFirm) -> None:
    firm.outcome = Result(1, ("Everyone: refused",))
    code, _, err = run("sync", "--yes")
    assert code == Exit.INCOMPLETE
    assert "Everyone: refused" in err


# directory and dead letters


def test_directory_status_and_confirm(run: Run, firm: FakeFirm) -> None:
    code, out, _ = run("directory", "status")
    assert (code, "3 active staff" in out) == (Exit.HELD, True)
    code, out, _ = run("directory", "confirm", "--yes")
    assert (code, out) == (Exit.OK, f"{confirmed_text('abc')}\n")
    assert firm.confirmed_by.endswith("on the command line")


def test_P2_O2_what_keeps_a_name_apart_in_an_answer_is_in_nothing_that_is_printed(run: Run, firm: FakeFirm) -> None:
    name = "\u05d9\u05e2\u05dc"
    firm.effects = (Effect(f"Matter 1 {apart(name)}", (f"was {apart(name)}",), "m1"),)
    (effect,) = json.loads(run("directory", "plan", "--json")[1])["effects"]
    assert effect == {"what": f"Matter 1 {name}", "becomes": [f"was {name}"], "matter_id": "m1"}
    assert f"  Matter 1 {name}: was {name}\n" in run("directory", "plan")[1]


def test_directory_confirm_takes_no_for_an_answer(run: Run, firm: FakeFirm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typer.confirm", lambda *_args, **_options: False)
    code, out, _ = run("directory", "confirm")
    assert code == Exit.OK
    assert "Nothing was confirmed." in out
    assert firm.confirmed_by == ""


def letters() -> tuple[models.Base, ...]:
    event = {"room_id": "!r", "received_at": 1_700_000_000_000, "attempts": 5, "status": "dead", "error": "odd"}
    message = {"room_id": "!r", "sender": "@bot:firm.example", "event_type": "m.room.message"}
    return (
        models.InboxEvent(event_id="$1", body=b'{"body": "hush"}', **event),
        models.InboxEvent(event_id="$2", body=b"{}", **event),
        models.OutboxMessage(txn_id="t1", content=b'{"body": "hush"}', status="dead", error="gone", **message),
    )


def test_dead_letters_are_listed_without_what_people_wrote(run: Run, firm: FakeFirm, tmp_path: Path) -> None:
    assert "There are no dead letters." in run("dead-letters", "list")[1]
    stored(tmp_path, *letters())
    out = run("dead-letters", "list")[1]
    as_json = run("dead-letters", "list", "--json")[1]
    assert [letter["id"] for letter in json.loads(as_json)] == ["in-1", "in-2", "out-1"]
    assert "in-1" in out
    assert "hush" not in out + as_json


def test_dead_letters_are_replayed_one_or_all(run: Run, firm: FakeFirm, tmp_path: Path) -> None:
    stored(tmp_path, *letters())
    assert "1 will be tried again." in run("dead-letters", "replay", "in-2")[1]
    assert [letter["id"] for letter in json.loads(run("dead-letters", "list", "--json")[1])] == ["in-1", "out-1"]
    assert "2 will be tried again." in run("dead-letters", "replay")[1]
    assert json.loads(run("dead-letters", "list", "--json")[1]) == []


def test_replaying_what_is_not_there(run: Run, firm: FakeFirm) -> None:
    assert run("dead-letters", "replay", "in-9")[0] == Exit.NOT_FOUND
    code, _, err = run("dead-letters", "replay", "nine")
    assert code == Exit.USAGE
    assert "in-12" in err


# what comes with the wheel


NAMED = re.compile(r"\b((?:docs|config|synapse-dev)/[\w./-]+\.(?:md|yaml|csv))")


def test_what_messages_name_comes_with_the_wheel() -> None:
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    brought = {
        f"{folder.removeprefix('share/firm-bridge/')}/{found.name}"
        for folder, globs in patterns.items()
        for pattern in globs
        for found in ROOT.glob(pattern)
    }
    code = "".join(path.read_text() for path in (ROOT / "bridge").rglob("*.py") if "dev" not in path.parts)
    named = set(NAMED.findall(code))
    assert {"docs/admin-guide.md", "synapse-dev/homeserver.yaml", "config/firm-bridge.sample.yaml"} <= named
    assert named <= brought


def test_help_says_where_that_is(run: Run) -> None:
    assert str(ROOT) in run("--help")[1].replace("\n", "").replace(" ", "")


def test_the_version_is_the_packages_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"firm-bridge {__version__}\n"
