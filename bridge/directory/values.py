"""How a value is written: each kind with its description for the reference and the function that reads it.

The functions take text and return the value; they raise ValueError with whole sentences for the person who prepares
the files. YAML and CSV give them the same text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any, TypeVar

from bridge.directory.problems import quoted
from bridge.firm.conversation import clean_channel_name
from bridge.firm.model import MatterStatus, WallKind
from bridge.firm.text.visible import says_something, shown, unseen_in
from bridge.mapping.ids import LOCALPART

_LONGEST_CELL = 100_000
_LONGEST_LIST = 10_000
_LONGEST_ID = 100
_YES = frozenset({"yes", "y", "true", "t", "1", "wahr", "vrai", "waar"})
_NO = frozenset({"no", "n", "false", "f", "0", "falsch", "faux", "onwaar"})
"""With what a German, a French and a Dutch Excel write for TRUE and FALSE."""
_DAY = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?( ?(Z|[+-][0-9]{2}(:?[0-9]{2})?))?)?",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"[1-6][0-9]{4}(?:[.,][0-9]+)?")
"""Days since 1900, of the years 1927 to 2091."""
_TWO_DIGITS = re.compile(
    r"(?:[0-9]{1,2}[ ./-](?:[0-9]{1,2}|[A-Za-z]{3,9})|[A-Za-z]{3,9})[ ./-][0-9]{2}(?: [0-9]{1,2}:[0-9:]{2,5})?"
)
_Item = TypeVar("_Item")
_NEVER = frozenset({"Cc", "Co", "Cs"})
"""Kinds of characters, as Unicode sorts them, that no text has."""
_TURNING = "\N{RIGHT-TO-LEFT OVERRIDE}"


class Shape(Enum):
    """Whether a field holds one value, a list, or pairs."""

    ONE = "one"
    LIST = "list"
    PAIRS = "pairs"


class Refers(Enum):
    """What kind of record a value names."""

    NOTHING = ""
    STAFF = "staff member"
    PEOPLE = "staff member or group"
    MATTER = "matter"


@dataclass(frozen=True, slots=True)
class ValueType:
    """One way of writing a value."""

    name: str
    """What the reference calls it."""
    parse: Callable[[str], Any]
    shape: Shape = Shape.ONE
    refers: Refers = Refers.NOTHING
    """For pairs: what the first part names."""
    parse_first: Callable[[str], str] = str
    """For pairs: reads the first part."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as it stands in a file, not yet read. Exactly one of the three forms is used; CSV has only text."""

    line: int
    text: str = ""
    items: tuple[str, ...] | None = None
    pairs: tuple[tuple[str, str], ...] | None = None
    wrong: str = ""
    """Why it cannot be read, where that was seen before; empty for nothing."""

    @property
    def empty(self) -> bool:
        """Whether nothing was written."""
        return not (self.text.strip() or self.pairs or any(item.strip() for item in self.items or ()))

    @property
    def shown(self) -> str:
        """The value for a problem report."""
        if self.pairs is not None:
            return "; ".join(f"{first}: {second}" for first, second in self.pairs[:5])
        return self.text if self.items is None else "; ".join(self.items[:5])


def read_cell(value_type: ValueType, cell: Cell) -> Any:
    """The value of a cell that is not empty. Raises ValueError with a message for people."""
    if cell.wrong:
        raise ValueError(cell.wrong)
    if len(cell.text) > _LONGEST_CELL:
        raise ValueError(f"The value has {len(cell.text)} characters; at most {_LONGEST_CELL} are read. Shorten it.")
    if value_type.shape is Shape.ONE:
        if cell.items is not None or cell.pairs is not None:
            raise ValueError("This takes one value, not several. Leave one.")
        return value_type.parse(_seen(cell.text))
    if value_type.shape is Shape.LIST:
        if cell.pairs is not None:
            raise ValueError("This takes a list of values without colons. Write it as [first, second].")
        items = _split(cell.text) if cell.items is None else cell.items
        return tuple(dict.fromkeys(value_type.parse(_seen(item)) for item in _bounded(items) if item.strip()))
    return _read_pairs(value_type, cell)


def _read_pairs(value_type: ValueType, cell: Cell) -> tuple[tuple[str, Any], ...]:
    written = cell.pairs
    if written is None:
        items = _split(cell.text) if cell.items is None else cell.items
        written = tuple((first, second) for first, _, second in (item.partition(":") for item in items))
    read = []
    for first, second in _bounded(written):
        if not (first.strip() and second.strip()):
            raise ValueError(f"{quoted(first or second)} is not a pair. Write both parts, with a colon between them.")
        read.append((value_type.parse_first(_seen(first)), value_type.parse(_seen(second))))
    return tuple(dict.fromkeys(read))


def _split(text: str) -> tuple[str, ...]:
    return tuple(item for item in text.split(";") if item.strip())


def _bounded(items: tuple[_Item, ...]) -> tuple[_Item, ...]:
    if len(items) > _LONGEST_LIST:
        raise ValueError(f"The list has {len(items)} entries; at most {_LONGEST_LIST} are read. Use groups.")
    return items


def _seen(written: str) -> str:
    """A value without the marks that are not seen, as programs put them round telephone numbers and into addresses.

    Joiners in Persian and the like, and emoji, are text and stay. Raises ValueError where nothing is left, and for what
    turns the writing round or is no character.
    """
    value = " ".join(written.split())
    if value.isascii() and value.isprintable():
        return value
    unseen = unseen_in(value)
    for character in unseen:
        if character == _TURNING or unicodedata.category(character) in _NEVER:
            raise ValueError(
                f"{quoted(value)} contains the invisible character U+{ord(character):04X}."
                " Type the text again rather than pasting it."
            )
    if not says_something(value):
        raise ValueError(f"{quoted(value)} has nothing in it that can be seen. Write it again, or leave it empty.")
    return shown(value, "").strip() if unseen else value


def text_up_to(longest: int) -> Callable[[str], str]:
    """Reads one line of text: composed characters, blanks collapsed, a bounded length."""

    def parse(value: str) -> str:
        if len(value) > 4 * longest:
            raise ValueError(f"The text has {len(value)} characters; at most {longest} fit. Shorten it.")
        line = " ".join(unicodedata.normalize("NFC", value).split())
        if len(line) > longest:
            raise ValueError(f"The text has {len(line)} characters; at most {longest} fit. Shorten it.")
        return line

    return parse


def identifier(value: str) -> str:
    """Reads an id: visible characters without blanks, colons or semicolons, which separate values in lists."""
    if not value:
        raise ValueError("An id is missing here. Write one, or take the empty entry out.")
    if len(value) > _LONGEST_ID or re.search(r"[\s:;]", value) or not value.isprintable():
        raise ValueError(
            f"{quoted(value)} cannot be an id. An id has at most {_LONGEST_ID} characters,"
            " none of them a blank, a colon or a semicolon."
        )
    return unicodedata.normalize("NFC", value)


def email(value: str) -> str:
    """Reads an e-mail address."""
    if (
        len(value) > 254
        or not value.isprintable()
        or not re.fullmatch(r"[^@\s;:,<>()\"]{1,64}@[^@\s.;:,<>()\"]+(\.[^@\s.;:,<>()\"]+)+", value)
    ):
        raise ValueError(f"{quoted(value)} is not an e-mail address. Correct it, for example to name@firm.example.")
    return unicodedata.normalize("NFC", value)


def reference(value: str) -> str:
    """Reads what names another record: an id, an e-mail address or a matter number. Whether it exists is seen later."""
    return text_up_to(254)(value)


def boolean(value: str) -> bool:
    """Reads yes or no, in the ways offices and programs write it."""
    if value.casefold() in _YES:
        return True
    if value.casefold() in _NO:
        return False
    raise ValueError(f"{quoted(value)} is neither yes nor no. Write one of the two.")


def day(value: str) -> date:
    """Reads a date, only as year-month-day, since 03/04/2026 is two different days in two countries.

    Of a moment (ISO 8601) the day is read as it is written, whatever time and offset follow.
    """
    if not _DAY.fullmatch(value):
        if _COUNTED.fullmatch(value):
            raise ValueError(f"{quoted(value)} is how a spreadsheet counts days. Format the column as a date there.")
        if _TWO_DIGITS.fullmatch(value):
            raise ValueError(f"{quoted(value)} does not say which century it is in. Write the year with four digits.")
        raise ValueError(
            f"{quoted(value)} is not a date. Write year-month-day, for example 2026-03-31."
            " Where a program writes CSV with another order, directory.dates says which."
        )
    try:
        return datetime.fromisoformat(value.replace(",", ".").upper()).date()
    except ValueError as error:
        raise ValueError(f"{quoted(value)} is not a day of the calendar. Correct it.") from error


def colour(value: str) -> str:
    """Reads a colour as red, green and blue in hexadecimal, with or without the number sign."""
    digits = value.removeprefix("#").lower()
    if not re.fullmatch(r"[0-9a-f]{3}([0-9a-f]{3})?", digits):
        raise ValueError(f"{quoted(value)} is not a colour. Write six hexadecimal digits, for example #3b6ea5.")
    return "#" + ("".join(digit * 2 for digit in digits) if len(digits) == 3 else digits)


def localpart(value: str) -> str:
    """Reads a Matrix localpart."""
    if not LOCALPART.fullmatch(value):
        raise ValueError(
            f"{quoted(value)} cannot be part of a Matrix id. Use only the small letters a to z, digits and . _ = - / +,"
            " at most 100 of them."
        )
    return value


def status(value: str) -> MatterStatus:
    """Reads a matter's status; cancelled is read as deleted."""
    folded = value.casefold()
    try:
        return MatterStatus("deleted" if folded in {"cancelled", "canceled"} else folded)
    except ValueError as error:
        raise ValueError(
            f"{quoted(value)} is not a status. Write Open, Pending, Closed, Deleted or Cancelled."
        ) from error


def wall_kind(value: str) -> WallKind:
    """Reads the form of a wall."""
    try:
        return WallKind(value.casefold())
    except ValueError as error:
        raise ValueError(
            f"{quoted(value)} is not a form of wall. Write exclude (the people named must not see) or"
            " only (nobody else may see)."
        ) from error


ID = ValueType("id", identifier)
NAME = ValueType("text, up to 100 characters", text_up_to(100))
SHORT = ValueType("text, up to 10 characters", text_up_to(10))
LINE = ValueType("text, up to 250 characters", text_up_to(250))
NOTE = ValueType("text, up to 4000 characters", text_up_to(4000))
NAMES = ValueType("list of texts, up to 250 characters each", text_up_to(250), Shape.LIST)
EMAIL = ValueType("e-mail address", email)
YES_NO = ValueType("yes or no", boolean)
DATE = ValueType("date", day)
COLOUR = ValueType("colour", colour)
LOCALPART_NAME = ValueType("letters a to z, digits and . _ = - / +", localpart)
STATUS = ValueType("Open, Pending, Closed, Deleted or Cancelled", status)
WALL_KIND = ValueType("exclude or only", wall_kind)
CHANNEL_NAME = ValueType("text, up to 80 characters", clean_channel_name)
STAFF = ValueType("staff member", reference, refers=Refers.STAFF)
STAFF_LIST = ValueType("list of staff members", reference, Shape.LIST, Refers.STAFF)
PERSON = ValueType("staff member or group", reference, refers=Refers.PEOPLE)
PEOPLE = ValueType("list of staff members and groups", reference, Shape.LIST, Refers.PEOPLE)
MATTER = ValueType("matter", reference, refers=Refers.MATTER)
IDENTITIES = ValueType("pairs of provider and identity", text_up_to(250), Shape.PAIRS, parse_first=text_up_to(100))
ROLES = ValueType("pairs of role and contact", text_up_to(250), Shape.PAIRS, parse_first=text_up_to(100))
SIGNATURES = ValueType("pairs of staff member and date", day, Shape.PAIRS, Refers.STAFF, parse_first=reference)
