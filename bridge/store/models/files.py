"""The tables of files and of the filing cabinet."""

from __future__ import annotations

from peewee import BigAutoField, BigIntegerField, BooleanField, CompositeKey, IntegerField, TextField

from bridge.store.models.base import Base


class File(Base):
    """A file that somebody sent to a conversation (V3). It stays as a row when its message is deleted."""

    position = BigAutoField()
    event_id = TextField(unique=True)
    room_id = TextField()
    conversation_id = TextField()
    matter_id = TextField(default="", index=True)
    """Empty outside matter conversations."""
    sender = TextField()
    """Matrix id."""
    staff_id = TextField(default="")
    """The sender's; empty where the account is nobody's."""
    at_ms = BigIntegerField()
    """When the message was sent."""
    kind = TextField()
    """file, image, video or audio, after the message type."""
    name = TextField()
    """As the message gives it."""
    name_key = TextField()
    """What makes two names the same: another file with it in the conversation is a version."""
    caption = TextField(default="")
    mxc = TextField(index=True)
    """The media's address, which is a secret (docs/security.md)."""
    encryption = TextField(default="")
    """JSON of the key, iv and hashes of an encrypted attachment; empty for the others."""
    declared_type = TextField(default="")
    declared_size = BigIntegerField(null=True)
    width = IntegerField(null=True)
    height = IntegerField(null=True)
    duration_ms = BigIntegerField(null=True)
    found_type = TextField(default="")
    """By the bytes; empty until they were fetched."""
    found_size = BigIntegerField(null=True)
    sha256 = TextField(default="")
    """Hexadecimal, of the bytes; empty until they were fetched."""
    removed_at = BigIntegerField(null=True)
    """When its message was deleted, or a file rule took it away (V4)."""
    removed_by = TextField(default="")
    moment = BigIntegerField(default=0)
    """Its place in the order of sending, from `at_ms`; its row in the table of words, `file_search`, has it too."""
    newest = BooleanField(default=True)
    """Whether it is the newest version of its name that was not removed."""
    size = BigIntegerField(default=0)
    """Bytes, by what was found, else by what was declared; 0 where neither is known."""
    edit_id = TextField(default="", index=True)
    """The event id of the edit that it is shown by; empty for none."""
    edited_at = BigIntegerField(default=0)
    unedited = TextField(default="")
    """JSON of what an edit replaced, for when that is deleted."""

    class Meta:
        indexes = (
            (("moment",), True),
            (("conversation_id", "name_key", "removed_at", "moment"), False),
            (("newest", "moment"), False),
            (("newest", "name_key", "moment"), False),
            (("newest", "size", "moment"), False),
            (("conversation_id", "newest", "moment"), False),
            (("conversation_id", "newest", "name_key", "moment"), False),
            (("conversation_id", "newest", "size", "moment"), False),
        )


class FileHistory(Base):
    """How far a room's messages from before the bridge knew it were looked through for files."""

    room_id = TextField(primary_key=True)
    position = TextField(default="")
    """Where the homeserver's next page begins; empty for the beginning."""
    finished_at = BigIntegerField(null=True)
    again_from = BigIntegerField(null=True)
    """From when on it is to be looked through once more, because something was missed; null for not."""
    next_at = BigIntegerField(default=0)
    """When it is tried again, after the homeserver did not give it."""


class Filing(Base):
    """Bytes that somebody sent to a filed matter, on their way into the filing cabinet or there.

    A message has one, and another for each edit that put other bytes in their place.
    """

    position = BigAutoField()
    event_id = TextField()
    """The file's."""
    mxc = TextField()
    """The address of the bytes, which is a secret."""
    given = TextField()
    """The name as the message gave it."""
    sent_ms = BigIntegerField()
    """When they were sent."""
    state = TextField(default="waiting")
    """waiting, filed or failed."""
    queued_at = BigIntegerField()
    attempts = IntegerField(default=0)
    next_at = BigIntegerField(default=0)
    """When it is tried again."""
    error = TextField(default="")
    """Why it was not filed yet, or never will be, as a sentence."""
    folder = TextField(default="")
    """In the cabinet, as matter/conversation; empty until they have their name."""
    name = TextField(default="")
    name_key = TextField(null=True)
    """What makes two names the same in a folder; null until they have their name."""
    base_key = TextField(default="")
    """The same of the name without its number."""
    version = IntegerField(default=0)
    type = TextField(default="")
    """By the bytes; empty until they were fetched, as what follows."""
    size = BigIntegerField(null=True)
    sha256 = TextField(default="")
    note = TextField(default="")
    """What was otherwise than the message said, as a sentence."""
    filed_at = BigIntegerField(null=True)
    marked_removed = BooleanField(default=False)
    """Whether the folder's list is to say that the message was deleted."""

    class Meta:
        indexes = (
            (("event_id", "mxc"), True),
            (("state", "next_at"), False),
            (("folder", "name_key"), True),
            (("folder", "base_key"), False),
        )


class CabinetFolder(Base):
    """A folder of the filing cabinet. It keeps its name, whatever its matter or conversation is called later."""

    key = TextField(primary_key=True)
    """matter: and the matter's id, or the conversation's id."""
    parent = TextField()
    """The matter's folder for that of a conversation; empty for that of a matter."""
    name = TextField()
    name_key = TextField()
    changed = IntegerField(default=0)
    """How often something changed that the folder's list tells of."""
    listed = IntegerField(default=0)
    """How many of these changes the list has."""

    class Meta:
        indexes = ((("parent", "name_key"), True),)


# What is to be written anew is found without looking at every folder there is.
CabinetFolder.add_index(
    CabinetFolder.index(
        CabinetFolder.key, where=CabinetFolder.changed > CabinetFolder.listed, name="cabinet_folder_to_list"
    )
)


class CabinetTrouble(Base):
    """Something that cannot be written into one folder of the filing cabinet."""

    conversation_id = TextField()
    """Whose folder it is."""
    what = TextField()
    """files, list or transcript."""
    error = TextField()
    """Why, as a sentence."""
    failures = IntegerField(default=0)
    """How often in a row."""
    since_ms = BigIntegerField()
    next_at = BigIntegerField()
    """When it is tried again."""
    told = BooleanField(default=False)
    """Whether the firm admins were told."""
    over = BooleanField(default=False)
    """Whether it could be written since; the row is there until they are told of that too."""

    class Meta:
        primary_key = CompositeKey("conversation_id", "what")


class FileChange(Base):
    """A file that was deleted or edited since the filer last looked."""

    event_id = TextField(primary_key=True)


class FiledTranscript(Base):
    """The transcript of a conversation that is in the filing cabinet, or that was looked at and had nothing in it."""

    conversation_id = TextField(primary_key=True)
    mark = TextField()
    """How far it goes."""
    at_ms = BigIntegerField()
    changed = IntegerField(default=1)
    """Rises when something happens in the conversation, or a file of it goes into the cabinet."""
    seen = IntegerField(default=0)
    """What `changed` was when the transcript was last made, or found to be as it should be."""


class MatterFiling(Base):
    """Whether a matter's files are filed, where a firm admin said so."""

    matter_id = TextField(primary_key=True)
    filed = BooleanField()
    set_by = TextField()
    at_ms = BigIntegerField()


class Handout(Base):
    """A file that the bot gave to somebody alone, and that was not taken back."""

    mxc = TextField(primary_key=True)
    staff_id = TextField()
    matter_id = TextField()
    """What it is about."""
    at_ms = BigIntegerField()
