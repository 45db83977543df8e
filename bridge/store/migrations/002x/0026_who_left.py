"""Who left a conversation is found without looking at everybody who is in one."""

from __future__ import annotations

from peewee import Database
from playhouse.migrate import SchemaMigrator


def up(migrator: SchemaMigrator, db: Database) -> None:
    db.execute_sql(  # type: ignore[no-untyped-call]
        "CREATE INDEX participant_absent ON participant (conversation_id) WHERE NOT present"
    )
