"""The firm's rules about files: what is refused, by which rule, and that ordinary documents are not (V4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.firm.facts import Facts
from bridge.firm.files import bytes as file_bytes
from bridge.firm.files.bytes import HEAD_BYTES, program_in
from bridge.firm.files.names import PROGRAMS, type_of
from bridge.firm.files.rules import (
    MEGABYTE,
    Declared,
    FileRules,
    all_declared_in,
    declared_in,
    judge_bytes,
    judge_declared,
    judge_found,
    judge_message,
    judge_name,
    judge_size,
    judge_type,
)
from bridge.guard.files import bytes_refusal, carries_file, message_refusal, size_refusal

RULES = FileRules(max_bytes=100 * MEGABYTE)
DOCUMENTS = [
    "Contract.pdf",
    "Smith v Jones - Skeleton Argument (final) v2.docx",
    "RE: your letter of 3.11.2026.msg",
    "Re: Vertragsentwurf.pdf",
    "12.30 call with client.m4a",
    "Schreiben an Müller & Co.",
    "Kündigung Meyer G.m.b.H.",
    "Affidavit of Dr. J. Smith, Ph.D.",
    "Договор купли-продажи № 14.docx",
    "משכנתא – טיוטה סופית.pdf",
    "اتفاقية الإيجار\u200f (نهائي).pdf",
    "قرارداد اجاره‌نامه می‌باشد.docx",
    "賃貸借契約書（最終版）.pdf",
    "租赁合同 2026年11月.pdf",
    "임대차계약서.hwp",
    "สัญญาเช่า.pdf",
    "ក\u200bខ\u200bគ.pdf",
    "किराया अनुबंध.pdf",
    "क्‍ष.pdf",
    "Σύμβαση μίσθωσης.odt",
    "Exhibit A👩‍⚖️.jpg",
    "scan.0001.tiff",
    "archive.tar.gz",
    "2026-0042",
    "README",
    "statement.exe.pdf",
    "Email to john@acme.com.eml",
    "Concordia.pdf",
    "comment on com law.txt",
    "CONTRACT",
    "voice-message.ogg",
    "Screenshot 2026-11-23 at 10.30.15.png",
    "a.PDF",
    "naïve café.rtf",
    "",
]
TURNED = "\u202e\u2066\u202a"
INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"
fronts = st.sampled_from(["invoice", "Rechnung 12", "invoice.pdf", "عقد", "a.b", "x" * 100, " "])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_V4_documents_of_a_law_firm_pass(name: str) -> None:
    assert judge_name(name, RULES), judge_name(name, RULES).reason


@given(
    st.text(st.characters(categories=["L", "Nd"]), min_size=1), st.sampled_from(["pdf", "docx", "xlsx", "jpg", "eml"])
)
def test_V4_a_name_of_letters_in_any_script_passes(front: str, end: str) -> None:
    name = f"{front[:100]} x.{end}"
    assert judge_name(name, RULES), judge_name(name, RULES).reason


def wide(text: str) -> str:
    """In the wide letters of East Asian writing."""
    return "".join(chr(ord(one) + 0xFEE0) if 0x21 <= ord(one) <= 0x7E else one for one in text)


@st.composite
def decorated(draw: st.DrawFn, end: str) -> str:
    """A name with this type at its end, made to look like something else."""
    letters = "".join(draw(st.sampled_from([one, one.upper(), wide(one)])) for one in end)
    at = draw(st.integers(0, len(letters)))
    letters = letters[:at] + draw(st.text(INVISIBLE + TURNED + "\x00\n\x7f", max_size=3)) + letters[at:]
    dot = draw(st.sampled_from([".", "\uff0e", "\u2024"]))
    pad = draw(st.text(" .\u00a0\u3000\u2003" + INVISIBLE + TURNED, max_size=5))
    behind = draw(st.sampled_from(["", ":notes.txt", "::$DATA", ":x", ": :"]))
    before = draw(st.sampled_from(["", "letter.txt:"]))
    blanks = " " * draw(st.sampled_from([0, 1, 60]))
    return before + draw(fronts) + blanks + dot + letters + pad + behind


@given(st.data(), st.sampled_from(sorted(PROGRAMS)))
def test_V4_a_forbidden_type_is_found_under_any_decoration(data: st.DataObject, end: str) -> None:
    name = data.draw(decorated(end))
    decision = judge_name(name, RULES)
    assert not decision
    assert decision.rule.startswith("V4 ")


@given(st.text(), st.text(), st.none() | st.integers(0), st.booleans())
def test_V4_every_refusal_says_what_to_do(name: str, media_type: str, size: int | None, encrypted: bool) -> None:
    rules = FileRules(10, False, frozenset({"iso", "video/*"}), frozenset({"pdf"}), encrypted=False)
    decision = judge_declared(Declared(name, media_type, size, encrypted), rules)
    assert decision or (decision.rule in KINDS and decision.reason.rstrip(".").count(". ") >= 1)


KINDS = {"V4 encryption", "V4 name", "V4 type", "V4 double extension", "V4 size", "V4 content"}


@pytest.mark.parametrize(
    ("name", "rule", "says"),
    [
        ("setup.exe", "V4 type", ".exe"),
        ("SETUP.EXE", "V4 type", ".exe"),
        ("invoice.pdf.exe", "V4 double extension", "looks like .pdf"),
        ("invoice.pdf                     .exe", "V4 double extension", "looks like .pdf"),
        ("invoice\u202efdp.exe", "V4 name", "turn the writing"),
        ("invoice.pdf\x00.txt", "V4 name", "cannot be shown"),
        ("invoice\ud800.pdf", "V4 name", "cannot be shown"),
        ("invoice\u2028.pdf", "V4 name", "cannot be shown"),
        ("invoice\u2029.pdf", "V4 name", "cannot be shown"),
        ("invoice.p\u200bdf", "V4 name", "cannot be seen"),
        ("invoice.pdf.", "V4 name", "dot or a blank"),
        ("invoice.pdf ", "V4 name", "dot or a blank"),
        ("invoice.exe.", "V4 name", "dot or a blank"),
        ("CON", "V4 name", "Windows keeps"),
        ("nul.txt", "V4 name", "Windows keeps"),
        ("Com1 .tar.gz", "V4 name", "Windows keeps"),
        ("lpt\u00b9.pdf", "V4 name", "Windows keeps"),
        ("a.txt:x.exe", "V4 type", ".exe"),
        ("a.exe:x", "V4 type", ".exe"),
        ("a.txt::$DATA", "V4 name", "colon"),
        ("note.{00021401-0000-0000-c000-000000000046}", "V4 name", "code that is not shown"),
        ("a" * 252 + ".pdf", "V4 name", "256 characters"),
    ],
)
def test_V4_what_is_refused_and_by_which_rule(name: str, rule: str, says: str) -> None:
    decision = judge_name(name, RULES)
    assert (decision.allowed, decision.rule) == (False, rule)
    assert says in decision.reason


def test_V4_only_allowed_types_pass_where_the_firm_lists_them() -> None:
    rules = FileRules(allowed=frozenset({"pdf", "docx", "reg", "image/*"}))
    assert judge_name("letter.PDF", rules)
    assert judge_name("settings.reg", rules), "named one by one"
    assert not judge_name("setup.exe", rules)
    assert "These may: .docx, .pdf, .reg." in judge_name("film.mp4", rules).reason
    assert "no type at its end" in judge_name("letter", rules).reason
    assert not judge_name("letter.pdf:film.mp4", rules)
    assert judge_type("IMAGE/png; charset=x", rules)
    assert not judge_type("text/plain", rules)
    assert judge_type("", rules)


def test_V4_a_long_list_of_allowed_types_is_cut_short() -> None:
    rules = FileRules(allowed=frozenset(f"t{number:02}" for number in range(40)))
    assert ".t11 and 28 more." in judge_name("film.mp4", rules).reason


def test_V4_more_types_can_be_forbidden_by_name_and_by_content() -> None:
    rules = FileRules(forbidden=frozenset({"iso", "video/*", "application/zip"}))
    assert not judge_name("disc.ISO", rules)
    assert not judge_type("video/mp4", rules)
    assert not judge_type("application/zip", rules)
    assert judge_type("audio/ogg", rules)


def test_V4_programs_pass_where_the_firm_wants_them() -> None:
    rules = FileRules(programs=True)
    assert judge_name("setup.exe", rules)
    assert judge_bytes(b"\x7fELF", rules)
    assert not judge_name("invoice\u202efdp.exe", rules)


@pytest.mark.parametrize("size", [100 * MEGABYTE + 1, 2**70])
def test_V4_what_is_too_large_never_reads_like_what_is_allowed(size: int) -> None:
    decision = judge_size(size, RULES)
    assert not decision
    assert not decision.reason.startswith("This file has 100 MB")
    assert "at most 100 MB" in decision.reason


def test_V4_no_limit_and_no_size_pass() -> None:
    assert judge_size(2**70, FileRules())
    assert judge_size(None, RULES)
    assert judge_size(100 * MEGABYTE, RULES)


def test_V4_encrypted_files_pass_or_not_as_the_firm_says() -> None:
    content = {"msgtype": "m.file", "body": "a.pdf", "file": {"url": "mxc://x/y"}}
    assert judge_message(content, RULES)
    refused = judge_message(content, FileRules(encrypted=False))
    assert refused.rule == "V4 encryption"


def test_V4_what_was_found_counts_beside_what_was_said() -> None:
    file = Declared("letter.pdf", "application/pdf", 10)
    assert judge_found(file, "application/pdf", 10, RULES)
    assert judge_found(file, "", None, RULES)
    assert judge_found(file, file_bytes.WINDOWS, 10, RULES).rule == "V4 content"
    assert judge_found(file, "application/pdf", 100 * MEGABYTE + 1, RULES).rule == "V4 size"
    assert judge_found(Declared("setup.exe"), "", None, RULES).rule == "V4 type"


WINDOWS_HEAD = (b"MZ" + bytes(58) + (128).to_bytes(4, "little")).ljust(128, b"\0") + b"PE\0\0"


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (WINDOWS_HEAD, file_bytes.WINDOWS),
        ((b"MZ" + bytes(58) + (100_000).to_bytes(4, "little")).ljust(HEAD_BYTES, b"\0"), file_bytes.WINDOWS),
        (b"\x7fELF\x02", file_bytes.LINUX),
        *((WINDOWS_HEAD[:128] + old, file_bytes.WINDOWS) for old in (b"NE\0\0", b"LE\0\0", b"LX\0\0")),
        (bytes.fromhex("cffaedfe"), file_bytes.MACOS),
        (bytes.fromhex("cefaedfe"), file_bytes.MACOS),
        (bytes.fromhex("feedface"), file_bytes.MACOS),
        (bytes.fromhex("feedfacf"), file_bytes.MACOS),
        (bytes.fromhex("cafebabe00000002"), file_bytes.MACOS),
        (bytes.fromhex("cafebabe00000041"), file_bytes.JAVA),
        (b"#!/bin/sh\n", file_bytes.SCRIPT),
        (b"#! /usr/bin/env python3", file_bytes.SCRIPT),
        (bytes.fromhex("4c0000000114020000000000c000000000000046"), file_bytes.SHORTCUT),
    ],
)
def test_V4_programs_are_known_by_their_first_bytes(head: bytes, found: str) -> None:
    assert program_in(head) == found
    refused = judge_bytes(head, RULES)
    assert refused.rule == "V4 content"


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"MZ",
        b"MZ is the abbreviation of a word in this letter, whose first line is rather long, as letters of counsel are",
        (b"MZ" + b"A" * 62).ljust(HEAD_BYTES, b"A"),
        b"#!",
        b"#! hashbang, as a heading",
        b"%PDF-1.7",
        b"PK\x03\x04",
        bytes.fromhex("d0cf11e0a1b11ae1"),
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
    ],
)
def test_V4_what_is_not_certainly_a_program_passes(head: bytes) -> None:
    assert program_in(head) == ""


@given(st.binary(max_size=200))
def test_any_bytes_can_be_looked_at(head: bytes) -> None:
    program_in(head)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@given(
    st.fixed_dictionaries(
        {"msgtype": st.sampled_from(["m.file", "m.image", "m.text"]) | json},
        optional={"body": json, "filename": json, "info": json, "file": json, "m.new_content": json},
    )
)
def test_any_content_can_be_read(content: dict[str, Any]) -> None:
    for file in all_declared_in(content):
        judge_declared(file, RULES)


def test_the_name_is_the_filename_and_the_body_where_there_is_none() -> None:
    assert declared_in({"msgtype": "m.file", "body": "See setup.exe", "filename": "a.pdf"}) == Declared("a.pdf")
    assert declared_in({"msgtype": "m.image", "body": "a.png"}) == Declared("a.png")
    assert declared_in({"msgtype": "m.text", "body": "a.exe"}) is None
    info = {"mimetype": "image/png", "size": 5}
    assert declared_in({"msgtype": "m.image", "body": "a", "info": info}) == Declared("a", "image/png", 5)
    assert declared_in({"msgtype": "m.image", "body": "a", "info": {"size": True, "mimetype": 1}}) == Declared("a")
    assert declared_in({"msgtype": "m.file", "body": "a", "info": {"size": 0}}) == Declared("a", "", 0)
    assert declared_in({"msgtype": "m.file", "body": "a", "info": {"size": -1}}) == Declared("a")


def test_V4_an_edit_is_judged_by_what_it_makes_of_the_message() -> None:
    new = {"msgtype": "m.file", "body": "setup.exe"}
    for outer in ("m.text", "m.file"):
        edit = {"msgtype": outer, "body": "letter.pdf", "m.new_content": new}
        assert not judge_message(edit, RULES)
    assert judge_message({"msgtype": "m.text", "body": "run setup.exe"}, RULES)


def told(rules: FileRules | None) -> Facts:
    return Facts(file_rules=rules)


def test_V4_the_guard_looks_at_messages_with_files_only() -> None:
    assert not carries_file({"msgtype": "m.text", "body": "setup.exe"})
    assert not carries_file({"msgtype": ["m.file"]})
    assert carries_file({"msgtype": "m.image"})
    assert carries_file({"msgtype": "m.text", "m.new_content": {"msgtype": "m.file"}})


def test_V4_the_guard_refuses_with_the_rules_it_was_told(tmp_path: Path) -> None:
    sent = {"msgtype": "m.file", "body": "setup.exe"}
    program = tmp_path / "upload"
    program.write_bytes(b"\x7fELF" + bytes(10_000))
    for unknown in (None, told(None)):
        assert message_refusal(sent, unknown) is None
        assert size_refusal(2**40, unknown) is None
        assert bytes_refusal(str(program), unknown) is None
    refusals = (
        message_refusal(sent, told(RULES)),
        size_refusal(2**40, told(RULES)),
        bytes_refusal(str(program), told(RULES)),
    )
    assert [refusal.rule for refusal in refusals if refusal] == ["V4 type", "V4 size", "V4 content"]
    program.write_bytes(b"%PDF-1.7")
    assert bytes_refusal(str(program), told(RULES)) is None


@given(st.text())
def test_the_type_of_any_name_is_plain(name: str) -> None:
    assert type_of(name).isascii()
