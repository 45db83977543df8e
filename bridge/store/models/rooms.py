"""The tables of conversations and their rooms."""

from __future__ import annotations

from peewee import SQL, BigIntegerField, BooleanField, CompositeKey, ForeignKeyField, IntegerField, TextField

from bridge.store.models.base import Base


class Conversation(Base):
    """A direct conversation, matter conversation, channel, or a staff member's chat with the bot."""

    id = TextField(primary_key=True)
    kind = TextField()
    title = TextField(default="")
    topic = TextField(default="")
    matter_id = TextField(default="", index=True)
    name_key = TextField(null=True, unique=True)
    """What makes a channel's name unique; null for other kinds."""
    alias_localpart = TextField(default="")
    """A channel's public alias localpart; empty for rooms with a hidden one."""
    everyone = BooleanField(default=False)
    archived = BooleanField(default=False)
    created_by = TextField(default="")
    """Staff id; empty for what the directory started."""
    created_at = BigIntegerField()
    caused_by = TextField(default="")
    """The event id of the command that made it, so that the same event handled again is known."""
    archived_at = BigIntegerField(null=True)
    archived_by = TextField(null=True)
    """Staff id; empty for the bridge, which archives channels that nobody is in."""
    restored_at = BigIntegerField(null=True)
    """When it was last opened again after it had been archived."""


# Every answer about a person asks for what is everybody's, which is one channel among all conversations.
Conversation.add_index(Conversation.index(Conversation.id, where=SQL("everyone"), name="conversation_everyone"))


class FirstLine(Base):
    """A conversation that somebody started, in which the bot still has to say so."""

    conversation_id = TextField(primary_key=True)


class NewestMessage(Base):
    """When the newest message of a channel was written (C3). A table of its own, since it is written all the time."""

    conversation_id = TextField(primary_key=True)
    at_ms = BigIntegerField()


class Participant(Base):
    """Somebody picked for a conversation. Who left stays as a row, so that nothing adds them again by itself."""

    conversation = ForeignKeyField(Conversation, backref="participants", on_delete="CASCADE")
    staff_id = TextField(index=True)
    present = BooleanField(default=True)
    since = BigIntegerField()
    """In the homeserver's time (bridge/store/record/homeserver_time.py), since it is compared with events."""
    added_by = TextField(default="")
    caused_by = TextField(null=True)
    """The event id of the command that last added or removed this person, so that the same event is known again."""

    class Meta:
        primary_key = CompositeKey("conversation", "staff_id")


# Who left is asked for whenever the firm changes, and most never did.
Participant.add_index(Participant.index(Participant.conversation, where=SQL("NOT present"), name="participant_absent"))


class Room(Base):
    """A Matrix room the bridge makes, written as an intent before it is asked for."""

    key = TextField(primary_key=True)
    """Which room of the plan: for a conversation its id, for a space its name."""
    alias_localpart = TextField(unique=True)
    room_id = TextField(null=True, unique=True)
    earlier_of = TextField(default="")
    """The id of the conversation that was held in it, where that goes on in another room."""


# Nearly all rooms are no earlier ones: by an index of all of them SQLite looks at every room instead.
Room.add_index(Room.index(Room.earlier_of, where=SQL("earlier_of != ''"), name="room_earlier_of"))


class Pin(Base):
    """A pinned message (V2)."""

    conversation_id = TextField()
    event_id = TextField()
    place = IntegerField()
    """Where it stands in the list, from 0."""
    staff_id = TextField()
    """Who pinned it; empty where that is not known."""
    at_ms = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("conversation_id", "event_id")


class PinLists(Base):
    """The lists of pinned messages that were set or stood in the last moments, by conversation."""

    conversation_id = TextField(primary_key=True)
    cause = TextField()
    """The event id of the list that was handled last."""
    data = TextField()
    """JSON of (event ids, milliseconds), oldest first."""


class BotVisit(Base):
    """A direct conversation that the bot went into and may not have left yet."""

    room_id = TextField(primary_key=True)
    conversation_id = TextField()
    at_ms = BigIntegerField()


class Mention(Base):
    """Somebody whom a message mentions, until they were told of it elsewhere or need not be."""

    event_id = TextField()
    staff_id = TextField()
    room_id = TextField()
    at_ms = BigIntegerField()
    """When the bridge heard of the message."""

    class Meta:
        primary_key = CompositeKey("event_id", "staff_id")


class ReadPosition(Base):
    """Up to where somebody has read in a room, as their client told everybody there (P5). Only the last place."""

    room_id = TextField()
    staff_id = TextField()
    threads = BooleanField()
    """Whether it is said of what stands in threads as well (Matrix specification: receipts, unthreaded)."""
    event_id = TextField()
    event_ms = BigIntegerField(null=True)
    """When the event was sent; null where that is to be asked for."""
    at_ms = BigIntegerField()
    """When they read it. Both by the homeserver's clock."""

    class Meta:
        primary_key = CompositeKey("room_id", "staff_id", "threads")
