"""Where refusals wait for the audit log: on disk at once, in order, each once, and never too many for the disk."""

from __future__ import annotations

import errno
import os
import threading
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.firm.audit import BY_GUARD, Deed
from bridge.firm.room_keys import MARKER
from bridge.guard.gate import GATED, MEMBER, Change, Denial, Mark
from bridge.guard.refusals import (
    DIFFERENT,
    LONGEST_WINDOW_MS,
    OTHERS,
    WINDOW_MS,
    Attempt,
    Repeats,
    attempt,
    attempt_of,
    attempt_to_write,
    told_from_json,
)
from bridge.guard.spool import DAMAGED, PER_PAGE, Spool

START = 1_700_000_000_000
Json = dict[str, Any]


@dataclass
class Clock:
    now: int = START

    def __call__(self) -> int:
        return self.now


def invite(person: str = "@walt:x", who: str = "@tom:x") -> Attempt:
    return attempt(Deed.TRIED_TO_INVITE, who, "M3", on="talk", person=person)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "policy.refusals"


def opened(path: Path, clock: Clock | None = None, **more: Any) -> Spool:
    return Spool(path, now_ms=clock or Clock(), **more)


def everything(spool: Spool) -> list[Json]:
    """All that waits, asked for as a bridge does that forgets what it got."""
    found: list[Json] = spool.page("", 0)["refusals"]
    return found


def people(spool: Spool) -> list[str]:
    return [one["person"] for one in everything(spool) if one["deed"] != Deed.REFUSALS_MISSING]


def take(spool: Spool, known: Json | None = None) -> list[Json]:
    """All that waits behind what is known, page by page, as a bridge that keeps it."""
    page = spool.page(known["spool"], known["number"]) if known else spool.page("", 0)
    taken: list[Json] = []
    while page["refusals"]:
        taken += page["refusals"]
        page = spool.page(page["spool"], taken[-1]["number"])
    return taken


def test_O1_a_refusal_is_on_disk_at_once_and_there_after_a_kill(path: Path) -> None:
    spool = opened(path)
    spool.note(invite("@a:x"))
    spool.note(invite("@b:x"))
    # Nothing was closed or awaited: another process sees what a kill -9 leaves.
    again = opened(path)
    assert everything(again) == everything(spool)
    assert people(again) == ["@a:x", "@b:x"]
    assert again.page("", 0)["spool"] == spool.page("", 0)["spool"]
    assert path.stat().st_mode & 0o777 == 0o600
    again.note(invite("@c:x"))
    numbers = [(one["previous"], one["number"]) for one in everything(opened(path))]
    assert numbers[0][0] == 0
    assert all(before[1] == after[0] for before, after in pairwise(numbers))


def test_only_what_was_taken_over_is_forgotten_also_on_disk(path: Path) -> None:
    clock = Clock()
    spool = opened(path, clock)
    for person in "abcd":
        spool.note(invite(person))
    page = spool.page("", 0)
    second = page["refusals"][1]["number"]
    assert people(spool) == list("abcd")
    assert [one["person"] for one in spool.page(page["spool"], second)["refusals"]] == ["c", "d"]
    # Written anew only where that is worth it: a crash now gives the bridge a number again that it knows.
    assert people(opened(path)) == list("abcd")
    last = page["refusals"][-1]["number"]
    assert spool.page(page["spool"], last)["refusals"] == []
    assert people(opened(path)) == []
    assert spool.waiting() == {"waiting": 0, "oldest_ms": 0}
    # A new start goes on behind, under the same id.
    again = opened(path, Clock(START - 10_000_000))
    again.note(invite("e"))
    (one,) = everything(again)
    assert one["previous"] == last < one["number"]
    assert one["spool"] == page["spool"]


def test_another_lists_number_takes_nothing_away(path: Path) -> None:
    spool = opened(path)
    spool.note(invite("a"))
    assert len(spool.page("another", 2**62)["refusals"]) == 1
    assert people(opened(path)) == ["a"]


def test_a_list_put_back_from_a_backup_goes_on_behind_what_the_bridge_has(path: Path) -> None:
    clock = Clock()
    spool = opened(path, clock)
    spool.note(invite("a"))
    backup = path.read_bytes()
    clock.now += 10_000
    spool.note(invite("b"))
    page = spool.page("", 0)
    last = page["refusals"][-1]["number"]
    path.write_bytes(backup)
    # Even a clock that is behind makes no number twice.
    older = opened(path, Clock(START - 5_000))
    assert older.page(page["spool"], last)["refusals"] == []
    older.note(invite("c"))
    (one,) = older.page(page["spool"], last)["refusals"]
    assert (one["person"], one["previous"]) == ("c", last)


def test_a_lost_list_begins_under_another_id_with_higher_numbers(path: Path) -> None:
    clock = Clock()
    spool = opened(path, clock)
    spool.note(invite("a"))
    (old,) = everything(spool)
    path.unlink()
    clock.now += 1
    again = opened(path, clock)
    again.note(invite("b"))
    (new,) = everything(again)
    assert new["spool"] != old["spool"]
    assert (new["previous"], new["number"] > old["number"]) == (0, True)


def test_a_file_deleted_under_a_running_guard_loses_nothing(path: Path) -> None:
    spool = opened(path)
    spool.note(invite("a"))
    path.unlink()
    spool.note(invite("b"))
    assert [one["person"] for one in take(spool)] == ["a", "b"]
    spool.note(invite("c"))
    assert people(opened(path)) == ["c"]


def test_pages_are_bounded(path: Path) -> None:
    clock = Clock()
    spool = opened(path, clock)
    for number in range(PER_PAGE + 10):
        clock.now += WINDOW_MS + 1
        spool.tick()
        spool.note(invite(f"@p{number}:x"))
    assert len(spool.page("", 0)["refusals"]) == PER_PAGE
    assert [one["person"] for one in take(spool)] == [f"@p{number}:x" for number in range(PER_PAGE + 10)]


def test_what_is_refused_while_it_is_handed_over_and_written_anew_is_there_once(path: Path) -> None:
    spool, done, count = Spool(path), threading.Event(), 2_000
    taken: list[Json] = []

    def bridge() -> None:
        while not done.is_set():
            taken.extend(take(spool))
            spool.tick()

    taking = threading.Thread(target=bridge)
    taking.start()
    for number in range(count):
        spool.note(invite(f"@p{number}:x", who=f"@who{number}:x"))
    done.set()
    taking.join()
    # What a kill leaves now is what was not taken, and perhaps some that was.
    rest = take(Spool(path), taken[-1] if taken else None)
    assert [one["person"] for one in (*taken, *rest)] == [f"@p{number}:x" for number in range(count)]


# What is tried again and again.


def test_ten_thousand_tries_are_a_few_lines_that_say_how_many(path: Path) -> None:
    clock = Clock()
    spool = opened(path, clock)
    for _ in range(10_000):
        spool.note(invite())
        clock.now += 1
    assert len(everything(spool)) == 1
    clock.now = START + WINDOW_MS
    spool.tick()
    first, again = everything(spool)
    assert (first["count"], first["again"]) == (1, False)
    assert (again["count"], again["again"]) == (9_999, True)
    assert (again["first_ms"], again["last_ms"]) == (START + 1, START + 9_999)


def test_who_goes_on_for_hours_is_told_of_less_and_less_often(path: Path) -> None:
    clock = Clock()
    spool = opened(path, clock)
    tries = 0
    for _ in range(24 * 3600 // 5):
        spool.note(invite())
        spool.tick()
        tries, clock.now = tries + 1, clock.now + 5_000
    spool.close()
    found = everything(spool)
    assert sum(one["count"] for one in found) == tries
    assert len(found) < 40
    # After a quiet hour it is news again, told at once.
    clock.now += 2 * LONGEST_WINDOW_MS
    spool.tick()
    spool.tick()
    spool.note(invite())
    assert everything(spool)[-1]["again"] is False


def test_different_tries_of_one_person_end_as_others_and_do_not_hide_anybody_else(path: Path) -> None:
    clock = Clock()
    spool = opened(path, clock)
    for number in range(10_000):
        spool.note(invite(f"@p{number}:x"))
    spool.note(invite("@walt:x", who="@ann:x"))
    clock.now += WINDOW_MS
    spool.tick()
    found = everything(spool)
    assert len(found) == DIFFERENT + 3
    assert sum(one["count"] for one in found) == 10_001
    others = [one for one in found if one["what"] == OTHERS]
    assert [(one["who"], one["on"], one["person"], one["again"]) for one in others] == [
        ("@tom:x", "", "", False),
        ("@tom:x", "", "", True),
    ]
    assert [one["person"] for one in found if one["who"] == "@ann:x"] == ["@walt:x"]


def test_a_stop_writes_what_was_counted(path: Path) -> None:
    spool = opened(path)
    for _ in range(3):
        spool.note(invite())
    spool.close()
    assert [one["count"] for one in everything(opened(path))] == [1, 2]


def test_a_stop_writes_what_a_full_disk_kept_in_memory(path: Path) -> None:
    spool = opened(path)
    with patch("bridge.guard.spool.os.write", side_effect=OSError(errno.ENOSPC, "No space left on device")):
        spool.note(invite("a"))
    spool.close()
    assert people(opened(path)) == ["a"]


def test_a_full_list_counts_what_it_has_no_room_for_and_says_so(path: Path) -> None:
    clock = Clock()
    spool = opened(path, clock, max_bytes=2_000)
    for number in range(100):
        spool.note(invite(who=f"@p{number}:x"))
    size = path.stat().st_size
    assert 2_000 < size < 3_000
    kept = len(everything(spool))
    taken = take(spool)
    assert [one["who"] for one in taken[:-1]] == [f"@p{number}:x" for number in range(kept)]
    assert (taken[-1]["deed"], taken[-1]["count"]) == (Deed.REFUSALS_MISSING, 100 - kept)
    spool.note(invite(who="@late:x"))
    assert [one["who"] for one in everything(spool)] == ["@late:x"]


@settings(max_examples=100, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 400_000)), max_size=60))
def test_every_try_is_told_once_whatever_the_order(steps: list[tuple[int, int]]) -> None:
    repeats, now, told, tried = Repeats(), START, Counter[str](), Counter[str]()
    for person, wait in steps:
        now += wait
        for one in repeats.due(now):
            told[one.attempt.person] += one.count
        tried[str(person)] += 1
        if one_now := repeats.note(invite(str(person)), now):
            told[one_now.attempt.person] += 1
    for one in repeats.due(now, all_of_them=True):
        assert START <= one.first_ms <= one.last_ms <= now
        told[one.attempt.person] += one.count
    assert told == tried


# Bad days.


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_crash_at_any_byte_leaves_what_was_written_whole(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("torn") / "policy.refusals"
    spool = opened(path)
    ends = [0]
    for person in "abcde":
        spool.note(invite(person))
        ends.append(path.stat().st_size)
    cut = data.draw(st.integers(0, ends[-1]))
    os.truncate(path, cut)
    again = opened(path, Clock(START + 1_000))
    lost = [one["count"] for one in everything(again) if one["what"] == DAMAGED]
    whole = sum(1 for end in ends[1:] if end <= cut)
    # A line that only lacks its end is whole, too.
    whole += any(end - 1 == cut for end in ends[1:])
    assert people(again) == list("abcde")[:whole]
    assert lost == ([] if cut in {*ends, *(end - 1 for end in ends)} else [1])
    again.note(invite("later"))
    again.tick()
    assert people(opened(path)) == [*"abcde"[:whole], "later"]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_byte_costs_one_line_or_two_and_shows_as_a_gap(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "policy.refusals"
    spool = opened(path)
    for person in "abcde":
        spool.note(invite(person))
    raw = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(raw) - 2))
    raw[place] ^= 1 << data.draw(st.integers(0, 6))
    path.write_bytes(bytes(raw))
    found = everything(opened(path))
    lost = set("abcde") - {one["person"] for one in found}
    assert (found[-1]["what"], found[-1]["count"]) in {(DAMAGED, 1), (DAMAGED, 2)}
    assert 1 <= len(lost) <= 2
    if "e" not in lost:
        previous = 0
        gaps = 0
        for one in found:
            gaps += one["previous"] != previous
            previous = one["number"]
        assert gaps == 1
    assert path.with_name(path.name + ".damaged").read_bytes() == bytes(raw)


@pytest.mark.parametrize("how", ["raises", "short"])
def test_a_full_disk_keeps_refusals_in_memory_and_catches_up(path: Path, how: str) -> None:
    spool = opened(path)
    spool.note(invite("a"))
    written = os.write

    def failing(file: int, data: bytes) -> int:
        if how == "raises":
            raise OSError(errno.ENOSPC, "No space left on device")
        return written(file, data[: len(data) // 2])

    with patch("bridge.guard.spool.os.write", failing):
        spool.note(invite("b"))
        spool.note(invite("c"))
        if how == "raises":
            spool.tick()
    assert people(spool) == list("abc")
    assert people(opened(path)) == ["a"]
    spool.tick()
    spool.note(invite("d"))
    assert people(opened(path)) == list("abcd")


def test_a_folder_that_cannot_be_written_does_not_stop_the_guard(tmp_path: Path) -> None:
    spool = opened(tmp_path / "gone" / "policy.refusals")
    spool.note(invite("a"))
    spool.tick()
    spool.note(invite("b"))
    assert [one["person"] for one in take(spool)] == ["a", "b"]


def test_a_file_that_is_no_list_is_kept_beside(path: Path) -> None:
    path.write_bytes(b"This is a letter.\n{}\n\x00\xff\n")
    spool = opened(path)
    (one,) = everything(spool)
    assert (one["what"], one["count"]) == (DAMAGED, 3)
    spool.note(invite("a"))
    assert people(opened(path)) == ["a"]
    assert path.with_name(path.name + ".damaged").read_bytes().startswith(b"This is a letter.")


# What is told.


@pytest.mark.parametrize("event_type", sorted(GATED))
def test_every_refused_change_has_a_deed_and_no_word_of_its_own(event_type: str) -> None:
    state_key = "@walt:x" if event_type == MEMBER else "!secret-room:x"
    for membership in ("join", "invite", "knock", "ban", "leave", "nonsense") if event_type == MEMBER else ("",):
        change = Change(event_type, "@tom:x", state_key, membership)
        tried = attempt_of(change, Mark("matter", "talk"), "!room:x", Denial("M3", "No."))
        assert tried.deed in BY_GUARD
        assert (tried.who, tried.on, tried.rule) == ("@tom:x", "talk", "M3")
        assert tried.what == ("" if event_type == MEMBER else event_type)
        assert tried.person == ("@walt:x" if event_type == MEMBER else "")
        assert "secret" not in str(tried)
        assert "nonsense" not in str(tried)
    assert attempt_of(Change(MARKER, "@a:x", ""), None, "!room:x", Denial("O3", "")).on == "!room:x"
    assert attempt_of(Change(MEMBER, "@a:x", "@a:x", "join"), None, "!r:x", Denial("F1", "")).person == ""


def test_M4_what_was_to_be_written_is_not_told() -> None:
    tried = attempt_to_write("@tom:x", Mark("matter", "talk"), "!room:x", Denial("M4", "No."))
    assert tried == Attempt(Deed.TRIED_TO_WRITE, "@tom:x", "talk", "", "M4")


def test_ids_from_clients_are_cut_and_cleaned(path: Path) -> None:
    spool = opened(path)
    spool.note(invite("@evil\n\x00\ud800\u202e:x" + "y" * 10_000))
    (one,) = everything(opened(path))
    assert one["person"].startswith("@evil\ufffd\ufffd\ufffd\ufffd:x")
    assert len(one["person"]) == 255


@pytest.mark.parametrize(
    "change", [{"deed": "wall_lifted"}, {"deed": "x"}, {"who": 5}, {"count": -1}, {"count": True}, {"again": 1}]
)
def test_what_is_no_refusal_is_not_read(path: Path, change: Json) -> None:
    spool = opened(path)
    spool.note(invite())
    (one,) = everything(spool)
    assert told_from_json(one).attempt == invite()
    with pytest.raises((ValueError, TypeError)):
        told_from_json({**one, **change})
    with pytest.raises(KeyError):
        told_from_json({name: value for name, value in one.items() if name not in change})
