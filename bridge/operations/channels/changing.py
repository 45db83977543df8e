"""Making, changing, archiving, joining and leaving channels (C1, C4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bridge.desk import Desk
from bridge.firm.conversation import (
    CHANNEL_NAME_MAX,
    Channel,
    ChannelNameError,
    channel_key,
    clean_channel_name,
    free_channel_id,
    free_channel_name,
)
from bridge.firm.model import Staff
from bridge.firm.policy import desired_participants
from bridge.firm.text.directions import together
from bridge.firm.text.visible import shown
from bridge.mapping.ids import channel_alias
from bridge.operations.rooms import made_room
from bridge.operations.sight import require_no_number
from bridge.operations.telling import say_in, tell
from bridge.reconcile.planning.seeds import new_channel
from bridge.refusal import Kind, Refusal
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.rooms.channels import (
    archive,
    channel_aliases,
    channel_caused_by,
    channel_named,
    name_keys,
    rename,
    restore,
    set_topic,
)
from bridge.store.rooms.conversations import NewConversation, add_conversations, conversation_by_id
from bridge.store.rooms.participants import add_participants, drop
from bridge.wording.channels import is_a_channel, nobody_in_it, typeable
from bridge.wording.markdown import code, escape

TOPIC_MAX = 250
"""Characters."""
_NO_TOPIC = {"-", "–", "—"}


@dataclass(frozen=True, slots=True)
class ChannelChanged:
    """A channel that was made or changed."""

    title: str
    topic: str
    room_id: str


@dataclass(frozen=True, slots=True)
class Restored:
    """A channel that is open again."""

    room_id: str
    is_empty: bool
    """Whether nobody is in it."""


async def make_channel(
    desk: Desk, asker: Staff, name: str, topic: str, people: Iterable[Staff], cause: str, *, by_button: bool = False
) -> ChannelChanged:
    """Make a channel with the one who asks and these people. Raises Refusal.

    Asked again for the same cause, it is the same channel. Asked for `by_button` of a client, which may have meant a
    closed room, its maker is told that it is everybody's to find.
    """
    title, topic = _checked_name(desk, asker.id, name), _checked_topic("" if topic.strip() in _NO_TOPIC else topic)
    participants = frozenset({asker.id, *(person.id for person in people)})

    def work(unit: Unit) -> str:
        if (made := channel_caused_by(unit, cause)) is not None:
            channel_id = made.id
        else:
            key, aliases = channel_key(title), channel_aliases(unit)
            _require_free(unit, title)
            new = new_channel(title, topic, participants, aliases, channel_id=free_channel_id(key, aliases))
            channel_id = new.conversation.id
            add_conversations(
                unit, [NewConversation(new.conversation, new.name_key, new.alias_localpart, asker.id, cause)]
            )
        if by_button:
            tell(unit, asker.id, cause, is_a_channel(title), desk.settings.bot_id)
        return channel_id

    channel_id = await desk.store.run(work)
    return ChannelChanged(title, topic, await made_room(desk, channel_id, asker.id, cause))


async def rename_channel(desk: Desk, asker: Staff, found: Channel, name: str, cause: str) -> ChannelChanged:
    """Give a channel another name. Raises Refusal."""
    _require_open(found)
    title = await take_name(desk, asker.id, found, name, cause)
    return ChannelChanged(title, found.topic, await made_room(desk, found.id, asker.id, cause))


async def take_name(desk: Desk, staff_id: str, found: Channel, name: str, cause: str) -> str:
    """Store another name for a channel, as it is shown; its room has it with the next pass. Raises Refusal."""
    title = _checked_name(desk, staff_id, name)

    def work(unit: Unit) -> None:
        _require_free(unit, title, found.id)
        key = channel_key(title)
        taken = [alias for conversation_id, alias in channel_aliases(unit).items() if conversation_id != found.id]
        rename(unit, found.id, title, key, channel_alias(key, taken), by=staff_id, cause=cause)

    await desk.store.run(work)
    return title


async def change_topic(desk: Desk, asker: Staff, found: Channel, topic: str, cause: str) -> ChannelChanged:
    """Give a channel a topic, or with an empty one or a hyphen take it away. Raises Refusal."""
    _require_open(found)
    said = await take_topic(desk, asker.id, found, "" if topic.strip() in _NO_TOPIC else topic, cause)
    return ChannelChanged(found.title, said, await made_room(desk, found.id, asker.id, cause))


async def take_topic(desk: Desk, staff_id: str, found: Channel, topic: str, cause: str) -> str:
    """Store another topic for a channel, as it is shown; its room has it with the next pass. Raises Refusal."""
    said = _checked_topic(topic)
    await desk.store.run(set_topic, found.id, said, by=staff_id, cause=cause)
    return said


async def archive_channel(desk: Desk, asker: Staff, found: Channel, cause: str) -> None:
    """Make a channel read-only, and say so in it. Raises Refusal."""
    if found.everyone:
        raise Refusal(Kind.FIRM_CHANNEL_STAYS_OPEN, "C4", title=found.title)

    def work(unit: Unit) -> None:
        if archive(unit, found.id, asker.id, cause):
            again = code(f"!channel restore {typeable(found.title)}")
            _say(
                unit,
                desk,
                found,
                f"{escape(asker.name)} archived this channel. It can be read, not written in."
                f" {again} in your chat with me opens it again.",
                cause,
            )

    await desk.store.run(work)
    await made_room(desk, found.id, asker.id, cause)


async def restore_channel(desk: Desk, asker: Staff, found: Channel, cause: str) -> Restored:
    """Open an archived channel again, and say so in it. Raises Refusal."""
    firm, today = desk.firm(), desk.today()

    def work(unit: Unit) -> bool:
        conversation = conversation_by_id(unit, found.id)
        empty = conversation is not None and not desired_participants(firm, conversation, today)
        if restore(unit, found.id, asker.id, cause):
            note = f" {nobody_in_it(desk.settings)}" if empty else ""
            _say(unit, desk, found, f"{escape(asker.name)} opened this channel again.{note}", cause)
        return empty

    is_empty = await desk.store.run(work)
    return Restored(await made_room(desk, found.id, asker.id, cause), is_empty)


async def join_channel(desk: Desk, asker: Staff, found: Channel, cause: str) -> str:
    """Take the one who asks into a channel; the id of its room. Raises Refusal."""
    if not found.everyone:
        await desk.store.run(add_participants, found.id, [asker.id], asker.id, cause=cause)
    return await made_room(desk, found.id, asker.id, cause)


async def leave_channel(desk: Desk, asker: Staff, user_id: str, found: Channel, cause: str) -> None:
    """Take the one who asks, whose account is `user_id`, out of a channel. Raises Refusal."""
    if found.everyone:
        raise Refusal(Kind.NOBODY_LEAVES_FIRM_CHANNEL, "C4", title=found.title)
    if not await desk.store.run(drop, found.id, [asker.id], asker.id, cause):
        raise Refusal(Kind.NOT_IN_CHANNEL, title=found.title)
    if found.room_id is not None:
        # In their own name, so that no client tells them that the bot removed them.
        await desk.homeserver.leave(found.room_id, user_id)
    await made_room(desk, found.id, asker.id, cause)


def _checked_name(desk: Desk, staff_id: str, name: str) -> str:
    """A channel's name as it is shown. Raises Refusal with what is wrong and a name that could be had."""
    try:
        title = clean_channel_name(together(name))
    except ChannelNameError as error:
        raise Refusal(Kind.CHANNEL_NAME_UNUSABLE, "C1", why=str(error), better=_possible(name)) from error
    require_no_number(desk, staff_id, title)
    return title


def _checked_topic(typed: str) -> str:
    """A topic as it is shown, empty for none. Raises Refusal."""
    topic = " ".join(typed.split())
    if len(topic) > TOPIC_MAX:
        raise Refusal(Kind.TOPIC_TOO_LONG, "C1", count=len(topic), most=TOPIC_MAX)
    return topic


def _require_open(found: Channel) -> None:
    """Raise Refusal where a channel is archived and stays as it is."""
    if found.archived:
        raise Refusal(Kind.CHANNEL_ARCHIVED, "C1", title=found.title)


def _require_free(unit: ReadUnit, title: str, own_id: str = "") -> None:
    """Part of a unit: raise Refusal where another channel has the name (C1)."""
    owner = channel_named(unit, channel_key(title))
    if owner is not None and owner.id != own_id:
        free = free_channel_name(title, name_keys(unit))
        raise Refusal(Kind.CHANNEL_NAME_TAKEN, "C1", title=owner.title, archived=owner.archived, free=free)


def _possible(name: str) -> str:
    """A name near to one that cannot be used; empty where nothing is left of it."""
    words = " ".join(shown(" ".join(name.split()), "").split())
    short = words if len(words) <= CHANNEL_NAME_MAX else words[: CHANNEL_NAME_MAX + 1].rpartition(" ")[0]
    try:
        return clean_channel_name(short or words[:CHANNEL_NAME_MAX])
    except ChannelNameError:
        return ""


def _say(unit: Unit, desk: Desk, found: Channel, text: str, cause: str) -> None:
    """Part of a unit: have the bot say something in the channel."""
    if found.room_id is not None:
        say_in(unit, found.room_id, f"{cause}/notice", text, desk.settings.bot_id)
