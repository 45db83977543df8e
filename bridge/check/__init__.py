"""The doctor: looks at everything the bridge needs and says what is missing, each with its remedy.

Nothing is changed: what has to be tried on the homeserver is tried by a user without rights, in a room that is deleted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from bridge.check.finding import Finding, Verdict
from bridge.check.homeserver import homeserver_findings
from bridge.check.http import asker
from bridge.check.local import (
    backup_findings,
    cabinet_findings,
    configuration_findings,
    database_findings,
    directory_findings,
)
from bridge.check.sign_on import sign_on_findings
from bridge.check.sources import source_findings
from bridge.settings import Settings

__all__ = ["Finding", "Verdict", "examine"]


async def examine(settings: Settings, config: Path) -> AsyncIterator[Finding]:
    """Everything, in the order in which a person would put it right. Never raises for what is missing."""
    for finding in configuration_findings(settings, config):
        yield finding
    firm, findings = await asyncio.to_thread(directory_findings, settings)
    for finding in findings:
        yield finding
    async for finding in source_findings(settings):
        yield finding
    async for finding in database_findings(settings, firm):
        yield finding
    async for finding in backup_findings(settings, datetime.now(UTC)):
        yield finding
    async for finding in cabinet_findings(settings):
        yield finding
    async for finding in sign_on_findings(settings, firm):
        yield finding
    async with asker(settings.homeserver.url) as asking:
        async for finding in homeserver_findings(asking, settings):
            yield finding
