"""Which differences somebody made behind the bridge's back (O3). Pure.

Most of what a plan holds is the bridge's own work, not done yet: a wall that begins today, a room half made. What tells
the two apart is who sent the state that is to be changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from bridge.firm.policy import may_be_in
from bridge.firm.room_keys import CHILD, STAFF_SPACE, matter_of_space
from bridge.firm.room_rules import BOT_LEVEL, NAMED_BY_ALL
from bridge.mapping.rooms.shapes import RoomShape
from bridge.reconcile.planning.desired import Desired
from bridge.reconcile.planning.observed import Observed, Sent
from bridge.reconcile.planning.plan import kept_powers
from bridge.reconcile.planning.steps import LEVELS, Action, Difference, DriftKind, RoomPlan, Step

Json = dict[str, Any]
MEMBER = "m.room.member"


def welcome(shape: RoomShape, observed: Observed | None, wanted: Desired, today: date) -> frozenset[str]:
    """Of those banned from the room, who may be in it.

    The ban of anybody else stays: lifting it would open the history to somebody who must not read it (M3).
    """
    if observed is None or not observed.banned:
        return frozenset()
    conversation = wanted.world.conversations.get(shape.earlier_of or shape.key)
    if conversation is None:
        return observed.banned & shape.members
    owners = {user_id: wanted.owners[user_id] for user_id in observed.banned if user_id in wanted.owners}
    return frozenset(
        user_id for user_id, staff_id in owners.items() if may_be_in(wanted.firm, staff_id, conversation, today)
    )


def lost(key: str, room_id: str) -> Difference:
    """A room that is gone."""
    return Difference(key, DriftKind.ROOM_LOST, room_id)


def deleted(plan: RoomPlan) -> bool:
    """Whether an admin deleted the room, for which the homeserver first puts everybody out of it, as if they left."""
    return any(
        one.kind is DriftKind.ROOM_LOST or (one.kind is DriftKind.BOT_REMOVED and not one.by) for one in plan.drift
    )


def differences(
    shape: RoomShape, observed: Observed, steps: Iterable[Step], wanted: Desired, bot_id: str
) -> Iterator[Difference]:
    """Those behind these steps of a room that is there."""
    steps = tuple(steps)
    if (given := _power_given(shape, observed, steps, bot_id)) is not None:
        yield given
    for step in steps:
        found = (
            _membership(step, shape, observed, wanted, bot_id)
            if step.who or step.action is Action.BOT_RETURN
            else _state(step, shape, observed, wanted, bot_id)
        )
        if found is not None:
            yield found


def _power_given(shape: RoomShape, observed: Observed, steps: Sequence[Step], bot_id: str) -> Difference | None:
    """The power of somebody who is put out, where nobody can take it from them."""
    removed = {step.who for step in steps if step.action is Action.REMOVE}
    sent = observed.sent.get((LEVELS, ""))
    if (
        sent is None
        or any(step.event_type == LEVELS for step in steps)
        or not removed & kept_powers(observed, bot_id).keys()
    ):
        return None
    return Difference(
        shape.key, DriftKind.STATE_CHANGED, sent.event_id, "" if sent.sender == bot_id else sent.sender, what=LEVELS
    )


def _membership(step: Step, shape: RoomShape, observed: Observed, wanted: Desired, bot_id: str) -> Difference | None:
    user_id = step.who or bot_id
    sent = observed.sent.get((MEMBER, user_id))
    match step.action:
        case Action.BOT_RETURN if shape.bot_stays:
            kind = DriftKind.BOT_REMOVED
        case Action.REMOVE if _put_in(shape, sent, user_id, wanted):
            kind = DriftKind.SOMEBODY_PUT_IN
        case Action.UNBAN:
            kind = DriftKind.SOMEBODY_BANNED
        case Action.ADD if _taken_out(observed, sent, user_id, bot_id):
            kind = DriftKind.SOMEBODY_TAKEN_OUT
        case _:
            return None
    # Where an admin uses the homeserver's API, it writes that people did it themselves, or the bot.
    by = "" if sent is None or sent.sender in {user_id, bot_id} else sent.sender
    cause = f"{kind}/{shape.key}" if sent is None else sent.event_id
    return Difference(shape.key, kind, cause, by, step.who)


def _put_in(shape: RoomShape, sent: Sent | None, user_id: str, wanted: Desired) -> bool:
    """Whether somebody other than the bridge brought this person in, whom the room must not hold."""
    staff_id = wanted.owners.get(user_id)
    if staff_id is None:
        return True
    if shape.key == STAFF_SPACE:
        return False
    world = wanted.world
    if shape.is_space:
        matter_id = matter_of_space(shape.key)
        of_matter = (one.id for one in world.conversations.values() if one.matter_id == matter_id)
        return not any(staff_id in world.since.get(conversation_id, {}) for conversation_id in of_matter)
    conversation = world.conversations[shape.earlier_of or shape.key]
    picked = conversation.everyone or staff_id in conversation.participants
    left = world.since.get(conversation.id, {}).get(staff_id)
    return not picked and (left is None or (sent is not None and sent.at > left))


def _taken_out(observed: Observed, sent: Sent | None, user_id: str, bot_id: str) -> bool:
    gone = user_id not in observed.members and user_id not in observed.banned
    return gone and sent is not None and sent.sender not in {user_id, bot_id}


def _state(step: Step, shape: RoomShape, observed: Observed, wanted: Desired, bot_id: str) -> Difference | None:
    match step.action:
        case Action.SET_STATE:
            kind, key = DriftKind.STATE_CHANGED, (step.event_type, step.state_key)
        case Action.SET_ALIAS:
            kind, key = DriftKind.ADDRESS_CHANGED, ("m.room.canonical_alias", "")
        case Action.ADD_CHILD | Action.REMOVE_CHILD:
            kind, key = DriftKind.LIST_CHANGED, (CHILD, wanted.world.rooms.get(step.state_key, step.state_key))
        case _:
            return None
    sent = observed.sent.get(key)
    if sent is None or (sent.sender == bot_id and not shares_power(observed.state.get(key, {}), bot_id)):
        return None
    if step.event_type in NAMED_BY_ALL.get(shape.kind, ()) and sent.sender in wanted.owners:
        return None  # handlers/room_changes.py takes it over.
    by = "" if sent.sender == bot_id else sent.sender
    return Difference(shape.key, kind, sent.event_id, by, what=step.event_type)


def shares_power(levels: Json, bot_id: str) -> bool:
    """Whether somebody has as much power as the bot: an admin's doing, which the homeserver's API does by the bot."""
    users = levels.get("users")
    others = [level for who, level in users.items() if who != bot_id] if isinstance(users, dict) else []
    return any(not isinstance(level, int) or level >= BOT_LEVEL for level in others)
