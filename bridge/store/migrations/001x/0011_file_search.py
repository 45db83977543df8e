"""Files found by name, caption and what they are: their order, the words to search, and how far history was read (V3).

The words come folded (bridge/mapping/file_words.py), so both databases take them as they are.
"""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, Model, TextField
from playhouse.migrate import SchemaMigrator, migrate

from bridge.store.engine.unit import Unit

# An index for each length of a beginning: any other is put together from all words that begin so.
_SQLITE = [
    "CREATE VIRTUAL TABLE file_search USING fts5"
    "(words, marks, tokenize='ascii', columnsize=0, prefix='1 2 3 4 5 6 7 8 9 10')"
]
_POSTGRESQL = [
    'CREATE TABLE file_search ("rowid" BIGINT PRIMARY KEY, search tsvector NOT NULL)',
    "CREATE INDEX file_search_search ON file_search USING gin (search)",
]


class FileHistory(Model):
    room_id = TextField(primary_key=True)
    position = TextField(default="")
    finished_at = BigIntegerField(null=True)

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    # Nothing has written files yet, so no row needs more than the defaults.
    migrate(
        migrator.add_column("file", "moment", BigIntegerField(default=0)),
        migrator.add_column("file", "newest", BooleanField(default=True)),
        migrator.add_column("file", "size", BigIntegerField(default=0)),
        migrator.add_column("file", "edit_id", TextField(default="")),
        migrator.add_column("file", "edited_at", BigIntegerField(default=0)),
        migrator.add_column("file", "unedited", TextField(default="")),
        migrator.drop_index("file", "file_conversation_id_name_key_at_ms"),
        migrator.drop_index("file", "file_conversation_id_at_ms"),
        migrator.add_index("file", ("edit_id",)),
        migrator.add_index("file", ("moment",), unique=True),
        migrator.add_index("file", ("conversation_id", "name_key", "removed_at", "moment")),
        migrator.add_index("file", ("newest", "moment")),
        migrator.add_index("file", ("newest", "name_key", "moment")),
        migrator.add_index("file", ("newest", "size", "moment")),
        migrator.add_index("file", ("conversation_id", "newest", "moment")),
        migrator.add_index("file", ("conversation_id", "newest", "name_key", "moment")),
        migrator.add_index("file", ("conversation_id", "newest", "size", "moment")),
    )
    unit.create_tables([FileHistory])
    statements = _SQLITE if unit.sqlite else _POSTGRESQL
    for statement in statements:
        unit.execute(statement)
