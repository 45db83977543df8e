"""Rooms that people want by their client's own "+": brought into being as by a command (D1, M1, C1, V1)."""

from __future__ import annotations

import secrets

import structlog

from bridge.commands.asking.channels import checked
from bridge.commands.channels.changing import checked_topic
from bridge.commands.channels.making import add_channel
from bridge.commands.conversations.direct import open_direct
from bridge.commands.matters.starting import add_matter_conversation, checked_title, require_open
from bridge.desk import Desk
from bridge.firm.conversation import ConversationKind, bot_chat_id
from bridge.firm.model import Matter
from bridge.firm.policy import may_access, may_act
from bridge.firm.room_keys import STAFF_SPACE, matter_of_space
from bridge.guard.creation import Opening, Wish
from bridge.operations.rooms import made_room
from bridge.operations.telling import tell
from bridge.refusal import CommandError
from bridge.store.rooms.conversations import key_of_room, room_of
from bridge.wording.markdown import escape, repeated, room_link
from bridge.wording.people import names

log = structlog.get_logger(__name__)


NO_SPACE_OF_THEIRS = 'For a conversation about a matter write `!matter start NUMBER "Title"` to the bot.'
NOT_FOR_ALL = (
    "A conversation of a matter is for colleagues with access to it. Make it for the members of the matter's space, or"
    ' write `!matter start NUMBER "Title"` to the bot.'
)


async def room_wished_for(wish: Wish, desk: Desk) -> str:
    """The id of the room that somebody wants, with everybody in it.

    The guard has looked at whom the wish names; the policy is asked again, since the firm may have changed meanwhile.
    Raises CommandError with what to tell the person, who is told by the bot as well, since most clients show nothing of
    it; and RequestError where the homeserver does not do its part: what was stored by then comes into being with the
    next pass.
    """
    cause = f"client/{secrets.token_hex(8)}"
    log.info("room_wished_for", kind=wish.kind, staff=wish.by, people=len(wish.people), cause=cause)
    try:
        return await _room(wish, desk, cause)
    except CommandError as error:
        if may_act(desk.firm(), wish.by):
            told = f"The room that you asked for in your client was not made. {error}"
            await desk.store.run(lambda: tell(wish.by, cause, told, desk.settings.bot_id))
        raise


async def _room(wish: Wish, desk: Desk, cause: str) -> str:
    firm = desk.firm()
    if not all(may_act(firm, staff_id) for staff_id in (wish.by, *wish.people)):
        raise CommandError("Somebody you chose is not on the firm's staff any more.")
    match wish.kind:
        case ConversationKind.BOT:
            return await made_room(desk, bot_chat_id(wish.by), wish.by, cause)
        case ConversationKind.DIRECT if wish.people:
            return await _direct(wish, desk, cause)
        case ConversationKind.CHANNEL if wish.opening is not Opening.INVITED:
            return await _shared(wish, desk, cause)
        case _:
            raise CommandError("A client's own button opens direct conversations and channels. `!help` names the rest.")


async def _direct(wish: Wish, desk: Desk, cause: str) -> str:
    """The direct conversation of those chosen. Where it was to have a name, who asked is told that it has none (D3)."""
    room_id = (await open_direct(desk, [wish.by, *wish.people], wish.by, cause)).room_id
    if wish.name:
        people = names(desk.firm().staff[staff_id] for staff_id in wish.people)
        told = (
            f"The room **{repeated(wish.name)}** that you asked for is your"
            f" {room_link('direct conversation', room_id, desk.server_name)} with {people}: nobody else reads it, and"
            " it is called after the people in it."
        )
        await desk.store.run(lambda: tell(wish.by, cause, told, desk.settings.bot_id))
    return room_id


async def _shared(wish: Wish, desk: Desk, cause: str) -> str:
    """The room of a new channel, or in a matter's space of a new conversation of that matter."""
    staff_space, key = await desk.store.run(lambda: (room_of(STAFF_SPACE), _key_of_only(wish.spaces)))
    if all(space == staff_space for space in wish.spaces):
        return await _new_channel(wish, desk, cause)
    matter = desk.firm().matters.get(matter_of_space(key) or "")
    # The same whether or not there is such a space (M3).
    if matter is None or not may_access(desk.firm(), wish.by, matter, desk.reconciler.today()):
        raise CommandError(NO_SPACE_OF_THEIRS)
    if wish.opening is not Opening.SPACES:
        raise CommandError(NOT_FOR_ALL)
    return await _in_matter(wish, matter, desk, cause)


def _key_of_only(spaces: tuple[str, ...]) -> str:
    """A unit: the key of the only space that is named; empty where more are, or where it is none of the firm's."""
    return (key_of_room(spaces[0]) or "") if len(spaces) == 1 else ""


async def _in_matter(wish: Wish, matter: Matter, desk: Desk, cause: str) -> str:
    """The room of a new conversation of a matter, whose maker is told who finds it (M1, M2)."""
    require_open(matter)
    title, firm, today = checked_title(wish.name), desk.firm(), desk.reconciler.today()
    refused = [one for one in wish.people if not may_access(firm, one, matter, today)]
    people = frozenset({wish.by, *wish.people}.difference(refused))
    told = (
        f"Your new room **{escape(title)}** is a conversation of matter {escape(matter.number)}: colleagues with access"
        " to the matter can find it, join it and read it. To talk with some of them only, write `!dm` and their names."
    )
    if refused:
        told += f" Not added, having no access to this matter: {names(firm.staff[one] for one in refused)}."

    def unit() -> tuple[str, str]:
        conversation_id, refusal = add_matter_conversation(matter, title, people, wish.by, cause)
        if conversation_id:
            tell(wish.by, cause, told, desk.settings.bot_id)
        return conversation_id, refusal

    conversation_id, refusal = await desk.store.run(unit)
    if refusal:
        raise CommandError(refusal)
    return await made_room(desk, conversation_id, wish.by, cause)


async def _new_channel(wish: Wish, desk: Desk, cause: str) -> str:
    """A channel's room, whose maker is told that it is everybody's to find."""
    name, topic = checked(wish.name), checked_topic(wish.topic)
    people = frozenset({wish.by, *wish.people})

    def unit() -> tuple[str, str]:
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
