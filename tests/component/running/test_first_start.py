"""A firm's first start stores page by page, so that what comes in meanwhile is stored in between."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from bridge.firm.model import Matter
from bridge.reconcile.storing import store_new
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.models import HeldChange
from bridge.store.rooms.conversations import NewConversation, add_conversations
from bridge.store.rooms.world import read_world
from tests.cast import make_firm
from tests.component.firm_on_fake import firm_on_fake
from tests.fakes.homeserver import FakeHomeserver

MATTERS = tuple(Matter(f"m{number}", f"2026-{number:04}", "Estate", responsible="a") for number in range(40))
PAGE = 10


class Stop(Exception):
    """Ends the pass where a kill would."""


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.reconcile.storing.AT_ONCE", PAGE)


@pytest.fixture
def at_each_page(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[Unit, Sequence[NewConversation]], None]]:
    """What is called, in the unit, with each page of conversations that is stored."""
    called: list[Callable[[Unit, Sequence[NewConversation]], None]] = []

    def add(unit: Unit, new: Sequence[NewConversation]) -> None:
        for one in called:
            one(unit, new)
        add_conversations(unit, new)

    monkeypatch.setattr("bridge.reconcile.storing.add_conversations", add)
    return called


async def test_no_unit_of_a_first_start_grows_with_the_firm(
    store: Store, fake: FakeHomeserver, at_each_page: list[Callable[[Unit, Sequence[NewConversation]], None]]
) -> None:
    added: list[int] = []
    at_each_page.append(lambda _, new: added.append(len(new)))
    async with firm_on_fake(fake, store, make_firm(matters=MATTERS), synced=False) as firm:
        await store_new(store, await firm.reconciler.planner.desired())
        assert max(added) == PAGE
        assert sum(added) == len((await read_world(store)).conversations) > len(MATTERS)


async def test_what_a_crash_between_two_pages_left_out_is_stored_by_the_next_pass(
    store: Store, fake: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def point(name: str) -> None:
        if name == "seeds.page":
            raise Stop

    async with firm_on_fake(fake, store, make_firm(matters=MATTERS), synced=False) as firm:
        with monkeypatch.context() as patch, pytest.raises(Stop):
            patch.setattr("bridge.faults.point", point)
            await firm.sync()
        assert 0 < len((await read_world(store)).conversations) <= PAGE
        await firm.sync()
        await firm.hear()
        await firm.settled()


async def test_what_comes_in_is_stored_between_two_pages(
    store: Store,
    fake: FakeHomeserver,
    monkeypatch: pytest.MonkeyPatch,
    at_each_page: list[Callable[[Unit, Sequence[NewConversation]], None]],
) -> None:
    seen: list[int] = []
    at_each_page.append(lambda unit, _: seen.append(unit.count(HeldChange.select())))
    numbers, run = itertools.count(), store.run

    async def run_and_one_more(work: Callable[..., Any], *given: Any, **options: Any) -> Any:
        result: Any = await run(work, *given, **options)
        number = str(next(numbers))
        await run(lambda unit: unit.run(HeldChange.insert(fingerprint=number, summary="", held_at=1)))
        return result

    async with firm_on_fake(fake, store, make_firm(matters=MATTERS), synced=False) as firm:
        wanted = await firm.reconciler.planner.desired()
        monkeypatch.setattr(store, "run", run_and_one_more)
        await store_new(store, wanted)
    assert len(seen) > len(MATTERS) // PAGE
    assert seen == sorted(set(seen))
