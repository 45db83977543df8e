"""Commands as they are run, with a firm and without one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

import bridge.service
from bridge.cli import main
from tests.unit.cli.fake_firm import FakeFirm, Run


@pytest.fixture(autouse=True)
def _logging_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("FIRM_BRIDGE_CONFIG", raising=False)
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in an empty folder: exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def run_it(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        written = capsys.readouterr()
        return code, written.out, written.err

    return run_it


@pytest.fixture
def firm(run: Run, monkeypatch: pytest.MonkeyPatch) -> FakeFirm:
    """A configuration in the folder, and a firm for it."""
    assert run("init", "--server-name", "firm.example")[0] == 0
    fake = FakeFirm()
    monkeypatch.setattr(bridge.service, "open_firm", fake.open)
    return fake
