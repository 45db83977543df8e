"""What every test begins with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from tests.together import Together


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Logging that a test sets up writes to that test's standard error, which is closed when the test is over."""
    yield
    structlog.reset_defaults()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    """How tests are shared out among several processes."""
    return Together(config, log)
