"""All exceptions of the bridge and its guard have one base and one way to be named."""

from __future__ import annotations

import ast
from pathlib import Path

import bridge

OUTSIDE = {"Exception", "ValueError", "OSError", "SynapseError"}
NO_ERRORS = {"Refusal", "Answered", "Stop", "_Enough"}


def _classes() -> dict[str, list[str]]:
    """The names of the bases of the classes of each name."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in Path(bridge.__path__[0]).rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    found: dict[str, list[str]] = {}
    for node in nodes:
        found.setdefault(node.name, []).extend(map(ast.unparse, node.bases))
    return found


def test_every_exception_has_the_one_base_and_ends_in_error() -> None:
    classes = _classes()

    def roots(name: str) -> set[str]:
        return {name} if name not in classes else {root for base in classes[name] for root in roots(base)}

    def comes_from(name: str, wanted: str) -> bool:
        return name == wanted or any(comes_from(base, wanted) for base in classes.get(name, ()))

    exceptions = {name for name in classes if roots(name) & OUTSIDE} - {"BridgeError"}
    assert len(exceptions) > 40
    assert classes["BridgeError"] == ["Exception"]
    assert {name for name in exceptions if not comes_from(name, "BridgeError")} == {"Answered"}
    assert classes["Answered"] == ["SynapseError"]
    assert {name for name in exceptions if not name.endswith("Error")} == NO_ERRORS


def test_what_the_policy_does_not_allow_is_no_error_of_the_homeserver() -> None:
    classes = _classes()
    assert classes["NotAllowedError"] == classes["HomeserverError"] == ["RequestError"]
