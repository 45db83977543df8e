"""The commands: what they print, what they write, and how they end."""

from __future__ import annotations

import csv
import json
import logging
import re
import socket
import stat
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
import yaml

import bridge.app
import bridge.dev
import bridge.service
from bridge import __version__
from bridge.check import Finding, Verdict
from bridge.check.deep import Aspect, Discrepancy
from bridge.cli import main
from bridge.cli.exits import Exit, exit_for
from bridge.configuration import load_settings
from bridge.dev.place import ROOT
from bridge.directory.following.status import DirectoryStatus, HeldChange
from bridge.directory.problems import DirectoryError
from bridge.firm.model import Firm, Staff
from bridge.firm.text.directions import apart
from bridge.matrix.errors import ForbiddenError, NotServerAdminError, TokenRejectedError, UnreachableError
from bridge.reconcile.planning.foreseen import Effect
from bridge.reconcile.planning.steps import Action, Plan, Step
from bridge.reconcile.tally import Result
from bridge.settings import Settings
from bridge.store import models
from bridge.store.engine.store import Store, StoreError
from bridge.store.engine.unit import Unit
from bridge.web.listening import ListenError
from bridge.wording.directory import confirmed_text

Run = Callable[..., tuple[int, str, str]]
PEOPLE = (
    Staff("s1", "Ruth", "Adeyemi", "ruth.adeyemi@firm.example", "Owner"),
    Staff("s2", "Tom", "Price", "tom.price@firm.example", "Paralegal"),
    Staff("s3", "Tom", "Price", "tom.price2@firm.example", "Paralegal"),
    Staff("s4", "Ida", "Brandt", "ida.brandt@firm.example", "Associate", former=True),
)
STEPS = (
    Step(Action.CREATE_ROOM, "channel-1", "Everyone"),
    Step(Action.SET_STATE, "channel-1", "Everyone", what="m.room.topic"),
)


@dataclass
class FakeFirm:
    """A firm without a homeserver: what commands ask of it is noted."""

    planned: Plan = field(default_factory=lambda: Plan(accounts=STEPS))
    outcome: Result = field(default_factory=lambda: Result(2, ()))
    error: Exception | None = None
    effects: tuple[Effect, ...] = ()
    synced: bool = False
    passwords: dict[str, Any] = field(default_factory=dict)
    confirmed_by: str = ""
    devices: dict[str, list[str]] = field(default_factory=dict)
    """Where people are signed in, by user id."""
    refuses: str = ""
    """The user whose password it does not take."""

    @asynccontextmanager
    async def open(self, settings: Settings, *, reading: bool = False) -> AsyncIterator[Any]:
        if self.error is not None:
            raise self.error
        store = Store(settings.database.url.get_secret_value())
        await store.open()
        try:
            yield SimpleNamespace(
                settings=settings,
                store=store,
                homeserver=SimpleNamespace(set_password=self._set_password, admin_device_ids=self._device_ids),
                firm=Firm(staff={person.id: person for person in PEOPLE}),
                directory=SimpleNamespace(
                    firm=Firm(staff={person.id: person for person in PEOPLE}),
                    held=SimpleNamespace(fingerprint=lambda: "abc"),
                    problems=(),
                    status=self._status,
                    confirm=self._confirm,
                ),
                reconciler=SimpleNamespace(planner=SimpleNamespace(plan=self._plan)),
                sync=self._sync,
                foresee=self._foresee,
            )
        finally:
            await store.close()

    async def _foresee(self) -> tuple[Effect, ...]:
        return self.effects

    async def _plan(self) -> Plan:
        return self.planned

    async def _sync(self, on_progress: Callable[[int, int, str], None]) -> Result:
        on_progress(1, 1, "Everyone")
        self.synced = True
        return self.outcome

    async def _set_password(self, user_id: str, password: str, *, end_sessions: bool) -> None:
        if user_id == self.refuses:
            raise ForbiddenError("PUT /users", 400, "M_WEAK_PASSWORD", "The password is too weak.")
        self.passwords[user_id] = {"password": password, "end_sessions": end_sessions}

    async def _device_ids(self, user_id: str) -> list[str]:
        return ["FIRMBRIDGE", *self.devices.get(user_id, ())]

    async def _status(self) -> DirectoryStatus:
        held = HeldChange("abc", (), as_undone=False)
        return DirectoryStatus(3, 0, whole=True, problems=(), held=held)

    async def _confirm(self, by: str, fingerprint: str) -> str:
        self.confirmed_by = by
        return fingerprint


@pytest.fixture(autouse=True)
def _logging_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("FIRM_BRIDGE_CONFIG", raising=False)
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in an empty folder: exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def run_it(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        written = capsys.readouterr()
        return code, written.out, written.err

    return run_it


@pytest.fixture
def firm(run: Run, monkeypatch: pytest.MonkeyPatch) -> FakeFirm:
    """A configuration in the folder, and a firm for it."""
    assert run("init", "--server-name", "firm.example")[0] == 0
    fake = FakeFirm()
    monkeypatch.setattr(bridge.service, "open_firm", fake.open)
    return fake


def stored(path: Path, *rows: models.Base) -> None:
    """Put rows into the database of the folder."""

    async def put() -> None:
        store = Store(f"sqlite:///{path / 'bridge.db'}")
        await store.open()
        for row in rows:
            await store.run(Unit.add, row)
        await store.close()

    bridge_loop(put())


def bridge_loop(work: Any) -> None:
    import asyncio

    asyncio.run(work)


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


# staff


def test_staff_list(run: Run, firm: FakeFirm, tmp_path: Path) -> None:
    stored(tmp_path, models.Account(staff_id="s1", localpart="ruth.adeyemi"))
    out = run("staff", "list")[1]
    assert "@ruth.adeyemi:firm.example" in out
    assert "no account" in out
    listed = {person["id"]: person for person in json.loads(run("staff", "list", "--json")[1])}
    assert listed["s1"]["user_id"] == "@ruth.adeyemi:firm.example"
    assert listed["s4"]["active"] is False


@pytest.mark.parametrize(
    "person",
    ["s1", "ruth.adeyemi", "@ruth.adeyemi:firm.example", "RUTH.ADEYEMI@firm.example", "ruth adeyémi"],
)
def test_set_password_finds_the_person(run: Run, firm: FakeFirm, tmp_path: Path, person: str) -> None:
    stored(tmp_path, models.Account(staff_id="s1", localpart="ruth.adeyemi"))
    code, out, _ = run("staff", "set-password", person, "--generate")
    assert code == Exit.OK
    body = firm.passwords["@ruth.adeyemi:firm.example"]
    assert body["password"] in out
    assert body["end_sessions"] is True


def test_set_password_asks_and_does_not_print(
    run: Run, firm: FakeFirm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(tmp_path, models.Account(staff_id="s1", localpart="ruth.adeyemi"))
    monkeypatch.setattr("typer.prompt", lambda *_args, **_options: "correct horse")
    code, out, err = run("staff", "set-password", "s1")
    assert code == Exit.OK
    assert firm.passwords["@ruth.adeyemi:firm.example"]["password"] == "correct horse"
    assert "correct horse" not in out + err


def test_F2_no_password_for_somebody_who_left(run: Run, firm: FakeFirm, tmp_path: Path) -> None:
    stored(tmp_path, models.Account(staff_id="s4", localpart="ida.brandt"))
    code, _, err = run("staff", "set-password", "s4", "--generate")
    assert code == Exit.REFUSED
    assert "has left the firm" in err
    assert firm.passwords == {}


@pytest.mark.parametrize(
    ("person", "said"),
    [
        ("nobody", "staff list"),
        ("Tom Price", "s2, s3"),
        ("s2", "firm-bridge sync"),
        ("@ruth.adeyemi:other.example", "staff list"),
    ],
)
def test_set_password_for_nobody_or_for_two(run: Run, firm: FakeFirm, tmp_path: Path, person: str, said: str) -> None:
    stored(tmp_path, models.Account(staff_id="s1", localpart="ruth.adeyemi"))
    code, _, err = run("staff", "set-password", person, "--generate")
    assert code == Exit.NOT_FOUND
    assert said in err
    assert firm.passwords == {}


def test_passwords_for_everybody_stand_in_a_file_that_only_its_owner_reads(
    run: Run, firm: FakeFirm, tmp_path: Path
) -> None:
    rows = (("s1", "ruth.adeyemi"), ("s2", "tom.price"), ("s4", "ida.brandt"))
    stored(tmp_path, *(models.Account(staff_id=staff_id, localpart=name) for staff_id, name in rows))
    code, out, _ = run("staff", "set-password", "--all", "--output", "new.csv", "--yes")
    assert code == Exit.OK
    assert "2 passwords set" in out
    assert "No account yet" in out
    file = tmp_path / "new.csv"
    assert file.stat().st_mode & 0o777 == 0o600
    written = {row["User name"]: row["Password"] for row in csv.DictReader(file.read_text().splitlines())}
    assert written == {user_id[1:].partition(":")[0]: body["password"] for user_id, body in firm.passwords.items()}
    assert written.keys() == {"ruth.adeyemi", "tom.price"}  # F2: who has left gets none
    assert not any(password in out for password in written.values())
    assert len(set(written.values())) == 2


def test_who_is_signed_in_keeps_their_password_unless_asked_otherwise(run: Run, firm: FakeFirm, tmp_path: Path) -> None:
    rows = (("s1", "ruth.adeyemi"), ("s2", "tom.price"))
    stored(tmp_path, *(models.Account(staff_id=staff_id, localpart=name) for staff_id, name in rows))
    firm.devices["@ruth.adeyemi:firm.example"] = ["PHONE"]
    code, out, _ = run("staff", "set-password", "--all", "--output", "new.csv", "--yes")
    assert code == Exit.OK
    assert "1 password set" in out
    assert "Left alone, because they are signed in (--signed-in includes them): Ruth Adeyemi" in out
    assert firm.passwords.keys() == {"@tom.price:firm.example"}
    firm.devices["@tom.price:firm.example"] = ["LAPTOP"]
    code, out, _ = run("staff", "set-password", "--all", "--output", "again.csv", "--yes")
    assert code == Exit.OK
    assert "No password was set, and no file was written" in out
    assert not (tmp_path / "again.csv").exists()
    assert "2 passwords set" in run("staff", "set-password", "--all", "--signed-in", "-o", "again.csv", "--yes")[1]


def test_the_file_of_passwords_is_never_another_file(run: Run, firm: FakeFirm, tmp_path: Path) -> None:
    stored(tmp_path, models.Account(staff_id="s1", localpart="ruth.adeyemi"))
    (tmp_path / "there.csv").write_text("mine")
    for name, expected in (("there.csv", Exit.EXISTS), ("no/folder.csv", Exit.USAGE)):
        assert run("staff", "set-password", "--all", "--output", name, "--yes")[0] == expected
    assert (tmp_path / "there.csv").read_text() == "mine"
    assert firm.passwords == {}


def test_a_folder_that_is_missing_is_named(run: Run, firm: FakeFirm, tmp_path: Path) -> None:
    stored(tmp_path, models.Account(staff_id="s1", localpart="ruth.adeyemi"))
    code, _, err = run("staff", "set-password", "--all", "--output", "no/new.csv", "--yes")
    assert code == Exit.USAGE
    assert f"there is no folder {tmp_path / 'no'}" in err
    code, _, err = run("init", "--config", "no/firm-bridge.yaml")
    assert code == Exit.CONFIGURATION
    assert f"there is no folder {tmp_path / 'no'}" in err
    assert not (tmp_path / "no").exists()


def test_a_password_that_could_not_be_set_is_not_in_the_file(run: Run, firm: FakeFirm, tmp_path: Path) -> None:
    rows = (("s1", "ruth.adeyemi"), ("s2", "tom.price"))
    stored(tmp_path, *(models.Account(staff_id=staff_id, localpart=name) for staff_id, name in rows))
    firm.refuses = "@tom.price:firm.example"
    code, out, err = run("staff", "set-password", "--all", "--output", "new.csv", "--yes")
    assert code == Exit.INCOMPLETE
    assert "1 password set" in out
    assert "Tom Price: " in err
    assert "tom.price" not in (tmp_path / "new.csv").read_text()


@pytest.mark.parametrize(
    "arguments",
    [(), ("--all",), ("s1", "--all", "--output", "x.csv"), ("s1", "--output", "x.csv"), ("s1", "--signed-in")],
)
def test_passwords_are_for_one_or_for_all(run: Run, firm: FakeFirm, arguments: tuple[str, ...]) -> None:
    code, _, err = run("staff", "set-password", *arguments)
    assert code == Exit.USAGE
    assert "--all --output FILE" in err
    assert firm.passwords == {}


def test_passwords_for_everybody_are_asked_about_first(
    run: Run, firm: FakeFirm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("typer.confirm", lambda *_args, **_options: False)
    assert run("staff", "set-password", "--all", "--output", "x.csv")[0] == Exit.OK
    assert firm.passwords == {}


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


# check


def test_check_ends_with_the_code_of_the_first_thing_missing(run: Run, firm: FakeFirm, tmp_path: Path) -> None:
    code, out, _ = run("check")
    assert code == Exit.DIRECTORY
    assert "directory.yaml" in out
    (tmp_path / "directory.yaml").write_text(
        "staff:\n  - {id: a, first_name: A, last_name: B, email: a@firm.example}\nmatters: []\n"
    )
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        config = tmp_path / "firm-bridge.yaml"
        config.write_text(config.read_text().replace("127.0.0.1:8008", f"127.0.0.1:{port}"))
        code, out, _ = run("check", "--json")
    assert code == Exit.UNREACHABLE
    findings = {finding["name"]: finding for finding in json.loads(out)}
    assert findings["directory"]["state"] == "ok"
    assert findings["homeserver"]["state"] == "missing"
    assert "homeserver.url" in findings["homeserver"]["remedy"]


def deep(run: Run, monkeypatch: pytest.MonkeyPatch, *found: Discrepancy, state: Verdict = Verdict.OK) -> Run:
    """`check --deep` of a firm in which these differences are found."""

    async def examine(*_: object) -> AsyncIterator[Finding]:
        yield Finding("homeserver", state, "It answers.")

    async def compare(
        _service: object, findings: list[Finding], on_progress: Callable[[int, int, str], None]
    ) -> list[Discrepancy]:
        assert [finding.name for finding in findings] == ["homeserver"]
        on_progress(1, 1, "everything")
        return list(found)

    monkeypatch.setattr("bridge.check.examine", examine)
    monkeypatch.setattr("bridge.check.deep.compare", compare)
    return lambda *arguments: run("check", "--deep", *arguments)


DIFFERS = Discrepancy(Aspect.MEMBER, "Everyone", "Tom is in it, and should not be.", "!r", "@tom:firm.example")


def test_O3_a_deep_check_prints_differences_and_has_a_code_of_its_own(
    run: Run, firm: FakeFirm, monkeypatch: pytest.MonkeyPatch
) -> None:
    checking = deep(run, monkeypatch, DIFFERS)
    code, out, _ = checking()
    assert code == Exit.DIFFERENT
    assert "Everyone" in out
    assert "1 difference between Matrix" in out
    code, out, _ = checking("--json")
    printed = json.loads(out)
    assert code == Exit.DIFFERENT
    assert printed["findings"][0]["name"] == "homeserver"
    assert printed["differences"] == [
        {
            "kind": "member",
            "where": "Everyone",
            "what": "Tom is in it, and should not be.",
            "room_id": "!r",
            "user_id": "@tom:firm.example",
        }
    ]


def test_a_deep_check_without_differences_ends_well(run: Run, firm: FakeFirm, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = deep(run, monkeypatch)()
    assert code == Exit.OK
    assert "No difference between Matrix" in out


def test_nothing_is_compared_where_the_homeserver_is_away(
    run: Run, firm: FakeFirm, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = deep(run, monkeypatch, DIFFERS, state=Verdict.MISSING)()
    assert code == Exit.UNREACHABLE
    assert "Nothing was compared." in out


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
