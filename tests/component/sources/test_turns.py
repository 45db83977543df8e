"""What Smokeball is asked for, one thing after the other: nobody waits for the many of one kind (S1, S2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from bridge.directory.sources import reader
from bridge.directory.sources.port import Capabilities, Hint, SourceError, SourceRead
from bridge.directory.sources.reader import SourceReader
from bridge.directory.sources.running import RunningSource
from bridge.store.engine.errors import StoreError
from bridge.store.engine.store import Store
from tests.component.sources.connected import connected
from tests.component.sources.test_smokeball import small_firm
from tests.fakes.smokeball import uuid


async def test_S2_many_hints_keep_nobody_waiting(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, matter = small_firm(one.fake)
        await one.settled()
        for number in range(100, 400):
            one.reader.hint(Hint("matters", uuid(number)))
        one.fake.asked.clear()
        await one.reader.run()
        assert len(one.fake.asked) <= 10
        # Somebody who left, and a matter of which nobody tells, come before the rest of them.
        one.reader.hint(Hint("staff", ben))
        one.fake.world.staff[ben]["former"] = True
        one.fake.settle()
        one.now[0] += 61_000
        for _ in range(2):
            await one.reader.run()
        await one.directory.refresh()
        assert one.directory.firm.active_staff == {ann}
        one.now[0] += one.settings.policy_minutes * 60_000
        for _ in range(3):
            await one.reader.run()
        assert f"GET /policies/{matter}" in one.fake.asked
        assert f"GET /matters/{uuid(399)}" not in one.fake.asked
        while await one.reader.run():
            pass
        assert one.fake.asked.count(f"GET /matters/{uuid(399)}") == 1


async def test_S1_a_poll_with_nothing_new_makes_only_its_own_requests(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        small_firm(one.fake)
        await one.settled()
        await one.look()
        one.fake.asked.clear()
        for _ in range(3):
            await one.look()
        poll = [f"GET /{path}" for path in ("staff", "firmusers", "groups", "contacts", "matters")]
        assert sorted(one.fake.asked) == sorted(3 * poll)


async def test_S1_what_could_not_be_stored_is_said_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreError("The disk is full.")

    async with connected(store, tmp_path) as one:
        ann, ben, matter = small_firm(one.fake)
        await one.settled()
        one.fake.world.policies[matter] = [one.fake.user_of(ben)]
        one.fake.settle()
        one.reader.hint(Hint("matters", matter))
        with monkeypatch.context() as broken:
            broken.setattr(reader, "keep_read", fail)
            with pytest.raises(StoreError):
                await one.reader.run()
        await one.look(2)
        assert [one.sees(ann, matter), one.sees(ben, matter)] == [True, False]


async def test_S1_two_matters_of_one_number_are_told_apart_for_as_long_as_they_are_two(
    store: Store, tmp_path: Path
) -> None:
    async with connected(store, tmp_path) as one:
        _, _, first = small_firm(one.fake)
        await one.settled()
        second = one.fake.matter(2, number="2026-1")
        third = one.fake.matter(3, number=f"2026-1 (smokeball {second})")

        def numbers() -> list[str]:
            return [one.directory.firm.matters[each].number for each in (first, second, third)]

        one.fake.settle()
        await one.look()
        assert numbers()[:2] == [f"2026-1 (Smokeball {each})" for each in (first, second)]
        assert len({each.casefold() for each in numbers()}) == 3
        # Only the second changes, and what it changes of the first is seen as well.
        one.fake.matter(2, number="2026-2")
        one.fake.settle()
        await one.look(3)
        assert (one.reader.trouble, numbers()[:2]) == ("", ["2026-1", "2026-2"])


class OneFails:
    """A source that fails whenever one of its records is looked at."""

    name = "clio"
    capabilities = Capabilities({}, hints_at_once=1)

    def __init__(self) -> None:
        self.looked: list[str] = []

    async def read(self, cursor: str = "") -> SourceRead:
        return SourceRead((), whole=True)

    async def verify(self, hints: Sequence[Hint]) -> SourceRead | None:
        self.looked += [one.id for one in hints]
        if "bad" in self.looked[-1]:
            raise SourceError("It fails.")
        return None

    def in_turn(self, now: int) -> Sequence[Hint]:
        return ()


async def test_S2_a_hint_that_fails_comes_behind_the_others(store: Store) -> None:
    now, source = [1_795_000_000_000], OneFails()
    reading = SourceReader(source, store, poll_seconds=60, clock=lambda: now[0])
    await reading.run()
    for one in ("bad", "a", "b"):
        reading.hint(Hint("matters", one))
    for _ in range(12):
        now[0] += 31_000
        await reading.run()
    assert source.looked[:5] == ["bad", "a", "b", "bad", "bad"]


async def test_S1_who_must_not_see_a_matter_is_looked_for_while_a_list_fails(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, matter = small_firm(one.fake)
        await one.settled()
        read_at = one.directory.standings[0].read_at
        one.fake.answers["/matters"] = (500, {})
        one.fake.world.policies[matter] = [one.fake.user_of(ben)]
        one.fake.settle()
        one.now[0] += one.settings.policy_minutes * 60_000
        for _ in range(4):
            one.now[0] += 31_000
            await one.reader.run()
        await one.directory.refresh()
        assert [one.sees(ann, matter), one.sees(ben, matter)] == [True, False]
        # It counts as read again when the list is.
        (stands,) = one.directory.standings
        assert (stands.read_at, bool(stands.trouble), bool(one.reader.trouble)) == (read_at, True, True)
        del one.fake.answers["/matters"]
        one.now[0] += 61_000
        await one.look()
        (stands,) = one.directory.standings
        assert (stands.read_at, stands.trouble, one.reader.trouble) == (one.now[0], "", "")


class Kept:
    """A subscription, and how often it was seen to."""

    key = ""
    looks = 0

    async def keep(self) -> bool:
        self.looks += 1
        return False

    def hints(self, headers: Mapping[str, str], body: bytes) -> None:
        """None is the system's."""


async def test_S2_webhooks_are_kept_alive_while_a_list_fails(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        small_firm(one.fake)
        await one.settled()
        one.fake.answers["/matters"] = (500, {})
        kept = Kept()
        running = RunningSource(one.api, one.reader, kept, subscribes=True, clock=lambda: one.now[0])
        one.now[0] += 61_000
        await running.run()
        assert (bool(one.reader.trouble), kept.looks, running.no_webhooks) == (True, 1, "")
