"""The API against its own description, with requests that schemathesis makes up (A2).

No request gives a 5xx, no answer breaks the description, and no request that breaks it is taken as if it were fine.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig

from bridge.firm.conversation import first_matter_conversation_id
from bridge.web.api.openapi import description
from bridge.web.api.routes import ROUTES
from bridge.web.api.table import API_PATH
from tests.component.api.harness import api_firm
from tests.component.conftest import own_database
from tests.component.wire.test_appservice_schema import CHECKS

EXAMPLES = 16
TOKENS = 40
"""So many that none asks too often."""
THERE = {
    "matter": "m1",
    "conversation": first_matter_conversation_id("m1"),
    "person": "tom",
    "wall": "w1",
    "any_wall": "w1",
}
CONFIG = SchemathesisConfig(
    projects=ProjectsConfig(
        default=ProjectConfig(
            generation=GenerationConfig(deterministic=True, database="none", with_security_parameters=False)
        )
    )
)
schema = schemathesis.openapi.from_dict(description(ROUTES, "http://localhost"), config=CONFIG)


class FirmThread(threading.Thread):
    """The firm's API on a loop of its own, since schemathesis calls it like any other server."""

    def __init__(self, folder: Path, database_url: str) -> None:
        super().__init__(daemon=True)
        self._folder, self._database_url = folder, database_url
        self._ready = threading.Event()
        self.url = ""
        self.tokens: Iterator[str] = iter(())
        self.numbers = count()

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        async with api_firm(self._folder, self._database_url) as api:
            self.tokens = cycle([(await api.system("ruth")).token for _ in range(TOKENS)])
            self.url = str(api.client.make_url(API_PATH))
            self._ready.set()
            await self._end.wait()

    def __enter__(self) -> FirmThread:
        self.start()
        assert self._ready.wait(60)
        return self

    def __exit__(self, *exception: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self.join(30)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirmThread]:
    folder = tmp_path_factory.mktemp("api")
    with own_database(folder) as database, FirmThread(folder, database) as firm:
        yield firm


@schema.parametrize()
@hypothesis_settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_A2_every_route_keeps_to_its_description(case: Any, served: FirmThread) -> None:
    if case.path_parameters and next(served.numbers) % 2:
        # What there is, so that more than the first look is tried.
        case.path_parameters |= {name: value for name, value in THERE.items() if name in case.path_parameters}
    headers = {"Authorization": f"Bearer {next(served.tokens)}"}
    case.call_and_validate(base_url=served.url, headers=headers, checks=CHECKS)
