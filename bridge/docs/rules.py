"""docs/rules.md: each rule of the firm, the code that keeps it and the tests that prove it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from bridge.docs.citations import Citation, kept_by, proven_by
from bridge.firm.rules import RULES, Proof

_SHOWN = {
    Proof.UNIT: "Tests of pure functions",
    Proof.COMPONENT: "Tests on a simulated homeserver",
    Proof.SYNAPSE: "Tests on the real Synapse",
    Proof.ATTACK: "Attacks on the real Synapse",
}


def rule_parts(root: Path) -> Iterator[str]:
    """The page below its head."""
    yield (
        "These are the promises that everything else serves. Code names the rule it keeps in its docstring or its"
        " decision, a test in its name (`test_M3_…`) or its text: to find either, open the file and search it for the"
        " number. A test fails where a number is named that is not here, or where a rule has no test of a kind that it"
        " needs (`bridge/firm/rules.py`)."
    )
    for subject, rules in groupby(RULES.items(), key=lambda item: item[1].subject):
        yield f"## {subject}"
        for number, rule in rules:
            yield f"### {number}"
            yield rule.sentence
            yield "\n".join(_sources(root, number))


def _sources(root: Path, number: str) -> Iterator[str]:
    yield "- Kept by"
    yield from _by_file(one for one in kept_by(root) if one.rule == number)
    for kind, shown in _SHOWN.items():
        found = {one for one in proven_by(root, kind) if one.rule == number}
        if found:
            yield f"- {shown}"
            # Beside a test that has the rule in its name, those that only mention it would hide it.
            yield from _by_file(one if number in one.name else replace(one, name="") for one in found)


def _by_file(citations: Iterable[Citation]) -> Iterator[str]:
    """Where the firm itself decides comes first."""
    found = sorted(set(citations), key=lambda one: (not one.file.startswith("bridge/firm/"), one.file, one.name))
    for file, there in groupby(found, key=lambda one: one.file):
        names = ", ".join(f"`{one.name}`" for one in there if one.name)
        yield f"    - `{file}`" + (f": {names}" if names else "")
