"""What firm admins are shown or let change is asked of the one sight, operation by operation (M3)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import bridge.operations

ROOT = Path(bridge.operations.__file__).parent
SIGHT = {"sight_of", "require_admin"}
FOR_EVERYBODY = {"acknowledge_walls"}
"""Of the operations beside those of admins: it takes nothing but what the asker was told."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(*folders: str) -> dict[str, Function]:
    """All functions of these folders of operations, by file and name."""
    return {
        f"{path.relative_to(ROOT)}::{node.name}": node
        for folder in folders
        for path in sorted((ROOT / folder).glob("*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, Function)
    }


ALL = functions(".", "admins", "walls")
OF_ADMINS = {
    name: node
    for name, node in functions("admins", "walls").items()
    if any(one.arg == "asker" for one in node.args.args) and not node.name.startswith("_")
}


def asks_sight(node: Function, behind: frozenset[str] = frozenset()) -> bool:
    """Whether a function, or one that it calls, takes the asker's sight."""
    called = {one.func.id for one in ast.walk(node) if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)}
    further = [one for one in ALL.values() if one.name in called - behind]
    return not called.isdisjoint(SIGHT) or any(asks_sight(one, behind | {one.name}) for one in further)


@pytest.mark.parametrize("name", OF_ADMINS)
def test_M3_what_an_admin_asks_for_goes_through_their_sight(name: str) -> None:
    assert asks_sight(OF_ADMINS[name]) is (OF_ADMINS[name].name not in FOR_EVERYBODY)


def test_the_walk_finds_what_there_is() -> None:
    found = {node.name for node in OF_ADMINS.values()}
    assert {"set_wall", "wall_rows", "log_page", "why", "planned_seen", "leavers", "directory_status"} <= found
    (blind,) = ast.parse("async def shown(desk, asker):\n    return desk.firm().matters").body
    assert isinstance(blind, Function)
    assert not asks_sight(blind)
