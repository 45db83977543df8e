"""Names in the filing cabinet: safe, unique, and never outside it."""

from __future__ import annotations

import csv
import io
import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.filing.fetch import UnfetchableError, secret_of
from bridge.filing.lists import HEAD, list_of
from bridge.filing.names import (
    FILE_BYTES,
    FOLDER_BYTES,
    name_key,
    numbered,
    numbered_folder,
    safe_folder,
    safe_name,
)
from bridge.firm.model import Firm, Staff
from bridge.firm.text.visible import unseen_in
from bridge.mapping.file_types import TEXT, UNKNOWN, type_by
from bridge.store.files.cabinet_folders import IndexedFile

_MARKS = "/\\:*[]~$ ßﬁé한😀\0\n\u202e\u200d\u2028\uffff."
_WORDS = ["..", ".pdf", ".exe", "(2)", "%2e%2e", "file", "CON", "nul", "LPT1", "COM¹", "e\u0301", "x" * 200]
_PIECES = st.sampled_from([*_MARKS, *_WORDS])
hostile = st.one_of(st.text(), st.lists(_PIECES, max_size=12).map("".join))


def assert_safe(name: str, longest: int) -> None:
    assert name
    assert name == unicodedata.normalize("NFC", name)
    assert 0 < len(name.encode()) <= longest
    assert not set(name) & set('/\\:*?"<>|[]#%;')
    assert not unseen_in(name)
    assert all(unicodedata.category(letter) not in {"Cc", "Cs", "Co"} for letter in name)
    assert name == name.strip(" .")
    assert PurePosixPath("/cabinet", name).parent == PurePosixPath("/cabinet")
    windows = PureWindowsPath("C:/cabinet", name)
    assert windows.parent == PureWindowsPath("C:/cabinet")
    assert not PureWindowsPath(name).is_reserved()


@given(hostile, st.integers(1, 12_345))
@example("../../etc/passwd", 2)
@example("con.txt", 1)
@example(" con .txt", 1)
@example("_" * 119 + "con", 1)
def test_V3_every_name_is_safe_whatever_it_was_and_so_is_its_version(given_name: str, number: int) -> None:
    name = safe_name(given_name)
    assert_safe(name, FILE_BYTES)
    assert safe_name(name) == name
    assert name_key(name) == name_key(name.replace("\u200d", "").replace("\u200c", ""))
    assert_safe(numbered(name, number), FILE_BYTES)


@given(st.lists(hostile, max_size=3), st.integers(1, 12_345))
def test_V3_every_folder_is_safe(parts: list[str], number: int) -> None:
    name = safe_folder(*parts)
    assert_safe(name, FOLDER_BYTES)
    assert safe_folder(name) == name
    assert_safe(numbered_folder(name, number), FOLDER_BYTES)


@given(hostile, st.integers(1, 500), st.integers(1, 500))
def test_V3_two_versions_never_have_one_name(given_name: str, one: int, other: int) -> None:
    name = safe_name(given_name)
    assert (name_key(numbered(name, one)) == name_key(numbered(name, other))) == (one == other)
    folder = safe_folder(given_name)
    assert (name_key(numbered_folder(folder, one)) == name_key(numbered_folder(folder, other))) == (one == other)


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [
        ("Lease.pdf", "Lease.pdf"),
        ("Pachtvertrag für Müller.docx", "Pachtvertrag für Müller.docx"),
        ("../../etc/passwd", "_._etc_passwd"),
        ("C:\\Windows\\win.ini", "C__Windows_win.ini"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("CON.txt", "_CON.txt"),
        ("nul", "_nul"),
        ("a\x00b\r\n.pdf", "ab.pdf"),
        ("brief.pdf. . .", "brief.pdf"),
        (".htaccess", "htaccess"),
        ("..", "file"),
        ("", "file"),
        ("\u200b", "file"),
        ("a[1]*.pdf", "a_1__.pdf"),
        ("#1 100%.pdf", "_1 100_.pdf"),
        ("Lease; final.pdf", "Lease_ final.pdf"),
        ("e\u0301.pdf", "é.pdf"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
        ("Smith v. Jones", "Smith v. Jones"),
    ],
)
def test_V3_names_people_would_give_them(given_name: str, expected: str) -> None:
    assert safe_name(given_name) == expected


def test_V3_versions_keep_the_end_of_the_name() -> None:
    assert numbered("Lease.pdf", 1) == "Lease.pdf"
    assert numbered("Lease.pdf", 2) == "Lease (2).pdf"
    assert numbered("README", 3) == "README (3)"
    assert numbered("é" * 58 + ".pdf", 12) == "é" * 55 + " (12).pdf"
    assert numbered_folder("2026.0042", 2) == "2026.0042 (2)"


@pytest.mark.parametrize("other", ["LEASE.PDF", "lease.pdf", "Ｌease.pdf"])
def test_V3_names_that_some_file_system_takes_for_one_are_one(other: str) -> None:
    assert name_key(other) == name_key("Lease.pdf")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"%PDF-1.7\n", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "image/png"),
        (b"Dear Sirs,\r\n", TEXT),
        ("Sehr geehrte Müller".encode(), TEXT),
        (("ä" * 5000).encode()[:8192], TEXT),
        (b"x" + ("ä" * 5000).encode()[:8191], TEXT),
        (b"\xff\xfe\x00\xe1\x01\xe1", UNKNOWN),
        (b"a\x00b", UNKNOWN),
        (b"\xc3", UNKNOWN),
        (b"", TEXT),
    ],
)
def test_the_type_is_told_by_the_bytes(head: bytes, expected: str) -> None:
    assert type_by(head) == expected


@given(st.binary(max_size=9000))
def test_whatever_the_bytes_there_is_a_type(head: bytes) -> None:
    assert "/" in type_by(head[:8192])


@pytest.mark.parametrize(
    "encryption", ["{", "[]", "{}", '{"key": {"k": "aaaa"}, "iv": "aaaa", "hashes": {"sha256": "aaaa"}}', '{"key": 1}']
)
def test_a_key_that_cannot_be_used_is_said(encryption: str) -> None:
    with pytest.raises(UnfetchableError, match="message"):
        secret_of(encryption)


def listed(name: str, **changed: object) -> IndexedFile:
    shown = {"given": name, "version": 1, "sender": "@ann:firm", "staff_id": "ann", "at_ms": 1_700_000_000_000}
    found = {
        "type": "text/plain",
        "size": 3,
        "sha256": "ab",
        "caption": "",
        "event_id": "$e",
        "note": "",
        "position": 1,
    }
    return IndexedFile(**{"name": name, **shown, **found, "removed_at": None, "position": 1, **changed})  # type: ignore[arg-type]


def test_a_list_opens_in_a_spreadsheet_and_runs_nothing_there() -> None:
    firm = Firm(staff={"ann": Staff("ann", "Ann", "Moor", "ann@firm.example")})
    files = [listed("a.txt", given="=cmd|' /C calc'!A0"), listed('b "x", y.txt', removed_at=10**18, at_ms=-5)]
    data = list_of(files, firm)
    head, first, second = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    assert tuple(head) == HEAD
    assert first[:4] == ["a.txt", "'=cmd|' /C calc'!A0", "1", "Ann Moor"]
    assert first[5] == "2023-11-14 22:13:20"
    assert second[0] == 'b "x", y.txt'
    assert second[5] == "1970-01-01 00:00:00"
    assert second[-1] == "9999-12-31 23:59:59"


@pytest.mark.parametrize(
    "name",
    [
        "Family 👨\u200d👩\u200d👧.jpg",
        "نامه\u200cها.pdf",
        "क्\u200dष.txt",
        "Harp \U0001fa89.pdf",
        "❤\ufe0f.png",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f.png",
    ],
)
def test_V3_what_is_seen_stays_in_a_name(name: str) -> None:
    """Also signs that are newer than Python's own tables."""
    assert safe_name(name) == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a\u200db.pdf", "ab.pdf"),
        ("in\u00advisible\u2060.pdf", "invisible.pdf"),
        ("\u2800.pdf", "pdf"),
        ("a\u3164b", "ab"),
    ],
)
def test_V3_what_is_not_seen_and_says_nothing_goes(name: str, expected: str) -> None:
    assert safe_name(name) == expected


def test_V3_a_name_that_is_cut_ends_with_no_half_of_a_sign() -> None:
    for before in range(120):
        name = safe_name("x" * before + "👨\u200d👩\u200d👧" * 20 + ".jpg")
        assert_safe(name, FILE_BYTES)
        assert not name.endswith("\u200d.jpg")
