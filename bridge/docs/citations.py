"""Who names which rule of the firm: the functions that keep it and the tests that prove it, found in the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bridge.firm.rules import RULES, Proof

_FAMILIES = "".join(sorted({rule[0] for rule in RULES}))
NAMED = re.compile(rf"(?<![A-Za-z0-9])(?!A4)[{_FAMILIES}][1-9](?![A-Za-z0-9])")
"""The number of a rule, one that exists or not, in prose, in code or in the name of a test; A4 is paper."""

_FOLDERS = {
    Proof.UNIT: "tests/unit",
    Proof.COMPONENT: "tests/component",
    Proof.SYNAPSE: "tests/synapse",
    Proof.ATTACK: "tests/synapse/attacks",
}


@dataclass(frozen=True, slots=True, order=True)
class Citation:
    """That a rule is named somewhere."""

    rule: str
    """As it is written; not necessarily one that exists."""
    file: str
    """Below the root of the repository."""
    name: str
    """The function or class around it; empty for the module's own."""


@cache
def kept_by(root: Path) -> frozenset[Citation]:
    """Where the bridge names rules, but for the pages made from it and the rules themselves."""
    own = root / "bridge" / "firm" / "rules.py"
    files = (file for file in (root / "bridge").rglob("*.py") if file.parts[-2] != "docs" and file != own)
    return frozenset(one for file in files for one in _in_file(root, file))


@cache
def proven_by(root: Path, kind: Proof) -> frozenset[Citation]:
    """Tests of a kind that name rules, in their name or text; of attacks, the tables in which each has its rule."""
    folder = root / _FOLDERS[kind]
    found = (one for file in folder.rglob("*.py") for one in _in_file(root, file))
    return frozenset(one for one in found if kind is Proof.ATTACK or one.name.startswith("test_"))


def _in_file(root: Path, file: Path) -> Iterator[Citation]:
    text = file.read_text(encoding="utf-8")
    named = [(number, rule) for number, line in enumerate(text.splitlines(), start=1) for rule in NAMED.findall(line)]
    spans = list(_spans(ast.parse(text))) if named else []
    for number, rule in named:
        # The outermost function or class but for a class's methods, so that a name can be searched for.
        around = next((name for first, last, name in spans if first <= number <= last), "")
        yield Citation(rule, str(file.relative_to(root)), around)


def _spans(module: ast.Module) -> Iterator[tuple[int, int, str]]:
    """First line, last line and name of functions, methods before their class."""
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            yield from ((first, last, f"{node.name}.{name}") for first, last, name in _functions(node.body))
            yield node.lineno, node.end_lineno or node.lineno, node.name
    yield from _functions(module.body)


def _functions(body: list[ast.stmt]) -> Iterator[tuple[int, int, str]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.end_lineno or node.lineno, node.name
