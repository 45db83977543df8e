"""Taking the steps of one room. Every step can be taken again, so that the next pass puts right what a crash left."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import structlog

from bridge import faults
from bridge.firm.conversation import ConversationKind
from bridge.firm.errors import BridgeError
from bridge.mapping.direct import others_in, with_room
from bridge.mapping.ids import hidden_alias
from bridge.mapping.pins import PINNED
from bridge.mapping.rooms import AVATAR, CLEARED, RoomShape, child_state, create_body, desired_state, earlier_shape
from bridge.matrix.errors import (
    AliasTakenError,
    BadRequestError,
    ForbiddenError,
    NotFoundError,
    RequestError,
    TokenRejectedError,
    UnreachableError,
)
from bridge.matrix.port import Homeserver
from bridge.reconcile.planning.desired import Desired
from bridge.reconcile.planning.plan import (
    LEVELS,
    Action,
    Observed,
    RoomPlan,
    Server,
    Step,
    as_created,
    plan_children,
    plan_room,
    wanted_state,
)
from bridge.reconcile.rooms.emptied import keep
from bridge.reconcile.rooms.observe import is_marked, is_ours, observe_room
from bridge.reconcile.rooms.pictures import uploaded
from bridge.reconcile.rooms.presence import require_presence
from bridge.reconcile.rooms.reasons import why_removed
from bridge.reconcile.rooms.space_order import join_in_order
from bridge.reconcile.rooms.unread import ensure_unread
from bridge.store.engine.store import Store
from bridge.store.rooms.made import record_room, set_room_aside, write_intent
from bridge.store.rooms.pins import pins_of

log = structlog.get_logger(__name__)
Json = dict[str, Any]
SETTLING = (0.25, 0.5, 1.0, 2.0, 0.0)
"""Seconds between looks at a room that is not whole yet."""
_SUSPENDED = "M_USER_SUSPENDED"
_ATTEMPTS = 5
"""How often a room is begun before a person is asked to look."""


class StepError(BridgeError):
    """A step that cannot be taken until a person has done something."""

    suspended: frozenset[str] = frozenset()
    """The user ids of those who cannot be brought in, because the homeserver has suspended their account."""


class SuspendedError(StepError):
    """Somebody cannot be brought in until a server admin lifts the suspension of their account."""

    def __init__(self, user_ids: Iterable[str], message: str = "") -> None:
        self.suspended = frozenset(user_ids)
        listed = ", ".join(sorted(self.suspended))
        super().__init__(message or f"{listed}: the account is suspended on the homeserver, so it stays invited only.")


@dataclass(frozen=True)
class ApplyContext:
    """What is needed to take steps."""

    homeserver: Homeserver
    store: Store
    server: Server
    alias_key: str
    wanted: Desired
    today: date
    room_ids: dict[str, str]
    """Room ids by key; grows as rooms are made."""
    direct_locks: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    @property
    def server_name(self) -> str:
        return self.server.bot_id.partition(":")[2]

    def name_of(self, user_id: str) -> str:
        """What somebody is called; their user id where they are nobody of the firm."""
        person = self.wanted.firm.staff.get(self.wanted.owners.get(user_id, ""))
        return user_id if person is None else person.name


@dataclass
class _Trouble:
    """The steps of one room that could not be taken."""

    failed: list[tuple[Step, Exception]] = field(default_factory=list)
    unreachable: UnreachableError | None = None

    def holds_up(self, step: Step) -> bool:
        """Whether a step is left out: its person's turn is over, or the homeserver gives no good answer here."""
        if self.unreachable is not None and not step.only_takes:
            return True
        return bool(step.who) and step.who in {given_up.who for given_up, _ in self.failed}

    async def note(self, step: Step, error: Exception, homeserver: Homeserver) -> None:
        """Note a failure. Raises it where nothing of this room can go on."""
        if isinstance(error, TokenRejectedError):
            raise error
        if isinstance(error, UnreachableError):
            await require_presence(homeserver, error)
            self.unreachable = self.unreachable or error
        elif step.action is Action.BOT_RETURN:
            raise error
        else:
            self.failed.append((step, error))

    def tell(self) -> None:
        """Raise what was noted, if anything."""
        if self.unreachable is not None:
            raise self.unreachable
        if self.failed:
            told = "; ".join(f"{step.describe()} {error}" for step, error in self.failed)
            suspended = {step.who for step, error in self.failed if isinstance(error, SuspendedError)}
            raise (SuspendedError(suspended, told) if suspended else StepError(told)) from self.failed[0][1]


async def apply_room(plan: RoomPlan, hands: ApplyContext) -> None:
    """Take all steps of one room in order. One that cannot be taken, or its person, does not hold up the others.

    After one to which the homeserver gave no good answer only those that take access away are tried. Raises that
    UnreachableError at the end, or StepError where others could not be taken, and TokenRejectedError at once.
    """
    steps = plan.steps
    if steps and steps[0].action is Action.CREATE_ROOM:
        steps = await _make(plan.shape, hands)
    trouble = _Trouble()
    for step in steps:
        if trouble.holds_up(step):
            continue
        try:
            await _ACTS[step.action](step, plan.shape, hands)
        except (RequestError, StepError) as error:
            may_be_remade = not plan.shape.earlier_of and isinstance(error, ForbiddenError | NotFoundError)
            if step.action is Action.BOT_RETURN and may_be_remade:
                await _give_up(plan.shape, hands)
                await apply_room(RoomPlan(plan.shape, (Step(Action.CREATE_ROOM, plan.shape.key),)), hands)
                return
            await trouble.note(step, error, hands.homeserver)
    trouble.tell()
    faults.point("room.finished")


async def _make(shape: RoomShape, hands: ApplyContext) -> tuple[Step, ...]:
    """Make the room, or adopt the one an earlier attempt made, and return the steps that are left."""
    if shape.open_to and shape.open_to not in hands.room_ids:
        # By its join rule alone the bot comes back into a direct conversation, and staff into a channel.
        raise StepError("Its room waits for the space whose members may come in, which could not be made yet.")
    alias = await _alias(shape, hands)
    faults.point("room.intent")
    observed = await _create_or_adopt(shape, alias, hands)
    faults.point("room.created")
    await hands.store.run(record_room, shape.key, observed.room_id)
    hands.room_ids[shape.key] = observed.room_id
    faults.point("room.recorded")
    steps = plan_room(shape, observed, hands.server, hands.room_ids)
    made = replace(shape, children={one: order for one, order in shape.children.items() if one in hands.room_ids})
    return steps + plan_children(made, observed, hands.room_ids, {})


async def _alias(shape: RoomShape, hands: ApplyContext) -> str:
    """The localpart of the room's address, noted before it is asked for."""
    hidden = hidden_alias(shape.key, hands.alias_key)
    noted = await hands.store.run(write_intent, shape.key, shape.alias_localpart or hidden)
    return shape.alias_localpart or noted


async def _create_or_adopt(shape: RoomShape, alias: str, hands: ApplyContext) -> Observed:
    # Again, since the homeserver may break off at each attempt and leave a half-made room.
    for _ in range(_ATTEMPTS):
        observed = await _create(shape, alias, hands) or await _adopt(shape, alias, hands)
        if observed is not None:
            return observed
    raise StepError(
        f"The address #{alias}:{hands.server_name} is taken again and again."
        " Look for a second bridge and end it; this one tries again within the hour."
    )


async def _create(shape: RoomShape, alias: str, hands: ApplyContext) -> Observed | None:
    """The new room, or None when the alias is taken already."""
    picture_url = await _picture(shape, hands)
    body = create_body(
        shape,
        alias_localpart=alias,
        bot_id=hands.server.bot_id,
        room_version=hands.server.room_version,
        room_ids=hands.room_ids,
        picture_url=picture_url,
        name_of=hands.name_of,
    )
    if shape.follows:
        # What is pinned goes with the conversation.
        pins = [pin.event_id for pin in await hands.store.read(pins_of, shape.key)]
        body["initial_state"].append({"type": PINNED, "state_key": "", "content": {"pinned": pins}})
    try:
        room_id = await hands.homeserver.create_room(body)
    except AliasTakenError:
        return None
    return as_created(shape, hands.server, hands.room_ids, room_id, picture_url)


async def _picture(shape: RoomShape, hands: ApplyContext) -> str:
    """The address of the room's picture; empty where it cannot be uploaded now, which keeps no room from being made."""
    if shape.picture is None:
        return ""
    try:
        return await uploaded(shape.picture, hands.homeserver, hands.store)
    except (ForbiddenError, BadRequestError, NotFoundError) as error:
        log.warning("picture_not_uploaded", room=shape.key, reason=str(error))
        return ""


async def _adopt(shape: RoomShape, alias: str, hands: ApplyContext) -> Observed | None:
    """The room behind the alias if it is ours and whole; else None, and the alias is free."""
    full_alias = f"#{alias}:{hands.server_name}"
    for pause in SETTLING:
        room_id = await hands.homeserver.resolve_alias(full_alias)
        observed = await observe_room(hands.homeserver, room_id) if room_id else None
        if observed is not None and is_ours(observed, shape.key, hands.server.bot_id):
            log.info("room_adopted", room=shape.key, room_id=room_id)
            return observed
        if observed is not None and observed.creator != hands.server.bot_id:
            raise StepError(foreign_alias(full_alias))
        if observed is not None and is_marked(observed):
            break
        # A request that a crash of the bridge left behind may still be at work in the homeserver.
        await asyncio.sleep(pause)
    # A channel that was renamed keeps its old address until another channel takes the name.
    half_made = observed is not None and not is_marked(observed)
    log.warning("room_half_made" if half_made else "alias_taken_over", room=shape.key, room_id=room_id)
    # Left first, so that a crash in between leaves the address to find it by.
    if observed is not None and half_made and observed.members.get(hands.server.bot_id) == "join":
        await hands.homeserver.leave(observed.room_id, hands.server.bot_id)
    await hands.homeserver.delete_alias(full_alias)
    return None


async def _give_up(shape: RoomShape, hands: ApplyContext) -> None:
    """Let go of a room that the bot cannot come back into, so that it is made anew.

    Nobody could be kept out of it any more, so nobody stays in it. A direct conversation with people in it does well
    without the bot and is kept: raises StepError.
    """
    room_id = hands.room_ids[shape.key]
    observed = await observe_room(hands.homeserver, room_id, bot_expected=False)
    people = sorted(observed.members.keys() - {hands.server.bot_id}) if observed is not None else []
    if people and not shape.bot_stays:
        raise StepError(
            f"The bot cannot come back into {room_id}, so it stays as it is for those who are in it."
            " To have the conversation made anew without its history, delete that room with the admin API."
        )
    log.warning("room_lost", room=shape.key, room_id=room_id, people=len(people))
    alias = await _alias(shape, hands)
    await hands.homeserver.delete_alias(f"#{alias}:{hands.server_name}")
    # Forgotten first, so that nobody is taken to have left the conversation.
    await hands.store.run(record_room, shape.key, None)
    hands.room_ids.pop(shape.key, None)
    for user_id in people:
        try:
            await hands.homeserver.leave(room_id, user_id)
        except (ForbiddenError, BadRequestError) as error:
            log.warning("still_in_lost_room", room_id=room_id, user_id=user_id, reason=str(error))


async def _close(step: Step, shape: RoomShape, hands: ApplyContext) -> None:
    """Let nobody write, before anybody is put out: what comes later would be shown to them with what they saw."""
    room_id = hands.room_ids[step.key]
    observed = await observe_room(hands.homeserver, room_id)
    if observed is not None:
        closed = wanted_state(replace(shape, read_only=True), observed, hands.server, hands.room_ids)[LEVELS, ""]
        if observed.state.get((LEVELS, "")) != closed:
            await hands.homeserver.put_state(room_id, LEVELS, "", closed)
    faults.point("room.closed")


async def _renew(step: Step, shape: RoomShape, hands: ApplyContext) -> None:
    """Let a conversation go on in a room made anew. After a crash the usual steps of both rooms go on from there."""
    room_id = hands.room_ids[step.key]
    earlier = await hands.store.run(set_room_aside, shape.key, room_id, lambda key: hidden_alias(key, hands.alias_key))
    log.info("room_set_aside", room=shape.key, room_id=room_id, people=len(shape.kept_out))
    faults.point("room.set_aside")
    del hands.room_ids[step.key]
    hands.room_ids[earlier] = room_id
    new = replace(shape, kept_out=frozenset(), follows=earlier)
    await apply_room(RoomPlan(new, (Step(Action.CREATE_ROOM, shape.key, shape.label),)), hands)
    before = earlier_shape(shape, earlier, shape.key)
    observed = await observe_room(hands.homeserver, room_id)
    await apply_room(RoomPlan(before, plan_room(before, observed, hands.server, hands.room_ids)), hands)


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


def foreign_alias(alias: str) -> str:
    """What to do where an address of the bridge is not its own."""
    return (
        f"The address {alias} belongs to a room that the bridge did not make."
        " Remove that address, or give the channel another name."
    )


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


_ACTS: Mapping[Action, Callable[[Step, RoomShape, ApplyContext], Awaitable[None]]] = {
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
    Action.RENEW_ROOM: _renew,
}
