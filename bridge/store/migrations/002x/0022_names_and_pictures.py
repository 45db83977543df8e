"""What people were last called on the homeserver, for who is in the directory no more, and the pictures of rooms."""

from __future__ import annotations

import json

from peewee import Model, TextField
from playhouse.migrate import SchemaMigrator, migrate

from bridge.store.engine.unit import Unit

_STAFF = "SELECT record_id, data FROM directory_record WHERE kind = 'staff'"


class Picture(Model):
    digest = TextField(primary_key=True)
    mxc = TextField()

    class Meta:
        legacy_table_names = False


class Account(Model):
    staff_id = TextField(primary_key=True)
    name = TextField(default="")

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    migrate(migrator.add_column("account", "name", TextField(default="")))
    unit.create_tables([Picture])
    for staff_id, data in unit.rows(_STAFF):
        person = json.loads(data)
        name = f"{person['first_name']} {person['last_name']}".strip()
        unit.run(Account.update(name=name).where(Account.staff_id == staff_id))
