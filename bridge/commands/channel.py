"""Channels (C1)."""

from __future__ import annotations

from bridge.commands.conversations import link, make_room, names
from bridge.commands.errors import CommandError
from bridge.commands.replies import escape
from bridge.commands.table import Answer, Argument, ArgumentType, Call, Command
from bridge.firm.conversation import ChannelNameError, ConversationKind, channel_key, clean_channel_name
from bridge.firm.model import Staff
from bridge.firm.policy import desired_participants
from bridge.reconcile.seeds import new_channel
from bridge.store.conversations import (
    NewConversation,
    add_conversations,
    add_participants,
    channel_aliases,
    channel_by_key,
    load_world,
)

_LISTED = 25


async def _list(call: Call) -> Answer:
    world = await call.desk.store.run(load_world)
    firm, today = call.desk.firm(), call.desk.reconciler.today()
    channels = sorted(
        (c for c in world.conversations.values() if c.kind is ConversationKind.CHANNEL and not c.archived),
        key=lambda channel: channel.title.casefold(),
    )
    lines = []
    for channel in channels[:_LISTED]:
        people = desired_participants(firm, channel, today)
        label = channel.title
        shown = link(call, label, world.rooms[channel.id]) if channel.id in world.rooms else escape(label)
        count = "1 participant" if len(people) == 1 else f"{len(people)} participants"
        topic = f": {escape(channel.topic)}" if channel.topic else ""
        yours = ", you among them" if call.sender.id in people else ""
        lines.append(f"- {shown}{topic} ({count}{yours})")
    if len(channels) > _LISTED:
        lines.append(f"\n{len(channels) - _LISTED} more are in the staff space.")
    return Answer("\n".join(lines) or "There is no channel yet. `!channel create NAME` makes one.")


async def _create(call: Call) -> Answer:
    name = _checked(call.values["name"])
    others: tuple[Staff, ...] = tuple(
        dict.fromkeys(person for person in call.values.get("people", ()) if person.id != call.sender.id)
    )
    people = frozenset(person.id for person in (call.sender, *others))

    def unit() -> str | None:
        existing = channel_by_key(channel_key(name))
        if existing is not None:
            return None if existing.caused_by == call.event_id else str(existing.title)
        new = new_channel(name, "", people, channel_aliases())
        add_conversations(
            [NewConversation(new.conversation, new.name_key, new.alias_localpart, call.sender.id, call.event_id)]
        )
        return None

    if (taken := await call.desk.store.run(unit)) is not None:
        raise CommandError(
            f"There is a channel called {escape(taken)} already. Join it with `!channel join {taken}`,"
            " or choose another name."
        )
    conversation = await call.desk.store.run(lambda: channel_by_key(channel_key(name)))
    if conversation is None:
        raise CommandError("The channel was taken away again. Try once more.")
    room_id = await make_room(call, str(conversation.id))
    with_whom = f" with {names(others)}" if others else ""
    return Answer(f"Made the channel {link(call, name, room_id)}{with_whom}.")


async def _join(call: Call) -> Answer:
    name = _checked(call.values["name"])
    key = channel_key(name)

    def unit() -> tuple[str, str] | None:
        channel = channel_by_key(key)
        if channel is None:
            return None
        if channel.archived:
            raise CommandError(f"The channel {escape(str(channel.title))} is archived.")
        if not channel.everyone:
            add_participants(str(channel.id), [call.sender.id], call.sender.id)
        return str(channel.id), str(channel.title)

    found = await call.desk.store.run(unit)
    if found is None:
        raise CommandError(
            f"There is no channel called {escape(name)}. `!channel list` shows them, `!channel create {name}` makes it."
        )
    room_id = await make_room(call, found[0])
    return Answer(f"You are in {link(call, found[1], room_id)}.")


def _checked(name: str) -> str:
    try:
        return clean_channel_name(name)
    except ChannelNameError as error:
        raise CommandError(str(error)) from error


CHANNEL_LIST = Command(
    "channel list",
    "The firm's channels",
    _list,
    help="Lists the channels with their topics.",
    examples=("!channel list",),
    group="Channels",
)
CHANNEL_CREATE = Command(
    "channel create",
    "Make a channel",
    _create,
    (
        Argument("name", ArgumentType.NAME, shown="NAME"),
        Argument("people", ArgumentType.PEOPLE, required=False, shown="@person …"),
    ),
    help="Makes a channel with you and the people you name. Everybody in the firm can find and join it."
    " The name is what stands before the first person, at most 80 characters.",
    examples=("!channel create Court Filings", "!channel create Friday Lunch @ruth @tom"),
    group="Channels",
)
CHANNEL_JOIN = Command(
    "channel join",
    "Join a channel",
    _join,
    (Argument("name", ArgumentType.NAME, shown="NAME"),),
    help="Makes you a participant of a channel.",
    examples=("!channel join Court Filings",),
    group="Channels",
)
