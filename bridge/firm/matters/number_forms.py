"""What begins as a matter's number does, whether there is such a matter or not. Pure.

A name that begins so is taken for that matter's in a client's list. Only matters that somebody sees say what numbers
look like, and the digits do not matter, so what is found tells nobody of any other matter (M3).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from bridge.firm.model import Firm, Matter
from bridge.firm.names import plain

_PARTS = re.compile(r"\d+|[^\W\d_]+")
_BETWEEN = 3
"""Characters, such as a hyphen with blanks, that stand at most between two parts of a number."""
_MOST_PARTS = 12
_FEWEST_DIGITS = 5
"""Of a number without letters. Titles begin with shorter ones that are none of a matter: "2 witnesses", a year."""
_FEWEST_BEHIND_A_LETTER = 3
"""Digits of a number with a single letter: "A40 crash", "B2 visa"."""
_YEARS = range(1800, 2200)
Parts = tuple[str, ...]
Form = tuple[str, ...]
"""Letters as they are, and for each row of digits how many there are."""


def begins_as_a_number(firm: Firm, text: str, is_seen: Callable[[Matter], bool], own: str = "") -> bool:
    """Whether a text begins as the number of a matter does that `is_seen` says yes to, and not with the number `own`.

    Of two such numbers the longer one counts. Kinds of hyphens, blanks and case do not matter.
    """
    forms, parts, matters = firm.matters_under(forms_of), tuple(_first_parts(text)), firm.matters
    for count in range(len(parts), 0, -1):
        begun, like = parts[:count], forms.get(" ".join(_form(parts[:count])), ())
        if any(is_seen(matters[one]) for one in like if not _are_years(begun) or _parts_of(matters[one]) == begun):
            return begun != tuple(_first_parts(own))
    return False


def forms_of(matter: Matter) -> Sequence[str]:
    """How the matter's number looks; nothing where it looks like much else."""
    parts = _parts_of(matter)
    return (" ".join(_form(parts)),) if _tells(parts) else ()


def numbers_in_parts(matter: Matter) -> Sequence[str]:
    """The matter's number `in_parts`; nothing where that looks like much else."""
    return (in_parts(matter.number),) if _tells(tuple(_PARTS.findall(plain(matter.number)))) else ()


def in_parts(number: str) -> str:
    """A number without regard to what stands between its letters and digits."""
    return " ".join(_PARTS.findall(plain(number)))


def _tells(parts: Parts) -> bool:
    digits = sum(len(part) for part in parts if part.isdecimal())
    letters = sum(len(part) for part in parts if not part.isdecimal())
    return digits >= (_FEWEST_DIGITS, _FEWEST_BEHIND_A_LETTER, 1)[min(letters, 2)]


def _are_years(parts: Parts) -> bool:
    """Whether they are from one year to another, with which titles begin: "2024-2025 accounts"."""
    return len(parts) == 2 and all(len(part) == 4 and part.isdecimal() and int(part) in _YEARS for part in parts)


def _parts_of(matter: Matter) -> Parts:
    return tuple(_first_parts(matter.number))


def _first_parts(text: str) -> Iterator[str]:
    """The rows of letters and of digits at the beginning of a text, up to the first wide gap between them."""
    end = None
    for part in islice(_PARTS.finditer(plain(text)), _MOST_PARTS):
        if end is not None and part.start() - end > _BETWEEN:
            return
        yield part[0]
        end = part.end()


def _form(parts: Parts) -> Form:
    return tuple(f"#{len(part)}" if part.isdecimal() else part for part in parts)
