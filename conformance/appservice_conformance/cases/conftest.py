"""The service under test, and the results as a file."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from appservice_conformance.homeserver import Homeserver
from appservice_conformance.service import Service, read_adapter, version_of

Results = dict[str, dict[str, Any]]
_RESULTS = pytest.StashKey[Results]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which service, and where the results go."""
    parser.addoption("--service", type=Path, help="The adapter of the service under test: a file of services/.")
    parser.addoption("--results", type=Path, help="A file for the results, for appservice_conformance.table.")


@pytest.fixture(scope="session")
def _started(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    if request.config.option.service is None:
        pytest.exit("Name the service under test: --service services/NAME.toml", returncode=4)
    adapter = read_adapter(request.config.option.service)
    homeserver = Homeserver(adapter.answers, adapter.homeserver_port)
    homeserver.start()
    service = Service(adapter, homeserver, tmp_path_factory.mktemp("service"))
    try:
        try:
            service.make_sure()
        except RuntimeError as error:
            pytest.exit(str(error), returncode=4)
        yield service
    finally:
        service.close()
        homeserver.stop()


@pytest.fixture
def service(_started: Service) -> Service:
    """The service, listening."""
    _started.make_sure()
    return _started


@pytest.fixture
def killable(service: Service) -> Service:
    """The service, where the suite can kill it."""
    if not service.can_be_killed:
        pytest.skip("The suite did not start this service, so it does not kill it.")
    return service


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Note how the case ended, and what it noted."""
    report: Any = yield
    results = item.config.stash.setdefault(_RESULTS, {})
    if report.when == "call" or report.outcome != "passed":
        name = item.nodeid.partition("[")[0].rpartition("/")[2]
        one = results.setdefault(name, {"passed": 0, "failed": 0, "skipped": 0, "notes": []})
        one[report.outcome] += 1
        one["notes"] += [str(value) for key, value in item.user_properties if key == "note"]
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the results."""
    path = session.config.option.results
    if path is not None:
        adapter = read_adapter(session.config.option.service)
        found = version_of(adapter)
        results = session.config.stash.get(_RESULTS, {})
        path.parent.mkdir(parents=True, exist_ok=True)
        written = {"name": adapter.name, "version": found, "results": dict(sorted(results.items()))}
        path.write_text(json.dumps(written, indent=1) + "\n")
