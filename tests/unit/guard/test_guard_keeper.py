"""What the guard is told: signed, newer than before, and on disk before it says so."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.guard.keeper import Keeper, PolicyLostError, PushRefusedError
from bridge.guard.protocol import OUTDATED, sign_push, sign_question

KEY = "key-of-the-guard-0001"


def signed(key: str = KEY, **push: Any) -> tuple[bytes, str]:
    body = json.dumps(push).encode()
    return body, sign_push(key, body)


def whole(version: int, **accounts: str) -> tuple[bytes, str]:
    return signed(version=version, records={"account": accounts})


def change(version: int, base: int, drop: tuple[str, ...] = (), **accounts: str) -> tuple[bytes, str]:
    return signed(version=version, base=base, put={"account": accounts}, drop={"account": list(drop)})


def accounts(keeper: Keeper) -> dict[str, str]:
    assert keeper.policy is not None
    return dict(keeper.policy.facts.accounts)


def loaded(path: Path, key: str = KEY) -> Keeper:
    keeper = Keeper(path, key)
    keeper.load()
    return keeper


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "policy"


def refused(keeper: Keeper, push: tuple[bytes, str], status: int) -> PushRefusedError:
    before = keeper.policy
    with pytest.raises(PushRefusedError) as caught:
        keeper.accept(*push)
    assert caught.value.status == status
    assert keeper.policy is before
    return caught.value


def test_what_is_told_is_there_after_a_restart(path: Path) -> None:
    keeper = loaded(path)
    assert keeper.policy is None
    assert keeper.accept(*whole(5, ann="a", ben="b")) == 5
    assert keeper.accept(*change(7, 5, ("ben",), cleo="c")) == 7
    assert keeper.accept(*change(8, 7, ann="z")) == 8
    assert accounts(keeper) == accounts(loaded(path)) == {"ann": "z", "cleo": "c"}
    assert loaded(path).status(sign_question(KEY)) == keeper.status(sign_question(KEY))
    assert path.stat().st_mode & 0o777 == 0o600
    keeper.accept(*whole(9, dan="d"))
    assert len(path.read_bytes().splitlines()) == 1


def test_a_replay_is_refused_and_the_version_told(path: Path) -> None:
    keeper = loaded(path)
    pushes = [whole(5, ann="a"), change(6, 5, ben="b"), whole(9, ann="a")]
    for push in pushes:
        keeper.accept(*push)
    for push in (*pushes, whole(8), change(10, 6), change(10, 8), change(10, 11)):
        error = refused(keeper, push, 409)
        assert (error.errcode, error.version) == (OUTDATED, 9)


def test_a_change_to_nothing_is_refused(path: Path) -> None:
    assert refused(loaded(path), change(5, 4), 409).version == 0


@pytest.mark.parametrize("signature", ["", "0" * 64, sign_question(KEY), "ü", "\udcff"])
def test_a_forged_push_is_refused_and_told_nothing(path: Path, signature: str) -> None:
    keeper = loaded(path)
    keeper.accept(*whole(5, ann="a"))
    error = refused(keeper, (whole(6)[0], signature), 403)
    assert error.version is None
    assert "5" not in str(error)
    refused(keeper, signed("another-key-of-a-guard", version=6, records={}), 403)
    with pytest.raises(PushRefusedError):
        keeper.status(sign_push(KEY, b""))


NONSENSE = [
    b"",
    b"{",
    b"[]",
    b"7",
    b"null",
    b"[" * 100_000,
    b'{"version": 6}',
    b'{"version": "6", "records": {}}',
    b'{"version": true, "records": {}}',
    b'{"version": -1, "records": {}}',
    b'{"version": 9223372036854775808, "records": {}}',
    b'{"version": 6, "records": []}',
    b'{"version": 6, "records": {"account": []}}',
    b'{"version": 6, "records": {"account": {"ann": null}}}',
    b'{"version": 6, "records": {"setting": {"timezone": "Mars/Olympus"}}}',
    b'{"version": 6, "records": {"setting": {"timezone": "../../etc/passwd"}}}',
    b'{"version": 6, "base": 5}',
    b'{"version": 6, "base": null, "records": {}}',
    b'{"version": 6, "base": 5, "put": {}, "drop": {"account": 5}}',
    b'{"version": 6, "base": 5, "put": {}, "drop": {"account": [{}]}}',
    b'{"version": 6, "base": 5, "put": {}, "drop": []}',
    b'{"version": 6,\n "records": {}}',
    b'\xff{"version": 6, "records": {}}',
]


@pytest.mark.parametrize("body", NONSENSE)
def test_nonsense_is_refused(path: Path, body: bytes) -> None:
    keeper = loaded(path)
    keeper.accept(*whole(5, ann="a"))
    refused(keeper, (body, sign_push(KEY, body)), 400)
    assert accounts(loaded(path)) == {"ann": "a"}


def test_too_much_is_refused(path: Path) -> None:
    keeper = Keeper(path, KEY, max_bytes=100)
    refused(keeper, whole(5, ann="a" * 100), 413)


@settings(max_examples=50)
@given(st.data())
def test_a_line_torn_off_by_a_crash_is_dropped_and_the_next_one_stands(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("torn") / "policy"
    keeper = loaded(path)
    keeper.accept(*whole(5, ann="a"))
    keeper.accept(*change(6, 5, ben="b"))
    size = path.stat().st_size
    keeper.accept(*change(7, 6, cleo="c"))
    os.truncate(path, data.draw(st.integers(size, path.stat().st_size - 1)))
    again = loaded(path)
    assert accounts(again) == {"ann": "a", "ben": "b"}
    again.accept(*change(8, 6, dan="d"))
    assert accounts(loaded(path)) == {"ann": "a", "ben": "b", "dan": "d"}


@settings(max_examples=50)
@given(st.data())
def test_M3_a_damaged_file_lets_nobody_in(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("damaged") / "policy"
    keeper = loaded(path)
    keeper.accept(*whole(5, ann="a"))
    keeper.accept(*change(6, 5, ben="b"))
    raw = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(raw) - 2))
    raw[place] ^= 1 << data.draw(st.integers(0, 6))
    path.write_bytes(bytes(raw))
    damaged = Keeper(path, KEY)
    with pytest.raises(PolicyLostError, match="policy"):
        damaged.load()
    assert damaged.policy is None
    # Only a whole push helps, whatever its version.
    refused(damaged, change(7, 6), 409)
    damaged.accept(*whole(7, cleo="c"))
    assert accounts(loaded(path)) == {"cleo": "c"}


def test_another_key_lets_nobody_in(path: Path) -> None:
    loaded(path).accept(*whole(5, ann="a"))
    with pytest.raises(PolicyLostError):
        loaded(path, "another-key-of-a-guard")


@pytest.mark.parametrize("push", [whole(7, cleo="c"), change(7, 6, cleo="c")], ids=["whole", "change"])
def test_what_cannot_be_written_is_not_in_force(path: Path, push: tuple[bytes, str]) -> None:
    keeper = loaded(path)
    keeper.accept(*whole(5, ann="a"))
    keeper.accept(*change(6, 5, ben="b"))
    with patch("os.fsync", side_effect=OSError(28, "No space left on device")), pytest.raises(OSError, match="space"):
        keeper.accept(*push)
    assert accounts(keeper) == {"ann": "a", "ben": "b"}
    keeper.accept(*whole(8, dan="d"))
    assert accounts(loaded(path)) == {"dan": "d"}


def test_nothing_is_put_behind_a_change_that_was_written_in_part(path: Path) -> None:
    keeper = loaded(path)
    keeper.accept(*whole(5, ann="a"))
    with patch("os.fsync", side_effect=OSError(5, "Input/output error")), pytest.raises(OSError, match="Input"):
        keeper.accept(*change(6, 5, ben="b"))
    refused(keeper, change(7, 5, ben="b"), 409)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyLostError, match="cannot be read"):
        Keeper(tmp_path, KEY).load()


def test_M3_the_day_is_the_firms(path: Path) -> None:
    keeper = loaded(path)
    days = []
    # At no moment do these two have the same date: they are 26 hours apart.
    for version, zone in enumerate(("Pacific/Kiritimati", "Etc/GMT+12"), 1):
        keeper.accept(*signed(version=version, records={"setting": {"timezone": zone}}))
        assert keeper.policy is not None
        days.append(keeper.policy.today())
    assert days[0] > days[1]
