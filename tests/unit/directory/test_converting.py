"""What is made of another system's export."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bridge.cli.app import app
from bridge.directory.fields import MATTERS, STAFF
from bridge.directory.forms.converting import KindMapping, converted, people_in, read_mapping
from bridge.directory.forms.sheet_form import SheetForm
from bridge.directory.problems import DirectoryError
from bridge.firm.model import Staff

FORM = SheetForm("windows-1252", "day-first", "ignore")
PEOPLE = "User ID;Given Name;Surname;Work Email;State;;\r\n1;Zoë;Lind;zoe@firm.example;Active;;\r\n;;;;;;\r\n"
MAPPING = """\
staff:
  columns: {id: User ID, first_name: given name, last_name: Surname, email: Work Email, former: State}
  values: {former: {Inactive: yes, Active: no}}
matters:
  columns: {id: Ref, number: Ref, title: Subject, responsible: Attorney, assisting: Team, opened: Opened}
"""
CASES = 'Ref,Subject,Attorney,Team,Opened,Fee\n1,"Estate, Lind","Lind, Zoe",Zoë Lind; x; Jo Doe,31/03/2026,9\n'
TWINS = {each: Staff(each, "Jo", "Doe", f"{each}@firm.example") for each in ("a", "b")}
ZOE = {"1": Staff("1", "Zoë", "Lind", "zoe@firm.example")}


def test_a_mapping_says_where_fields_come_from_and_what_values_mean() -> None:
    made = converted(STAFF, "p.csv", PEOPLE.encode("cp1252"), FORM, read_mapping("m.yaml", MAPPING)["staff"], {})
    assert made.data.decode() == ("id,first_name,last_name,email,former\n1,Zoë,Lind,zoe@firm.example,no\n")
    assert made.records == 1
    # A column that the mapping uses is not also what it happens to be called.
    assert (made.columns[0].name, made.columns[0].becomes) == ("User ID", ("id",))
    assert people_in(made) == ZOE


def test_people_are_found_by_their_name_where_only_one_has_it() -> None:
    made = converted(MATTERS, "c.csv", CASES.encode(), FORM, read_mapping("m.yaml", MAPPING)["matters"], ZOE | TWINS)
    assert made.data.decode() == (
        'id,number,title,responsible,assisting,opened\n1,1,"Estate, Lind",1,1; x; Jo Doe,2026-03-31\n'
    )
    assert [one.name for one in made.columns if not one.becomes] == ["Fee"]


def test_columns_that_are_called_as_here_need_no_mapping() -> None:
    made = converted(STAFF, "p.csv", b"ID,First Name,E-mail\n1,Jo,jo@x.example\n2\n", FORM, KindMapping(), {})
    assert made.data == b"id,first_name,email\n1,Jo,jo@x.example\n2,,\n"


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ("staff: {columns: {id: Number}}", "no column 'Number'"),
        ("staff: {columns: {idd: User ID}}", "'idd' is not a field of staff. Did you mean 'id'?"),
        ("people: {columns: {}}", "'people' is no kind of record"),
        ("staff: {column: {id: User ID}}", "staff.column: "),
        ("staff: [1]", "staff: "),
        ("[1]", "no sections"),
        ("staff: {", "m.yaml"),
        ("{}", "No column gives id"),
    ],
)
def test_what_is_wrong_with_a_mapping_is_said(mapping: str, said: str) -> None:
    with pytest.raises(DirectoryError) as caught:
        found = read_mapping("m.yaml", mapping)
        converted(STAFF, "p.csv", PEOPLE.encode(), FORM, found.get("staff", KindMapping()), {})
    assert said in str(caught.value)


def test_an_export_is_shown_and_written_and_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(PEOPLE.encode("cp1252"))
    (tmp_path / "m.yaml").write_text(MAPPING)
    words = ["directory", "convert", f"staff={tmp_path}/p.csv", "--mapping", f"{tmp_path}/m.yaml", "--alone"]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0
    assert "staff.csv: 1 record\n" in shown.output
    assert "Windows-1252" in shown.output
    assert sorted(each.name for each in tmp_path.iterdir()) == ["m.yaml", "p.csv"]
    out = tmp_path / "out"
    assert CliRunner().invoke(app, [*words, "--output", str(out)]).exit_code == 0
    assert (out / "staff.csv").read_text() == "id,first_name,last_name,email,former\n1,Zoë,Lind,zoe@firm.example,no\n"
    (out / "staff.csv").write_text("mine")
    refused = CliRunner().invoke(app, [*words, "--output", str(out)])
    assert "exist already" in str(refused.exception)
    assert (out / "staff.csv").read_text() == "mine"


@pytest.mark.parametrize("words", [["people=p.csv"], ["staff"], ["staff=p.csv", "staff=p.csv"]])
def test_what_is_not_understood_is_said_before_anything_is_read(words: list[str]) -> None:
    done = CliRunner().invoke(app, ["directory", "convert", *words, "--alone"])
    assert "KIND=FILE" in str(done.exception) or "two files" in str(done.exception)
