"""Every rule that anything names exists, and every rule has a test of each kind that it needs."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from bridge.docs.citations import NAMED, kept_by, proven_by
from bridge.docs.pages import ROOT, rules_page
from bridge.firm.rules import RULES, FileRule, Proof, RuleId

HOW = "Declare it in bridge/firm/rules.py, or name the rule that is meant."
WRITTEN = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "synapse-dev").glob("*.md"),
    *(ROOT / "tests").rglob("*.py"),
]

# Outside of the tests below, which would count as proofs of these rules.
CODE = '''\
"""Module (F1)."""


class Gate:
    """Of C4."""

    def shut(self):
        return "M3"


def outer():
    def inner():
        return 1  # V4, not V41 or aV5
'''
IN_CODE = {("F1", ""), ("C4", "Gate"), ("M3", "Gate.shut"), ("V4", "outer")}
TESTS = '''\
"""About F1."""


def helper():
    return "F2"


def test_F3_D1_both():
    pass  # and M3
'''
IN_TESTS = {"F3", "D1", "M3"}


def test_the_type_and_the_table_have_the_same_rules() -> None:
    assert get_args(RuleId) == tuple(RULES)
    assert all(rule.partition(" ")[0] in RULES for rule in get_args(FileRule))


def test_every_rule_is_a_sentence_and_has_its_place_on_the_page() -> None:
    page = rules_page()
    for number, rule in RULES.items():
        assert NAMED.fullmatch(number)
        assert rule.sentence.endswith(".")
        assert rule.needs
        assert f"\n### {number}\n\n{rule.sentence}\n\n- " in page


def test_the_code_names_no_unknown_rule() -> None:
    assert not [one for one in kept_by(ROOT) if one.rule not in RULES], HOW


def test_no_page_and_no_test_names_an_unknown_rule() -> None:
    named = {
        file.relative_to(ROOT): set(NAMED.findall(file.read_text(encoding="utf-8"))) - set(RULES) for file in WRITTEN
    }
    assert not {file: unknown for file, unknown in named.items() if unknown}, HOW


@pytest.mark.parametrize("number", RULES)
def test_every_rule_has_a_test_of_each_kind_that_it_needs(number: RuleId) -> None:
    proven = {kind for kind in Proof if any(one.rule == number for one in proven_by(ROOT, kind))}
    assert RULES[number].needs <= proven


def test_every_rule_is_kept_by_something() -> None:
    assert {one.rule for one in kept_by(ROOT)} >= set(RULES)


def test_citations_are_found_where_they_stand(tmp_path: Path) -> None:
    (tmp_path / "bridge").mkdir()
    (tmp_path / "bridge" / "gate.py").write_text(CODE)
    assert {(one.rule, one.name) for one in kept_by(tmp_path)} == IN_CODE


def test_only_what_a_test_says_itself_counts_as_its_proof(tmp_path: Path) -> None:
    folder = tmp_path / "tests" / "unit"
    folder.mkdir(parents=True)
    (folder / "test_gate.py").write_text(TESTS)
    assert {one.rule for one in proven_by(tmp_path, Proof.UNIT)} == IN_TESTS
    assert not proven_by(tmp_path, Proof.SYNAPSE)
