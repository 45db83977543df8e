"""Walls that a backup has lost get their own numbers again, and new ones come behind them, on both databases."""

from __future__ import annotations

from bridge.firm.model import Firm, Wall
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.people.walls import restore_wall, set_wall, walls_set

WALL = Wall("", matter_id="m1", people=("b",), memo="x", set_by="a")


async def test_a_restored_wall_has_its_number_and_the_next_one_comes_behind_it(store: Store) -> None:
    def work(unit: Unit) -> list[str]:
        set_wall(unit, WALL, Firm(), "$one")
        for wall_id, cause in (("wall-7", "$seven"), ("wall-1", "$taken"), ("of the directory", "$other")):
            restore_wall(unit, Wall(wall_id, matter_id="m2", people=("c",)), Firm(), cause)
        set_wall(unit, WALL, Firm(), "$last")
        return [wall.id for wall in walls_set(unit)]

    assert await store.run(work) == ["wall-1", "wall-7", "wall-8", "wall-9", "wall-10"]
