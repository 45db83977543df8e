"""The directory as CSV, in the dialects that offices export, and its mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.directory.problems import MOST_PROBLEMS, DirectoryError, RecordProblem
from bridge.directory.read import read_directory
from bridge.firm.model import Firm

MEGABYTES = 1024 * 1024
FILES = {
    "staff.csv": "Id,First Name,LAST_NAME,E-mail,Former\n"
    "nquill,Nora,Quill,nora.quill@firm.example,no\n"
    'ehart,Élias,"Hart, Jr",elias.hart@firm.example,\n',
    "matters.csv": "id,number,title,client,responsible,assisting,restricted\n"
    'm1,2026-0042,"Hollis ""v."" Brightwater",Margaret Hollis,nquill,,yes\n',
    "access.csv": "matter,person\n2026-0042,elias.hart@firm.example\n",
    "walls.csv": "id,kind,matter,client,people\n",
}


def write(folder: Path, **changed: str | bytes | None) -> Path:
    contents: dict[str, str | bytes | None] = {**FILES, **{f"{name}.csv": text for name, text in changed.items()}}
    for name, text in contents.items():
        if text is not None:
            (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def read(folder: Path) -> Firm:
    return read_directory(folder)


def problems(folder: Path) -> tuple[RecordProblem, ...]:
    with pytest.raises(DirectoryError) as caught:
        read(folder)
    return caught.value.problems


def test_the_files_make_one_firm(tmp_path: Path) -> None:
    firm = read(write(tmp_path))
    assert [person.name for person in firm.staff.values()] == ["Nora Quill", "Élias Hart, Jr"]
    assert firm.matters["m1"].title == 'Hollis "v." Brightwater'
    assert firm.matters["m1"].allowed == ("ehart",)
    assert not firm.walls


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_separators_are_seen_in_the_header(tmp_path: Path, delimiter: str) -> None:
    staff = FILES["staff.csv"].replace("Hart, Jr", "Hart").replace(",", delimiter)
    (tmp_path / "as").mkdir()
    (tmp_path / "is").mkdir()
    assert read(write(tmp_path / "as", staff=staff)) == read(
        write(tmp_path / "is", staff=FILES["staff.csv"].replace("Hart, Jr", "Hart"))
    )


def test_a_byte_order_mark_windows_line_ends_and_blank_rows_are_fine(tmp_path: Path) -> None:
    staff = b"\xef\xbb\xbf" + FILES["staff.csv"].replace("\n", "\r\n\r\n,,,,\r\n").encode()
    assert len(read(write(tmp_path, staff=staff)).staff) == 2


def test_columns_without_a_name_may_be_there_if_they_are_empty(tmp_path: Path) -> None:
    write(tmp_path, access="matter,person,,\n2026-0042,ehart,,\n2026-0042,nquill,,,\n")
    assert read(tmp_path).matters["m1"].allowed == ("ehart", "nquill")


def test_a_problem_names_file_line_column_and_value(tmp_path: Path) -> None:
    write(tmp_path, staff=FILES["staff.csv"] + "\nzblue,Zoë,Blue,x@,no\n")
    (problem,) = problems(tmp_path)
    assert (problem.file, problem.line, problem.column, problem.value) == ("staff.csv", 5, "email", "x@")
    assert str(problem).startswith("staff.csv:5 column email: 'x@' is not an e-mail address. Correct it")


def test_a_record_that_is_there_twice_is_one_problem_and_two_that_it_clashes_with_are_two(tmp_path: Path) -> None:
    again = "nquill,Nora,Quill,NORA.QUILL@firm.example,no\n"
    (problem,) = problems(write(tmp_path, staff=FILES["staff.csv"] + again))
    assert (problem.line, problem.column) == (4, "id")
    both = "nquill,Nora,Quill,elias.hart@firm.example,no\n"
    assert [one.column for one in problems(write(tmp_path, staff=FILES["staff.csv"] + both))] == ["id", "email"]


def test_a_blank_behind_a_separator_is_not_of_the_value(tmp_path: Path) -> None:
    firm = read(write(tmp_path, matters='id, number, title, restricted\nm1, "2026-0042", "Hollis, v. B", yes\n'))
    assert (firm.matters["m1"].number, firm.matters["m1"].title) == ("2026-0042", "Hollis, v. B")


def test_a_record_over_several_lines_is_named_by_its_first(tmp_path: Path) -> None:
    write(tmp_path, walls='id,matter,people,memo\nw1,m1,ehart,"one\ntwo"\nw2,m1,ehrt,"one\ntwo"\n')
    (problem,) = problems(tmp_path)
    assert (problem.file, problem.line, problem.column) == ("walls.csv", 4, "people")


@pytest.mark.parametrize(
    ("file", "text", "line", "message"),
    [
        ("access", "matter,person\nm1\n", 2, "has no person"),
        ("access", "matter,person,\nm1,ehart", 2, "ends in the middle of this record"),
        ("access", "sep=,\nmatter;person\n", 2, "names no column of access.csv"),
        ("access", "matter,person\nm1,ehart,nquill\n", 2, "3 values and the header 2"),
        ("access", "matter,person,\nm1,ehart,x\n", 2, "column without a name"),
        ("access", "matter,persons\n", 1, "Did you mean 'person'?"),
        ("access", "matter,person,Person\n", 1, "there twice"),
        ("access", "matter\n", 1, "'person' is missing"),
        ("access", "\n\n", 0, "The file is empty"),
        ("access", "", 0, "The file is empty"),
        ("access", 'matter,person\nm1,"ehart\nm1,nquill\n', 2, "quotation marks"),
        ("access", 'matter,person\nm1,"ehart"x\n', 2, "quotation marks"),
        ("access", 'matter,person\nm1,"' + "x\n" * 300, 2, "quotation mark opens"),
        ("access", "matter,person\n" + "x" * 200_001, 2, "200001 characters"),
        ("access", b"matter,person\nm1,\xc9lias\n", 2, "0xC9 is not UTF-8"),
        ("access", "matter,person\nm1,\x1bhart\n", 2, "U+001B"),
        ("access", "matter,person\n,ehart\n", 2, "has no matter"),
        ("walls", "id,matter,people\nw1,m1,;\n", 2, "has no people"),
    ],
)
def test_a_file_that_cannot_be_meant_so_is_refused(
    tmp_path: Path, file: str, text: str | bytes, line: int, message: str
) -> None:
    write(tmp_path, **{file: text})
    found = problems(tmp_path)
    assert message in found[0].message
    assert (found[0].file, found[0].line) == (f"{file}.csv", line)


def test_the_number_of_records_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.directory.forms.csv_form.MOST_RECORDS", 2)
    read(write(tmp_path))
    write(tmp_path, access="matter,person\nm1,ehart\nm1,nquill\nm1,ehart\n")
    assert "more than 2 records" in problems(tmp_path)[0].message


@pytest.mark.parametrize("name", ["staff", "matters", "access", "walls"])
def test_a_lost_file_is_not_an_empty_one(tmp_path: Path, name: str) -> None:
    write(tmp_path, **{name: None})
    (problem,) = problems(tmp_path)
    assert problem.file == f"{name}.csv"
    assert "is missing" in problem.message


def test_a_misspelled_file_is_refused_and_lock_files_are_not(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "~$staff.csv").write_bytes(b"\x00")
    (tmp_path / ".~lock.staff.csv").write_bytes(b"\x00")
    (tmp_path / "notes.txt").write_text("hello")
    read(tmp_path)
    (tmp_path / "group.csv").write_text("id,name\n")
    (problem,) = problems(tmp_path)
    assert "Did you mean 'groups.csv'?" in problem.message


def test_capitals_in_a_file_name_make_no_difference(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "staff.csv").rename(tmp_path / "Staff.CSV")
    assert len(read(tmp_path).staff) == 2


def test_a_single_csv_file_is_not_a_directory(tmp_path: Path) -> None:
    with pytest.raises(DirectoryError, match="Give the folder"):
        read_directory(write(tmp_path) / "staff.csv")


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x00" * 10 * MEGABYTES,
        b"," * 10 * MEGABYTES,
        b",\n" * 5 * MEGABYTES,
        b"a\n" * 5 * MEGABYTES,
        b'"' * 10 * MEGABYTES,
        b"matter,person\n" + b'"\n","\n",' * MEGABYTES,
    ],
    ids=["zeros", "commas", "blank", "letters", "quotes", "multiline"],
)
def test_ten_megabytes_of_nonsense_are_an_error(tmp_path: Path, nonsense: bytes) -> None:
    write(tmp_path, access=nonsense)
    assert 1 <= len(problems(tmp_path)) <= MOST_PROBLEMS


@pytest.mark.parametrize(
    "first",
    ["sep=;\n", "SEP=;\r\n", '"sep=;"\n', "sep=;;;;\r", "\ufeffsep=;\n"],
)
def test_a_line_before_the_header_says_what_separates(tmp_path: Path, first: str) -> None:
    write(tmp_path, access=f"{first}matter;person\nm1;ehart\nm1;no,body\n")
    (problem,) = problems(tmp_path)
    assert (problem.line, problem.value) == (4, "no,body")
    write(tmp_path, access=f"{first.replace(';', '|')}matter|person\nm1|ehart\n")
    assert read(tmp_path).matters["m1"].allowed == ("ehart",)


def test_what_is_missing_at_the_end_of_a_record_is_empty(tmp_path: Path) -> None:
    staff = FILES["staff.csv"] + "zblue,Zoë,,zoe@firm.example\n"
    matters = FILES["matters.csv"] + "m2,2026-0043,Sale\nm3,2026-0044,Lease,Moreau,nquill\n"
    firm = read(write(tmp_path, staff=staff, matters=matters))
    assert (firm.staff["zblue"].last_name, firm.staff["zblue"].former) == ("", False)
    assert (firm.matters["m2"].responsible, firm.matters["m3"].responsible) == ("", "nquill")


@pytest.mark.parametrize(
    "written", ["2026-03-31", "2026-03-31T00:00:00Z", "2026-03-31 09:30", "2026-03-31T23:59:59.1234567+02:00"]
)
def test_of_a_moment_the_day_is_read(tmp_path: Path, written: str) -> None:
    firm = read(write(tmp_path, walls=f"id,matter,people,since\nw1,m1,nquill,{written}\n"))
    assert str(firm.walls["w1"].since) == "2026-03-31"


@pytest.mark.parametrize("written", ["2026-03-31T25:00", "2026-02-30 10:00", "20260331T100000", "2026-03-31T", "1 May"])
def test_what_is_no_moment_is_refused(tmp_path: Path, written: str) -> None:
    write(tmp_path, walls=f"id,matter,people,since\nw1,m1,nquill,{written}\n")
    (problem,) = problems(tmp_path)
    assert problem.column == "since"


def test_marks_round_a_number_and_joiners_in_a_name_refuse_nothing(tmp_path: Path) -> None:
    staff = "id,first_name,last_name,email,phone\nnquill,می‌نا,Quill,nora@firm.example,\u202a+44 20 7946\u202c\n"
    empty = {"matters": "id,number,title\n", "access": "matter,person\n"}
    nora = read(write(tmp_path, staff=staff, **empty)).staff["nquill"]
    assert (nora.first_name, nora.phone) == ("می‌نا", "+44 20 7946")


@pytest.mark.parametrize(("yes", "no"), [("WAHR", "FALSCH"), ("VRAI", "FAUX"), ("WAAR", "ONWAAR")])
def test_M3_yes_and_no_are_read_as_excel_writes_them_elsewhere(tmp_path: Path, yes: str, no: str) -> None:
    staff = (
        FILES["staff.csv"]
        .replace(",no\n", f",{no}\n")
        .replace('Jr",elias.hart@firm.example,', f'Jr",e@x.example,{yes}')
    )
    write(
        tmp_path,
        staff=staff,
        matters=FILES["matters.csv"].replace(",yes", f",{yes}"),
        access="matter,person\nm1,ehart\n",
    )
    firm = read(tmp_path)
    assert (firm.staff["nquill"].former, firm.staff["ehart"].former) == (False, True)
    assert firm.matters["m1"].restricted


@pytest.mark.parametrize("ending", ["\r", "\r\n", "\n"])
@pytest.mark.parametrize(("wrong", "said"), [(b"\xc9", "0xC9"), (b"\x0b", "U+000B")])
def test_a_line_is_counted_however_lines_end(tmp_path: Path, ending: str, wrong: bytes, said: str) -> None:
    write(tmp_path, access=f"matter,person{ending}m1,ehart{ending}m1,x".encode() + wrong + ending.encode())
    (problem,) = problems(tmp_path)
    assert (problem.line, said in problem.message) == (3, True)


STAFF_ROW = "nquill,Nora,Quill,nora.quill@firm.example,no\n"


@pytest.mark.parametrize(
    ("file", "before", "after", "said"),
    [
        ("staff", STAFF_ROW, STAFF_ROW.replace("\n", ",more\n"), "6 values"),
        ("staff", STAFF_ROW, STAFF_ROW.replace("no\n", "nay\n"), "neither yes nor no"),
        ("staff", STAFF_ROW, STAFF_ROW.replace("nquill,", "n:quill,"), "cannot be an id"),
        ("staff", "Élias", "", "has no first_name"),
        ("matters", ",yes", ",yes,x", "8 values"),
        ("matters", ",yes", ",perhaps", "neither yes nor no"),
        ("matters", "m1,", "m 1,", "cannot be an id"),
        ("matters", "2026-0042", "2026-0042" * 20, "at most 100 fit"),
        ("matters", "Margaret Hollis", "x" * 300, "at most 250 fit"),
        ("walls", "w1,exclude", "w1,exclude,,,,", "values"),
        ("walls", "2026-0042,", "2026-0042" * 40 + ",", "at most 254 fit"),
    ],
)
def test_a_record_that_cannot_be_read_is_one_problem_whoever_names_it(
    tmp_path: Path, file: str, before: str, after: str, said: str
) -> None:
    """Access, roles and walls name the person and the matter, by id, address and number."""
    files = {
        **FILES,
        "access.csv": "matter,person\n2026-0042,nora.quill@firm.example\nm1,nquill\n",
        "walls.csv": "id,kind,matter,client,people\nw1,exclude,2026-0042,,nora.quill@firm.example\n"
        "w2,exclude,,Margaret Hollis,nquill\n",
    }
    assert before in files[f"{file}.csv"]
    files[f"{file}.csv"] = files[f"{file}.csv"].replace(before, after)
    if "cannot be an id" in said or "at most 100" in said:
        # The others name it as it is written there.
        plain, odd = before.rstrip(","), after.rstrip(",")
        plain, odd = ("nquill", "n:quill") if file == "staff" else (plain, odd)
        files = {name: text if name == f"{file}.csv" else text.replace(plain, odd) for name, text in files.items()}
    write(tmp_path, **{name.removesuffix(".csv"): text for name, text in files.items()})
    (problem,) = problems(tmp_path)
    assert said in problem.message
    assert problem.file == f"{file}.csv"
