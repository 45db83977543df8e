"""Each word once: in the glossary, and as the name of a class."""

from __future__ import annotations

import ast
import re
from collections import defaultdict

from bridge.docs.pages import ROOT

ROWS = ROOT / "bridge" / "store" / "models"


def test_no_two_classes_have_one_name() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for file in sorted((ROOT / "bridge").rglob("*.py")):
        # A migration has the tables as they were then.
        if ROWS in file.parents or "migrations" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(f"{file.relative_to(ROOT)}:{node.lineno}")
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_each_word_is_in_the_glossary_once_and_its_module_is_there() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    words = [
        word
        for line in re.findall(r"^\| ([^|]+) \| ", page, re.MULTILINE)
        for word in line.removeprefix("the ").split(", ")
        if word != "Word"
    ]
    assert len(words) == len(set(words))
    modules = re.findall(r"`(bridge/[^`]+)`", page)
    assert len(modules) > 30
    assert [module for module in modules if not (ROOT / module).exists()] == []
