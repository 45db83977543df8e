"""Noting in the audit log what somebody asked for that the log tells of (O1).

The log has one name for each thing that can be asked for, which is the command's, whatever way it was asked for.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from bridge.desk import Desk
from bridge.firm.audit import Deed, Outcome, with_ids
from bridge.firm.model import Staff
from bridge.firm.rules import CitedRule
from bridge.store.engine.unit import Unit
from bridge.store.record.audit import record


async def note_use(
    desk: Desk, asker: Staff, what: str, cause: str, *, person: str = "", about: str = "", ids: Collection[str] = ()
) -> None:
    """Note that somebody asked for `what`, about a person, and in words that may stand in the log about what, with the
    ids of what these name."""
    reason = with_ids(about, ids)
    await desk.store.run(record, Deed.COMMAND, actor=asker.id, subject=what, person=person, reason=reason, cause=cause)


async def note_refused(desk: Desk, asker: Staff, what: str, rule: CitedRule | Literal[""], cause: str) -> None:
    """Note that somebody asked for what was refused, by a rule or by none."""
    refused = Outcome.REFUSED
    await desk.store.run(record, Deed.COMMAND, actor=asker.id, subject=what, reason=rule, cause=cause, outcome=refused)


async def note_use_of_api(
    desk: Desk,
    asker: Staff,
    asked_for: str,
    cause: str,
    *,
    person: str = "",
    ids: Collection[str] = (),
    rule: CitedRule | Literal[""] = "",
    refused: bool = False,
) -> None:
    """Have the audit log tell of a use of the API (A1, O1): what was asked for, and what it was about by ids."""
    outcome = Outcome.REFUSED if refused else Outcome.DONE

    def work(unit: Unit) -> None:
        record(
            unit,
            Deed.API,
            actor=asker.id,
            subject=asked_for,
            person=person,
            reason=with_ids(rule, ids),
            cause=cause,
            outcome=outcome,
        )

    await desk.store.run(work)
