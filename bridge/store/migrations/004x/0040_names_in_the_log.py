"""What a conversation was called is found without reading all that ever happened in it."""

from __future__ import annotations

from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.execute(
        "CREATE INDEX audit_row_named ON audit_row (subject) WHERE deed IN ('conversation_started', 'renamed')"
    )
