"""Changing a channel: its name, its topic, and whether it is archived (C1)."""

from __future__ import annotations

import re

from bridge.commands.asking.channels import (
    checked,
    name_taken,
    the_channel,
    the_channel_and_text,
)
from bridge.commands.asking.matter_numbers import unquoted
from bridge.commands.asking.shown import link
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command
from bridge.commands.asking.where import CHAT, OPEN_CHANNELS, Where
from bridge.firm.conversation import Channel, channel_key
from bridge.firm.policy import desired_participants
from bridge.mapping.ids import channel_alias
from bridge.operations.rooms import made_room
from bridge.refusal import CommandError
from bridge.store.queues.outbox import enqueue
from bridge.store.rooms.channels import (
    archive,
    channel_aliases,
    channel_named,
    name_keys,
    rename,
    restore,
    set_topic,
)
from bridge.store.rooms.conversations import conversation_by_id
from bridge.wording.channels import archived_again, typeable
from bridge.wording.markdown import code, escape, notice

TOPIC_MAX = 250
_NO_TEXT = frozenset({"", "-"})
_TO = re.compile(r"\Ato\s++", re.IGNORECASE)
"""What may stand between a channel's old name and its new one."""


def rename_unit(found: Channel, name: str, *, by: str, cause: str) -> str:
    """A unit of work: give a channel another name where it can be had. What to say where it is taken, else nothing."""
    key = channel_key(name)
    owner = channel_named(key)
    if owner is not None and owner.id != found.id:
        return name_taken(owner, name, name_keys())
    taken = [alias for conversation_id, alias in channel_aliases().items() if conversation_id != found.id]
    rename(found.id, name, key, channel_alias(key, taken), by=by, cause=cause)
    return ""


async def _rename(call: Call) -> Answer:
    found, typed = await the_channel_and_text(call, call.values["new"])
    _require_open(found)
    name = checked(unquoted(_TO.sub("", typed)))
    if refusal := await call.desk.store.run(lambda: rename_unit(found, name, by=call.sender.id, cause=call.event_id)):
        raise CommandError(refusal)
    room_id = await made_room(call.desk, found.id, call.sender.id, call.event_id)
    return Answer(f"The channel is called {link(call, name, room_id)} now.")


def checked_topic(typed: str) -> str:
    """The topic as it is shown, empty for none. Raises CommandError."""
    plain = " ".join(typed.split())
    topic = "" if plain in _NO_TEXT else plain
    if len(topic) > TOPIC_MAX:
        raise CommandError(f"That topic has {len(topic)} characters; at most {TOPIC_MAX} fit. Try a shorter one.")
    return topic


async def _topic(call: Call) -> Answer:
    found, typed = await the_channel_and_text(call, call.values.get("text", ""))
    if not typed:
        shown = f"The topic is: {escape(found.topic)}" if found.topic else "The channel has no topic."
        return Answer(f"{shown}\n\n`!channel topic TEXT` sets it, `!channel topic -` takes it away.")
    _require_open(found)
    topic = checked_topic(unquoted(typed))
    await call.desk.store.run(lambda: set_topic(found.id, topic, by=call.sender.id, cause=call.event_id))
    room_id = await made_room(call.desk, found.id, call.sender.id, call.event_id)
    done = f"The topic is set: {escape(topic)}" if topic else "The topic is taken away."
    return Answer(f"{link(call, found.title, room_id)}: {done}")


async def _archive(call: Call) -> Answer:
    found = await the_channel(call)
    if found.everyone:
        raise CommandError(f"{escape(found.title)} is the channel of the whole firm; it is never archived.")

    def unit() -> None:
        if archive(found.id, call.sender.id, call.event_id):
            _say(
                call,
                found,
                f"{escape(call.sender.name)} archived this channel. It can be read, not written in."
                f" {code(f'!channel restore {typeable(found.title)}')} in your chat with me opens it again.",
            )

    await call.desk.store.run(unit)
    await made_room(call.desk, found.id, call.sender.id, call.event_id)
    return Answer(
        f"{escape(found.title)} is archived: it can be read and found, not written in, and its name stays taken."
        f" {code(f'!channel restore {typeable(found.title)}')} opens it again."
    )


async def _restore(call: Call) -> Answer:
    found = await the_channel(call)
    firm, today = call.desk.firm(), call.desk.reconciler.today()

    def unit() -> str:
        conversation = conversation_by_id(found.id)
        empty = conversation is not None and not desired_participants(firm, conversation, today)
        note = f" Nobody is in it. {archived_again(call.desk.settings)}".rstrip() if empty else ""
        if restore(found.id, call.sender.id, call.event_id):
            _say(call, found, f"{escape(call.sender.name)} opened this channel again.{note}")
        return note

    note = await call.desk.store.run(unit)
    room_id = await made_room(call.desk, found.id, call.sender.id, call.event_id)
    return Answer(f"{link(call, found.title, room_id)} is open again.{note}")


def _say(call: Call, found: Channel, text: str) -> None:
    """Inside a unit: have the bot say something in the channel."""
    if found.room_id is not None:
        key = f"{call.event_id}/notice"
        enqueue(key, found.room_id, call.desk.settings.bot_id, "m.room.message", notice(text))


def _require_open(found: Channel) -> None:
    if found.archived:
        raise CommandError(
            f"{escape(found.title)} is archived and stays as it is."
            f" {code(f'!channel restore {typeable(found.title)}')} opens it again."
        )


_NAME = Argument("name", ArgumentType.NAME, required=False, shown="NAME", names_place=True)
CHANNEL_RENAME = Command(
    "channel rename",
    "Give a channel another name",
    _rename,
    (Argument("new", ArgumentType.MARKED, shown="NEW NAME"),),
    help="Renames the channel you type this in. Elsewhere put the channel's present name first. Messages and"
    " participants stay.",
    examples=("!channel rename Court Dates", '!channel rename "Court Filings" to Court Dates'),
    group="Channels",
    where=OPEN_CHANNELS,
    also=("rename",),
)
CHANNEL_TOPIC = Command(
    "channel topic",
    "Say what a channel is about",
    _topic,
    (Argument("text", ArgumentType.MARKED, required=False, shown="TEXT"),),
    help="Sets the topic of the channel you type this in. Elsewhere put the channel's name first. Without a text you"
    " see the topic; a hyphen takes it away.",
    examples=("!channel topic Deadlines and bundles", '!channel topic "Court Filings" Deadlines', "!channel topic -"),
    group="Channels",
    where=OPEN_CHANNELS,
    also=("topic", "header"),
)
CHANNEL_ARCHIVE = Command(
    "channel archive",
    "Make a channel read-only",
    _archive,
    (_NAME,),
    help="Archives the channel you type this in, or the one you name. It can still be read and found, and its name"
    " stays taken. `!channel restore` undoes it.",
    examples=("!channel archive", "!channel archive Friday Lunch"),
    group="Channels",
    where=frozenset({Where.CHANNEL}),
    also=("archive",),
)
CHANNEL_RESTORE = Command(
    "channel restore",
    "Open an archived channel again",
    _restore,
    (_NAME,),
    help="Opens an archived channel again, with everybody who was in it.",
    examples=("!channel restore Friday Lunch",),
    group="Channels",
    where=CHAT | {Where.ARCHIVED},
    also=("restore", "unarchive"),
)
