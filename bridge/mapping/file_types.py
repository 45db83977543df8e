"""What a file is, by what is in it (V3, V4). Pure.

The library tells formats by the bytes they begin with, some of them by two or three letters with which a text may begin
as well. So what reads as text is text, whatever letters it begins with; and of the formats that are told by so little,
or by the name of a folder, more is looked at.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Mapping

import filetype

from bridge.firm.files.bytes import program_in

HEAD_BYTES = 8192
"""How much of a file's beginning is looked at."""
TAIL_BYTES = 65536
"""And of its end, where a ZIP archive lists what is in it."""
TEXT = "text/plain"
UNKNOWN = "application/octet-stream"
_PDF, _ZIP, _OFFICE = "application/pdf", "application/zip", "application/vnd.openxmlformats-officedocument."
_ASCII = bytes(range(128))
_NO_CONTROLS = b"\t\n\r\f\x1b" + bytes(range(32, 256))
_CONTROL = re.compile("[\0-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_LEAST_LETTERS = 0.7
"""The part of a text in an encoding of one country that is ASCII; of chance, as of what is encrypted, it is less."""
_NO_TEXT = frozenset({"Cn", "Co"})
_MOST_OTHERS = 0.05
"""The part of a text in UTF-16 that no script has; of chance it is more."""
_FORMATTED: Mapping[str, re.Pattern[bytes]] = {
    "application/rtf": re.compile(rb"\{\\rtf\d"),
    "application/postscript": re.compile(rb"%!PS-Adobe-\d"),
}
"""Formats that are text and say what they are."""
_A_PDF = re.compile(
    rb"(?:(?:\xef\xbb\xbf)?[\s\0]*|[^\0]{0,1000}[\r\n])%PDF-\d\.\d[^\r\n]{0,20}[\r\n]\s*+(?:%|\d++\s++\d++\s++obj|\Z)"
)
"""Readers take blanks and up to some thousand bytes before it (ISO 32000-1, annex H.3.4.1)."""
_BEGINS_AS_PDF = re.compile(rb"(?:\xef\xbb\xbf)?[\s\0]*%PDF-\d\.\d")
_MORE_OF_IT: Mapping[str, re.Pattern[bytes]] = {
    "image/bmp": re.compile(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "audio/mpeg": re.compile(rb"ID3[\x02-\x04]\0|\xff"),
    "application/x-shockwave-flash": re.compile(rb"[CFZ]WS[\x01-\x40]"),
    "application/x-lzip": re.compile(rb"LZIP[\0\x01]"),
    "application/x-msdownload": re.compile(rb"MZ.[\0\x01].{4}.\0", re.DOTALL),
    "application/postscript": re.compile(rb"%!PS-Adobe-\d"),
    "application/x-compress": re.compile(rb"\x1f\x9d[\x09-\x10\x89-\x90]"),
}
"""What begins a file of a format for which the library is content with less."""
_PARTS = re.compile(rb"PK(?:\x03\x04.{26}|\x01\x02.{42})(\[Content_Types\]\.xml|word/|xl/|ppt/)", re.DOTALL)
"""What an archive holds of an office document, in its entries or in the list of them (ISO/IEC 29500-2)."""
_OFFICE_PARTS = {
    b"word/": "wordprocessingml.document",
    b"xl/": "spreadsheetml.sheet",
    b"ppt/": "presentationml.presentation",
}


def type_by(head: bytes, tail: bytes = b"") -> str:
    """The media type by a file's first HEAD_BYTES and last TAIL_BYTES; for text without a mark of its own TEXT."""
    if program := program_in(head):
        return program
    if _A_PDF.match(head):
        return _PDF
    if _is_text(head):
        return next((found for found, begins in _FORMATTED.items() if begins.match(head)), TEXT)
    if _BEGINS_AS_PDF.match(head):
        return _PDF
    guessed = filetype.guess_mime(head)
    found = UNKNOWN if guessed is None else str(guessed)
    if found == _ZIP or found.startswith(_OFFICE):
        return _office_document(head, tail)
    more = _MORE_OF_IT.get(found)
    return found if more is None or more.match(head) else UNKNOWN


def _office_document(head: bytes, tail: bytes) -> str:
    parts = set(_PARTS.findall(head)) | set(_PARTS.findall(tail))
    if b"[Content_Types].xml" not in parts:
        return _ZIP
    return next((_OFFICE + of for part, of in _OFFICE_PARTS.items() if part in parts), _ZIP)


def _is_text(head: bytes) -> bool:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = _decoded(head, "utf-16") or "\0"
        others = sum(unicodedata.category(one) in _NO_TEXT for one in text)
        return not _CONTROL.search(text) and others <= len(text) * _MOST_OTHERS
    if head.translate(None, _NO_CONTROLS):
        return False
    others = len(head.translate(None, _ASCII))
    return _decoded(head, "utf-8") is not None or others <= len(head) * (1 - _LEAST_LETTERS)


def _decoded(head: bytes, encoding: str) -> str | None:
    try:
        # Where only the head was looked at, its last character may be cut in two.
        return codecs.getincrementaldecoder(encoding)().decode(head, final=len(head) < HEAD_BYTES)
    except UnicodeDecodeError:
        return None
