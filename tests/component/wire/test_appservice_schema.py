"""The endpoints against the specification's own description, with requests that schemathesis makes up.

No request gives a 5xx, no answer breaks the description, and no request that breaks it is taken as if it were fine.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from prometheus_client import CollectorRegistry
from schemathesis.checks import not_a_server_error
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from bridge.handlers.inbox import Inbox
from bridge.metrics import Metrics
from bridge.store.engine.store import Store
from bridge.web.app import make_app, serve
from tests.component.conftest import own_database
from tests.component.wire.traffic import TOKEN, Json, settings

SPECIFICATION = Path(__file__).parents[2] / "spec" / "application-service-openapi.json"
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    ignored_auth,
    unsupported_method,
    allow_header_conformance,
)
REFUSALS = ("400", "401", "403", "413")
EXAMPLES = 100


def description() -> Json:
    """The specification, which names only 200 for some endpoints, with the refusals that every one of them has."""
    loaded: Json = json.loads(SPECIFICATION.read_text())
    refusal = loaded["paths"]["/_matrix/app/v1/users/{userId}"]["get"]["responses"]["403"]
    for operations in loaded["paths"].values():
        for operation in operations.values():
            for status in REFUSALS:
                operation["responses"].setdefault(status, refusal)
    return loaded


CONFIG = SchemathesisConfig(
    projects=ProjectsConfig(
        default=ProjectConfig(
            generation=GenerationConfig(deterministic=True, database="none", with_security_parameters=False)
        )
    )
)
schema = schemathesis.openapi.from_dict(description(), config=CONFIG)


class ServerThread(threading.Thread):
    """The application on a loop of its own, since schemathesis calls it like any other server."""

    def __init__(self, database_url: str) -> None:
        super().__init__(daemon=True)
        self._database_url = database_url
        self._ready = threading.Event()
        self.url = ""

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        async def handle(given: Json) -> None:
            return None

        async def nobody(given: str) -> bool:
            return False

        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        store = Store(self._database_url)
        await store.open()
        metrics = Metrics(CollectorRegistry())
        inbox = Inbox(store, handle, metrics)
        anywhere = settings().appservice.model_copy(update={"listen_port": 0})
        app = make_app(
            anywhere,
            inbox=inbox,
            kept=lambda event, given: given,
            user_known=nobody,
            alias_known=nobody,
            health=dict,
            metrics=metrics,
        )
        async with serve(app, anywhere) as port:
            self.url = f"http://127.0.0.1:{port}"
            self._ready.set()
            await self._end.wait()
        await inbox.stop()
        await store.close()

    def __enter__(self) -> str:
        self.start()
        assert self._ready.wait(30)
        return self.url

    def __exit__(self, *exception: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self.join(30)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with own_database(tmp_path_factory.mktemp("schema")) as database, ServerThread(database) as served:
        yield served


@schema.parametrize()
@hypothesis_settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_endpoint_keeps_to_the_specification(case: Any, url: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    case.call_and_validate(base_url=url, headers=headers, checks=CHECKS)


def test_the_specification_is_the_one_the_firm_was_given() -> None:
    """Where the shared copy lies beside the checkout, the tests' own is the same."""
    shared = SPECIFICATION.parent.parent.parent.parent / "shared" / "spec" / SPECIFICATION.name
    if not shared.exists():
        pytest.skip("no shared copy beside this checkout")
    assert json.loads(shared.read_text()) == json.loads(SPECIFICATION.read_text())
