"""What the bridge would change now, in plain words. Changes nothing (O2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from bridge.commands.asking.paging import paged
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, List, Noted, Who
from bridge.firm.model import Matter
from bridge.operations.admins.plan import Planned, plan_now, planned_seen
from bridge.operations.everybody import everybody
from bridge.wording.markdown import escape
from bridge.wording.plan import step_line


async def _plan(call: Call, place: Annotated[str, Argument(ArgumentType.TEXT, "NUMBER|channel|room")] = "") -> Answer:
    planned = await _planned(call, place)
    answer = await paged(call, partial(_said, planned))
    if answer.page is not None and answer.page.following is not None:
        call.desk.planned[call.sender.id] = call.event_id, planned
    found = planned.place
    about = found.number if isinstance(found, Matter) else found.title if found is not None else ""
    ids = () if found is None else (found.id,)
    more = "\n\nA change of the directory waits as well: `!directory plan` lists what it would do."
    said = answer.text + (more if planned.directory_waits and call.after is None else "")
    return replace(answer, text=said, noted=Noted("plan", about=about, ids=ids))


async def _planned(call: Call, place: str) -> Planned:
    """The plan that a page before was of, or one of now where this process has it no more."""
    event_id, planned = call.desk.planned.pop(call.sender.id, ("", None))
    if call.after is None or event_id != call.event_id or not isinstance(planned, Planned):
        return await plan_now(call.desk, call.sender, place)
    return planned


async def _said(planned: Planned, call: Call) -> List:
    seen, steps = planned_seen(call.desk, call.sender, planned)
    problems, people = [f"- To put right by you: {escape(problem)}" for problem in seen], await everybody(call.desk)
    if not steps and not problems:
        return List((), "I would change nothing: everything is as it should be.")
    access = sum(step.changes_access for step in steps)
    count = "1 step" if len(steps) == 1 else f"{len(steps)} steps"
    head = (
        f"**What I would change now**: {count}, {access} of them, in bold, about who can read something."
        " Nothing was changed; I do this by myself at the next check."
    )
    owners = {step.who: people.owner(step.who) for step in steps}
    names = {user_id: person.name for user_id, person in owners.items() if person is not None}

    async def shown(items: Sequence[Any]) -> list[str]:
        return [item if isinstance(item, str) else step_line(item, names.get(item.who, "")) for item in items]

    return List([*problems, *steps], head, shown=shown)


PLAN = Command(
    "plan",
    "What I would change now",
    _plan,
    help="Lists what I would change if I compared everything now, or only a matter, channel or room. Changes nothing."
    " Without a name I read every room, which takes a while in a large firm.",
    examples=("!plan", "!plan 2026-0042", "!plan Court Filings"),
    who=Who.FIRM_ADMIN,
    group="Administration",
)
