"""Staff as commands list them, and their passwords."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from bridge.cli.exits import Exit
from bridge.store import models
from tests.unit.cli.fake_firm import FakeFirm, Run, stored


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
