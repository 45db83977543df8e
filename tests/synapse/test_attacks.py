"""Every attempt of tests/synapse/attacks, with the guard and without: it ends as declared, and nothing leaks.

Attempts that end without the guard as they do with it are made without it only by `make attacks`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bridge.firm.room_rules import WIDGET
from bridge.mapping.clients.widgets import WIDGET_ID
from tests.synapse.attacks.attempt import Attempt, Call
from tests.synapse.attacks.stage import ACTORS, Seen, Stage, staged
from tests.synapse.attacks.table import ATTEMPTS

LONG = os.environ.get("FIRM_BRIDGE_ATTACKS") == "long"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[True, False], ids=["guard", "bare"])
async def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One firm with the guard for all attempts, then one without."""
    async with staged(tmp_path_factory.mktemp("attacked"), guard=request.param) as running:
        running.guarded = request.param
        yield running


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: f"{attempt.rule} {attempt.who.name} {attempt.name}")
async def test_attempt(stage: Stage, attempt: Attempt) -> None:
    actor = stage.people[ACTORS[attempt.who]]
    end = attempt.guarded if stage.guarded else attempt.bare
    if not stage.guarded and attempt.bare == attempt.guarded and not LONG:
        pytest.skip("make attacks runs it: the guard changes nothing of it")
    before = stage.events()
    seen: list[Seen] = [one for step in attempt.steps for one in await stage.play(actor, step)]
    last = seen[-1]
    assert (last.status, last.code) == (end.status, end.code), last.text[:500]
    assert end.says in last.text
    if not end.stopped:
        return
    asked = stage.filled([repr(step) for step in attempt.steps])
    hidden = stage.secret_from(attempt.who, asked)
    shown = " ".join(one.shown for one in seen)
    assert [name for name, word in hidden.items() if word in shown] == []
    written = {about for event, about in stage.events().items() if event not in before} - stage.answered
    # The panel is taken away from beside a room that was left when the bridge comes to it; that answers nobody.
    tidied = f" {WIDGET} {WIDGET_ID} {stage.firm.settings.bot_id} {{}}"
    written = {about for about in written if not about.endswith(tidied)}
    # What was typed to the bot is a message, where its author may write.
    typed = {getattr(step, "event_type", "m.room.message") for step in attempt.steps if not isinstance(step, Call)}
    assert {about for about in written if about.split(" ")[1] not in typed} == set()
    for name in {ACTORS[attempt.who], attempt.victim} - {"", "nobody", "service"}:
        kept = stage.kept_from(name)
        synced = await stage.synced(stage.people[name])
        assert [what for what, word in kept.items() if word in synced] == []
