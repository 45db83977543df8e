"""Rooms that people want by their client's own "+": brought into being as by a command (D1, C1, V1)."""

from __future__ import annotations

import secrets

import structlog

from bridge.commands.channel import add_channel
from bridge.commands.channel_changes import checked_topic
from bridge.commands.channel_names import checked
from bridge.commands.conversations import made_room
from bridge.commands.direct import open_direct
from bridge.commands.errors import CommandError
from bridge.commands.replies import escape
from bridge.commands.table import Desk
from bridge.firm.conversation import ConversationKind, bot_chat_id
from bridge.firm.policy import may_act
from bridge.firm.room_keys import STAFF_SPACE
from bridge.guard.creation import Wish
from bridge.handlers.telling import tell
from bridge.store.conversations import room_of

log = structlog.get_logger(__name__)


async def room_wished_for(wish: Wish, desk: Desk) -> str:
    """The id of the room that somebody wants, with everybody in it.

    The guard has looked at whom the wish names; the policy is asked again, since the firm may have changed meanwhile.
    Raises CommandError with what to tell the person, and HomeserverError where the homeserver does not do its part:
    what was stored by then comes into being with the next pass.
    """
    firm = desk.firm()
    if not all(may_act(firm, staff_id) for staff_id in (wish.by, *wish.people)):
        raise CommandError("Somebody you chose is not on the firm's staff any more.")
    cause = f"client/{secrets.token_hex(8)}"
    log.info("room_wished_for", kind=wish.kind, staff=wish.by, people=len(wish.people), cause=cause)
    match wish.kind:
        case ConversationKind.BOT:
            return await made_room(desk, bot_chat_id(wish.by), wish.by, cause)
        case ConversationKind.DIRECT if wish.people:
            return (await open_direct(desk, [wish.by, *wish.people], wish.by, cause)).room_id
        case ConversationKind.CHANNEL:
            return await _new_channel(wish, desk, cause)
        case _:
            raise CommandError("A client's own button opens direct conversations and channels. `!help` names the rest.")


async def _new_channel(wish: Wish, desk: Desk, cause: str) -> str:
    """A channel's room, whose maker is told that it is everybody's to find: a client may have called it private."""
    name, topic = checked(wish.name), checked_topic(wish.topic)
    people = frozenset({wish.by, *wish.people})

    def unit() -> tuple[str, str]:
        staff_space = room_of(STAFF_SPACE)
        if any(space != staff_space for space in wish.spaces):
            return "", 'For a conversation about a matter write `!matter start NUMBER "Title"` to the bot.'
        channel_id, refusal = add_channel(name, topic, people, wish.by, cause)
        if channel_id:
            told = (
                f"Your new room **{escape(name)}** is a channel of the firm: everybody in the firm can find it, join it"
                " and read it. To talk with some colleagues only, write `!dm` and their names."
            )
            tell(wish.by, cause, told, desk.settings.bot_id)
        return channel_id, refusal

    channel_id, refusal = await desk.store.run(unit)
    if refusal:
        raise CommandError(refusal)
    return await made_room(desk, channel_id, wish.by, cause)
