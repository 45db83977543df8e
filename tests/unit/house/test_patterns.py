"""No pattern of the package takes more steps than in proportion to the text, whatever the text holds.

A message has up to 64 KiB and is looked at on the event loop, so a pattern that takes the square of that holds up
everybody. Every pattern is found in the source, so that a new one cannot be left out.
"""

from __future__ import annotations

import ast
import importlib.util
import itertools
import pkgutil
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bridge
from bridge.mapping.addressing import bot_called
from tests.unit.house.stepping import Gone, Stepper

SHORT, LONG = 40, 160
STEPS_A_CHARACTER = 24
"""That a pattern may take; a long alternation takes one for each of its first letters."""
MOST = 100_000
"""Steps with a short text; only what grows by powers takes more."""
BIG = 64 * 1024
_ANCHORED = {"match": "match", "fullmatch": "fullmatch"}
_METHODS = {"match", "fullmatch", "search", "finditer", "findall", "sub", "subn", "split"}


@dataclass(frozen=True)
class Found:
    """A pattern, and how it is used: "match", "fullmatch", or "search" for everything that looks everywhere."""

    where: str
    pattern: str
    flags: int
    use: str


# Patterns that are made of what only a running bridge knows, by the function that makes them.
MADE = {
    "bridge.mapping.addressing": [
        Found(f"addressing._called {mentioned}", made.pattern, made.flags, "match")
        for mentioned in (True, False)
        for made in (bot_called("@bot:localhost", "Firm Bot", mentioned=mentioned),)
    ]
}


def modules() -> Iterator[tuple[str, dict[str, Any], ast.Module]]:
    """The name, the names in it and the source of every module of the package."""
    for info in pkgutil.walk_packages(bridge.__path__, "bridge."):
        if info.name.endswith("__main__"):
            # It runs when it is imported, and is three lines.
            continue
        spec = importlib.util.find_spec(info.name)
        assert spec is not None
        assert spec.origin is not None
        try:
            inside = dict(vars(importlib.import_module(info.name)))
        except ModuleNotFoundError as error:
            # Of the guard's parts that are imported in Synapse only; their patterns are made of nothing else.
            assert error.name == "synapse"
            inside = {"re": re}
        yield info.name, inside, ast.parse(Path(spec.origin).read_text(encoding="utf-8"))


def uses(tree: ast.Module) -> dict[str, set[str]]:
    """By the name of a compiled pattern, the methods that a module calls on it."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and node.attr in _METHODS
            and isinstance(node.value, ast.Name | ast.Attribute)
        ):
            name = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
            found.setdefault(name, set()).add(node.attr)
    return found


def patterns() -> Iterator[Found]:
    read = list(modules())
    used = {name: uses(tree) for name, _, tree in read}
    importing = {
        (node.module, other) for other, _, tree in read for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
    }
    for name, inside, tree in read:
        others = [used[other] for imported, other in importing if imported == name]
        names: dict[int, str] = {
            id(node.value): target.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        assert ("re", name) not in importing, f"{name}: name re.compile in full"
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "re"):
                continue
            if node.func.attr not in {"compile", *_METHODS}:
                continue
            methods = {node.func.attr}
            if node.func.attr == "compile":
                called = names.get(id(node), "")
                methods = set().union(*(one.get(called, set()) for one in (used[name], *others)))
            yield from read_call(name, inside, node, methods)


def read_call(module: str, inside: dict[str, Any], node: ast.Call, methods: set[str]) -> Iterator[Found]:
    where = f"{module}:{node.lineno}"
    place = {"sub": 4, "subn": 4, "split": 3, "compile": 1}.get(node.func.attr, 2)  # type: ignore[attr-defined]
    given = [keyword.value for keyword in node.keywords if keyword.arg == "flags"] or node.args[place : place + 1]
    try:
        pattern, flags = (value_of(inside, one) for one in (node.args[0], given[0] if given else ast.Constant(0)))
    except NameError:
        assert module in MADE, f"{where}: tell in MADE what patterns it makes"
        yield from MADE[module]
        return
    use = (
        "search" if methods - _ANCHORED.keys() or not methods else "fullmatch" if methods == {"fullmatch"} else "match"
    )
    if isinstance(pattern, bytes):
        # A byte is as good as the character with its number.
        pattern, flags = pattern.decode("latin-1"), flags | re.ASCII
    yield Found(where, pattern, int(flags), use)


def value_of(inside: dict[str, Any], node: ast.expr) -> Any:
    return eval(ast.unparse(node), inside)


ALL = sorted(set(patterns()), key=lambda one: one.where)


def texts(stepper: Stepper, length: int) -> Iterator[str]:
    """Each character that the pattern tells from others and each pair of them again and again, behind each of its
    beginnings, and with something at the end that it may not take."""
    told = stepper.told_apart()
    pieces = [*told, *map("".join, itertools.permutations(told[:7], 2))]
    for beginning, piece in itertools.product(stepper.beginnings()[:8], pieces):
        yield beginning + piece * (length // len(piece)) + "\0"
    # A beginning that comes again and again begins a match everywhere.
    for beginning in stepper.beginnings():
        if beginning:
            yield beginning * (length // len(beginning))


def steps_of(stepper: Stepper, use: str, text: str) -> int:
    stepper.steps = 0
    if use == "search":
        stepper.everywhere(text)
    else:
        stepper.match(text, whole=use == "fullmatch")
    return stepper.steps


def worst(found: Found) -> str:
    """A text for which the pattern takes more steps than it may; empty where there is none."""
    sys.setrecursionlimit(20_000)
    stepper = Stepper(found.pattern, found.flags)
    for short, long in zip(texts(stepper, SHORT), texts(stepper, LONG), strict=True):
        try:
            stepper.limit = MOST
            begun = steps_of(stepper, found.use, short)
            # Four times the text may take four times the steps. Twice that is left for what is the same for any length.
            stepper.limit = max(8 * begun, STEPS_A_CHARACTER * len(long))
            steps_of(stepper, found.use, long)
        except Gone:
            return long
    return ""


def test_every_pattern_is_found() -> None:
    assert len(ALL) > 70
    assert {"bridge.mapping.text", "bridge.commands.asking.people", "bridge.transcript.cleaning"} <= {
        one.where.partition(":")[0] for one in ALL
    }


@pytest.mark.parametrize("found", ALL, ids=lambda found: f"{found.where} {found.use}")
def test_steps_grow_with_the_text_and_no_faster(found: Found) -> None:
    assert worst(found) == ""


@pytest.mark.parametrize("found", ALL, ids=lambda found: f"{found.where} {found.use}")
def test_the_real_matcher_comes_to_an_end_with_the_longest_event(found: Found) -> None:
    # What takes steps by the square of the length would not end here before the test's time is over.
    compiled = re.compile(found.pattern, found.flags)
    stepper = Stepper(found.pattern, found.flags)
    for piece in stepper.told_apart():
        for beginning in [*stepper.beginnings()[-1:], ""]:
            text = (beginning + piece * BIG)[:BIG]
            if found.use == "search":
                assert sum(1 for _ in compiled.finditer(text)) >= 0
            else:
                getattr(compiled, found.use)(text)


OLD = [
    Found(
        "code, as it was looked for once",
        r"\s*(?:<mx-reply>.*?</mx-reply>)?\s*(?:<p>\s*)?<(?:pre|code)\b",
        re.IGNORECASE | re.DOTALL,
        "match",
    ),
    Found("tags, as they were", r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)([^<>]*)>", 0, "search"),
    Found("one in another", r"(?:a+)+b", 0, "match"),
    Found("two that take the same", r"a*a*b", 0, "match"),
    Found("looked for everywhere", r"\s+x", 0, "search"),
    Found("the beginning again and again", r"<a>.*</a>", 0, "search"),
]


@pytest.mark.parametrize("found", OLD, ids=lambda found: found.where)
def test_what_grows_faster_is_seen(found: Found) -> None:
    assert worst(found) != ""


@settings(deadline=None)
@given(st.sampled_from([*ALL, *OLD]), st.data())
def test_the_stepping_matcher_matches_as_re_does(found: Found, data: st.DataObject) -> None:
    stepper = Stepper(found.pattern, found.flags)
    alphabet = "".join(dict.fromkeys("".join([*stepper.told_apart(), *stepper.beginnings()])))
    text = data.draw(st.sampled_from(stepper.beginnings())) + data.draw(st.text(alphabet, max_size=12))
    compiled = re.compile(found.pattern, found.flags)
    matched, whole = compiled.match(text), compiled.fullmatch(text)
    assert stepper.match(text) == (matched.end() if matched else None)
    assert (stepper.match(text, whole=True) is None) == (whole is None)
    expected = [match.span() for match in compiled.finditer(text)]
    if all(start < end for start, end in expected):
        assert stepper.everywhere(text) == expected
