"""Rooms that people want by their client's own "+": brought into being as by a command (D1, M1, C1, V1)."""

from __future__ import annotations

import secrets

import structlog

from bridge.desk import Desk
from bridge.firm.conversation import ConversationKind, bot_chat_id
from bridge.firm.model import Staff
from bridge.firm.policy import may_access, may_act
from bridge.firm.room_keys import STAFF_SPACE, matter_of_space
from bridge.guard.creation import CreationRequest, Opening
from bridge.operations.channels.changing import make_channel
from bridge.operations.conversations.direct import open_direct
from bridge.operations.matters.changing import start_conversation
from bridge.operations.rooms import made_room
from bridge.operations.telling import tell
from bridge.refusal import Kind, Refusal
from bridge.store.engine.unit import ReadUnit
from bridge.store.rooms.made import key_of_room, room_of
from bridge.wording.markdown import repeated, room_link
from bridge.wording.people import names
from bridge.wording.refusals import worded

log = structlog.get_logger(__name__)


async def room_asked_for(wanted: CreationRequest, desk: Desk) -> str:
    """The id of the room that somebody wants, with everybody in it.

    The guard has looked at whom the request names; the policy is asked again, since the firm may have changed
    meanwhile.
    Raises Refusal, of which the person is told by the bot as well, since most clients show nothing of it; and
    RequestError where the homeserver does not do its part: what was stored by then comes into being with the next
    pass.
    """
    cause = f"client/{secrets.token_hex(8)}"
    log.info("room_wished_for", kind=wanted.kind, staff=wanted.by, people=len(wanted.people), cause=cause)
    try:
        return await _room(wanted, desk, cause)
    except Refusal as error:
        if may_act(desk.firm(), wanted.by):
            told = f"The room that you asked for in your client was not made. {worded(error)}"
            await desk.store.run(tell, wanted.by, cause, told, desk.settings.bot_id)
        raise


async def _room(wanted: CreationRequest, desk: Desk, cause: str) -> str:
    firm = desk.firm()
    if not all(may_act(firm, staff_id) for staff_id in (wanted.by, *wanted.people)):
        raise Refusal(Kind.NOT_ON_STAFF, "F1")
    asker, people = firm.staff[wanted.by], [firm.staff[staff_id] for staff_id in wanted.people]
    match wanted.kind:
        case ConversationKind.BOT:
            return await made_room(desk, bot_chat_id(asker.id), asker.id, cause)
        case ConversationKind.DIRECT if people:
            return await _direct(wanted, desk, asker, people, cause)
        case ConversationKind.CHANNEL if wanted.opening is not Opening.INVITED:
            return await _shared(wanted, desk, asker, people, cause)
        case _:
            raise Refusal(Kind.NOT_BY_BUTTON, "V1")


async def _direct(wanted: CreationRequest, desk: Desk, asker: Staff, people: list[Staff], cause: str) -> str:
    """The direct conversation of those chosen. Where it was to have a name, who asked is told that it has none (D3)."""
    room_id = (await open_direct(desk, asker, people, cause)).room_id
    if wanted.name:
        told = (
            f"The room **{repeated(wanted.name)}** that you asked for is your"
            f" {room_link('direct conversation', room_id, desk.server_name)} with {names(people)}: nobody else reads"
            " it, and it is called after the people in it."
        )
        await desk.store.run(tell, asker.id, cause, told, desk.settings.bot_id)
    return room_id


async def _shared(wanted: CreationRequest, desk: Desk, asker: Staff, people: list[Staff], cause: str) -> str:
    """The room of a new channel, or in a matter's space of a new conversation of that matter."""
    staff_space, key = await desk.store.run(
        lambda unit: (room_of(unit, STAFF_SPACE), _key_of_only(unit, wanted.spaces))
    )
    if all(space == staff_space for space in wanted.spaces):
        return (await make_channel(desk, asker, wanted.name, wanted.topic, people, cause, by_button=True)).room_id
    matter = desk.firm().matters.get(matter_of_space(key) or "")
    # The same whether or not there is such a space (M3).
    if matter is None or not may_access(desk.firm(), asker.id, matter, desk.today()):
        raise Refusal(Kind.NOT_THEIR_SPACE)
    if wanted.opening is not Opening.SPACES:
        raise Refusal(Kind.NOT_FOR_ALL, "M1")
    return (await start_conversation(desk, asker, matter, wanted.name, people, cause, by_button=True)).room_id


def _key_of_only(unit: ReadUnit, spaces: tuple[str, ...]) -> str:
    """The key of the only space that is named; empty where more are, or where it is none of the firm's."""
    return (key_of_room(unit, spaces[0]) or "") if len(spaces) == 1 else ""
