"""What quiet care and the morning digest need: when a channel was opened again, and each person's digest."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, Model, TextField
from playhouse.migrate import SchemaMigrator, migrate

from bridge.store.engine.unit import Unit


class Digest(Model):
    staff_id = TextField(primary_key=True)
    wanted = BooleanField(default=True)
    done_on = TextField(default="")

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    # May be null, since SQLite would otherwise copy the whole table.
    migrate(migrator.add_column("conversation", "restored_at", BigIntegerField(null=True)))
    unit.create_tables([Digest])
