"""The plan of a room: what must be done so that what is becomes what should be. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bridge.firm.room_keys import CHILD
from bridge.firm.room_rules import BOT_LEVEL, WIDGET
from bridge.mapping.direct import others_in, with_room
from bridge.mapping.rooms.shapes import RoomShape
from bridge.mapping.rooms.state import AVATAR, CLEARED, SERVICE_MEMBERS, StateKey, desired_state
from bridge.reconcile.planning.observed import Observed, Server, as_created
from bridge.reconcile.planning.steps import LEVELS, Action, Json, Step

NAME = "m.room.name"
TOMBSTONE = ("m.room.tombstone", "")
_CAN_WAIT = frozenset({SERVICE_MEMBERS, WIDGET})
"""State that is set in a direct conversation when the bot comes for something else; its coming and going is seen."""


def plan_room(
    shape: RoomShape,
    observed: Observed | None,
    server: Server,
    room_ids: Mapping[str, str],
    direct: Mapping[str, Json] | None = None,
) -> tuple[Step, ...]:
    """What the room needs, but for a space's children. `direct` holds m.direct by user id where it was read.

    Removal comes first, also where the bot may not be able to come back (M3). Where somebody was in it who must not
    read the conversation any more, that goes on in another room: Matrix shows them what is added to what they saw.

    Into a room that nobody is in Matrix lets nobody come back. So before the last people leave a direct conversation,
    as leavers do, the bot comes into it, and stays until somebody is back.
    """
    if observed is None and shape.earlier_of:
        return ()
    if observed is None:
        created = as_created(shape, server, room_ids)
        create = Step(Action.CREATE_ROOM, shape.key, shape.label)
        return (create, *plan_room(shape, created, server, room_ids, direct))
    powers = tuple(_powers(shape, observed, server))
    removals = tuple(_removals(shape, observed, server))
    bot_in = observed.members.get(server.bot_id) == "join"
    if shape.kept_out or _goes_on_elsewhere(shape, observed, server):
        closing = (Step(Action.CLOSE_ROOM, shape.key, shape.label),) if bot_in else ()
        # Where the guard cannot be told the other room has to wait; nobody is let into this one meanwhile.
        changes = tuple(_state_changes(shape, observed, server, room_ids)) if bot_in else ()
        others = [step for step in changes if step.event_type not in {LEVELS, TOMBSTONE[0]}]
        return (*closing, *powers, *removals, *others, Step(Action.RENEW_ROOM, shape.key, shape.label))
    empty = not shape.bot_stays and not shape.members
    if empty and not bot_in:
        keep = (Step(Action.BOT_KEEP, shape.key, shape.label),) if "join" in observed.members.values() else ()
        return (*keep, *powers, *removals)
    changes = tuple(_state_changes(shape, observed, server, room_ids))
    unbans = tuple(
        Step(Action.UNBAN, shape.key, shape.label, user_id) for user_id in sorted(observed.banned & shape.welcome)
    )
    additions = tuple(_additions(shape, observed))
    again = tuple(_joins_again(shape, observed))
    marks = tuple(_direct_marks(shape, observed, server, direct))
    needed = any(step.event_type not in _CAN_WAIT for step in changes)
    needs_bot = shape.bot_stays or needed or unbans or any(not step.invited for step in additions)
    returning = () if bot_in or not needs_bot else (Step(Action.BOT_RETURN, shape.key, shape.label),)
    if not (bot_in or needs_bot):
        changes = ()
    leaving: tuple[Step, ...] = ()
    if not shape.bot_stays and not empty and (bot_in or returning):
        leaving = (Step(Action.BOT_LEAVE, shape.key, shape.label),)
    # A name goes when those are back without whom it was needed.
    last = tuple(step for step in changes if step.event_type == NAME and not shape.shown_name)
    first = tuple(step for step in changes if step not in last)
    return (*powers, *removals, *returning, *unbans, *first, *additions, *last, *again, *marks, *leaving)


def _goes_on_elsewhere(shape: RoomShape, observed: Observed, server: Server) -> bool:
    """Whether the bot has led from this room to another one, of which an older database put back does not know."""
    tombstone, sent = observed.state.get(TOMBSTONE, {}), observed.sent.get(TOMBSTONE)
    by_the_bot = sent is not None and sent.sender == server.bot_id
    return not shape.earlier_of and by_the_bot and bool(tombstone.get("replacement_room"))


def _powers(shape: RoomShape, observed: Observed, server: Server) -> Iterator[Step]:
    """Those with as much power as the bot, whom it can neither remove nor demote. They come before their removal."""
    for user_id in sorted(_as_powerful(observed, server.bot_id)):
        if observed.members.get(user_id) == "join":
            yield Step(Action.TAKE_POWER, shape.key, shape.label, user_id)


def _removals(shape: RoomShape, observed: Observed, server: Server) -> Iterator[Step]:
    for user_id in sorted(observed.members.keys() - shape.members - {server.bot_id}):
        yield Step(Action.REMOVE, shape.key, shape.label, user_id)


def wanted_state(
    shape: RoomShape, observed: Observed, server: Server, room_ids: Mapping[str, str]
) -> dict[StateKey, Json]:
    """The state that the room should have, as far as that is possible."""
    state = desired_state(shape, server.bot_id, server.room_version, room_ids)
    levels = state[LEVELS, ""]
    return {**state, (LEVELS, ""): {**levels, "users": {**levels["users"], **kept_powers(observed, server.bot_id)}}}


def kept_powers(observed: Observed, bot_id: str) -> dict[str, int]:
    """The power that nobody can take from somebody who is not in the room: as much as the bot's.

    Only they could give it up, and outside the room it is of no use (specification: authorization rules,
    m.room.power_levels). Where the room's version puts its creator above all, the bot takes it.
    """
    if bot_id not in _levels(observed):
        return {}
    others = _as_powerful(observed, bot_id).items()
    return {user_id: level for user_id, level in others if observed.members.get(user_id) != "join"}


def _as_powerful(observed: Observed, bot_id: str) -> dict[str, int]:
    """The levels of those with as much power as the bot."""
    return {user_id: level for user_id, level in _levels(observed).items() if user_id != bot_id and level >= BOT_LEVEL}


def _levels(observed: Observed) -> Mapping[str, int]:
    """The power levels of single people."""
    users: Mapping[str, int] = observed.state.get((LEVELS, ""), {}).get("users", {})
    return users


def _state_changes(shape: RoomShape, observed: Observed, server: Server, room_ids: Mapping[str, str]) -> Iterator[Step]:
    wanted = wanted_state(shape, observed, server, room_ids)
    wrong = [key for key, content in wanted.items() if not _is_right(key[0], observed.state.get(key), content)]
    wrong += [
        key
        for key, content in observed.state.items()
        if key not in wanted and content and content != CLEARED.get(key[0], content)
    ]
    for event_type, state_key in wrong:
        yield Step(
            Action.SET_STATE,
            shape.key,
            shape.label,
            what=event_type,
            event_type=event_type,
            state_key=state_key,
        )
    if shape.alias_localpart:
        # Only after a rename: until then it is the one that the room was made with.
        alias = server.alias(shape.alias_localpart)
        if observed.state.get(("m.room.canonical_alias", ""), {}).get("alias") != alias:
            yield Step(Action.SET_ALIAS, shape.key, shape.label, what=alias)


def _is_right(event_type: str, there: Json | None, wanted: Json) -> bool:
    """Whether a piece of state is as wanted. Of a picture that is told by its digest, whatever its address."""
    if event_type == AVATAR and there is not None:
        there = {name: value for name, value in there.items() if name != "url"}
    return there == wanted


def _additions(shape: RoomShape, observed: Observed) -> Iterator[Step]:
    for user_id in sorted(shape.members):
        membership = observed.members.get(user_id)
        if membership != "join":
            invited = shape.comes_by_rule or membership == "invite"
            yield Step(Action.ADD, shape.key, shape.label, user_id, invited=invited)


def _joins_again(shape: RoomShape, observed: Observed) -> Iterator[Step]:
    """Those whose membership says that the bot invited them as into a direct conversation, as earlier versions did.

    Each time that they open it, Element lists the conversation under whoever invited so (D3). Behind a second joining
    the invitation is not seen any more.
    """
    if shape.is_direct and not shape.bot_stays:
        for user_id in sorted(shape.members & observed.as_chat_with_bot):
            yield Step(Action.JOIN_AGAIN, shape.key, shape.label, user_id)


def _direct_marks(
    shape: RoomShape, observed: Observed, server: Server, direct: Mapping[str, Json] | None
) -> Iterator[Step]:
    if not shape.is_direct:
        return
    for user_id in sorted(shape.members):
        known = (direct or {}).get(user_id, {})
        others = others_in(shape, user_id, server.bot_id)
        if with_room(known, observed.room_id, others, server.sender_id, server.bot_id) != known:
            yield Step(Action.MARK_DIRECT, shape.key, shape.label, user_id)


def plan_children(
    shape: RoomShape, observed: Observed | None, room_ids: Mapping[str, str], labels: Mapping[str, str]
) -> tuple[Step, ...]:
    """What a space's list of rooms needs. A room not made yet is named by its key, and listed once it is made."""
    if shape.list_stays:
        return ()
    listed: dict[str, Any] = {}
    if observed is not None:
        children = ((key[1], content) for key, content in observed.state.items() if key[0] == CHILD)
        listed = {room_id: content.get("order") for room_id, content in children if content.get("via")}
    wanted = {child: room_ids.get(child, "") for child in shape.children}
    removals = sorted(listed.keys() - set(wanted.values()))
    return (
        *(Step(Action.REMOVE_CHILD, shape.key, shape.label, what=room_id, state_key=room_id) for room_id in removals),
        *(
            Step(Action.ADD_CHILD, shape.key, shape.label, what=labels.get(child, child), state_key=child)
            for child, room_id in wanted.items()
            if not room_id or listed.get(room_id) != shape.children[child]
        ),
    )
