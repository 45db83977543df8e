"""What the bridge would change now. Changes nothing (O2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.desk import Desk
from bridge.directory.keeping import anything_waits
from bridge.firm.conversation import Conversation, first_matter_conversation_id
from bridge.firm.model import Matter, Staff
from bridge.firm.room_keys import conversation_of, matter_of_space, matter_space_key
from bridge.operations.place_named import find_place
from bridge.operations.sight import sight_of
from bridge.reconcile.planning.steps import Plan, Step
from bridge.store.rooms.matters import conversations_of_matter
from bridge.store.rooms.questions import conversations_without_people


@dataclass(frozen=True)
class Planned:
    """The plan as it was when it was asked for. `planned_seen` says what of it somebody may hear of."""

    place: Matter | Conversation | None
    """What it is about; None for everything."""
    plan: Plan
    conversations: Mapping[str, Conversation]
    directory_waits: bool
    """Whether a change of the directory waits as well."""


async def plan_now(desk: Desk, asker: Staff, typed: str) -> Planned:
    """Compare everything, or only the matter, channel or room that is called so. Raises Refusal."""
    sight = sight_of(desk, asker)
    place = await find_place(desk, sight, typed) if typed else None
    plan = await desk.reconciler.planner.plan(await _keys(desk, place))
    keys = {conversation_of(key) for key in _rooms(plan)}
    conversations, waits = await desk.store.read(
        lambda unit: (conversations_without_people(unit, keys), anything_waits(unit))
    )
    return Planned(place, plan, conversations, waits)


def planned_seen(desk: Desk, asker: Staff, planned: Planned) -> tuple[list[str], list[Step]]:
    """The problems and the steps that this admin may hear of at this moment. Raises Refusal."""
    sight, plan = sight_of(desk, asker), planned.plan
    # Only conversations that are not stored yet are looked for by their matter: the first ones.
    new = any(conversation_of(key) not in planned.conversations for key in _rooms(plan))
    first = {first_matter_conversation_id(matter_id): matter_id for matter_id in sight.firm.matters} if new else {}

    def may_hear(key: str) -> bool:
        about = conversation_of(key)
        conversation = planned.conversations.get(about)
        stored = conversation.matter_id if conversation is not None else first.get(about)
        matter_id = stored or matter_of_space(about)
        return not matter_id or sight.matter_by_id(matter_id)

    problems = [told for told in plan.problems if may_hear(plan.of_rooms.get(told, ""))]
    return problems, [step for step in plan.steps if may_hear(step.key)]


def _rooms(plan: Plan) -> list[str]:
    """The keys of the rooms that it is about."""
    return [*(step.key for step in plan.steps), *plan.of_rooms.values()]


async def _keys(desk: Desk, place: Matter | Conversation | None) -> frozenset[str] | None:
    if place is None:
        return None
    if isinstance(place, Conversation):
        return frozenset({place.id})
    listed = await desk.store.read(conversations_of_matter, place.id)
    own = (matter_space_key(place.id), first_matter_conversation_id(place.id))
    return frozenset({*own, *(one.conversation.id for one in listed)})
