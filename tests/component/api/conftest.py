"""The API of the small firm."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.component.api.harness import Api, api_firm


@pytest.fixture
async def api(tmp_path: Path, database_url: str) -> AsyncIterator[Api]:
    async with api_firm(tmp_path, database_url) as found:
        yield found
