"""What walls set by command are called: nothing that counts them, and what a backup has lost keeps its name."""

from __future__ import annotations

import re
from itertools import islice

import pytest

from bridge.firm.model import Firm, Wall
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.people import walls
from bridge.store.people.walls import acknowledge, is_set, note_told, restore_wall, set_wall, wall_records, walls_set

WALL = Wall("", matter_id="m1", people=("b",), memo="x", set_by="a")
REFERENCES = walls.references
"""As they are outside tests."""


async def test_a_restored_wall_keeps_its_name_where_that_is_one_and_is_free(store: Store) -> None:
    def work(unit: Unit) -> list[str]:
        set_wall(unit, WALL, Firm(), "$one")
        for wall_id, cause in (("wall-x7k2", "$lost"), ("wall-1", "$taken"), ("of the directory", "$other")):
            restore_wall(unit, Wall(wall_id, matter_id="m2", people=("c",)), Firm(), cause)
        set_wall(unit, WALL, Firm(), "$last")
        return [wall.id for wall in walls_set(unit)]

    assert await store.run(work) == ["wall-1", "wall-x7k2", "wall-2", "wall-3", "wall-4"]


async def test_M3_the_name_of_a_wall_counts_none_and_walls_go_by_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = ["wall-bbbb", "wall-bbbb", "wall-zzzz", "wall-cccc"]
    assert all(re.fullmatch("wall-[b-z][2-9b-z]{3}", one) for one in islice(REFERENCES(), 100))
    assert len(set(islice(REFERENCES(), 5))) > 1
    monkeypatch.setattr(walls, "references", lambda: iter(named))

    def work(unit: Unit) -> None:
        first, second = (set_wall(unit, WALL, Firm(), cause)[0].id for cause in ("$one", "$two"))
        assert (first, second) == ("wall-bbbb", "wall-zzzz")
        assert set_wall(unit, WALL, Firm(), "$one")[0].id == first
        note_told(unit, second, ["b"])
        assert acknowledge(unit, "b", [second], "$read") == [second]
        assert list(wall_records(unit, [second, "wall-2", "wall-1"])) == [second]
        assert is_set(unit, second)
        assert not is_set(unit, "wall-2")

    await store.run(work)
