"""CSV as programs of an office write it: encodings, dates, and columns that nobody asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.directory.forms.sheet_form import DateOrder, Encoding, SheetForm, as_iso, text_of
from bridge.directory.problems import DirectoryError
from bridge.directory.read import read_directory

STAFF = "id,first_name,last_name,email\nz,Zoë,Lind,zoe@firm.example\n"
MATTERS = "id,number,title,opened,restricted\nm,2026-1,Estate,{day},yes\n"
EMPTY = {"access.csv": "matter,person\n", "walls.csv": "id,people\n"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {"staff.csv": STAFF, "matters.csv": MATTERS.format(day="2026-03-31"), **EMPTY}
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("codec", "encoding"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-8"),
        ("utf-16", "windows-1252"),
        ("utf-8", "windows-1252"),
        ("cp1252", "windows-1252"),
    ],
)
def test_each_encoding_gives_the_same_name(folder: Path, codec: str, encoding: Encoding) -> None:
    (folder / "staff.csv").write_bytes(STAFF.replace(",", "\t").replace("\n", "\r\n").encode(codec))
    assert read_directory(folder, form=SheetForm(encoding)).staff["z"].name == "Zoë Lind"


@pytest.mark.parametrize(
    ("data", "encoding", "line", "said"),
    [
        (STAFF.encode("cp1252"), "utf-8", 2, "directory.encoding to windows-1252"),
        (b"id\n\x81\n", "windows-1252", 2, "neither UTF-8 nor Windows-1252"),
        (b"\xff\xfea\x00\n", "utf-8", 1, "begins as UTF-16"),
        ("\ufeffid".encode("utf-16-be") + b"\xd8\x00", "utf-8", 1, "begins as UTF-16"),
    ],
)
def test_what_is_in_no_encoding_is_refused_with_its_line(data: bytes, encoding: Encoding, line: int, said: str) -> None:
    with pytest.raises(DirectoryError) as caught:
        text_of("staff.csv", data, encoding)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == ("staff.csv", line)
    assert said in problem.message


@pytest.mark.parametrize(
    ("written", "order", "day"),
    [
        ("31/03/2026", "day-first", "2026-03-31"),
        ("3.4.2026", "day-first", "2026-04-03"),
        ("3/4/2026", "month-first", "2026-03-04"),
        ("03-31-2026 00:00:00", "month-first", "2026-03-31"),
        ("3/31/2026 9:05 AM", "month-first", "2026-03-31"),
        ("31 Mar 2026", "year-first", "2026-03-31"),
        ("31-Mar-2026", "month-first", "2026-03-31"),
        ("March 31, 2026", "day-first", "2026-03-31"),
        ("Sept 1 2026", "year-first", "2026-09-01"),
        ("31 \u00a0 March 2026", "year-first", "2026-03-31"),
        ("2026-03-31", "month-first", "2026-03-31"),
        ("2026/3/31", "year-first", "2026-03-31"),
        ("2026-3-1 0:00", "month-first", "2026-03-01"),
        ("2026.03.31 00:00:00.000", "month-first", "2026-03-31"),
        ("Tuesday, March 31, 2026", "day-first", "2026-03-31"),
        ("Tue 31st march 2026", "year-first", "2026-03-31"),
        # What nobody can know, and what is no day, is left for the reader to refuse.
        ("03/04/2026", "year-first", "03/04/2026"),
        ("31/03/26", "day-first", "31/03/26"),
        ("31/13/2026", "day-first", "31/13/2026"),
        ("31/03/2026", "month-first", "31/03/2026"),
        ("30 Feb 2026", "day-first", "30 Feb 2026"),
        ("31 Mai 2026", "day-first", "31 Mai 2026"),
        ("31/03-2026", "day-first", "31/03-2026"),
        ("46112", "day-first", "46112"),
        ("2026/31/03", "day-first", "2026/31/03"),
        ("2026-31-03", "day-first", "2026-31-03"),
        ("Someday 31 March 2026", "day-first", "Someday 31 March 2026"),
        ("", "day-first", ""),
    ],
)
def test_a_date_is_read_where_it_can_be_told_which_day_it_is(written: str, order: DateOrder, day: str) -> None:
    assert as_iso(written, order) == day


def test_the_order_of_dates_holds_for_the_directory(folder: Path) -> None:
    (folder / "matters.csv").write_text(MATTERS.format(day="03/04/2026"))
    with pytest.raises(DirectoryError, match=r"directory\.dates"):
        read_directory(folder)
    assert str(read_directory(folder, form=SheetForm(dates="day-first")).matters["m"].opened) == "2026-04-03"
    assert str(read_directory(folder, form=SheetForm(dates="month-first")).matters["m"].opened) == "2026-03-04"


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("46112", "counts days"),
        ("46112.5", "counts days"),
        ("31/03/26", "four digits"),
        ("31-Mar-26", "four digits"),
        ("Mar 26", "four digits"),
        ("31/31/2026", "is not a date"),
    ],
)
def test_a_day_that_cannot_be_told_is_refused_with_the_reason(folder: Path, day: str, said: str) -> None:
    (folder / "matters.csv").write_text(MATTERS.format(day=day))
    with pytest.raises(DirectoryError, match=said):
        read_directory(folder, form=SheetForm(dates="day-first"))


def test_columns_nobody_asked_for_are_passed_over_where_the_firm_wants_it(folder: Path) -> None:
    (folder / "staff.csv").write_text("id,Fax,first_name,last_name,email,Mood\nz,1,Zoë,Lind,zoe@firm.example,good\n")
    with pytest.raises(DirectoryError, match="'Fax' is not a column"):
        read_directory(folder)
    assert read_directory(folder, form=SheetForm(extra_columns="ignore")).staff["z"].email == "zoe@firm.example"


def test_M3_a_misspelled_column_is_never_passed_over(folder: Path) -> None:
    (folder / "matters.csv").write_text("id,number,title,restrictd\nm,2026-1,Estate,yes\n")
    with pytest.raises(DirectoryError, match="Did you mean 'restricted'"):
        read_directory(folder, form=SheetForm(extra_columns="ignore"))


def test_a_column_like_one_that_is_there_is_passed_over(folder: Path) -> None:
    (folder / "matters.csv").write_text("id,number,title,titles,restricted\nm,2026-1,Estate,x,yes\n")
    firm = read_directory(folder, form=SheetForm(extra_columns="ignore"))
    assert (firm.matters["m"].title, firm.matters["m"].restricted) == ("Estate", True)


def test_values_in_columns_without_a_name_are_never_passed_over(folder: Path) -> None:
    (folder / "staff.csv").write_text("id,first_name,last_name,email,\nz,Zoë,Lind,zoe@firm.example,former\n")
    with pytest.raises(DirectoryError, match="a column without a name"):
        read_directory(folder, form=SheetForm(extra_columns="ignore"))
