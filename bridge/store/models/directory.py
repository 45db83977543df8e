"""The tables of the directory: what it said, what each source says, what waits."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, CompositeKey, IntegerField, TextField

from bridge.store.models.base import Base


class DirectoryRecord(Base):
    """One record of the directory as last accepted: what the next pass is compared with."""

    kind = TextField()
    """staff, group, matter, wall or channel."""
    record_id = TextField()
    data = TextField()
    """JSON of the dataclass."""

    class Meta:
        primary_key = CompositeKey("kind", "record_id")


class DirectoryVersion(Base):
    """How often the records changed, in its only row, so that nobody reads all of them to see whether they did."""

    id = IntegerField(primary_key=True)
    version = IntegerField()


class SourceRow(Base):
    """One record of one source of the directory, as it said it last."""

    source = TextField()
    kind = TextField()
    """A section of the directory, such as staff."""
    record_id = TextField()
    """The source's own id."""
    data = TextField()
    """JSON of the values."""
    gone = BooleanField(default=False)
    """Whether the source has it no longer: a person who left, a matter that was deleted (S3)."""
    version = BigIntegerField(default=0)
    """The version of the source's state since which it is so."""

    class Meta:
        primary_key = CompositeKey("source", "kind", "record_id")
        indexes = ((("source", "version"), False),)


class SourceState(Base):
    """How a source of the directory stands."""

    source = TextField(primary_key=True)
    version = BigIntegerField(default=0)
    """How often what it says changed."""
    dropped = BigIntegerField(default=0)
    """The version at which a row went last of which nothing is kept."""
    cursor = TextField(default="")
    read_at = BigIntegerField(null=True)
    tried_at = BigIntegerField(null=True)
    trouble = TextField(default="")
    """Why it could not be read the last time."""


class SourceFlaw(Base):
    """A record of a source that cannot be read as it is now."""

    source = TextField()
    kind = TextField()
    record_id = TextField()
    why = TextField()
    number = TextField(default="")
    """Of a matter or person what can be read of it: the number or address by which other sources know it."""
    takes = TextField(default="")
    """The fields by which it says of a person that they left, of a matter that it is restricted or on legal hold."""

    class Meta:
        primary_key = CompositeKey("source", "kind", "record_id")


class SourceLink(Base):
    """Which record of the directory a source's record is, kept so that a new e-mail address makes nobody another."""

    source = TextField()
    kind = TextField()
    record_id = TextField()
    directory_id = TextField()

    class Meta:
        primary_key = CompositeKey("source", "kind", "record_id")


class SourceSecret(Base):
    """What a source's connector must keep from others, encrypted."""

    name = TextField(primary_key=True)
    sealed = TextField()


class HeldChange(Base):
    """The directory change that waits for a firm admin, at most one: its fingerprint, and whether it was confirmed."""

    fingerprint = TextField(primary_key=True)
    summary = TextField()
    held_at = BigIntegerField()
    confirmed_by = TextField(default="")


class ConfirmedChange(Base):
    """The change of the directory that was applied last of those that a firm admin confirmed; at most one."""

    fingerprint = TextField(primary_key=True)
    confirmed_by = TextField()
    at_ms = BigIntegerField()
    """When it was applied."""
    position = BigIntegerField()
    """In the audit log: what it led to stands behind it."""
    undone_at = BigIntegerField(null=True)
    """When it was taken back."""


class ReplacedRecord(Base):
    """A record of the directory that the confirmed change replaced, for as long as that can be taken back."""

    kind = TextField()
    record_id = TextField()
    before = TextField(null=True)
    """JSON; null where it is new by this change."""
    after = TextField(null=True)
    """JSON; null where it is gone by this change."""

    class Meta:
        primary_key = CompositeKey("kind", "record_id")


class EarlierRecord(Base):
    """A record of the directory before it changed first in some hour, for a day: what its removals add up from."""

    kind = TextField()
    record_id = TextField()
    hour = BigIntegerField()
    """Since the epoch."""
    data = TextField()
    """JSON."""

    class Meta:
        primary_key = CompositeKey("kind", "record_id", "hour")
