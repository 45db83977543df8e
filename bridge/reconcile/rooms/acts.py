"""What each step of a room does. Every one can be taken again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import structlog

from bridge import faults
from bridge.firm.conversation import ConversationKind
from bridge.mapping.direct import others_in, with_room
from bridge.mapping.rooms.shapes import RoomShape
from bridge.mapping.rooms.state import AVATAR, CLEARED, child_state, desired_state
from bridge.matrix.errors import ForbiddenError
from bridge.reconcile.planning.plan import wanted_state
from bridge.reconcile.planning.steps import LEVELS, Action, Step
from bridge.reconcile.rooms.context import ApplyContext, StepError, SuspendedError
from bridge.reconcile.rooms.emptied import keep
from bridge.reconcile.rooms.observe import observe_room
from bridge.reconcile.rooms.pictures import uploaded
from bridge.reconcile.rooms.reasons import why_removed
from bridge.reconcile.rooms.space_order import join_in_order
from bridge.reconcile.rooms.unread import ensure_unread

log = structlog.get_logger(__name__)
_SUSPENDED = "M_USER_SUSPENDED"


async def _close(step: Step, shape: RoomShape, hands: ApplyContext) -> None:
    """Let nobody write, before anybody is put out: what comes later would be shown to them with what they saw."""
    room_id = hands.room_ids[step.key]
    observed = await observe_room(hands.homeserver, room_id)
    if observed is not None:
        closed = wanted_state(replace(shape, read_only=True), observed, hands.server, hands.room_ids)[LEVELS, ""]
        if observed.state.get((LEVELS, "")) != closed:
            await hands.homeserver.put_state(room_id, LEVELS, "", closed)
    faults.point("room.closed")


async def _bot_return(step: Step, shape: RoomShape, hands: ApplyContext) -> None:
    await hands.homeserver.join(hands.room_ids[step.key], hands.server.bot_id)


async def _bot_keep(step: Step, shape: RoomShape, hands: ApplyContext) -> None:
    await keep(hands.homeserver, hands.room_ids[step.key])


async def _bot_leave(step: Step, shape: RoomShape, hands: ApplyContext) -> None:
    await hands.homeserver.leave(hands.room_ids[step.key], hands.server.bot_id)
    faults.point("bot.left")


async def _take_power(step: Step, shape: RoomShape, hands: ApplyContext) -> None:
    """Let somebody give up their own power, since nobody else in the room can take it from them."""
    room_id = hands.room_ids[step.key]
    observed = await observe_room(hands.homeserver, room_id, bot_expected=shape.bot_stays)
    levels = observed.state.get((LEVELS, ""), {}) if observed is not None else {}
    users = dict(levels.get("users", {}))
    # Who is only invited can give up nothing.
    if observed is None or users.pop(step.who, None) is None or observed.members.get(step.who) != "join":
        return
    try:
        await hands.homeserver.give_up_power(room_id, step.who, {**levels, "users": users})
    except ForbiddenError as error:
        # They left a moment ago, or their account is locked. They keep a power that is of no use outside.
        log.info("power_kept", room_id=room_id, user_id=step.who, reason=str(error))


async def _remove(step: Step, shape: RoomShape, hands: ApplyContext) -> None:
    room_id = hands.room_ids[step.key]
    try:
        reason = await why_removed(step.key, step.who, hands.wanted, hands.store, hands.today)
        await hands.homeserver.kick(room_id, step.who, reason)
    except ForbiddenError:
        # The bot is not in this room, or they have as much power as it has: they leave it by the service's hand.
        await _take_power(step, shape, hands)
        await hands.homeserver.leave(room_id, step.who)
    await hands.homeserver.forget(room_id, step.who)
    faults.point("member.removed")


async def _unban(step: Step, shape: RoomShape, hands: ApplyContext) -> None:
    await hands.homeserver.unban(hands.room_ids[step.key], step.who)


async def _add(step: Step, shape: RoomShape, hands: ApplyContext) -> None:
    room_id = hands.room_ids[step.key]
    if not step.invited:
        await hands.homeserver.invite(room_id, step.who)
        faults.point("member.invited")
    if shape.kind == ConversationKind.CHANNEL:
        # Before joining, so that a crash in between leaves no participant whom messages do not reach (C2).
        await ensure_unread(hands.homeserver, step.who, room_id)
    try:
        if shape.order:
            await join_in_order(hands.homeserver, room_id, step.who, shape.order)
        else:
            await hands.homeserver.join(room_id, step.who)
    except ForbiddenError as error:
        if error.errcode == _SUSPENDED:
            raise SuspendedError([step.who]) from error
        raise
    faults.point("member.joined")


async def _set_state(step: Step, shape: RoomShape, hands: ApplyContext) -> None:
    # As of now: the space in a join rule may have been made anew since the plan.
    wanted = desired_state(shape, hands.server.bot_id, hands.server.room_version, hands.room_ids)
    if step.event_type == LEVELS:
        observed = await observe_room(hands.homeserver, hands.room_ids[step.key], bot_expected=shape.bot_stays)
        if observed is not None:
            wanted = wanted_state(shape, observed, hands.server, hands.room_ids)
    content = wanted.get((step.event_type, step.state_key), CLEARED.get(step.event_type, {}))
    if step.event_type == AVATAR and shape.picture is not None:
        content = {"url": await uploaded(shape.picture, hands.homeserver, hands.store), **content}
    await hands.homeserver.put_state(hands.room_ids[step.key], step.event_type, step.state_key, content)


async def _set_alias(step: Step, shape: RoomShape, hands: ApplyContext) -> None:
    """Give a renamed channel the address of its new name; the old one stays until another channel takes the name."""
    room_id = hands.room_ids[step.key]
    found = await hands.homeserver.resolve_alias(step.what)
    if found != room_id:
        if found in hands.room_ids.values():
            await hands.homeserver.delete_alias(step.what)
        elif found is not None:
            raise StepError(foreign_alias(step.what))
        await hands.homeserver.put_alias(step.what, room_id)
        faults.point("alias.given")
    await hands.homeserver.put_state(room_id, "m.room.canonical_alias", "", {"alias": step.what})


async def _add_child(step: Step, shape: RoomShape, hands: ApplyContext) -> None:
    child = hands.room_ids.get(step.state_key)
    if child is None:
        raise StepError(f"{step.what} could not be listed in {step.room}, because its room was not made.")
    content = child_state(hands.server_name, shape.children[step.state_key])
    await hands.homeserver.put_state(hands.room_ids[step.key], "m.space.child", child, content)
    faults.point("child.listed")


async def _remove_child(step: Step, shape: RoomShape, hands: ApplyContext) -> None:
    await hands.homeserver.put_state(hands.room_ids[step.key], "m.space.child", step.state_key, {})


async def _join_again(step: Step, shape: RoomShape, hands: ApplyContext) -> None:
    try:
        await hands.homeserver.join_again(hands.room_ids[step.key], step.who)
    except ForbiddenError as error:
        # They are in the room as it is, and the next pass asks again.
        if error.errcode != _SUSPENDED:
            raise


async def _mark_direct(step: Step, shape: RoomShape, hands: ApplyContext) -> None:
    """Add the room to this person's m.direct, keeping all that is there (D3)."""
    others = others_in(shape, step.who, hands.server.bot_id)
    room_id = hands.room_ids[step.key]
    async with hands.direct_locks[step.who]:
        before = await hands.homeserver.account_data(step.who, "m.direct")
        after = with_room(before, room_id, others, hands.server.sender_id, hands.server.bot_id)
        if after != before:
            await hands.homeserver.put_account_data(step.who, "m.direct", after)
    faults.point("direct.marked")


def foreign_alias(alias: str) -> str:
    """What to do where an address of the bridge is not its own."""
    return (
        f"The address {alias} belongs to a room that the bridge did not make."
        " Remove that address, or give the channel another name."
    )


ACTS: Mapping[Action, Callable[[Step, RoomShape, ApplyContext], Awaitable[None]]] = {
    Action.BOT_RETURN: _bot_return,
    Action.BOT_LEAVE: _bot_leave,
    Action.BOT_KEEP: _bot_keep,
    Action.TAKE_POWER: _take_power,
    Action.REMOVE: _remove,
    Action.UNBAN: _unban,
    Action.ADD: _add,
    Action.SET_STATE: _set_state,
    Action.SET_ALIAS: _set_alias,
    Action.ADD_CHILD: _add_child,
    Action.REMOVE_CHILD: _remove_child,
    Action.JOIN_AGAIN: _join_again,
    Action.MARK_DIRECT: _mark_direct,
    Action.CLOSE_ROOM: _close,
}
