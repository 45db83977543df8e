"""Kill -9 at each named point between taking an event in and marking its reply as sent: one reply each, in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest


def run(database_url: str, sent: Path, fault: str = "") -> int:
    """Run the service to its end, or to its death at a fault point; the exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.component.wire.crash_service", database_url, str(sent)],
        env={**os.environ, "FIRM_BRIDGE_FAULT": fault},
        capture_output=True,
        timeout=60,
        check=False,
        text=True,
    )
    if done.returncode > 0:
        pytest.fail(done.stdout + done.stderr)
    return done.returncode


@pytest.mark.parametrize(
    "fault",
    [
        "inbox.accepted",
        "inbox.answering",
        "inbox.answered",
        "inbox.handled",
        "inbox.handled:2",
        "outbox.sending",
        "outbox.sent",
        "outbox.sent:2",
    ],
)
def test_a_crash_loses_and_doubles_nothing(database_url: str, tmp_path: Path, fault: str) -> None:
    sent = tmp_path / "sent"
    assert run(database_url, sent, fault) == -signal.SIGKILL
    assert run(database_url, sent) == 0
    # Like the homeserver: a repeated txn_id is the same message.
    messages = list(dict.fromkeys(sent.read_text().splitlines()))
    assert [line.split("\t")[1] for line in messages] == ["to $0", "to $1", "to $2"]
