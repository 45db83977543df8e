"""How the guard in a worker of Synapse comes to know what the one in the main process knows (R2)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.guard.keeper import Keeper, PushRefusedError
from bridge.guard.protocol import sign_push
from bridge.guard.relay import (
    WorkerAnswer,
    WorkerQuestion,
    answer_in_json,
    question_in_json,
    read_answer,
    read_question,
)
from tests.unit.guard.test_guard_keeper import KEY, accounts, change, whole

ASKED = WorkerQuestion("client1", "run1", "nonce1", 7, None)


def follow(worker: Keeper, main: Keeper) -> int:
    """Let a worker take what it lacks. Returns how many pushes that took."""
    version, pushes = main.pushes_after(worker.policy.version if worker.policy else 0)
    worker.follow(version, pushes)
    assert (worker.policy.version if worker.policy else 0) == (main.policy.version if main.policy else 0)
    return len(pushes)


@pytest.fixture
def main(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path / "policy", KEY)


@pytest.fixture
def worker(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path / "policy.client1", KEY)


def test_a_worker_knows_nothing_while_the_main_process_does(main: Keeper, worker: Keeper) -> None:
    assert follow(worker, main) == 0
    assert worker.policy is None


def test_a_worker_that_starts_takes_everything_at_once(main: Keeper, worker: Keeper) -> None:
    main.accept(*whole(5, ann="a"))
    main.accept(*change(6, 5, ben="b"))
    assert follow(worker, main) == 1
    assert accounts(worker) == {"ann": "a", "ben": "b"}


def test_a_worker_that_has_the_one_before_takes_the_change(main: Keeper, worker: Keeper) -> None:
    main.accept(*whole(5, ann="a"))
    follow(worker, main)
    main.accept(*change(6, 5, ben="b"))
    main.accept(*change(8, 6, drop=("ann",)))
    assert follow(worker, main) == 2
    assert accounts(worker) == {"ben": "b"}
    assert follow(worker, main) == 0


def test_a_worker_that_missed_a_whole_push_takes_everything(main: Keeper, worker: Keeper) -> None:
    main.accept(*whole(5, ann="a"))
    follow(worker, main)
    main.accept(*whole(9, cleo="c"))
    main.accept(*change(10, 9, dan="d"))
    assert follow(worker, main) == 1
    assert accounts(worker) == {"cleo": "c", "dan": "d"}


def test_a_worker_follows_a_main_process_that_was_put_back(main: Keeper, worker: Keeper, tmp_path: Path) -> None:
    main.accept(*whole(9, ann="a"))
    follow(worker, main)
    older = Keeper(tmp_path / "older", KEY)
    older.accept(*whole(5, ben="b"))
    follow(worker, older)
    assert accounts(worker) == {"ben": "b"}
    follow(worker, Keeper(tmp_path / "none", KEY))
    assert worker.policy is None


def test_what_is_not_signed_with_the_key_changes_nothing(main: Keeper, worker: Keeper) -> None:
    main.accept(*whole(5, ann="a"))
    follow(worker, main)
    body = json.dumps({"version": 6, "records": {}})
    for pushes in ([[sign_push("another key", body.encode()), body]], [["", body]], [["", ""]]):
        with pytest.raises(PushRefusedError):
            worker.follow(6, pushes)
    with pytest.raises(PushRefusedError):
        worker.follow(6, [])
    assert accounts(worker) == {"ann": "a"}


def test_a_worker_puts_nothing_of_the_policy_on_disk(main: Keeper, worker: Keeper, tmp_path: Path) -> None:
    main.accept(*whole(5, ann="a"))
    follow(worker, main)
    assert {one.name for one in tmp_path.iterdir()} == {"policy"}


def test_questions_and_answers_arrive_as_they_were(main: Keeper) -> None:
    main.accept(*whole(5, ann="a"))
    asked = json.dumps(question_in_json(ASKED, KEY)).encode()
    assert read_question(asked, KEY) == ASKED
    answer = WorkerAnswer("nonce1", *main.pushes_after(0), 3)
    said = json.dumps(answer_in_json(answer, KEY)).encode()
    assert read_answer(said, ASKED, KEY) == answer


def test_an_answer_to_an_earlier_question_is_none(main: Keeper) -> None:
    said = json.dumps(answer_in_json(WorkerAnswer("nonce0", 7, [], 0), KEY)).encode()
    with pytest.raises(PushRefusedError, match="earlier"):
        read_answer(said, ASKED, KEY)


def test_what_another_key_signed_is_refused() -> None:
    with pytest.raises(PushRefusedError) as caught:
        read_question(json.dumps(question_in_json(ASKED, "another key")).encode(), KEY)
    assert caught.value.status == 403
    said = json.dumps(answer_in_json(WorkerAnswer("nonce1", 7, [], 0), "another key")).encode()
    with pytest.raises(PushRefusedError):
        read_answer(said, ASKED, KEY)
    # A question is no answer, and an answer no question, though the key is the same.
    told = question_in_json(ASKED, KEY)
    with pytest.raises(PushRefusedError):
        read_answer(json.dumps({"said": told["asked"], "signature": told["signature"]}).encode(), ASKED, KEY)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.binary() | st.builds(lambda it: json.dumps(it).encode(), _json))
def test_nothing_but_a_question_is_one(body: bytes) -> None:
    with pytest.raises(PushRefusedError):
        read_question(body, KEY)
