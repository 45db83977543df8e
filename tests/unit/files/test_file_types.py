"""What a file is by its bytes: a text stays one whatever letters it begins with, and two of them are no format."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import wave
import zipfile

import filetype
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bridge.mapping.file_types import HEAD_BYTES, TAIL_BYTES, TEXT, UNKNOWN, type_by

OFFICE = "application/vnd.openxmlformats-officedocument."
WORD, EXCEL, SLIDES = (
    OFFICE + of for of in ("wordprocessingml.document", "spreadsheetml.sheet", "presentationml.presentation")
)
ODT, EPUB = "application/vnd.oasis.opendocument.text", "application/epub+zip"
NOISE = os.urandom(HEAD_BYTES)


def told(data: bytes) -> str:
    """The type as the filing cabinet tells it."""
    return type_by(data[:HEAD_BYTES], data[-TAIL_BYTES:])


def archive(*names: str, first: tuple[str, str] | None = None) -> bytes:
    """A ZIP archive, with an uncompressed first entry where one is given."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        if first is not None:
            opened.writestr(*first)
        for name in names:
            opened.writestr(name, NOISE)
    return made.getvalue()


def picture(form: str) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (20, 20), "red").save(made, form)
    return made.getvalue()


def sound() -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as opened:
        opened.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
        opened.writeframes(bytes(800))
    return made.getvalue()


def tape() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as opened:
        opened.addfile(tarfile.TarInfo("a.txt"))
    return made.getvalue()


def signatures() -> list[str]:
    """Every beginning of up to eight letters that the library takes for some format."""
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    found = {bytes((one, two)).decode() for one in letters for two in letters if _taken(bytes((one, two)))}
    known = ["GIF", "ID3", "CWS", "FWS", "ZWS", "LZIP", "8BPS", "fLaC", "OggS", "MThd", "wOFF", "wOF2", "OTTO", "IIRO"]
    return sorted(found | {*known, "Rar!", "BZh", "II*", "FLV", "RIFF", "#!AMR", "AC1032", "MSCF", "Cr24", "!<arch>"})


def _taken(begin: bytes) -> bool:
    return filetype.guess_mime(begin + b" of land to my daughter, and to nobody else.") is not None


@pytest.mark.parametrize("begin", signatures())
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_V3_a_text_is_text_whatever_letters_it_begins_with(begin: str, encoding: str) -> None:
    for rest in (" of land to my daughter", " AG für Köln", "", "\n1. One\r\n\t2. Two\f"):
        assert told((begin + rest).encode(encoding)) == TEXT


@pytest.mark.parametrize("said", ["合同条款如下本协议", "Договор подписан", "החוזה נחתם", "می‌خواهم", "Ünlü 👍🏽"])
def test_V3_a_text_in_utf_16_is_text_in_every_script(said: str) -> None:
    for encoding in ("utf-16", "utf-16-be"):
        assert told(("\ufeff" * encoding.endswith("be") + said * 20).encode(encoding)) == TEXT


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=60), st.sampled_from(signatures()))
def test_V3_any_text_is_text(rest: str, begin: str) -> None:
    assert told(f"{begin} {rest}".encode()) == TEXT


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj",
        b"\n%PDF-1.7\n1 0 obj",
        b"\r\n\r\n \t%PDF-1.4\r%\xe2\xe3\x00",
        b"\xef\xbb\xbf%PDF-1.4\n1 0 obj",
        b"\0\0%PDF-2.0\n%\x80",
        b"HTTP/1.1 200 OK\r\n\r\n%PDF-1.4\n1 0 obj",
        b"x" * 900 + b"\n%PDF-1.4\r\n%\xe2",
        b"%PDF-1.4 \r\n\r\n  1 0 obj",
        b"%PDF-1.3 made by a scanner that says what it is\n\x00",
    ],
)
def test_V3_a_pdf_is_one_whatever_stands_before_it(data: bytes) -> None:
    assert told(data) == "application/pdf"


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF is how such a file begins",
        b"%PDF-1.4 is how such a file begins\nand a number follows",
        b"The signature\n%PDF-1.4 is in the first line",
        b"x" * 3000 + b"\n%PDF-1.4\n1 0 obj",
    ],
)
def test_V3_a_text_about_pdf_is_none(data: bytes) -> None:
    assert told(data) == TEXT


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (archive("word/a.txt", "word/b.txt"), "application/zip"),
        (archive("xl/notes.txt"), "application/zip"),
        (archive("[Content_Types].xml", "_rels/.rels", "word/document.xml"), WORD),
        (archive("word/numbering.xml", "word/document.xml", "_rels/.rels", "[Content_Types].xml"), WORD),
        (archive("_rels/.rels", "docProps/app.xml", "xl/workbook.xml", "[Content_Types].xml"), EXCEL),
        (archive("[Content_Types].xml", "ppt/presentation.xml"), SLIDES),
        (archive("[Content_Types].xml", "other/part.xml"), "application/zip"),
        (archive("letter.docx", "a/word/b.txt"), "application/zip"),
        (archive("content.xml", first=("mimetype", ODT)), ODT),
        (archive("META-INF/container.xml", first=("mimetype", EPUB)), EPUB),
    ],
)
def test_V3_an_archive_is_a_document_by_its_parts(data: bytes, expected: str) -> None:
    assert told(data) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        *((picture(form), f"image/{form.lower()}") for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")),
        (sound(), "audio/x-wav"),
        (tape(), "application/x-tar"),
        (gzip.compress(b"x" * 100, mtime=0), "application/gzip"),
        (b"ID3\x03\x00\x00\x00\x00\x0f\x76TPE1" + bytes(200), "audio/mpeg"),
        (b"\xff\xfb\x90\x64" + bytes(400), "audio/mpeg"),
        (bytes.fromhex("00000018") + b"ftypisom" + bytes(12) + b"isommp42", "video/mp4"),
        (b"{\\rtf1\\ansi hello}", "application/rtf"),
        (b"%!PS-Adobe-3.0\n%%Title: x", "application/postscript"),
        (b"\x7fELF" + bytes(60), "application/x-elf"),
        (bytes.fromhex("4d5a90000300000004000000ffff0000b800") + bytes(40), "application/x-msdownload"),
        (b"\x1f\x9d\x90" + bytes(40), "application/x-compress"),
        (b"#!/bin/sh\necho\n", "application/x-shellscript"),
        (b"<svg xmlns='x'/>", TEXT),
    ],
)
def test_V3_what_is_a_format_is_told(data: bytes, expected: str) -> None:
    assert told(data) == expected


@pytest.mark.parametrize("begin", [b"BM", b"GIF", b"ID3", b"CWS", b"LZIP", b"MZ", b"%!", b"\x1f\x9d", b"\x1f\xa0"])
def test_V3_bytes_that_only_begin_like_a_format_are_unknown(begin: bytes) -> None:
    assert told(begin + b"\x80\x01\x81\xfe" * 500) == UNKNOWN
