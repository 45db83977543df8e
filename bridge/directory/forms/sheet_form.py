"""How a firm's programs write CSV, where it is not as everybody's: encoding, dates, columns nobody asked for. Pure."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from bridge.directory.problems import DirectoryError, RecordProblem
from bridge.settings import DirectorySettings

_LINE = re.compile("\r\n?|\n")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_TIME = r"(?:,? [0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?: ?[AaPp]\.?[Mm]\.?)?)?"
_WEEKDAY = r"(?:(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day|\.)?,? )?"
_NUMBERS = re.compile(rf"([0-9]{{1,2}})([./-])([0-9]{{1,2}})([./-])([0-9]{{4}}){_TIME}")
_YEAR_FIRST = re.compile(rf"([0-9]{{4}})([./-])([0-9]{{1,2}})\2([0-9]{{1,2}}){_TIME}")
_DAY_NAMED = re.compile(
    rf"{_WEEKDAY}([0-9]{{1,2}})(?:st|nd|rd|th)?[ -]([A-Za-z]{{3,9}})\.?,?[ -]([0-9]{{4}}){_TIME}", re.IGNORECASE
)
_MONTH_NAMED = re.compile(
    rf"{_WEEKDAY}([A-Za-z]{{3,9}})\.? ([0-9]{{1,2}})(?:st|nd|rd|th)?,? ([0-9]{{4}}){_TIME}", re.IGNORECASE
)
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)


Encoding = Literal["utf-8", "windows-1252"]
"""What the bytes of a file that is not Unicode mean."""
DateOrder = Literal["year-first", "day-first", "month-first"]
"""What comes first in a date that is written in numbers."""
ExtraColumns = Literal["refuse", "ignore"]
"""What becomes of columns that the directory does not know."""


@dataclass(frozen=True, slots=True)
class SheetForm:
    """How CSV is read."""

    encoding: Encoding = "utf-8"
    dates: DateOrder = "year-first"
    extra_columns: ExtraColumns = "refuse"


AS_EVERYBODY = SheetForm()


def form_of(settings: DirectorySettings) -> SheetForm:
    """How the firm's CSV is written, by its settings."""
    return SheetForm(settings.encoding, settings.dates, settings.extra_columns)


def text_of(file: str, data: bytes, encoding: Encoding = "utf-8") -> str:
    """The text of a file: UTF-8 with or without a byte order mark, UTF-16 with one, else in `encoding`.

    What is valid UTF-8 is read as such whatever `encoding` says: text of another encoding with letters beyond ASCII
    hardly ever is. Raises DirectoryError naming the line.
    """
    if data.startswith(_UTF_16):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            message = "The file begins as UTF-16 and goes on as something else. Export it again."
            raise _undecoded(file, data, error, message) from error
    try:
        # Programs that edit what has a mark write another.
        return data.decode("utf-8-sig").lstrip("\ufeff")
    except UnicodeDecodeError as error:
        if encoding == "utf-8":
            byte = error.object[error.start]
            message = (
                f"The byte 0x{byte:02X} is not UTF-8 text, so letters with accents would come out wrong."
                " Save the file as UTF-8; in Excel the file type is called CSV UTF-8. For a program that can only write"
                " Windows-1252, set directory.encoding to windows-1252."
            )
            raise _undecoded(file, data, error, message) from error
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError as error:
        message = (
            f"The byte 0x{data[error.start]:02X} is neither UTF-8 nor Windows-1252. Export the file again as UTF-8."
        )
        raise _undecoded(file, data, error, message) from error


def is_unicode(data: bytes) -> bool:
    """Whether `text_of` needs to be told no encoding."""
    try:
        text_of("", data)
    except DirectoryError:
        # What is wrong with it is said when it is read.
        return False
    return True


def line_after(text: str) -> int:
    """The number of the line that goes on behind this text."""
    return len(_LINE.findall(text)) + 1


def _undecoded(file: str, data: bytes, error: UnicodeDecodeError, message: str) -> DirectoryError:
    # The position counts from after the byte order mark, which has no line break in it.
    line = line_after(data[: error.start].replace(b"\0", b"").decode("latin-1"))
    return DirectoryError((RecordProblem(file, line, "", "", message),), complete=False)


def as_iso(written: str, order: DateOrder) -> str:
    """A date in year-month-day where it can be told which day it is; else what was written, for the reader to refuse.

    A month may be written out in English. In numbers the order says what comes first.
    """
    value = " ".join(written.split())
    if found := _DAY_NAMED.fullmatch(value):
        return _iso(found[3], _month(found[2]), found[1]) or written
    if found := _MONTH_NAMED.fullmatch(value):
        return _iso(found[3], _month(found[1]), found[2]) or written
    if found := _YEAR_FIRST.fullmatch(value):
        return _iso(found[1], int(found[3]), found[4]) or written
    if (found := _NUMBERS.fullmatch(value)) and found[2] == found[4] and order != "year-first":
        month, day = (found[3], found[1]) if order == "day-first" else (found[1], found[3])
        return _iso(found[5], int(month), day) or written
    return written


def _month(name: str) -> int:
    """The number of a month by its name or how that begins; 0 where there is none."""
    folded = name.casefold()
    return next((number for number, month in enumerate(_MONTHS, 1) if month.startswith(folded)), 0)


def _iso(year: str, month: int, day: str) -> str:
    """The day; empty where the calendar has none."""
    try:
        return date(int(year), month, int(day)).isoformat()
    except ValueError:
        # Whoever reads the value says that it is no date.
        return ""
