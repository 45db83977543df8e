"""What is meant is written: no text counted by a truth value, no loop that hides a condition or a name."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from bridge.docs.pages import ROOT


def _is_truth(node: ast.expr | None) -> bool:
    match node:
        case ast.Compare() | ast.UnaryOp(op=ast.Not()) | ast.Call(func=ast.Name(id="bool")):
            return True
    return False


def riddles(source: str) -> Iterator[str]:
    """What a module says in a form that has to be guessed, each with its line."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.BinOp(op=ast.Mult(), left=left, right=right) if _is_truth(left) or _is_truth(right):
                yield f"line {node.lineno}: something times a truth value"
            case ast.Subscript(slice=index) if _is_truth(index):
                yield f"line {node.lineno}: a truth value for a place"
            case ast.Slice(lower=lower, upper=upper) if _is_truth(lower) or _is_truth(upper):
                yield f"line {node.lineno}: a truth value for a place"
            case ast.For(iter=ast.IfExp() as over) | ast.comprehension(iter=ast.IfExp() as over):
                yield f"line {over.lineno}: a condition in what a loop goes over"
            case ast.comprehension(iter=ast.Tuple(elts=[_]) as over):
                yield f"line {over.lineno}: a loop over one thing, for its name"
            case ast.Call(func=ast.Attribute(attr="send"), args=[ast.Constant(value=None)]):
                yield f"line {node.lineno}: a coroutine driven by hand"


@pytest.mark.parametrize(
    "source",
    [
        "'s' * (count != 1)",
        "(count > 1) * 's'",
        "'s'[: count > 1]",
        "('no', 'yes')[not done]",
        "for one in found if wanted else (): pass",
        "[one for one in found if wanted for one in (one.a if one else one.b)]",
        "{wall.id: wall for row in rows for wall in (made(row),)}",
        "work.send(None)",
    ],
)
def test_a_riddle_is_noticed(source: str) -> None:
    assert len(list(riddles(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "', '.join('?' * len(values))",
        "text[: len(text) - 1]",
        "shapes[one.earlier or one.key]",
        "[one for one in found if wanted]",
        "for one in (left, right): pass",
        "socket.send(data)",
    ],
)
def test_what_is_plain_is_none(source: str) -> None:
    assert not list(riddles(source))


def test_the_package_has_no_riddles() -> None:
    found = {
        str(file.relative_to(ROOT)): lines
        for file in sorted((ROOT / "bridge").rglob("*.py"))
        if (lines := list(riddles(file.read_text(encoding="utf-8"))))
    }
    assert found == {}
