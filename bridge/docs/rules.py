"""docs/rules.md: each rule of the firm, the code that keeps it and the tests that prove it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
        files = sorted({one.file for one in proven_by(root, kind) if one.rule == number})
        if files:
            yield f"- {shown}"
            yield from (f"    - `{file}`" for file in files)


def _by_file(citations: Iterable[Citation]) -> Iterator[str]:
    for file, there in groupby(sorted(citations), key=lambda one: one.file):
        names = ", ".join(f"`{one.name}`" for one in there if one.name)
        yield f"    - `{file}`" + (f": {names}" if names else "")
