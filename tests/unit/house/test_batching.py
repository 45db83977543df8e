"""The tests that several processes share are handed out by the firms that they use."""

from __future__ import annotations

import re
from pathlib import Path

from tests.together import ON_THE_DEMO_FIRM, group_of

SYNAPSE = Path(__file__).parents[2] / "synapse"


def test_tests_on_one_firm_are_one_group() -> None:
    attacks = "tests/synapse/test_attacks.py::test_attempt"
    assert group_of(f"{attacks}[guard-M3 WALLED joins]") == group_of(f"{attacks}[guard-F1 NOBODY looks]")
    assert group_of(f"{attacks}[guard-M3 WALLED joins]") != group_of(f"{attacks}[bare-M3 WALLED joins]")
    assert group_of("tests/synapse/files/test_files.py::test_a") == group_of("tests/synapse/asked/test_ways.py::test_b")
    assert group_of("tests/synapse/running/test_check.py::test_a") == group_of(
        "tests/synapse/running/test_check.py::test_b"
    )
    assert group_of("tests/synapse/running/test_check.py::test_a") != group_of(
        "tests/synapse/guard/test_walls.py::test_a"
    )
    assert group_of("tests/unit/asked/test_words.py::test_a") != group_of("tests/unit/asked/test_words.py::test_b")


def test_the_demo_firms_files_are_those_that_use_it() -> None:
    uses = re.compile(
        r"(?:async def test_\w+|@pytest.fixture\nasync def \w+)\([^)]*\bfirm: RealFirm|\bmade_demo: Path\b"
    )
    assert {file.name for file in SYNAPSE.rglob("test_*.py") if uses.search(file.read_text())} == set(ON_THE_DEMO_FIRM)
