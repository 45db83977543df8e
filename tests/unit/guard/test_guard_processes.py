"""Which workers of Synapse may still decide by what was told before (R2)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bridge.guard.processes import FORGOTTEN_SECONDS, LEASE_SECONDS, MARGIN_SECONDS, Processes, processes_behind

LONGEST = LEASE_SECONDS + MARGIN_SECONDS


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "processes"


def standing(processes: Processes, *expected: str) -> dict[str, str]:
    return {one["name"]: one["standing"] for one in processes.standings(expected)}


def test_without_workers_nobody_is_waited_for(path: Path, time: Time) -> None:
    assert Processes(path, time).behind(7) == ()
    assert not path.exists()


def test_R2_a_worker_is_waited_for_until_it_has_the_version(path: Path, time: Time) -> None:
    processes = Processes(path, time)
    processes.asked("run1", "client1", 6)
    processes.asked("run2", "client2", 7)
    assert processes.behind(7) == ("client1",)
    processes.asked("run1", "client1", 7)
    assert processes.behind(7) == ()


def test_R2_one_that_is_silent_is_waited_for_as_long_as_it_may_decide(path: Path, time: Time) -> None:
    processes = Processes(path, time)
    processes.asked("run1", "client1", 6)
    time.now += LONGEST - 0.01
    assert processes.behind(7) == ("client1",)
    assert standing(processes) == {"client1": "here"}
    time.now += 0.02
    assert processes.behind(7) == ()
    assert standing(processes) == {"client1": "silent"}
    time.now += FORGOTTEN_SECONDS
    assert standing(processes) == {}


def test_one_that_was_killed_and_started_is_two_until_the_first_cannot_decide_any_more(path: Path, time: Time) -> None:
    processes = Processes(path, time)
    processes.asked("run1", "client1", 6)
    processes.asked("run2", "client1", 7)
    assert processes.behind(7) == ("client1",)
    time.now += LONGEST - 1
    processes.asked("run2", "client1", 7)
    time.now += 2
    assert processes.behind(7) == ()
    assert standing(processes) == {"client1": "here"}


def test_one_that_has_not_got_anything_yet_is_not_in_force(path: Path, time: Time) -> None:
    processes = Processes(path, time)
    processes.asked("run1", "client1", 0)
    assert processes.behind(7) == ("client1",)
    assert standing(processes) == {"client1": "silent"}


def test_a_main_process_that_starts_waits_for_those_of_the_one_before(path: Path, time: Time) -> None:
    before = Processes(path, time)
    before.asked("run1", "client1", 7)
    before.asked("run2", "media1", 7)
    after = Processes(path, time)
    assert after.behind(8) == ("client1", "media1")
    after.asked("run1", "client1", 8)
    assert after.behind(8) == ("media1",)
    time.now += LONGEST + 0.1
    assert after.behind(8) == ()


@pytest.mark.parametrize("kept", [b"", b"[]", b"{", b"\xff", b'{"run1": '])
def test_a_list_that_cannot_be_read_is_waited_for_as_a_whole(path: Path, time: Time, kept: bytes) -> None:
    path.write_bytes(kept)
    processes = Processes(path, time)
    assert len(processes.behind(1)) == 1
    time.now += LONGEST + 0.1
    assert processes.behind(1) == ()


def test_those_that_ended_long_ago_are_not_kept(path: Path, time: Time) -> None:
    processes = Processes(path, time)
    for number in range(100):
        processes.asked(f"run{number}", "client1", 7)
        time.now += LONGEST + 0.1
    assert len(json.loads(path.read_bytes())) < 3


def test_one_that_was_held_for_long_is_on_disk_again_before_it_may_decide(path: Path, time: Time) -> None:
    processes = Processes(path, time)
    processes.asked("run1", "client1", 7)
    time.now += LONGEST + 0.1
    processes.asked("run2", "media1", 7)
    processes.asked("run1", "client1", 7)
    assert Processes(path, time).behind(8) == ("client1", "media1")


def test_one_that_cannot_be_put_on_disk_is_not_let_in(tmp_path: Path, time: Time) -> None:
    processes = Processes(tmp_path / "nowhere" / "processes", time)
    with pytest.raises(OSError, match="nowhere"):
        processes.asked("run1", "client1", 7)
    assert standing(processes) == {}


def test_one_that_must_run_and_never_came_is_absent(path: Path, time: Time) -> None:
    processes = Processes(path, time)
    processes.asked("run1", "client1", 7)
    assert standing(processes, "client1", "media1") == {"client1": "here", "media1": "absent"}


def test_the_sentence_names_them() -> None:
    assert "Synapse's process client1 did not answer" in processes_behind(("client1",))
    assert "Synapse's processes client1, media1 did not answer" in processes_behind(("client1", "media1"))
