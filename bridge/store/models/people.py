"""The tables of people: accounts, pictures, sessions, tokens."""

from __future__ import annotations

from peewee import AutoField, BigIntegerField, BooleanField, IntegerField, TextField

from bridge.store.models.base import Base


class ScimResource(Base):
    """A user or group as a SCIM client pushed it last."""

    id = TextField(primary_key=True)
    kind = TextField()
    """The name of its resource type."""
    data = TextField()
    """The resource in JSON."""
    email = TextField(default="")
    """Of a user: the address they have here, which stays should the client take it away."""
    deleted = BooleanField(default=False)
    """Whether the client deleted it; a user is kept, so that who comes back is known again (S3)."""


class Account(Base):
    """The Matrix account of a staff member. The localpart never changes once given."""

    staff_id = TextField(primary_key=True)
    localpart = TextField(unique=True)
    profile = TextField(default="")
    """Digest of what was last written to the homeserver about this account; empty where nothing was."""
    avatar_mxc = TextField(default="")
    avatar_digest = TextField(default="")
    name = TextField(default="")
    """The display name that was last written to the homeserver; empty where none was."""
    welcomed_at = BigIntegerField(null=True)
    """When the bot welcomed this person; null where it has not, 0 for those who knew the bot before it welcomed."""


class Picture(Base):
    """A picture of a room or the bot that was uploaded."""

    digest = TextField(primary_key=True)
    """Of what it shows."""
    mxc = TextField()


class Digest(Base):
    """What is known of a staff member's morning digest. Who has no row wants it."""

    staff_id = TextField(primary_key=True)
    wanted = BooleanField(default=True)
    done_on = TextField(default="")
    """The last day, as YYYY-MM-DD, on which it was sent or there was nothing to send."""


class CommandLeaver(Base):
    """Somebody who has left the firm by command, whatever its directory says (F2)."""

    staff_id = TextField(primary_key=True)
    set_by = TextField()
    since = BigIntegerField()
    caused_by = TextField()
    """The event id of the command."""


class PanelLink(Base):
    """A link with which somebody signs in to the panel, once (P4)."""

    token_hash = TextField(primary_key=True)
    """SHA-256 in hexadecimal; the token itself is only in the link."""
    staff_id = TextField(index=True)
    until = BigIntegerField()


class PanelSession(Base):
    """A browser in which somebody is signed in to the panel (P4)."""

    token_hash = TextField(primary_key=True)
    """SHA-256 in hexadecimal; the token itself is only in the browser's cookie."""
    staff_id = TextField(index=True)
    begun_at = BigIntegerField()
    used_at = BigIntegerField()
    browser = TextField()
    """What the browser calls itself."""
    widget = TextField(default="")
    """The id of the conversation beside whose messages it is, and which it shows alone; empty for the panel itself."""


class SignOnUsed(Base):
    """An attempt to sign in by the firm's single sign-on, or a client's proof beside the messages, that has begun a
    session, so that it begins no other (P4)."""

    nonce_hash = TextField(primary_key=True)
    """SHA-256 in hexadecimal."""
    until = BigIntegerField()
    """When nothing takes it any more anyway."""


class ListPosition(Base):
    """How far somebody has read the list that they asked the bot for last. Its lines, and what was typed, stand nowhere
    here."""

    staff_id = TextField(primary_key=True)
    room_id = TextField()
    event_id = TextField()
    """Of the command that asked for it."""
    place = TextField()
    """The id of the conversation it was typed in."""
    after = TextField()
    """Where the next page begins, in JSON."""
    at_ms = BigIntegerField()


class ApiToken(Base):
    """A token with which a system uses the API, as somebody or as itself (A1). Its row stays when it has ended, so that
    its number is given to no other."""

    number = AutoField()
    token_hash = TextField(unique=True)
    """SHA-256 in hexadecimal; the token itself is with the system alone."""
    staff_id = TextField(index=True)
    """As whom; empty for a system that acts as itself."""
    system = TextField(default="")
    """The name of such a system."""
    name = TextField()
    """What it is for."""
    scopes = TextField()
    """Separated by blanks."""
    made_by = TextField()
    made_at = BigIntegerField()
    until = BigIntegerField()
    used_at = BigIntegerField(null=True)
    ended_at = BigIntegerField(null=True)


class ApiRequest(Base):
    """A request of the API that happens once, however often it is sent (A2)."""

    key_hash = TextField(primary_key=True)
    """SHA-256 in hexadecimal of the token's number and the idempotency key."""
    asked = TextField()
    """SHA-256 in hexadecimal of what was asked for."""
    cause = TextField()
    """What operations know it by. A key that is used again another day has another."""
    at_ms = BigIntegerField(index=True)
    status = IntegerField(null=True)
    """Of the answer; null until it is done."""
    answer = TextField(default="")
