"""The changes that are tried, each a small mistake somebody could make. Pure.

Libraries of mutations also change annotations, which nothing evaluates, and leave no element out of a set, which is
where rules are written down; so these are our own.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

_COMPARISONS = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.In: "not in",
    ast.NotIn: "in",
    ast.Is: "is not",
    ast.IsNot: "is",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One mistake in a module."""

    line: int
    what: str
    """In words, with what is written there now."""
    source: str
    """The whole module with it."""


def changes(source: str) -> Iterator[Change]:
    """Every mistake that can be made in a module."""
    code = _Code(source)
    for node in _evaluated(ast.parse(source)):
        if isinstance(node, ast.expr | ast.stmt):
            for first, last, new, what in _mistakes(node, code):
                yield Change(node.lineno, what, code.with_part(first, last, new))


class _Code:
    """The text of a module by the positions of its nodes, which count bytes."""

    def __init__(self, source: str) -> None:
        self._bytes = source.encode()
        self._lines = [0]
        for line in self._bytes.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def start(self, node: ast.expr | ast.stmt) -> int:
        return self._lines[node.lineno - 1] + node.col_offset

    def end(self, node: ast.expr | ast.stmt) -> int:
        return self._lines[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)

    def text(self, first: int, last: int) -> str:
        return self._bytes[first:last].decode()

    def of(self, node: ast.expr | ast.stmt) -> str:
        return self.text(self.start(node), self.end(node))

    def with_part(self, first: int, last: int, new: str) -> str:
        return (self._bytes[:first] + new.encode() + self._bytes[last:]).decode()


_Mistake = tuple[int, int, str, str]
"""From where to where, what stands there instead, and what that is in words."""


def _mistakes(node: ast.AST, code: _Code) -> Iterator[_Mistake]:
    match node:
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            new = _COMPARISONS[type(operator)]
            shown = f"{new} in `{code.of(node)}`"
            yield code.start(node), code.end(node), f"({code.of(left)} {new} {code.of(right)})", shown
        case ast.BoolOp(op=operator, values=values):
            new = "or" if isinstance(operator, ast.And) else "and"
            joined = f" {new} ".join(f"({code.of(value)})" for value in values)
            yield code.start(node), code.end(node), f"({joined})", f"{new} in `{code.of(node)}`"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield code.start(node), code.end(node), f"({code.of(operand)})", f"no `not` in `{code.of(node)}`"
        case ast.Constant(value=bool(value)):
            yield code.start(node), code.end(node), str(not value), f"{not value} for {value}"
        case ast.Constant(value=int(value)):
            yield code.start(node), code.end(node), str(value + 1), f"{value + 1} for {value}"
        case ast.Set(elts=elements) if len(elements) > 1:
            yield from _left_out(elements, code)
        case ast.Raise():
            yield code.start(node), code.end(node), "pass", f"without `{code.of(node)}`"
        case ast.Expr(value=ast.Call() | ast.Await()):
            yield code.start(node), code.end(node), "pass", f"without `{code.of(node)}`"


def _left_out(elements: list[ast.expr], code: _Code) -> Iterator[_Mistake]:
    for one, following in pairwise(elements):
        yield code.start(one), code.start(following), "", f"without `{code.of(one)}` in a set"
    before, last = elements[-2:]
    yield code.end(before), code.end(last), "", f"without `{code.of(last)}` in a set"


def _evaluated(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a tree but for annotations and decorators, which say what a thing is and not what it does."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _evaluated(child)
