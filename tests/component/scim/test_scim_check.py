"""`firm-bridge check` says whether anybody can push to the SCIM server."""

from __future__ import annotations

from pathlib import Path

from bridge.check.finding import Verdict
from bridge.check.sources import scim_finding
from bridge.operations.tokens import Scope
from bridge.settings import PanelSettings
from tests.component.scim.harness import scim_firm, user


async def test_S3_whether_anybody_can_push_and_has(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        service = client.api.firm.service
        settings = service.settings.model_copy(update={"panel": PanelSettings(url="https://panel.example.com")})
        nobody = await scim_finding(settings, service.store)
        assert (nobody.state, "SCIM: Entra and Okta" in nobody.remedy) == (Verdict.WARNING, True)
        await client.make(user("Ada"))
        found = await scim_finding(settings, service.store)
        assert found.state is Verdict.OK
        assert "https://panel.example.com/scim/v2" in found.what
        nowhere = settings.model_copy(update={"panel": PanelSettings()})
        assert (await scim_finding(nowhere, service.store)).state is Verdict.MISSING


async def test_S3_a_token_for_something_else_is_none(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url, scopes=(Scope.FILES,)) as client:
        service = client.api.firm.service
        settings = service.settings.model_copy(update={"panel": PanelSettings(url="https://panel.example.com")})
        assert (await scim_finding(settings, service.store)).state is Verdict.MISSING
