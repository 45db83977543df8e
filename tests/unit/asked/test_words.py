"""Whatever the bridge does or finds has words, wherever people read of it (O1, O2, O3)."""

from __future__ import annotations

import pytest

from bridge.care import telling_admins
from bridge.check import deep
from bridge.firm.audit import Deed
from bridge.mapping.rooms.state import CLEARED
from bridge.reconcile.planning.steps import Action, DriftKind, Plan, Step
from bridge.wording import audit_lines
from bridge.wording.plan import step_line
from bridge.wording.state import WHAT


@pytest.mark.parametrize("action", Action)
def test_O2_every_step_is_told_in_the_plan_the_command_and_the_deep_check(action: Action) -> None:
    step = Step(action, "key", "Court Dates", "@ann:firm.example", "Ann Archer", "m.room.name")
    assert step.describe().endswith(".")
    assert step_line(step, "").startswith("- ")
    (found,) = deep.of_plan(Plan(accounts=(step,)), {})
    assert found.what.endswith(".")


def test_O1_every_deed_has_a_line() -> None:
    assert set(audit_lines.SAID) == set(Deed) - {Deed.COMMAND, Deed.API}


def test_O3_every_kind_of_drift_has_a_sentence() -> None:
    assert set(telling_admins.SENTENCES) == set(DriftKind)


def test_what_is_taken_out_of_a_room_has_words() -> None:
    assert CLEARED.keys() <= WHAT.keys()
