"""What is made of another system's export."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bridge.cli.app import app
from bridge.directory.fields import MATTERS, STAFF
from bridge.directory.forms.converting import KindMapping, converted, people_in, read_mapping
from bridge.directory.forms.sheet_form import SheetForm
from bridge.directory.problems import DirectoryError, ProblemList
from bridge.directory.reading import read_rows
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


def test_a_report_begins_with_its_title_and_date() -> None:
    report = "Users, by name,,\r\nExported 31/03/2026,,\r\n,,\r\nID,First name,E-mail\r\n1,Jo,jo@x.example\r\n"
    made = converted(STAFF, "p.csv", report.encode(), FORM, KindMapping(), {})
    assert (made.data, made.records) == (b"id,first_name,email\n1,Jo,jo@x.example\n", 1)
    # Where no line is the header, it is said of the first.
    with pytest.raises(DirectoryError, match=r"p\.csv:1 column id: No column gives id"):
        converted(STAFF, "p.csv", report.replace("ID", "Nr").encode(), FORM, KindMapping(), {})


def test_of_two_columns_of_one_name_nobody_can_tell_which_is_meant() -> None:
    twice = b"Id,Name,Email,Name\n1,Jo,jo@x.example,Acme\n"
    with pytest.raises(DirectoryError, match="2 columns are called 'Name'"):
        converted(STAFF, "p.csv", twice, FORM, KindMapping(columns={"first_name": "name"}), {})
    made = converted(STAFF, "p.csv", twice.replace(b"Id", b"First_name,Id"), FORM, KindMapping(), {})
    assert [one.becomes for one in made.columns if one.name == "Name"] == [(), ()]


def test_first_and_last_name_come_out_of_one_column() -> None:
    mapping = KindMapping(columns={"first_name": "Name", "last_name": "Name"})
    names = ("Lind, Zoë", "Tom van der Berg", "Cher", "Lee,")
    people = "Id;Name;Email\n" + "".join(f"{one[:2]};{one};{one[:2]}@x.example\n" for one in names)
    made = converted(STAFF, "p.csv", people.encode(), FORM, mapping, {})
    assert [line.split(",")[1:3] for line in made.data.decode().splitlines()[1:]] == [
        ["Zoë", "Lind"],
        ["Tom van der", "Berg"],
        ["Cher", ""],
        ["Lee", ""],
    ]


@pytest.mark.parametrize(
    ("team", "meant"),
    [
        ("Zoe Lind, Jo Fox", "1; 2"),
        ("Jo Fox/Zoe Lind", "2; 1"),
        ("Zoe Lind\r\n\r\nFox, Jo\r\nAnn Lee", "1; 2; Ann Lee"),
        ("zoe@firm.example, Jo Fox", "1; 2"),
        ("2, 1", "2; 1"),
        ("Lind, Zoe", "1"),
        ("Lind, Zoe; Fox, Jo", "1; 2"),
        # Where one is not known, nobody can tell what separates.
        ("Zoe Lind, Ann Lee", "Zoe Lind, Ann Lee"),
    ],
)
def test_people_of_a_list_are_found_whatever_separates_them(team: str, meant: str) -> None:
    rows = f'Ref,Subject,Team\n1,Estate,"{team}"\n'.encode()
    mapping = KindMapping(columns={"id": "Ref", "number": "Ref", "title": "Subject", "assisting": "Team"})
    made = converted(MATTERS, "c.csv", rows, FORM, mapping, ZOE | {"2": Staff("2", "Jo", "Fox", "jo@x.example")})
    assert made.data.decode().splitlines()[1].removeprefix("1,1,Estate,") in {meant, f'"{meant}"'}


def test_M3_a_name_that_is_anothers_id_means_neither_of_them_by_itself() -> None:
    staff = {"cher": Staff("cher", "Ann", "Lee", "ann@x.example"), "2": Staff("2", "Cher", "", "cher@x.example")}
    rows = b"Id,Number,Title,Responsible,Assisting\n1,1,Estate,cher,Cher\n"
    made = converted(MATTERS, "c.csv", rows, FORM, KindMapping(), staff)
    assert made.data.decode().splitlines()[1] == "1,1,Estate,cher,Cher"


def test_what_separates_is_not_looked_for_inside_quotation_marks() -> None:
    export = b'"Id";"Name, first";"Email, work, main"\n1;Jo;jo@x.example\n'
    mapping = KindMapping(columns={"first_name": "Name, first", "email": "Email, work, main"})
    assert converted(STAFF, "p.csv", export, FORM, mapping, {}).records == 1


@pytest.mark.parametrize("values", ["{Yes: no, No: yes}", "{No: yes, Yes: no}"])
def test_S3_what_a_value_means_is_not_taken_for_another_that_means_the_opposite(values: str) -> None:
    mapping = read_mapping("m.yaml", f"staff: {{columns: {{former: Works here}}, values: {{former: {values}}}}}")
    export = b"Id,First name,E-mail,Works here\n1,Jo,jo@x.example,yes\n2,Al,al@x.example,No\n"
    made = converted(STAFF, "p.csv", export, FORM, mapping["staff"], {})
    assert [line.rpartition(",")[2] for line in made.data.decode().splitlines()] == ["former", "no", "yes"]


def test_a_problem_is_said_of_the_line_of_the_export() -> None:
    report = (
        "Matters;;;;\r\nAs of 31.03.2026, all;;;;\r\n\r\nNumber;Title;Client;Opened;Fee\r\n"
        '1;Estate;"Ann Lee\r\nBo Lee";31.03.2026;1\r\n;;;;9,00\r\n2;;Cy;31.03.26;1\r\n2;Sale;;;\r\nSum;;;;18,00\r\n'
    )
    made = converted(
        MATTERS, "cases.csv", report.encode(), FORM, KindMapping(columns={"id": "Number", "number": "Number"}), {}
    )
    # What stands one below the other in a cell is a list, and a line of sums alone is no record.
    assert "1,1,Estate,Ann Lee; Bo Lee,2026-03-31\n" in made.data.decode()
    assert made.records == 4
    problems = ProblemList()
    read_rows(made.rows(), problems)
    assert [(one.file, one.line, one.column) for one in problems.found] == [
        ("cases.csv", 8, "title"),
        ("cases.csv", 8, "opened"),
        ("cases.csv", 9, "id"),
        ("cases.csv", 10, "title"),
    ]
    assert "in line 8" in problems.found[2].message


@pytest.mark.parametrize(
    "export",
    [
        "Users, by name, all of them, today\nId;First name;E-mail\n1;Jo;jo@x.example\n",
        "Users\t\t\nId,First name,E-mail\n1,Jo,jo@x.example\n",
        "Id|First name|E-mail\n1|Jo|jo@x.example\n",
    ],
)
def test_other_separators_may_stand_above_the_header(export: str) -> None:
    made = converted(STAFF, "p.csv", export.encode(), FORM, KindMapping(), {})
    assert made.data == b"id,first_name,email\n1,Jo,jo@x.example\n"


def test_a_column_is_found_by_what_is_seen_of_its_name() -> None:
    export = "Id,First\u00a0name\u200b,E-mail,Bu\u0308ro\n1,Jo,jo@x.example,Rome\n"
    made = converted(STAFF, "p.csv", export.encode(), FORM, KindMapping(columns={"role": "B\u00fcro"}), {})
    assert made.data == b"id,first_name,email,role\n1,Jo,jo@x.example,Rome\n"
