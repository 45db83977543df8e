"""Synapse with workers: told to all before anything is done, and what each refused is in the log once (R2)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from bridge.care.refusals import take_refusals
from bridge.care.telling_processes import ProcessWatch
from bridge.firm.audit import Deed
from bridge.guard.processes import LEASE_SECONDS, MARGIN_SECONDS
from bridge.guard.protocol import PATH
from bridge.guard.refusals import Attempt
from bridge.metrics import Metrics
from bridge.store.engine.store import Store
from tests.cast import ANN, BEN, CLEO, ESTATE_TALK, WALL, make_firm
from tests.component.firm_on_fake import FirmOnFake, direct, firm_on_fake
from tests.component.guard.test_guarding import OTHER_WALL, order
from tests.component.guard.test_refusals import entries
from tests.fakes.guard import FakeGuard, FakeWorker
from tests.fakes.homeserver import FakeHomeserver

LONGEST = LEASE_SECONDS + MARGIN_SECONDS


@pytest.fixture
async def firm(fake: FakeHomeserver, store: Store, guard: FakeGuard) -> AsyncIterator[FirmOnFake]:
    async with firm_on_fake(fake, store, deadline=1.0) as made:
        yield made


@pytest.fixture
def workers(firm: FirmOnFake, guard: FakeGuard) -> list[FakeWorker]:
    return [guard.add_worker("client1"), guard.add_worker("media1")]


@pytest.fixture(autouse=True)
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the bridge try again at once what failed a moment ago."""
    monkeypatch.setattr("bridge.reconcile.guarding.REST_SECONDS", 0.0)


async def test_R2_all_processes_know_it_before_it_is_done(firm: FirmOnFake, workers: list[FakeWorker]) -> None:
    await firm.say(ANN, "!dm @ben @cleo")
    asked = order(firm.fake)
    assert asked.index("tell") < asked.index("createRoom")
    assert {worker.keeper.policy.version for worker in workers if worker.keeper.policy} == {
        firm.reconciler.guarding.told_version
    }
    assert await firm.people(direct("a", "b", "c")) == firm.users(ANN, BEN, CLEO)


async def test_R2_nobody_is_added_while_one_may_not_know_and_who_must_go_is_out(
    firm: FirmOnFake, workers: list[FakeWorker], guard: FakeGuard
) -> None:
    workers[0].held = True
    (said,) = await firm.say(ANN, "!dm @ben @cleo Lunch?")
    assert "not work out" in said.body
    before, firm.firm = firm.firm, make_firm(walls=[WALL, OTHER_WALL])
    await firm.reconciler.passes.follow(before)
    assert firm.user(BEN) not in await firm.people(ESTATE_TALK)
    assert [name for name in order(firm.fake) if name in {"createRoom", "invite", "join"}] == []
    await firm.reconciler.guarding.told(anew=True)
    assert "client1 did not answer" in firm.reconciler.guarding.trouble
    # Once it cannot decide by what it knew any more, everything goes on.
    guard.seconds += LONGEST + 1
    workers[1].ask(guard)
    await firm.reconciler.passes.sync()
    assert await firm.people(direct("a", "b", "c")) == firm.users(ANN, BEN, CLEO)
    await firm.reconciler.guarding.confirm()
    assert firm.reconciler.guarding.trouble == (
        "Synapse's process client1 no longer answers, and lets nobody in until it does."
    )
    workers[0].held = False
    workers[0].ask(guard)
    await firm.reconciler.guarding.confirm()
    assert firm.reconciler.guarding.trouble == ""


async def test_R2_the_admins_are_told_of_one_that_stays_away_and_when_it_is_back(
    firm: FirmOnFake, workers: list[FakeWorker], guard: FakeGuard
) -> None:
    seconds = [0.0]
    watch = ProcessWatch(lambda: seconds[0])

    async def told() -> list[str]:
        await firm.reconciler.guarding.confirm()
        seconds[0] += 61
        await watch.look(firm.desk)
        await watch.look(firm.desk)
        return [one.body for one in await firm.said()]

    assert await told() == []
    workers[0].held = True
    guard.seconds += LONGEST + 1
    workers[1].ask(guard)
    assert await told() == []
    (said,) = await told()
    assert said.startswith("The guard is not in force everywhere.")
    assert "Synapse's process client1 no longer answers" in said
    workers[0].held = False
    workers[0].ask(guard)
    assert await told() == ["All processes of Synapse answer the guard again."]


async def test_O1_what_each_process_refused_is_in_the_log_once(
    firm: FirmOnFake, workers: list[FakeWorker], guard: FakeGuard
) -> None:
    metrics = Metrics(CollectorRegistry())
    keepers = [guard.keeper, *(worker.keeper for worker in workers)]
    for keeper in keepers:
        keeper.note(Attempt(Deed.TRIED_TO_JOIN, firm.user(BEN), ESTATE_TALK, "", "M3"))
    assert await take_refusals(firm.desk, metrics) == 3
    assert await take_refusals(firm.desk, metrics) == 0
    # One is killed before it hears that the bridge has them, and is started again.
    workers[0].keeper = type(workers[0].keeper)(guard.file_of("client1"), workers[0].key)
    workers[0].ask(guard)
    workers[0].keeper.note(Attempt(Deed.TRIED_TO_JOIN, firm.user(BEN), ESTATE_TALK, "", "M3"))
    assert await take_refusals(firm.desk, metrics) == 1
    assert len(await entries(firm)) == 4
    assert [one.deed for one in await entries(firm)] == [Deed.TRIED_TO_JOIN] * 4


async def test_a_guard_that_knows_of_no_workers_is_asked_as_before(firm: FirmOnFake, guard: FakeGuard) -> None:
    await take_refusals(firm.desk, Metrics(CollectorRegistry()))
    asked = firm.fake.requests[-1]
    assert asked.path != PATH
    assert set(asked.body) == {"spool", "after"}
