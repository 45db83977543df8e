"""Tests look at what there is, not at how it is made: they use no private names of the package."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from bridge.docs.pages import ROOT

NOT_PRIVATE = {"_meta", "_replace"}
"""Names that peewee and named tuples have for all to use."""
_LEADS_TO_PRIVATE = re.compile(r"(?:[a-z]\w*\.)+_[a-zA-Z]\w*")
_PATCHES = {"setattr", "object"}
"""`monkeypatch.setattr(thing, name, …)` and `patch.object(thing, name, …)`."""


def private_names(source: str) -> Iterator[str]:
    """The private names of others that a module uses, each with its line."""
    for node in ast.walk(ast.parse(source)):
        for name in _named_by(node):
            if name.startswith("_") and not name.endswith("__") and name not in NOT_PRIVATE:
                yield f"line {getattr(node, 'lineno', 0)}: {name}"


def _named_by(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.ImportFrom(module=str(module), names=names) if module.partition(".")[0] == "bridge":
            yield from (alias.name for alias in names)
        case ast.Attribute(value=ast.Name(id="self" | "cls") | ast.Call(func=ast.Name(id="super"))):
            pass
        case ast.Attribute(attr="__dict__"):
            yield "_past_the_model"
        case ast.Attribute(attr=attr):
            yield attr
        case ast.Call(func=ast.Attribute(attr=called), args=[_, ast.Constant(value=str(name)), *_]) if (
            called in _PATCHES
        ):
            yield name
        case ast.Constant(value=str(text)) if _LEADS_TO_PRIVATE.fullmatch(text):
            yield text.rpartition(".")[2]


@pytest.mark.parametrize(
    "source",
    [
        "from bridge.care.digest import _SHOWN",
        "bridge.jobs._scheduler.stop()",
        "settings.firm.__dict__['admin_roles'] = ()",
        "monkeypatch.setattr('bridge.care.digest._SHOWN', 1)",
        "monkeypatch.setattr(inbox, '_handle', never)",
        "patch.object(spool, '_now_ms', clock)",
        "LIMITS = {'jobs._AGAIN_SECONDS': 0.1}",
    ],
)
def test_a_private_name_is_noticed(source: str) -> None:
    assert len(list(private_names(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "self._handle()",
        "super()._open()",
        "model._meta.table_name",
        "from bridge import __version__",
        "name = '_CON'",
        "monkeypatch.setattr('bridge.care.digest.SHOWN', 1)",
    ],
)
def test_what_is_public_or_ones_own_is_none(source: str) -> None:
    assert not list(private_names(source))


def test_no_test_uses_a_private_name_of_the_package() -> None:
    found = {
        str(file.relative_to(ROOT)): names
        for file in sorted((ROOT / "tests").rglob("*.py"))
        if (names := list(private_names(file.read_text(encoding="utf-8"))))
    }
    assert found == {}
