"""How far the bridge has come: each transition, from each state it may happen in (F2, M3, R3)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.upkeep.health import words
from bridge.upkeep.stages import RETRY_SECONDS, Stage, Stages, Standing, State

MET, SHUT_OUT, SENDING, HEARING, RECONCILED = Stage
Change = Callable[[Stages], Stages]


def tried(stage: Stage) -> Change:
    return lambda stages: stages.begun(stage).done(stage)


def begun(stage: Stage) -> Change:
    return lambda stages: stages.begun(stage)


def done(stage: Stage) -> Change:
    return lambda stages: stages.done(stage)


def failed(stage: Stage) -> Change:
    return lambda stages: stages.failed(stage, "away")


def doubted(stages: Stages) -> Stages:
    return stages.doubted("away")


def put_back(stages: Stages) -> Stages:
    return stages.put_back()


ALL = [tried(stage) for stage in Stage]


@pytest.mark.parametrize(
    ("changes", "states", "left", "pause"),
    [
        ([], "wwwww", MET, 0),
        ([begun(MET)], "wwwww", MET, 0),
        ([tried(MET)], "dwwww", SHUT_OUT, 0),
        ([failed(MET)], "fwwww", MET, RETRY_SECONDS),
        ([failed(MET), begun(MET)], "fwwww", MET, RETRY_SECONDS),
        ([failed(MET), tried(MET)], "dwwww", SHUT_OUT, 0),
        ([tried(MET), failed(SHUT_OUT)], "dfwww", SHUT_OUT, RETRY_SECONDS),
        (ALL[:4], "ddddw", RECONCILED, 0),
        (ALL, "ddddd", None, 0),
        # A job that fails has a pass made at once, and a pass that fails waits.
        ([*ALL, doubted], "dddd?", RECONCILED, 0),
        ([*ALL, doubted, failed(RECONCILED)], "ddddf", RECONCILED, RETRY_SECONDS),
        ([*ALL, doubted, tried(RECONCILED)], "ddddd", None, 0),
        # What failed while a pass went on may be about rooms that it was done with.
        ([*ALL[:4], begun(RECONCILED), doubted, done(RECONCILED)], "dddd?", RECONCILED, 0),
        ([*ALL[:4], begun(RECONCILED), doubted, done(RECONCILED), tried(RECONCILED)], "ddddd", None, 0),
        # Nobody is answered before those who left are out.
        ([tried(MET), doubted], "dwww?", SHUT_OUT, 0),
        # Who is in again by the backup is shut out before anything else, whatever was under way.
        ([*ALL, put_back], "bbddb", MET, 0),
        ([*ALL, put_back, tried(MET)], "dbddb", SHUT_OUT, 0),
        ([*ALL, put_back, tried(MET), tried(SHUT_OUT)], "ddddb", RECONCILED, 0),
        ([*ALL, put_back, *ALL], "ddddd", None, 0),
        ([tried(MET), begun(SHUT_OUT), put_back, done(SHUT_OUT)], "bbwwb", MET, 0),
        ([*ALL[:4], begun(RECONCILED), put_back, done(RECONCILED)], "bbddb", MET, 0),
        ([*ALL[:4], failed(RECONCILED), put_back], "bbddb", MET, 0),
        # Shutting out hears of the same backup once more.
        ([*ALL, put_back, tried(MET), begun(SHUT_OUT), put_back, done(SHUT_OUT)], "ddddb", RECONCILED, 0),
        ([*ALL, put_back, tried(MET), failed(SHUT_OUT), put_back], "bbddb", MET, 0),
        ([*ALL, put_back, tried(MET), tried(SHUT_OUT), put_back], "bbddb", MET, 0),
    ],
)
def test_F2_M3_R3_a_stage_is_done_only_by_an_attempt_that_nothing_came_in_between(
    changes: list[Change], states: str, left: Stage | None, pause: float
) -> None:
    stages = Stages()
    for change in changes:
        stages = change(stages)
    letters = {"w": "WAITING", "f": "FAILED", "?": "DOUBTED", "b": "PUT_BACK", "d": "DONE"}
    assert [standing.state.name for standing in stages.standings.values()] == [letters[one] for one in states]
    assert stages.next == left
    assert stages.pause == pause


def test_stages_are_checks_of_health_in_their_order() -> None:
    assert list(Stage) == ["homeserver", "shut_out", "outbox", "inbox", "reconciled"]


@pytest.mark.parametrize(
    ("stage", "standing", "said"),
    [
        (MET, Standing(), "not asked yet"),
        (RECONCILED, Standing(), "not yet"),
        (RECONCILED, Standing(State.DONE), ""),
        (RECONCILED, Standing(State.FAILED, "it is away"), "it is away"),
        (RECONCILED, Standing(State.DOUBTED, "it is away"), "it is away"),
        (
            SHUT_OUT,
            Standing(State.PUT_BACK),
            "The homeserver was put back from a backup; everything is being made as it should be again.",
        ),
    ],
)
def test_health_words_a_stage(stage: Stage, standing: Standing, said: str) -> None:
    assert words(stage, standing) == said
