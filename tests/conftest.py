"""What every test begins with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Logging that a test sets up writes to that test's standard error, which is closed when the test is over."""
    yield
    structlog.reset_defaults()
