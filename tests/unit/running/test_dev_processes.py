"""The programs of a local firm: none outlives its starter, none is stopped that is somebody else's."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.cli.exits import Exit
from bridge.dev import processes
from bridge.dev.demo import new_password
from bridge.dev.place import ENDED, IN_USE, MISSING, USAGE, DevError, LocalFirm
from bridge.dev.run import missing
from tests.ports import free_port

WAIT_FOR_EVER = "import signal; print('up', flush=True); signal.pause()"
SECONDS = 30


@pytest.fixture
def place(tmp_path: Path) -> LocalFirm:
    place = LocalFirm(tmp_path, free_port(), free_port())
    place.logs.mkdir()
    return place


def _sleeper(*arguments: str) -> subprocess.Popen[str]:
    """A process that is up, and sleeps."""
    command = [sys.executable, "-c", WAIT_FOR_EVER, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.stdout.close()
    return process


def test_program_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    starter = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import pathlib, sys\n"
            "from bridge.dev import place, processes\n"
            "here = place.LocalFirm(pathlib.Path(sys.argv[1])); here.logs.mkdir()\n"
            f"program = processes.start('It', 'it', [sys.executable, '-c', {WAIT_FOR_EVER!r}], here)\n"
            "print(program.process.pid, flush=True)\n"
            "program.process.wait()",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    starter.stdout.close()
    handle = os.pidfd_open(pid)
    try:
        starter.kill()
        starter.wait(SECONDS)
        ended, _, _ = select.select([handle], [], [], SECONDS)
        assert ended, "it still runs"
    finally:
        os.close(handle)


def test_what_an_earlier_run_left_is_stopped(place: LocalFirm) -> None:
    left = _sleeper("run", "--config", str(place.settings_file))
    (place.var / "bridge.pid").write_text(f"{left.pid}\n")
    # The child is ours here, and a zombie until it is waited for: its command line is empty then.
    sentences = list(processes.stop_left_over(place))
    assert left.wait(SECONDS) == -signal.SIGTERM
    assert sentences == [f"Stopped bridge (process {left.pid}), left over from an earlier run."]
    assert not (place.var / "bridge.pid").exists()


def test_somebody_elses_process_is_left_alone(place: LocalFirm) -> None:
    other = _sleeper("run", "--config", "/somewhere/else/bridge.yaml")
    (place.var / "bridge.pid").write_text(f"{other.pid}\n")
    (place.var / "synapse.pid").write_text("rubbish")
    try:
        assert list(processes.stop_left_over(place)) == []
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("variable", ["SYNAPSE_PORT", "BRIDGE_PORT"])
def test_taken_port_is_named_with_its_variable(place: LocalFirm, variable: str) -> None:
    port = place.synapse_port if variable == "SYNAPSE_PORT" else place.bridge_port
    processes.check_ports(place)
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(DevError, match=f"Port {port} .*{variable}=") as caught:
            processes.check_ports(place)
    assert caught.value.code == IN_USE


def test_a_folder_is_used_by_one_run_at_a_time(place: LocalFirm) -> None:
    with (
        processes.alone(place),
        pytest.raises(DevError, match=re.escape(f"The firm in {place.var} is running already")),
        processes.alone(place),
    ):
        pass
    with processes.alone(place):
        pass


def test_who_ended_is_told_with_its_last_lines(place: LocalFirm) -> None:
    lasting = processes.start("Synapse", "synapse", [sys.executable, "-c", WAIT_FOR_EVER], place)
    script = "import sys; print('no room left'); sys.exit(3)"
    ending = processes.start("The bridge", "bridge", [sys.executable, "-c", script], place)
    try:
        ended = processes.wait_for_end((lasting, ending))
        assert ended is ending
        error = ended.died()
        assert str(error).startswith("The bridge ended with exit code 3.")
        assert str(error).endswith("no room left")
        assert error.code == ENDED
    finally:
        processes.kill(lasting)
    assert "was killed by SIGKILL" in str(lasting.died())


def test_stopping_asks_first(place: LocalFirm) -> None:
    # Blocked before it is up: a signal between the line it writes and a pause would wake nobody.
    script = (
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, {15})\nprint('up', flush=True)\nsignal.sigwait({15})"
    )
    program = processes.start("The bridge", "bridge", [sys.executable, "-c", script], place)
    while "up" not in processes.tail(program.log):
        assert program.running
    processes.stop(program)
    assert program.process.returncode == 0
    assert not program.pid_file.exists()


async def test_waiting_for_health_ends_with_the_program(place: LocalFirm) -> None:
    program = processes.start("The bridge", "bridge", [sys.executable, "-c", "raise SystemExit('bad luck')"], place)
    with pytest.raises(DevError, match="bad luck"):
        await processes.wait_until_healthy(program, place.bridge_url, seconds=SECONDS)


def test_an_earlier_log_is_kept_beside_the_new_one(place: LocalFirm) -> None:
    for word in ("first", "second"):
        processes.start("It", "it", [sys.executable, "-c", f"print('{word}')"], place).process.wait(SECONDS)
    assert (place.logs / "it.log").read_text() == "second\n"
    assert (place.logs / "it.log.1").read_text() == "first\n"


def test_exit_codes_are_those_of_the_command_line() -> None:
    assert [USAGE, MISSING, IN_USE, ENDED] == [Exit.USAGE, Exit.SOMETHING_MISSING, Exit.LISTEN, Exit.ENDED]


def test_passwords_are_three_words_and_a_number() -> None:
    passwords = {new_password() for _ in range(50)}
    assert len(passwords) == 50
    assert all(re.fullmatch(r"[a-z]+-[a-z]+-[a-z]+-\d\d", password) for password in passwords)


def test_what_is_missing_is_told_in_a_line() -> None:
    assert missing('{"checks": {"homeserver": "ok", "reconciled": "not yet"}}') == "reconciled not yet"
    assert missing("<html>") == "<html>"
