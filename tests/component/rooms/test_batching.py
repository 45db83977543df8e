"""Units of work for many items at once: what comes together is done together, and errors stay with whom they belong."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from bridge.store.engine.batching import Batches
from bridge.store.engine.store import Store, StoreError
from bridge.store.engine.unit import Unit
from bridge.store.models import InboxEvent


def record(store: Store, batches: list[list[str]]) -> Batches[str]:
    """A unit that stores each item as a row and refuses the item "bad"."""

    def work(unit: Unit, items: Sequence[str]) -> None:
        batches.append(list(items))
        for item in items:
            unit.run(InboxEvent.insert(event_id=item, room_id="!a:localhost", body=b"", received_at=0))
            if item == "bad":
                raise ValueError(item)

    return Batches(store, work)


async def stored(store: Store) -> list[str]:
    return await store.run(
        lambda unit: [row.event_id for row in unit.all(InboxEvent.select().order_by(InboxEvent.position))]
    )


async def test_items_that_come_at_once_share_a_unit_and_keep_their_order(store: Store) -> None:
    batches: list[list[str]] = []
    together = record(store, batches)
    await asyncio.gather(*(together.run(item) for item in "abc"))
    await together.run("d")
    assert batches == [["a", "b", "c"], ["d"]]
    assert await stored(store) == ["a", "b", "c", "d"]


async def test_an_item_that_fails_leaves_nothing_and_the_others_are_done(store: Store) -> None:
    together = record(store, [])
    results = await asyncio.gather(*(together.run(item) for item in ("a", "bad", "c")), return_exceptions=True)
    assert [type(result) for result in results] == [type(None), ValueError, type(None)]
    assert await stored(store) == ["a", "c"]
    await together.run("d")
    assert await stored(store) == ["a", "c", "d"]


async def test_a_database_that_fails_is_told_to_all(store: Store) -> None:
    await store.close()
    results = await asyncio.gather(*(record(store, []).run(item) for item in "ab"), return_exceptions=True)
    assert all(isinstance(result, StoreError) for result in results)


async def test_a_caller_that_goes_away_takes_nothing_with_it(store: Store) -> None:
    together = record(store, [])
    gone = asyncio.create_task(together.run("a"))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    await together.run("b")
    assert await stored(store) == ["a", "b"]


async def test_what_was_handed_over_is_done_before_the_end(store: Store) -> None:
    """Also where whoever handed it over was ended in the same moment, before anything of it was begun."""
    together = record(store, [])
    await together.stop(10)
    gone = asyncio.create_task(together.run("a"))
    await asyncio.sleep(0)
    gone.cancel()
    await together.stop(10)
    assert await stored(store) == ["a"]
