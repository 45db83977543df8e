"""What every table is."""

from __future__ import annotations

from peewee import Model


class Base(Model):
    """A table of the bridge. It belongs to no database: units of work run its queries (bridge/store/engine/unit.py)."""

    class Meta:
        legacy_table_names = False
