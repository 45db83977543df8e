"""`firm-bridge check` beside a bridge at work: the guard knows what the bridge knows, commands included (M3, F2)."""

from __future__ import annotations

from pathlib import Path

from bridge.check.finding import Verdict
from bridge.check.guard import guard_findings
from bridge.check.http import asker
from bridge.settings import Settings
from tests.component.running.test_app import fake, no_waiting
from tests.component.running_bridge import running, settings_in
from tests.fakes.guard import FakeGuard
from tests.fakes.homeserver import FakeHomeserver

__all__ = ["fake", "no_waiting"]


async def state(settings: Settings) -> tuple[Verdict, str]:
    async with asker(settings.homeserver.url) as asking:
        (found,) = await guard_findings(asking, settings)
    return found.state, found.what


async def test_M3_F2_what_was_set_by_command_is_no_difference(
    fake: FakeHomeserver, guard: FakeGuard, tmp_path: Path, database_url: str
) -> None:
    settings = settings_in(tmp_path, database_url, fake)
    async with running(settings, fake) as bridge:
        await bridge.quiet()
        for command in ("!wall add 2026-0042 @cleo A cousin.", "!staff leave @cleo She moved away."):
            version = guard.keeper.policy and guard.keeper.policy.version
            await bridge.answer("a", command)
            await bridge.quiet()
            assert guard.keeper.policy is not None
            assert guard.keeper.policy.version != version
            verdict, what = await state(settings)
            assert (verdict, "up to date" in what) == (Verdict.OK, True), what
