"""Walls have names that do not count them, and those that there are keep theirs; tokens of systems that act as
themselves."""

from __future__ import annotations

from peewee import TextField
from playhouse.migrate import SchemaMigrator, migrate

from bridge.store.engine.unit import Unit


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    migrate(migrator.add_column("command_wall", "reference", TextField(default="")))
    unit.execute("UPDATE command_wall SET reference = 'wall-' || number")
    migrate(migrator.add_index("command_wall", ("reference",), unique=True))
    migrate(migrator.add_column("api_token", "system", TextField(default="")))
