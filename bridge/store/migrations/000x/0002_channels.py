"""What channels need: when the newest message came, who archived, and which command added or removed somebody.

All may be null, since SQLite would otherwise copy the whole table, and dropping the old one would drop participants.
"""

from __future__ import annotations

from peewee import BigIntegerField, TextField
from playhouse.migrate import SchemaMigrator, migrate

from bridge.store.engine.unit import Unit


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    migrate(
        migrator.add_column("conversation", "last_message_at", BigIntegerField(null=True)),
        migrator.add_column("conversation", "archived_at", BigIntegerField(null=True)),
        migrator.add_column("conversation", "archived_by", TextField(null=True)),
        migrator.add_column("participant", "caused_by", TextField(null=True)),
    )
