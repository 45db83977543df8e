"""When each staff member was welcomed, so that nobody is a second time.

Those who have a chat with the bot already know it and are taken to have been.
"""

from __future__ import annotations

from peewee import BigIntegerField
from playhouse.migrate import SchemaMigrator, migrate

from bridge.store.engine.unit import Unit

_KNOW_THE_BOT = """
    UPDATE account SET welcomed_at = 0 WHERE staff_id IN (
        SELECT participant.staff_id FROM participant
        JOIN conversation ON conversation.id = participant.conversation_id
        JOIN room ON room."key" = conversation.id
        WHERE conversation.kind = 'bot' AND room.room_id IS NOT NULL
    )
"""


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    migrate(migrator.add_column("account", "welcomed_at", BigIntegerField(null=True)))
    unit.execute(_KNOW_THE_BOT)
