"""Taking the steps of one room. Every step can be taken again, so that the next pass puts right what a crash left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from bridge import faults
from bridge.mapping.ids import hidden_alias
from bridge.mapping.pins import PINNED
from bridge.mapping.rooms.shapes import RoomShape, earlier_shape
from bridge.mapping.rooms.state import create_body
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
from bridge.reconcile.planning.observed import Observed, as_created
from bridge.reconcile.planning.plan import plan_children, plan_room
from bridge.reconcile.planning.steps import Action, RoomPlan, Step
from bridge.reconcile.rooms.acts import ACTS, foreign_alias
from bridge.reconcile.rooms.context import ApplyContext, StepError, SuspendedError
from bridge.reconcile.rooms.observe import is_marked, is_ours, observe_room
from bridge.reconcile.rooms.pictures import uploaded
from bridge.reconcile.rooms.presence import require_presence
from bridge.store.rooms.made import record_room, set_room_aside, write_intent
from bridge.store.rooms.pins import pins_of

log = structlog.get_logger(__name__)
Json = dict[str, Any]
SETTLING = (0.25, 0.5, 1.0, 2.0, 0.0)
"""Seconds between looks at a room that is not whole yet."""
_ATTEMPTS = 5
"""How often a room is begun before a person is asked to look."""


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


_ACTS: Mapping[Action, Callable[[Step, RoomShape, ApplyContext], Awaitable[None]]] = {**ACTS, Action.RENEW_ROOM: _renew}
