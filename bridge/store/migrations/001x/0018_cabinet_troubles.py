"""The filing cabinet's failures by folder, what changed in filed files, and which lists and transcripts are old.

So that the filer and the night look at what changed, and not at everything that was ever filed.
"""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, CompositeKey, IntegerField, Model, TextField
from playhouse.migrate import SchemaMigrator, migrate

from bridge.store.engine.unit import Unit


class CabinetTrouble(Model):
    conversation_id = TextField()
    what = TextField()
    error = TextField()
    failures = IntegerField(default=0)
    since_ms = BigIntegerField()
    next_at = BigIntegerField()
    told = BooleanField(default=False)
    over = BooleanField(default=False)

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("conversation_id", "what")


class FileChange(Model):
    event_id = TextField(primary_key=True)

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([CabinetTrouble, FileChange])
    unit.execute('CREATE INDEX cabinet_folder_to_list ON cabinet_folder ("key") WHERE changed > listed')
    # What was deleted or edited and not heeded yet: from now on these are noted as they happen.
    unit.execute(
        "INSERT INTO file_change (event_id) SELECT event_id FROM file WHERE removed_at IS NOT NULL OR edit_id <> ''"
    )
    migrate(
        migrator.add_column("filed_transcript", "changed", IntegerField(default=1)),
        migrator.add_column("filed_transcript", "seen", IntegerField(default=0)),
    )
