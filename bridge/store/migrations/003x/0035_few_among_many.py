"""The few rooms and conversations of a sort are found without looking at all of them."""

from __future__ import annotations

from playhouse.migrate import SchemaMigrator, migrate

from bridge.store.engine.unit import Unit


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    migrate(migrator.drop_index("room", "room_earlier_of"))
    unit.execute("CREATE INDEX conversation_everyone ON conversation (id) WHERE everyone")
    unit.execute("CREATE INDEX room_earlier_of ON room (earlier_of) WHERE earlier_of != ''")
