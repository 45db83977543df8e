"""A matcher of regular expressions that counts its steps: it tries what `re` tries, in the same order, over the tree
that `re` reads from a pattern. So how the steps grow with a text can be told without measuring time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from re import _constants as sre
from re import _parser
from typing import Any

Nodes = list[tuple[Any, Any]]
After = Callable[[int], bool]
_CATEGORIES = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
}
_REPEATS = {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}
UNIVERSE = "".join(map(chr, range(0x250))) + "“”„’‘…‐–—\u200b\u200d\u2028\u3000\ufdd0\ufdd1\ufdd2\ufdd3\ufffdабв王🙂"
"""Characters of every sort that a pattern of the package tells from others."""


class Gone(Exception):
    """The matcher took more steps than it may."""


@dataclass
class Stepper:
    """One pattern, matched as a whole, from the beginning, or everywhere, counting steps."""

    pattern: str
    flags: int = 0
    steps: int = 0
    limit: int = 10**9
    _known: dict[tuple[int, str], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._tree = _parser.parse(self.pattern, self.flags)
        self._flags = self._tree.state.flags

    def everywhere(self, text: str) -> list[tuple[int, int]]:
        """All matches, as `re.finditer` finds them."""
        found, start = [], 0
        while start <= len(text):
            end = self.match(text, start)
            if end is None:
                start += 1
                continue
            found.append((start, end))
            start = end if end > start else end + 1
        return found

    def match(self, text: str, start: int = 0, *, whole: bool = False) -> int | None:
        """Where the match that begins there ends."""
        ends: list[int] = []

        def done(at: int) -> bool:
            if whole and at != len(text):
                return False
            ends.append(at)
            return True

        return ends[0] if self._sequence(list(self._tree), 0, text, start, done) else None

    def _step(self) -> None:
        self.steps += 1
        if self.steps > self.limit:
            raise Gone

    def _sequence(self, nodes: Nodes, index: int, text: str, at: int, after: After) -> bool:
        while index < len(nodes) and _is_single(nodes[index]):
            self._step()
            if at >= len(text) or not self.takes(nodes[index], text[at]):
                return False
            index, at = index + 1, at + 1
        if index == len(nodes):
            return after(at)
        self._step()
        operation, value = nodes[index]

        def rest(place: int) -> bool:
            return self._sequence(nodes, index + 1, text, place, after)

        return self._operation(operation, value, text, at, rest)

    def _operation(self, operation: Any, value: Any, text: str, at: int, rest: After) -> bool:
        if operation is sre.AT:
            return _is_at(value, text, at, bool(self._flags & re.MULTILINE)) and rest(at)
        if operation is sre.SUBPATTERN:
            return self._sequence(list(value[3]), 0, text, at, rest)
        if operation is sre.BRANCH:
            return any(self._sequence(list(one), 0, text, at, rest) for one in value[1])
        if operation in {sre.ASSERT, sre.ASSERT_NOT}:
            direction, inner = value
            start = at if direction > 0 else at - inner.getwidth()[0]
            held = start >= 0 and self._sequence(list(inner), 0, text, start, lambda _: True)
            return held is (operation is sre.ASSERT) and rest(at)
        if operation is sre.ATOMIC_GROUP:
            end = self._alone(list(value), text, at)
            return end is not None and rest(end)
        if operation in _REPEATS:
            return self._repeat(operation, value, text, at, rest)
        raise NotImplementedError(f"{operation} in {self.pattern}")

    def _alone(self, nodes: Nodes, text: str, at: int) -> int | None:
        ends: list[int] = []
        return ends[0] if self._sequence(nodes, 0, text, at, lambda end: not ends.append(end)) else None  # type: ignore[func-returns-value]

    def _repeat(self, operation: Any, value: Any, text: str, at: int, rest: After) -> bool:
        low, high, inner = value
        nodes = list(inner)
        most = len(text) if high is sre.MAXREPEAT else int(high)
        if len(nodes) == 1 and _is_single(nodes[0]) and operation is not sre.MIN_REPEAT:
            end = at
            while end < len(text) and end - at < most and self.takes(nodes[0], text[end]):
                self._step()
                end += 1
            if operation is sre.POSSESSIVE_REPEAT:
                return end - at >= low and rest(end)
            return any(rest(place) for place in range(end, at + low - 1, -1))
        if operation is sre.POSSESSIVE_REPEAT:
            count = 0
            while count < most and (end_ := self._alone(nodes, text, at)) is not None and (end_ > at or count < low):
                at, count = end_, count + 1
            return count >= low and rest(at)
        return self._again(operation is sre.MIN_REPEAT, (low, most), nodes, text, at, rest)

    def _again(self, lazy: bool, bounds: tuple[int, int], nodes: Nodes, text: str, at: int, rest: After) -> bool:
        low, most = bounds

        def more() -> bool:
            if most <= 0:
                return False
            fewer = (max(0, low - 1), most - 1)
            return self._sequence(
                nodes,
                0,
                text,
                at,
                lambda end: (end > at or low > 0) and self._again(lazy, fewer, nodes, text, end, rest),
            )

        if low > 0:
            return more()
        return (rest(at) or more()) if lazy else (more() or rest(at))

    def takes(self, node: tuple[Any, Any], character: str) -> bool:
        """Whether a part of the pattern that stands for one character stands for this one."""
        key = (id(node[1]) if node[0] is sre.IN else hash(node), character)
        if key not in self._known:
            forms = {character}
            if self._flags & re.IGNORECASE:
                forms |= {one for one in (character.lower(), character.upper()) if len(one) == 1}
            self._known[key] = any(self._is(node, one) for one in forms)
        return self._known[key]

    def _is(self, node: tuple[Any, Any], character: str) -> bool:
        operation, value = node
        if operation is sre.ANY:
            return character != "\n" or bool(self._flags & re.DOTALL)
        if operation is sre.LITERAL:
            return ord(character) == int(value)
        if operation is sre.NOT_LITERAL:
            return ord(character) != int(value)
        if operation is sre.RANGE:
            return bool(value[0] <= ord(character) <= value[1])
        if operation is sre.CATEGORY:
            return re.match(_CATEGORIES[value], character) is not None
        negated = value[0][0] is sre.NEGATE
        return any(self._is(one, character) for one in value[negated:]) is not negated

    # What a pattern can tell apart
    def singles(self) -> list[tuple[Any, Any]]:
        """Its parts that stand for one character."""
        return [node for node in _walk(self._tree) if _is_single(node)]

    def beginnings(self) -> list[str]:
        """Texts that take it to each of its parts, the shortest for each."""
        found = {""}
        self._begin(list(self._tree), {""}, found)
        return sorted(found, key=lambda one: (len(one), one))[:40]

    def _begin(self, nodes: Nodes, before: set[str], found: set[str]) -> set[str]:
        """The ends of what comes before these nodes and of them, adding to what was found on the way."""
        for operation, value in nodes:
            if _is_single((operation, value)):
                before = {one + self._some((operation, value)) for one in before}
            elif operation is sre.SUBPATTERN:
                before = self._begin(list(value[3]), before, found)
            elif operation is sre.ATOMIC_GROUP:
                before = self._begin(list(value), before, found)
            elif operation is sre.BRANCH:
                before = {end for one in value[1] for end in self._begin(list(one), before, found)}
            elif operation in _REPEATS:
                once = self._begin(list(value[2]), before, found)
                before = once | (set() if value[0] else before)
            before = set(sorted(before, key=len)[:6])
            found |= before
        return before

    def _some(self, node: tuple[Any, Any]) -> str:
        return next((one for one in "aA0<!@ \n" + UNIVERSE if self.takes(node, one)), "\0")

    def told_apart(self) -> list[str]:
        """A character for every way in which the pattern can take one."""
        found: dict[tuple[bool, ...], str] = {}
        singles = self.singles()
        for character in "a0 <!@" + UNIVERSE:
            boundary = character.isalnum() or character == "_"
            found.setdefault((boundary, *(self.takes(one, character) for one in singles)), character)
        return list(found.values())


def _is_single(node: tuple[Any, Any]) -> bool:
    return node[0] in {sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN}


def _walk(nodes: Any) -> Iterator[tuple[Any, Any]]:
    for operation, value in nodes:
        yield (operation, value)
        if operation is sre.SUBPATTERN:
            inside = [value[3]]
        elif operation is sre.BRANCH or operation in {sre.ASSERT, sre.ASSERT_NOT}:
            inside = list(value[1]) if operation is sre.BRANCH else [value[1]]
        elif operation in _REPEATS:
            inside = [value[2]]
        else:
            inside = [value] if operation is sre.ATOMIC_GROUP else []
        for one in inside:
            yield from _walk(one)


def _is_at(where: Any, text: str, at: int, in_lines: bool) -> bool:
    if where in {sre.AT_BEGINNING, sre.AT_BEGINNING_STRING}:
        return at == 0 or (in_lines and where is sre.AT_BEGINNING and text[at - 1] == "\n")
    if where is sre.AT_END_STRING:
        return at == len(text)
    if where is sre.AT_END:
        return text[at:] in {"", "\n"} or (in_lines and text[at] == "\n")
    before, behind = (bool(re.match(r"\w", one)) for one in (text[at - 1 : at] if at else "", text[at : at + 1]))
    return (before is not behind) is (where is sre.AT_BOUNDARY)
