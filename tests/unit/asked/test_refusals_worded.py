"""Every refusal has its sentence, which takes just the facts that come with it and shows them as they are."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

import bridge
from bridge.refusal import NOT_THEIRS, CommandError, Fact, Kind, Refusal
from bridge.wording.markdown import notice
from bridge.wording.refusals import SENTENCES, Sentence, worded

HOSTILE = "<b>*x*</b> `[y](z)`"


def refused() -> Iterator[tuple[str, set[str]]]:
    """Kind and facts of each refusal in the code."""
    for path in Path(bridge.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        # The guard has refusals of its own.
        imported = any(isinstance(node, ast.ImportFrom) and node.module == "bridge.refusal" for node in ast.walk(tree))
        for node in ast.walk(tree) if imported else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refusal":
                kind = node.args[0]
                assert isinstance(kind, ast.Attribute), f"{path.name}:{node.lineno} names its kind where it refuses"
                yield kind.attr, {str(one.arg) for one in node.keywords}


def taken(sentence: Sentence) -> tuple[set[str], set[str]]:
    """The facts that a sentence needs, and those that it may have."""
    if isinstance(sentence, str):
        fields = {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}
        return fields, fields
    parameters = inspect.signature(sentence).parameters.values()
    return {one.name for one in parameters if one.default is one.empty}, {one.name for one in parameters}


def test_every_kind_has_its_sentence_and_is_refused_somewhere() -> None:
    assert set(SENTENCES) == set(Kind)
    assert {kind for kind, _ in refused()} == {kind.name for kind in Kind}


def test_a_sentence_takes_the_facts_that_come_with_its_kind() -> None:
    for name, facts in refused():
        needed, allowed = taken(SENTENCES[Kind[name]])
        assert needed <= facts <= allowed, name


@pytest.mark.parametrize("kind", Kind)
def test_facts_are_shown_as_they_are(kind: Kind) -> None:
    sentence = SENTENCES[kind]
    types = {} if isinstance(sentence, str) else inspect.get_annotations(sentence)
    facts: dict[str, Fact] = {}
    for name in taken(sentence)[1]:
        several = "tuple" in str(types.get(name))
        facts[name] = (HOSTILE, HOSTILE) if several else 7 if types.get(name) == "int" else HOSTILE
    shown = notice(worded(Refusal(kind, **facts))).get("formatted_body", "")
    assert "<em>" not in shown
    assert "<a " not in shown


def test_a_refusal_keeps_its_facts_out_of_its_text() -> None:
    assert str(Refusal(Kind.COMMAND_FOR_ADMINS, "O1", command="wall add")) == "command_for_admins (O1)"
    assert worded(Refusal(Kind.COMMAND_FOR_ADMINS, "O1", command="wall add")) == "`!wall add` is for firm admins."
    assert worded(CommandError("Which?")) == "Which?"
    assert Kind.COMMAND_FOR_ADMINS in NOT_THEIRS
