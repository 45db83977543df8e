"""What spreadsheets make of values: undone where it is sure what was meant, else said with the place (S1)."""

from __future__ import annotations

import pytest

from bridge.directory.fields import STAFF
from bridge.directory.forms.csv_form import csv_rows
from bridge.directory.problems import DirectoryError, ProblemList
from bridge.directory.reading import Record, read_rows

HEADER = "id,first_name,last_name,email,phone\r\n"


def read(row: str) -> tuple[Record, list[str]]:
    """The one record of a file, and what is wrong with it."""
    problems = ProblemList()
    ((record,),) = read_rows(csv_rows(STAFF, (HEADER + row).encode(), problems), problems).values()
    return record, [str(one) for one in problems.found]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('="0042"', "0042"),
        ('"=""+49 30 1234"""', "+49 30 1234"),
        ("'0042", "0042"),
        ("'+49 30 1234", "+49 30 1234"),
        ("'-", "-"),
        ("+49 30 1234", "+49 30 1234"),
        ("'t Hooft", "'t Hooft"),
        ("O'Neil", "O'Neil"),
    ],
)
def test_marks_that_keep_text_as_text_are_no_part_of_it(written: str, meant: str) -> None:
    record, wrong = read(f"1,Z,L,z@firm.example,{written}\r\n")
    assert (record.get("phone"), wrong) == (meant, [])


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("=A1+B1", "is a formula"),
        ('"=HYPERLINK(""x"")"', "is a formula"),
        ("#N/A", "shows for a value that it cannot"),
        ("#REF!", "shows for a value that it cannot"),
        ("Err:502", "shows for a value that it cannot"),
        ("########", "shows for a value that it cannot"),
        ("4.93012E+11", "dropped the end"),
        ("4,93012E+11", "dropped the end"),
    ],
)
@pytest.mark.parametrize("place", [0, 4])
def test_what_a_spreadsheet_lost_is_said_with_its_line_and_taken_for_nothing(
    written: str, said: str, place: int
) -> None:
    values = ["1", "Z", "L", "z@firm.example", "5550100"]
    values[place] = written if written.startswith('"') else f'"{written}"'
    record, (wrong,) = read(",".join(values) + "\r\n")
    assert said in wrong
    assert wrong.startswith(f"staff.csv:2 column {HEADER.strip().split(',')[place]}: ")
    assert HEADER.strip().split(",")[place] not in record.values


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\x03\x04\x14\x00\x06\x00", "is a workbook and no CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is a workbook of an old Excel"),
        (b"%PDF-1.7", "is a PDF"),
        (b"\r\n<html><table><tr><td>id</td></tr></table></html>", "is a web page"),
        (b"Staff list,,\r\n\r\nid,first_name,email\r\n", "staff.csv:1: This line names no column of staff.csv."),
        (b"id|first_name|email\r\n", "have commas, semicolons or tabs between the names"),
    ],
)
def test_what_is_no_csv_or_has_no_header_is_said_in_one_sentence(data: bytes, said: str) -> None:
    with pytest.raises(DirectoryError) as refused:
        list(csv_rows(STAFF, data, ProblemList()))
    (problem,) = refused.value.problems
    assert said in str(problem)


def test_two_byte_order_marks_are_as_good_as_one() -> None:
    (row,) = csv_rows(STAFF, b"\xef\xbb\xbf\xef\xbb\xbfid,first_name,email\n1,Z,z@firm.example\n", ProblemList())
    assert row.cells["id"].text == "1"
