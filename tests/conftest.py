"""What every test begins with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from bridge.store.homeserver_time import HOMESERVER_TIME
from tests.together import Together


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Logging that a test sets up writes to that test's standard error, which is closed when the test is over."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _time_not_said() -> Iterator[None]:
    """What the homeserver of one test said of its time is nothing to the next."""
    yield
    HOMESERVER_TIME.forget()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    """How tests are shared out among several processes."""
    return Together(config, log)
