"""Channels as they are stored: their names, topics, archive and newest messages."""

from __future__ import annotations

from collections.abc import Mapping

from peewee import JOIN, ModelSelect

from bridge.clock import now_ms
from bridge.firm.audit import Deed
from bridge.firm.conversation import Channel, ConversationKind
from bridge.store import models
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.record.audit import record

CHANNELS = f"name_key > '' AND kind = '{ConversationKind.CHANNEL.value}'"
"""Which conversations are channels, in SQL, so that they are found by the index of their names and not among all."""
IS_CHANNEL = (models.Conversation.name_key > "") & (models.Conversation.kind == ConversationKind.CHANNEL.value)
"""The same for peewee."""
_NOTE_MESSAGES = """
    INSERT INTO newest_message (conversation_id, at_ms) VALUES {rows}
    ON CONFLICT (conversation_id) DO UPDATE SET at_ms = excluded.at_ms WHERE excluded.at_ms > newest_message.at_ms
"""


def _select(unit: ReadUnit, *conditions: object) -> list[Channel]:
    return _channels(unit, _query(*conditions))


def _query(*conditions: object) -> ModelSelect[models.Conversation]:
    return (
        models.Conversation.select(models.Conversation, models.Room.room_id, models.NewestMessage.at_ms)
        .join(models.Room, JOIN.LEFT_OUTER, on=(models.Room.key == models.Conversation.id))
        .switch(models.Conversation)
        .join(
            models.NewestMessage,
            JOIN.LEFT_OUTER,
            on=(models.NewestMessage.conversation_id == models.Conversation.id),
        )
        .where(IS_CHANNEL, *conditions)
    )


def _channels(unit: ReadUnit, query: ModelSelect[models.Conversation]) -> list[Channel]:
    return [
        Channel(
            id=row.id,
            title=row.title,
            topic=row.topic,
            name_key=row.name_key or "",
            everyone=row.everyone,
            archived=row.archived,
            created_by=row.created_by,
            created_at=row.created_at,
            caused_by=row.caused_by,
            archived_at=row.archived_at,
            archived_by=row.archived_by or "",
            last_message_at=row.at_ms,
            room_id=row.room_id,
        )
        for row in unit.objects(query)
    ]


def all_channels(unit: ReadUnit) -> list[Channel]:
    """Every channel, archived ones included, by name."""
    return sorted(_select(unit), key=lambda channel: channel.title.casefold())


def channel(unit: ReadUnit, conversation_id: str) -> Channel | None:
    """The channel with this id."""
    return next(iter(_select(unit, models.Conversation.id == conversation_id)), None)


def channel_named(unit: ReadUnit, name_key: str) -> Channel | None:
    """The channel with this unique name, archived ones included."""
    return next(iter(_select(unit, models.Conversation.name_key == name_key)), None)


def channel_caused_by(unit: ReadUnit, event_id: str) -> Channel | None:
    """The channel that the command in this event made."""
    return next(iter(_select(unit, models.Conversation.caused_by == event_id)), None)


def name_keys(unit: ReadUnit) -> set[str]:
    """The names that are taken."""
    return {found.name_key for found in _select(unit)}


def channel_aliases(unit: ReadUnit) -> dict[str, str]:
    """The public alias localparts of all channels, by conversation id."""
    rows = unit.tuples(
        models.Conversation.select(models.Conversation.id, models.Conversation.alias_localpart).where(IS_CHANNEL)
    )
    return dict(rows)


def rename(
    unit: Unit, conversation_id: str, title: str, name_key: str, alias_localpart: str, *, by: str, cause: str
) -> None:
    """Give a channel another name. Its old name and alias are free at once; its identity and its room stay."""
    changed = models.Conversation.id == conversation_id, models.Conversation.title != title
    if unit.exists(models.Conversation.select().where(*changed)):
        record(unit, Deed.RENAMED, actor=by, subject=conversation_id, reason=title, cause=cause)
    unit.run(
        models.Conversation.update(title=title, name_key=name_key, alias_localpart=alias_localpart).where(
            models.Conversation.id == conversation_id
        )
    )
    unit.run(models.Room.update(alias_localpart=alias_localpart).where(models.Room.key == conversation_id))


def set_topic(unit: Unit, conversation_id: str, topic: str, *, by: str, cause: str) -> None:
    """Give a channel a topic, or with an empty one take it away."""
    changed = models.Conversation.id == conversation_id, models.Conversation.topic != topic
    if unit.run(models.Conversation.update(topic=topic).where(*changed)):
        record(unit, Deed.TOPIC_SET, actor=by, subject=conversation_id, cause=cause)


def archive(unit: Unit, conversation_id: str, by: str, cause: str = "", reason: str = "") -> bool:
    """Archive a conversation in the name of a staff id, empty for the bridge. False where it was archived already."""
    changed = unit.run(
        models.Conversation.update(archived=True, archived_at=now_ms(), archived_by=by).where(
            models.Conversation.id == conversation_id, ~models.Conversation.archived
        )
    )
    if changed:
        record(unit, Deed.ARCHIVED, actor=by, subject=conversation_id, cause=cause, reason=reason)
    return changed > 0


def restore(unit: Unit, conversation_id: str, by: str, cause: str = "") -> bool:
    """Undo archiving in the name of a staff id. False where it was not archived."""
    changed = unit.run(
        models.Conversation.update(archived=False, archived_at=None, archived_by=None, restored_at=now_ms()).where(
            models.Conversation.id == conversation_id, models.Conversation.archived
        )
    )
    if changed:
        record(unit, Deed.RESTORED, actor=by, subject=conversation_id, cause=cause)
    return changed > 0


def note_messages(unit: Unit, newest: Mapping[str, int]) -> None:
    """Note when the newest message came, by conversation id; an older one than is known changes nothing."""
    unit.execute_rows(_NOTE_MESSAGES, "(?, ?)", list(newest.items()))


def recent(unit: ReadUnit, limit: int) -> list[Channel]:
    """The channels with the newest messages, newest first, without those archived or never written in (C3)."""
    written = _query(~models.Conversation.archived, models.NewestMessage.at_ms.is_null(False))
    return _channels(unit, written.order_by(models.NewestMessage.at_ms.desc(), models.Conversation.id).limit(limit))
