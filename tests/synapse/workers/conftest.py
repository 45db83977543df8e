"""Tests that start workers need Debian's packages: `make workers` and `make workers-short` install them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_FORM = os.environ.get("FIRM_BRIDGE_WORKERS", "")
"""`short` or `long`; empty where none is to run."""
_SHORT = Path(__file__).with_name("test_told.py")
_ALWAYS = Path(__file__).with_name("test_routes.py")
"""Which starts nothing."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is not of the form that is to run."""
    for item in items:
        runs = item.path == _ALWAYS or _FORM == "long" or (_FORM == "short" and item.path == _SHORT)
        if item.path.parent == _SHORT.parent and not runs:
            item.add_marker(pytest.mark.skip("make workers-short, or make workers, runs it"))
