"""Sessions of the panel's page beside a conversation's messages."""

from __future__ import annotations

from peewee import TextField
from playhouse.migrate import SchemaMigrator, migrate

from bridge.store.engine.unit import Unit


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    migrate(migrator.add_column("panel_session", "widget", TextField(default="")))
