"""The mistakes that `make mutants` makes are the ones that it says."""

from __future__ import annotations

import ast

import pytest

from tests.mutants.changes import changes


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = a < b\n", {"x = (a <= b)\n"}),
        ("x = not a\n", {"x = (a)\n"}),
        ("x = a and b and c\n", {"x = ((a) or (b) or (c))\n"}),
        ("x = True\n", {"x = False\n"}),
        ("x = 79\n", {"x = 80\n"}),
        ('KINDS = {"é", "b", "c"}\n', {'KINDS = {"b", "c"}\n', 'KINDS = {"é", "c"}\n', 'KINDS = {"é", "b"}\n'}),
        ("def f(x: a | None = None) -> b[1]:\n    raise E(x)\n", {"def f(x: a | None = None) -> b[1]:\n    pass\n"}),
        ("def f():\n    note(x)\n    return y\n", {"def f():\n    pass\n    return y\n"}),
        ('"""Of 3 things."""\n', set()),
        (
            "@dataclass(frozen=True)\nclass A:\n    b: int = 1\n",
            {"@dataclass(frozen=True)\nclass A:\n    b: int = 2\n"},
        ),
    ],
)
def test_each_mistake_is_one_place(code: str, expected: set[str]) -> None:
    found = [change.source for change in changes(code)]
    assert set(found) == expected
    assert len(found) == len(expected)
    assert all(ast.parse(source) for source in found)
