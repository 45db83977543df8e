"""Who left a conversation is found without looking at everybody who is in one."""

from __future__ import annotations

from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.execute("CREATE INDEX participant_absent ON participant (conversation_id) WHERE NOT present")
