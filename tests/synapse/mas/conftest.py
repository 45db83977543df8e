"""One of these tests is always run; `make mas` runs the others, too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_LONG = os.environ.get("FIRM_BRIDGE_UNDER_MAS") == "long"
_ALWAYS = Path(__file__).with_name("test_mas.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is not of the form that is to run."""
    for item in items:
        if item.path.parent == _ALWAYS.parent and item.path != _ALWAYS and not _LONG:
            item.add_marker(pytest.mark.skip("make mas runs it"))
