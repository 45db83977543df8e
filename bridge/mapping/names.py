"""What rooms are called, how they stand in a list, and titles read back from names. Pure.

A client's list shows some 25 letters, so what tells one conversation from the others stands first.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from anyascii import anyascii

from bridge.firm.model import Matter
from bridge.firm.text.directions import apart

_BETWEEN = " · "
_MOST_NAMED = 8
_ORDER_MAX = 50
"""Characters (specification: m.space.child)."""


def matter_name(matter: Matter) -> str:
    """A matter as people know it: number and title."""
    return numbered_name(matter.number, matter.title)


def numbered_name(number: str, title: str) -> str:
    """A matter's number and title in one line. It may be without a title; a source has it so."""
    return " ".join(filter(None, (number, title)))


def matter_said(matter: Matter) -> str:
    """The same in a sentence."""
    return numbered_name(apart(matter.number), apart(matter.title))


def conversation_said(matter: Matter, title: str) -> str:
    """A matter's conversation in a sentence."""
    return f"{apart(title)}{_BETWEEN}{matter_said(matter)}"


def conversation_name(matter: Matter, title: str, first_title: str = "") -> str:
    """A matter's conversation as people know it: its title, then the matter; the first one by the matter's name.

    `first_title` is the title that a matter's first conversation has until somebody gives it another; without it the
    title of that one stands in its name, too.
    """
    return matter_name(matter) if title == first_title else f"{title}{_BETWEEN}{matter_name(matter)}"


def title_in(name: str, matter: Matter | None, first_title: str) -> str:
    """The title of a matter's conversation, from the name of its room, also where the matter was called otherwise then.

    Earlier versions put the matter first.
    """
    if matter is None:
        return name.partition(_BETWEEN)[0]
    called = matter_name(matter)
    if name == called:
        return first_title
    if name.startswith(f"{called}{_BETWEEN}"):
        return name.removeprefix(f"{called}{_BETWEEN}")
    if name.endswith(f"{_BETWEEN}{called}"):
        return name.removesuffix(f"{_BETWEEN}{called}")
    title, between, called_then = name.rpartition(f"{_BETWEEN}{matter.number}")
    if between and called_then[:1] in {"", " "}:
        return title
    return name.rpartition(_BETWEEN)[2] if _BETWEEN in name else first_title


def direct_name(called: Mapping[str, str], present: Collection[str]) -> str:
    """What a direct conversation is called where clients, which name it after those who are in it, would be wrong (D3).

    `called` are the display names, by user id, of everybody whose conversation it is, and `present` the user ids of
    those in it. Empty where that is everybody, and clients are right, and where nobody is there to see it. A name is
    the same for all who see it, so whoever is there alone sees those they were with, and several see everybody.
    """
    gone = called.keys() - present
    if not gone or len(gone) == len(called):
        return ""
    those = gone if len(called) - len(gone) == 1 else called
    shown = sorted(called[one] for one in those)
    more = len(shown) - _MOST_NAMED
    return ", ".join(shown[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def place_in_list(name: str, *, first: bool = False, last: bool = False) -> str:
    """Where a name stands among others, by letters and numbers, as the `order` of m.space.child.

    That may have printable ASCII only, and clients compare it character by character.
    """
    counted = re.sub(r"\d{1,8}", lambda digits: digits[0].zfill(8), name.casefold())
    plain = "".join(one for one in anyascii(counted).casefold() if " " <= one <= "~")
    return (" " if first else "~" if last else "") + plain[: _ORDER_MAX - 1]
