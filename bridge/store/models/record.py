"""The tables of what was done and refused, and of walls set by command."""

from __future__ import annotations

from peewee import (
    SQL,
    BigAutoField,
    BigIntegerField,
    BooleanField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    TextField,
)

from bridge.store.models.base import Base


class CommandWall(Base):
    """An ethical wall that a firm admin set by command. It stays as a row when it has ended."""

    number = BigAutoField()
    """In their order. Nobody is told, since it counts the walls (M3)."""
    reference = TextField(unique=True)
    """What people call it, such as wall-x7k2; wall-1 and the like of those from before such names."""
    kind = TextField()
    matter_id = TextField()
    client = TextField()
    people = TextField()
    """JSON list of staff and group ids."""
    memo = TextField()
    set_by = TextField()
    since = TextField()
    """The first day, as YYYY-MM-DD."""
    expires = TextField(default="")
    """The last day; empty where there is none."""
    caused_by = TextField(unique=True)
    """The event id of the command, so that the same event handled again sets one wall."""
    ended_at = BigIntegerField(null=True)
    ended_by = TextField(default="")
    """Staff id; empty where it came to its last day."""
    ended_cause = TextField(default="")
    """The event id of the command that lifted it."""


class Screened(Base):
    """Somebody who was told in their chat with the bot that a wall set by command screens them."""

    wall = ForeignKeyField(CommandWall, on_delete="CASCADE")
    staff_id = TextField(index=True)
    told_at = BigIntegerField()
    acknowledged_at = BigIntegerField(null=True)

    class Meta:
        primary_key = CompositeKey("wall", "staff_id")


class AuditRow(Base):
    """An entry of the audit log (bridge/firm/audit.py). The database itself refuses to change or delete one."""

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


AuditRow.add_index(
    AuditRow.index(AuditRow.subject, where=SQL("deed IN ('conversation_started', 'renamed')"), name="audit_row_named")
)


class Drift(Base):
    """What somebody changed behind the bridge's back: noted with the audit log's entry before it is put right."""

    cause = TextField(primary_key=True)
    """The id of the event that made it, so that it is known again."""
    key = TextField()
    """The room's."""
    kind = TextField()
    actor = TextField()
    person = TextField()
    what = TextField()
    at_ms = BigIntegerField()
    entry = BigIntegerField()
    """Its position in the audit log."""
    put_back = BooleanField(default=False)
    told = BooleanField(default=False, index=True)
    """Whether the admins were told."""


class DriftCheck(Base):
    """The full check of a day, and how far it has come. Only the newest is kept."""

    day = TextField(primary_key=True)
    """YYYY-MM-DD."""
    position = TextField(default="")
    """The key of the room last looked at."""
    rooms = IntegerField(default=0)
    started_at = BigIntegerField()
    finished_at = BigIntegerField(null=True)


class RefusalsTaken(Base):
    """How far the refusals that the guard keeps are in the audit log, for each of its lists that was ever met."""

    spool = TextField(primary_key=True)
    """The list's id. There is another where the guard lost the one before."""
    number = BigIntegerField()
    """Of the last refusal taken over."""
    met_at = BigIntegerField(index=True)
    """When it was last found to be the guard's; the newest is the one in use."""
    process = TextField(default="")
    """The worker of Synapse whose guard keeps it; empty for the main process's."""


class Kept(Base):
    """A single fact that must outlive the process, by name (bridge/store/record/kept.py)."""

    name = TextField(primary_key=True)
    value = TextField()


class RefusalTally(Base):
    """How often the guard refused somebody within some minutes."""

    actor = TextField(primary_key=True)
    """Staff id or user id, or the deed where nobody can tell who it was."""
    since = BigIntegerField()
    last = BigIntegerField()
    count = IntegerField()
    told_at = BigIntegerField(null=True)
    """When the admins were last told."""
    due = BooleanField(default=False, index=True)
    """Whether they are to be told."""
