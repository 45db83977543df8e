"""What people typed into another system as the directory takes it: one value that is broken never stops the rest. Pure.

Whoever may edit a record there can write anything into it, and what a file is refused for, somebody at the firm can
correct. So text loses what no text here has, and a value that says nothing is none.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar

from bridge.directory.values import EMAIL, Cell, ValueType, boolean, read_cell
from bridge.firm.text.visible import says_something, shown

_NUMBER_LENGTH = 100
_Id = TypeVar("_Id", int, str)


def readable(value: Any, longest: int) -> str:
    """One line of text without what is not seen, cut to this many characters; empty where nothing of it is seen."""
    if not isinstance(value, str):
        return ""
    line = unicodedata.normalize("NFC", " ".join(shown(" ".join(value.split()), "").split()))
    cut = line[:longest].rstrip()
    return cut if says_something(cut) else ""


def if_read(value_type: ValueType, value: Any) -> str:
    """The text where it can be read as such a value, for example a date; else empty."""
    text = " ".join(value.split()) if isinstance(value, str) else ""
    try:
        return text if text and read_cell(value_type, Cell(0, text)) else ""
    except ValueError:
        # There it can be corrected; until then it says nothing here.
        return ""


def addresses(people: Iterable[tuple[_Id, Any, bool]]) -> dict[_Id, str]:
    """The e-mail addresses, by id, of those who have one that can be read.

    `people` are ids, addresses, and whether they work here. An address is one person's: of several the one who works
    here has it, and of those the one with the lowest id.
    """
    found: dict[str, tuple[_Id, str]] = {}
    for one, written, _ in sorted(people, key=lambda person: (not person[2], person[0])):
        if same := same_address(written):
            found.setdefault(same, (one, if_read(EMAIL, written)))
    return dict(found.values())


def same_address(written: Any) -> str:
    """What is the same for all spellings of an e-mail address; empty where it cannot be read."""
    address = if_read(EMAIL, written)
    return str(read_cell(EMAIL, Cell(0, address))).casefold() if address else ""


def unaddressed(people: Iterable[tuple[_Id, Any, bool]]) -> list[str]:
    """The addresses of those of the same people who work here and are nobody, since theirs is none or another's."""
    written = list(people)
    have = addresses(written)
    return [str(address) for one, address, here in written if here and address and one not in have]


def told_apart(numbers: Mapping[_Id, str], called: str, ids: Mapping[str, _Id]) -> dict[_Id, str]:
    """The numbers of matters, by id, each with its id where another has the same: firms number matters by hand.

    So does one that looks as if it had an id, since the other matter may have got just that, and one that is the id of
    another. `called` is the system, `ids` are those of matters in the directory, with their own.
    """
    count = Counter(number.casefold() for number in numbers.values())
    folded_ids = {written.casefold(): one for written, one in ids.items()}

    def own(one: _Id, number: str) -> str:
        with_id, folded = f" ({called} {one})", number.casefold()
        is_id = folded_ids.get(folded, one) != one
        if count[folded] == 1 and f"({called} ".casefold() not in folded and not is_id:
            return number
        return number[: _NUMBER_LENGTH - len(with_id)].rstrip() + with_id

    return {one: own(one, number) for one, number in numbers.items()}


def flag(value: Any, default: bool) -> str:
    """Yes or no; of something else its text, which cannot be read as either. What is not there is the default."""
    value = default if value is None else value
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)[:_NUMBER_LENGTH] or "nothing"


def truth(value: Any) -> bool | None:
    """Yes or no, if only as text or as a number; None for what is neither."""
    try:
        return None if value is None else boolean(flag(value, default=False).strip())
    except ValueError:
        # Whoever asks says what holds then.
        return None


def in_circles(inside: Mapping[str, Collection[str]]) -> set[str]:
    """The groups that contain themselves, by whatever way: a group in a circle would stop the whole directory."""
    return {one for one in inside if _reaches_itself(one, inside)}


def _reaches_itself(group_id: str, inside: Mapping[str, Collection[str]]) -> bool:
    seen: set[str] = set()
    waiting = [group_id]
    while waiting:
        for one in inside.get(waiting.pop(), ()):
            if one == group_id:
                return True
            if one in inside and one not in seen:
                seen.add(one)
                waiting.append(one)
    return False
