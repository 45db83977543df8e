"""`check` on a real Synapse that leaves its accounts to the Matrix Authentication Service."""

from __future__ import annotations

from pathlib import Path

from bridge.check import Finding, Verdict
from bridge.check.homeserver import homeserver_findings
from bridge.check.http import asker
from bridge.settings import MasSettings, Settings
from tests.synapse.mas.firm import mas_firm, small


async def test_check_finds_nothing_missing_under_mas_and_says_what_is_wrong(tmp_path: Path) -> None:
    async with mas_firm(tmp_path / "var", small(tmp_path)) as firm:
        found = await looked_at(firm.settings)
        assert [name for name, one in found.items() if one.state is Verdict.MISSING] == []
        assert "lets the bridge in" in found["accounts"].what

        without = firm.settings.model_copy(update={"mas": MasSettings()})
        assert "of which the configuration says nothing" in (await looked_at(without))["accounts"].what
        firm.mas.admin_clients, firm.mas.access = False, {}
        assert "admin_clients" in (await looked_at(firm.settings))["accounts"].what


async def looked_at(settings: Settings) -> dict[str, Finding]:
    async with asker(settings.homeserver.url) as asking:
        return {finding.name: finding async for finding in homeserver_findings(asking, settings)}
