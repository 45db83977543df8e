"""The full check: every room once a day, at a bounded rate, going on where it was interrupted (O3)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from bridge.care.drift import Pace, check_rooms, day_to_check
from bridge.matrix.errors import UnreachableError
from bridge.metrics import Metrics
from bridge.store.record.drift import Check, last_check, rooms_after, untold
from tests.cast import BEN, ESTATE_TALK, ROOMS
from tests.component.firm_on_fake import FirmOnFake, channel
from tests.fakes.clock import Clock
from tests.fakes.faults import Behaviour, Cut, refusal

ROOT = "@root:localhost"
LITIGATION = channel("Litigation")
BEFORE, DUE, LATER = (datetime(2026, 11, 23, hour, 0, tzinfo=UTC) for hour in (2, 3, 4))
TOMORROW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


class Checks:
    """The check with its metrics and clock."""

    def __init__(self, on: FirmOnFake) -> None:
        self.on = on
        self.metrics = Metrics(CollectorRegistry())
        self.clock = Clock(0.0)

    async def at(self, now: datetime) -> int:
        return await check_rooms(self.on.desk, self.metrics, now, sleep=self.clock.sleep, clock=self.clock)

    def figure(self, name: str) -> float:
        found = self.metrics.registry.get_sample_value(f"firm_bridge_drift_{name}")
        assert found is not None
        return found


async def test_O3_what_no_event_told_of_is_put_back_by_the_check(on: FirmOnFake) -> None:
    on.fake.add_user("root")
    estate, litigation = await on.room(ESTATE_TALK), await on.room(LITIGATION)
    on.fake.force(estate.room_id, ROOT, "m.room.member", ROOT, {"membership": "join"})
    on.fake.force(litigation.room_id, ROOT, "m.room.join_rules", "", {"join_rule": "public"})
    on.fake.force(litigation.room_id, ROOT, "m.room.member", on.user(BEN), {"membership": "ban"})
    on.events.clear()
    assert await Checks(on).at(DUE) == ROOMS
    found = await on.store.run(untold, 10)
    assert {one.kind for one in found} == {"somebody_put_in", "state_changed", "somebody_banned"}
    assert all(one.put_back for one in found)
    await on.settled()


async def test_it_is_done_once_a_day_and_asks_once_for_each_room(on: FirmOnFake) -> None:
    checks = Checks(on)
    assert await checks.at(BEFORE) == 0
    assert on.fake.requests == []
    assert await checks.at(DUE) == ROOMS
    assert len(on.fake.asked("GET", "/state$")) == ROOMS
    # Beside each room, the list of direct messages of those for whom it is one.
    assert len(on.fake.asked("GET", "m.direct$")) == len(on.fake.requests) - ROOMS == 4
    assert on.fake.changes() == []
    assert await checks.at(LATER) == 0
    assert await checks.at(TOMORROW) == ROOMS


async def test_no_more_rooms_a_second_than_the_setting_says(on: FirmOnFake) -> None:
    checks = Checks(on)
    await checks.at(DUE)
    assert checks.clock.now == pytest.approx((ROOMS - 1) / on.settings.drift.rooms_per_second)


async def test_time_lost_is_not_made_up_for_in_a_burst() -> None:
    clock = Clock(0.0)
    pace = Pace(10, clock.sleep, clock)
    await pace.turn()
    clock.now += 60
    begun = []
    for _ in range(3):
        await pace.turn()
        begun.append(clock.now)
    assert begun == pytest.approx([60, 60.1, 60.2])


async def test_what_was_interrupted_goes_on_behind_the_last_room(
    on: FirmOnFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = await on.store.run(rooms_after, "", 100)
    fifth = await on.room(keys[5])
    on.fake.script("GET", f"{fifth.room_id}/state$", *[refusal(502, "M_UNKNOWN", "away")] * 1000)
    on.fake.script("GET", "/whoami$", *[refusal(502, "M_UNKNOWN", "away")] * 1000)
    monkeypatch.setattr(on.client.connection, "deadline", 0.1)
    with pytest.raises(UnreachableError):
        await Checks(on).at(DUE)
    on.fake.keep_to_no_script()
    on.fake.requests.clear()
    again = Checks(on)
    assert await again.at(LATER) == ROOMS - 5
    assert fifth.room_id in on.fake.requests[0].path
    check = await on.store.run(last_check)
    assert check is not None
    assert (check.day, check.rooms, check.finished_at is not None) == ("2026-11-23", ROOMS, True)


@pytest.mark.parametrize("answer", [refusal(500, "M_UNKNOWN", "broken"), Cut(10)], ids=["500", "cut"])
async def test_a_room_that_cannot_be_read_holds_up_no_other(
    on: FirmOnFake, monkeypatch: pytest.MonkeyPatch, answer: Behaviour
) -> None:
    room = await on.room(LITIGATION)
    on.fake.script("GET", f"{room.room_id}/state$", *[answer] * 1000)
    monkeypatch.setattr(on.client.connection, "deadline", 0.1)
    checks = Checks(on)
    assert await checks.at(DUE) == ROOMS
    assert checks.figure("rooms_failed_total") == 1


async def test_a_room_that_cannot_be_put_right_holds_up_no_other(on: FirmOnFake) -> None:
    room = await on.room(LITIGATION)
    on.fake.force(room.room_id, ROOT, "m.room.join_rules", "", {"join_rule": "public"})
    on.events.clear()
    on.fake.script("PUT", "join_rules", refusal(403, "M_FORBIDDEN", "no"))
    checks = Checks(on)
    assert await checks.at(DUE) == ROOMS
    assert checks.figure("rooms_failed_total") == 1
    (found,) = await on.store.run(untold, 10)
    assert not found.put_back
    assert await checks.at(TOMORROW) == ROOMS
    assert checks.figure("rooms_failed_total") == 1
    (found,) = await on.store.run(untold, 10)
    assert found.put_back


async def test_the_figures_tell_how_far_and_how_long(on: FirmOnFake) -> None:
    checks = Checks(on)
    assert checks.figure("finished_timestamp_seconds") == 0
    await checks.at(DUE)
    check = await on.store.run(last_check)
    assert check is not None
    assert check.finished_at is not None
    assert checks.figure("rooms_total") == ROOMS
    assert checks.figure("finished_timestamp_seconds") == check.finished_at / 1000
    assert checks.figure("check_seconds") == (check.finished_at - check.started_at) / 1000
    # After a restart of the bridge as well.
    restarted = Checks(on)
    await restarted.at(LATER)
    assert restarted.figure("finished_timestamp_seconds") == check.finished_at / 1000


def test_a_check_that_was_interrupted_comes_to_its_end_before_the_next_begins(on: FirmOnFake) -> None:
    unfinished = Check("2026-11-22", "key", 5, 1, None)
    assert day_to_check(on.settings, BEFORE, unfinished) == "2026-11-22"
    assert day_to_check(on.settings, DUE, Check("2026-11-22", "key", 5, 1, 2)) == "2026-11-23"
    assert day_to_check(on.settings, BEFORE, Check("2026-11-22", "key", 5, 1, 2)) is None
