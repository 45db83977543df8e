"""What the guard tells of something it refused, and how it counts what is tried again and again. Pure.

Who, what kind of thing, on what, by which rule and when. Never what anybody wrote, nor a name that they gave.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from bridge.firm.audit import BY_GUARD, Deed
from bridge.firm.rules import CitedRule
from bridge.guard.gate import MEMBER, Change, Denial, Mark

WINDOW_MS = 60_000
"""How long a repetition is only counted, at first; each window with one is followed by another, twice as long."""
LONGEST_WINDOW_MS = 3_600_000
DIFFERENT = 50
"""Different things of one person that are told one by one at a time. The others are told as others."""
AT_ONCE = 5_000
"""Things that are counted at a time. Beyond it, it is no longer told apart who does them."""
OTHERS = "others"
_LONGEST = 255
_MEMBERSHIPS = {
    "join": Deed.TRIED_TO_JOIN,
    "knock": Deed.TRIED_TO_KNOCK,
    "invite": Deed.TRIED_TO_INVITE,
    "ban": Deed.TRIED_TO_BAN,
    "leave": Deed.TRIED_TO_BAN,
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was refused. Two that are equal are the same thing tried again."""

    deed: Deed
    who: str = ""
    """The Matrix id; empty where nobody can tell."""
    on: str = ""
    """The key of the firm's room, or the id of a room that is none; empty where it is about no room."""
    person: str = ""
    """The Matrix id of whom it would have concerned, where that is somebody else."""
    rule: str = ""
    """A CitedRule, or whatever a guard of another version wrote."""
    what: str = ""
    """The type of the state that was to be changed; `others` for what is not told one by one."""


@dataclass(frozen=True, slots=True)
class Told:
    """An attempt as it is told: the first time at once, and later how often it was repeated."""

    attempt: Attempt
    first_ms: int
    last_ms: int
    """Milliseconds since the epoch."""
    count: int = 1
    again: bool = False
    """Whether these are repetitions of one that was told."""


def attempt_of(change: Change, mark: Mark | None, room_id: str, refusal: Denial) -> Attempt:
    """What somebody tried in a room."""
    on = _place(mark, room_id)
    if change.event_type != MEMBER:
        return attempt(Deed.TRIED_TO_CHANGE_ROOM, change.sender, refusal.rule, on=on, what=change.event_type)
    deed = _MEMBERSHIPS.get(change.membership, Deed.TRIED_TO_JOIN)
    return attempt(deed, change.sender, refusal.rule, on=on, person=change.state_key)


def attempt_to_write(who: str, mark: Mark | None, room_id: str, refusal: Denial) -> Attempt:
    """That somebody tried to write, react, delete or pin. Which of these is not told: its name comes from a client."""
    return attempt(Deed.TRIED_TO_WRITE, who, refusal.rule, on=_place(mark, room_id))


def attempt_to_delete(who: str, mark: Mark | None, room_id: str, refusal: Denial) -> Attempt:
    """That somebody tried to delete what is under legal hold."""
    return attempt(Deed.TRIED_TO_DELETE, who, refusal.rule, on=_place(mark, room_id))


def attempt_to_send(who: str, mark: Mark | None, room_id: str, refusal: Denial) -> Attempt:
    """That somebody tried to send a file that the firm's rules forbid, or in a form that is not listed (V3, V4)."""
    return attempt(Deed.TRIED_TO_SEND_FILE, who, refusal.rule, on=_place(mark, room_id))


def attempt_to_encrypt(who: str, mark: Mark | None, room_id: str, refusal: Denial) -> Attempt:
    """That somebody tried to send what the firm could not read (V3)."""
    return attempt(Deed.TRIED_TO_ENCRYPT, who, refusal.rule, on=_place(mark, room_id))


def attempt(deed: Deed, who: str, rule: CitedRule, *, on: str = "", person: str = "", what: str = "") -> Attempt:
    """An attempt, its ids cut and cleaned: they come from clients."""
    return Attempt(deed, _clean(who), _clean(on), _clean("" if person == who else person), rule, what)


def told_as_json(told: Told) -> dict[str, Any]:
    """What is written and handed over."""
    data = asdict(told)
    return {**data.pop("attempt"), **data}


def told_from_json(data: Mapping[str, Any]) -> Told:
    """The same read again; fields of others are passed over. Raises KeyError, TypeError or ValueError."""
    texts = {field.name: data[field.name] for field in fields(Attempt)}
    numbers = (data["first_ms"], data["last_ms"], data["count"])
    if not all(isinstance(text, str) for text in texts.values()) or not isinstance(data["again"], bool):
        raise TypeError("What is told of a refusal is text.")
    if any(type(number) is not int or not 0 <= number < 2**63 for number in numbers):
        raise ValueError("Times and counts are numbers.")
    deed = Deed(texts.pop("deed"))
    if deed not in BY_GUARD | {Deed.REFUSALS_MISSING}:
        raise ValueError(f"The guard does not refuse {deed}.")
    return Told(Attempt(deed, **texts), *numbers, again=data["again"])


@dataclass(slots=True)
class _Open:
    first_ms: int
    last_ms: int
    count: int
    until_ms: int
    window_ms: int


class Repeats:
    """Counts what is tried again and again, so that a client that tries ten thousand times is told of a few times."""

    def __init__(self) -> None:
        self._open: dict[Attempt, _Open] = {}
        self._by_person: Counter[str] = Counter()

    def note(self, tried: Attempt, now_ms: int) -> Told | None:
        """What to tell at once of an attempt; None where it is only counted."""
        found = self._open.get(tried)
        if found is None:
            tried = self._listed(tried)
            found = self._open.get(tried)
        if found is None:
            self._open[tried] = _Open(now_ms, now_ms, 0, now_ms + WINDOW_MS, WINDOW_MS)
            self._by_person[tried.who] += 1
            return Told(tried, now_ms, now_ms)
        if not found.count:
            found.first_ms = now_ms
        found.count, found.last_ms = found.count + 1, max(now_ms, found.first_ms)
        return None

    def due(self, now_ms: int, *, all_of_them: bool = False) -> list[Told]:
        """The repetitions whose window is over, or all that were counted."""
        told = []
        for tried, found in list(self._open.items()):
            # A clock that was put back ends no window for years; one from the future is as good as over.
            if not all_of_them and now_ms < found.until_ms <= now_ms + LONGEST_WINDOW_MS:
                continue
            if found.count:
                told.append(Told(tried, found.first_ms, found.last_ms, found.count, again=True))
                found.window_ms = min(found.window_ms * 2, LONGEST_WINDOW_MS)
                found.count, found.until_ms = 0, now_ms + found.window_ms
            else:
                del self._open[tried]
                self._by_person[tried.who] -= 1
                if not self._by_person[tried.who]:
                    del self._by_person[tried.who]
        return told

    def _listed(self, tried: Attempt) -> Attempt:
        """As what it is told: itself, or one of others."""
        if len(self._open) >= AT_ONCE:
            return Attempt(tried.deed, rule=tried.rule, what=OTHERS)
        if self._by_person[tried.who] >= DIFFERENT:
            return replace(tried, on="", person="", what=OTHERS)
        return tried


def _place(mark: Mark | None, room_id: str) -> str:
    return mark.key if mark is not None else room_id


def _clean(text: str) -> str:
    """Without what disturbs a list or a terminal. Signs that are newer than Python's tables are let through."""
    return "".join(char if _is_shown(char) else "\N{REPLACEMENT CHARACTER}" for char in text[:_LONGEST])


def _is_shown(char: str) -> bool:
    return char.isprintable() or unicodedata.category(char) == "Cn"
