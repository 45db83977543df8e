"""The audit log: a table that can be appended to, and in which nothing can be changed or deleted (O1)."""

from __future__ import annotations

from peewee import BigAutoField, BigIntegerField, Model, TextField
from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit

_REFUSAL = "the audit log is append-only"
_SQLITE = [
    f"CREATE TRIGGER audit_row_no_{verb.lower()} BEFORE {verb} ON audit_row"
    f" BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    for verb in ("UPDATE", "DELETE")
]
_POSTGRESQL = [
    "CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS"
    f" $$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$",
    "CREATE TRIGGER audit_row_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_row"
    " FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()",
]


class AuditRow(Model):
    position = BigAutoField()
    at_ms = BigIntegerField()
    deed = TextField()
    actor = TextField(index=True)
    subject = TextField(index=True)
    person = TextField(index=True)
    reason = TextField()
    cause = TextField()
    outcome = TextField()
    previous = TextField(unique=True)
    digest = TextField()

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([AuditRow])
    statements = _SQLITE if unit.sqlite else _POSTGRESQL
    for statement in statements:
        unit.execute(statement)
