"""Webhooks for which too much waits."""

from __future__ import annotations

from peewee import BigIntegerField
from playhouse.migrate import SchemaMigrator, migrate

from bridge.store.engine.unit import Unit


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    for name in ("behind", "missed_since", "missed_until"):
        migrate(migrator.add_column("webhook", name, BigIntegerField(null=True)))
