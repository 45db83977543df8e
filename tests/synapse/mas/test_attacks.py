"""Every attempt that the rules stop, made where the Matrix Authentication Service keeps the accounts.

It is stopped there, too.

How an attempt is refused may be otherwise there, since some addresses are not Synapse's any more; that it shows and
writes nothing may not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.synapse.attacks.attempt import Attempt
from tests.synapse.attacks.stage import ACTORS, Seen, Stage, staged
from tests.synapse.attacks.table import ATTEMPTS
from tests.synapse.mas.firm import mas_firm

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One firm for all attempts."""
    async with staged(tmp_path_factory.mktemp("attacked"), guard=True, start=mas_firm) as running:
        running.guarded = True
        yield running
        # Nobody was stopped merely because their token was good for nothing.
        for name in ("ann", "ben", "cleo", "gil", "hal", "stranger", "boss"):
            assert (await running.people[name].request("GET", "account/whoami")).status == 200, name


@pytest.mark.parametrize(
    "attempt",
    [one for one in ATTEMPTS if one.guarded.stopped],
    ids=lambda attempt: f"{attempt.rule} {attempt.who.name} {attempt.name}",
)
async def test_attempt_under_mas(stage: Stage, attempt: Attempt) -> None:
    actor, end = stage.people[ACTORS[attempt.who]], attempt.guarded
    seen: list[Seen] = [one for step in attempt.steps for one in await stage.play(actor, step)]
    last = seen[-1]
    assert last.status >= 400 or (last.status, last.code) == (end.status, end.code), last.text[:500]
    hidden = stage.secret_from(attempt.who, stage.filled([repr(step) for step in attempt.steps]))
    shown = " ".join(one.shown for one in seen)
    assert [name for name, word in hidden.items() if word in shown] == []
    for name in {ACTORS[attempt.who], attempt.victim} - {"", "nobody", "service"}:
        kept = stage.kept_from(name)
        synced = await stage.synced(stage.people[name])
        assert [what for what, word in kept.items() if word in synced] == []
