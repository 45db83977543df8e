"""`firm-bridge check` beside a bridge at work: the guard knows what the bridge knows, commands included (M3)."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import AsyncMock

from bridge import __version__
from bridge.check.finding import Verdict
from bridge.check.guard import guard_findings
from bridge.check.http import Asker, Reply
from bridge.guard.protocol import FORM
from bridge.settings import Settings
from tests.component.running.test_app import fake, no_waiting
from tests.component.running_bridge import running, settings_in
from tests.fakes.guard import FakeGuard
from tests.fakes.homeserver import FakeHomeserver

__all__ = ["fake", "no_waiting"]


async def state(settings: Settings, guard: FakeGuard) -> tuple[Verdict, str]:
    policy = guard.keeper.policy
    assert policy is not None
    said = {"form": FORM, "release": __version__, "version": policy.version, "digest": policy.digest}
    asking = AsyncMock(spec=Asker)
    asking.ask.return_value = Reply(200, said)
    (found,) = await guard_findings(asking, settings)
    return found.state, found.what


async def test_M3_what_was_set_by_command_is_no_difference(
    fake: FakeHomeserver, guard: FakeGuard, tmp_path: Path, database_url: str
) -> None:
    settings = settings_in(tmp_path, database_url, fake)
    async with running(settings, fake) as bridge:
        await bridge.quiet()
        for command in ("!wall add 2026-0042 @cleo A cousin.",):
            version = guard.keeper.policy and guard.keeper.policy.version
            await bridge.answer("a", command)
            await bridge.quiet()
            assert guard.keeper.policy is not None
            assert guard.keeper.policy.version != version
            verdict, what = await state(settings, guard)
            assert (verdict, "up to date" in what) == (Verdict.OK, True), what
