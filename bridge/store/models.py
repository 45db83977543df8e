"""The tables. Times are milliseconds since the epoch (UTC); ids are text as Matrix and the directory give them."""

from __future__ import annotations

from peewee import (
    SQL,
    AutoField,
    BigAutoField,
    BigIntegerField,
    BlobField,
    BooleanField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)


class Base(Model):
    """A table of the bridge. It belongs to no database: units of work run its queries (bridge/store/engine/unit.py)."""

    class Meta:
        legacy_table_names = False


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

    class Meta:
        primary_key = CompositeKey("source", "kind", "record_id")


class SourceState(Base):
    """How a source of the directory stands."""

    source = TextField(primary_key=True)
    version = BigIntegerField(default=0)
    """How often what it says changed."""
    cursor = TextField(default="")
    read_at = BigIntegerField(null=True)
    tried_at = BigIntegerField(null=True)
    trouble = TextField(default="")
    """Why it could not be read the last time."""


class SourceLink(Base):
    """Which record of the directory a source's record is, kept so that a new e-mail address makes nobody another."""

    source = TextField()
    kind = TextField()
    record_id = TextField()
    directory_id = TextField()

    class Meta:
        primary_key = CompositeKey("source", "kind", "record_id")


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


class Conversation(Base):
    """A direct conversation, matter conversation, channel, or a staff member's chat with the bot."""

    id = TextField(primary_key=True)
    kind = TextField()
    title = TextField(default="")
    topic = TextField(default="")
    matter_id = TextField(default="", index=True)
    name_key = TextField(null=True, unique=True)
    """What makes a channel's name unique; null for other kinds."""
    alias_localpart = TextField(default="")
    """A channel's public alias localpart; empty for rooms with a hidden one."""
    everyone = BooleanField(default=False)
    archived = BooleanField(default=False)
    created_by = TextField(default="")
    """Staff id; empty for what the directory started."""
    created_at = BigIntegerField()
    caused_by = TextField(default="")
    """The event id of the command that made it, so that the same event handled again is known."""
    archived_at = BigIntegerField(null=True)
    archived_by = TextField(null=True)
    """Staff id; empty for the bridge, which archives channels that nobody is in."""
    restored_at = BigIntegerField(null=True)
    """When it was last opened again after it had been archived."""


# Every answer about a person asks for what is everybody's, which is one channel among all conversations.
Conversation.add_index(Conversation.index(Conversation.id, where=SQL("everyone"), name="conversation_everyone"))


class FirstLine(Base):
    """A conversation that somebody started, in which the bot still has to say so."""

    conversation_id = TextField(primary_key=True)


class NewestMessage(Base):
    """When the newest message of a channel was written (C3). A table of its own, since it is written all the time."""

    conversation_id = TextField(primary_key=True)
    at_ms = BigIntegerField()


class Participant(Base):
    """Somebody picked for a conversation. Who left stays as a row, so that nothing adds them again by itself."""

    conversation = ForeignKeyField(Conversation, backref="participants", on_delete="CASCADE")
    staff_id = TextField(index=True)
    present = BooleanField(default=True)
    since = BigIntegerField()
    """In the homeserver's time (bridge/store/record/homeserver_time.py), since it is compared with events."""
    added_by = TextField(default="")
    caused_by = TextField(null=True)
    """The event id of the command that last added or removed this person, so that the same event is known again."""

    class Meta:
        primary_key = CompositeKey("conversation", "staff_id")


# Who left is asked for whenever the firm changes, and most never did.
Participant.add_index(Participant.index(Participant.conversation, where=SQL("NOT present"), name="participant_absent"))


class Digest(Base):
    """What is known of a staff member's morning digest. Who has no row wants it."""

    staff_id = TextField(primary_key=True)
    wanted = BooleanField(default=True)
    done_on = TextField(default="")
    """The last day, as YYYY-MM-DD, on which it was sent or there was nothing to send."""


class Room(Base):
    """A Matrix room the bridge makes, written as an intent before it is asked for."""

    key = TextField(primary_key=True)
    """Which room of the plan: for a conversation its id, for a space its name."""
    alias_localpart = TextField(unique=True)
    room_id = TextField(null=True, unique=True)
    earlier_of = TextField(default="")
    """The id of the conversation that was held in it, where that goes on in another room."""


# Nearly all rooms are no earlier ones: by an index of all of them SQLite looks at every room instead.
Room.add_index(Room.index(Room.earlier_of, where=SQL("earlier_of != ''"), name="room_earlier_of"))


class InboxEvent(Base):
    """An event from the homeserver that needs handling. Its position is the order of arrival."""

    position = BigAutoField()
    event_id = TextField(unique=True)
    room_id = TextField()
    body = BlobField()
    """The event as JSON; emptied once handled, so that no message body is kept."""
    received_at = BigIntegerField()
    attempts = IntegerField(default=0)
    status = TextField(default="waiting", index=True)
    """waiting, handled or dead."""
    error = TextField(default="")


class OutboxMessage(Base):
    """Something to send, written before it is asked for. Its txn_id is made from the row's key and the sender."""

    position = BigAutoField()
    txn_id = TextField(unique=True)
    room_id = TextField()
    sender = TextField()
    event_type = TextField()
    content = BlobField()
    """JSON; emptied once sent."""
    attempts = IntegerField(default=0)
    status = TextField(default="waiting", index=True)
    """waiting, sent or dead."""
    error = TextField(default="")
    sent_at = BigIntegerField(null=True)


class CommandWall(Base):
    """An ethical wall that a firm admin set by command. It stays as a row when it has ended."""

    number = BigAutoField()
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


class Pin(Base):
    """A pinned message (V2)."""

    conversation_id = TextField()
    event_id = TextField()
    place = IntegerField()
    """Where it stands in the list, from 0."""
    staff_id = TextField()
    """Who pinned it; empty where that is not known."""
    at_ms = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("conversation_id", "event_id")


class PinLists(Base):
    """The lists of pinned messages that were set or stood in the last moments, by conversation."""

    conversation_id = TextField(primary_key=True)
    cause = TextField()
    """The event id of the list that was handled last."""
    data = TextField()
    """JSON of (event ids, milliseconds), oldest first."""


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


class BotVisit(Base):
    """A direct conversation that the bot went into and may not have left yet."""

    room_id = TextField(primary_key=True)
    conversation_id = TextField()
    at_ms = BigIntegerField()


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


class CommandLeaver(Base):
    """Somebody who has left the firm by command, whatever its directory says (F2)."""

    staff_id = TextField(primary_key=True)
    set_by = TextField()
    since = BigIntegerField()
    caused_by = TextField()
    """The event id of the command."""


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


class ReadPosition(Base):
    """Up to where somebody has read in a room, as their client told everybody there (P5). Only the last place."""

    room_id = TextField()
    staff_id = TextField()
    threads = BooleanField()
    """Whether it is said of what stands in threads as well (Matrix specification: receipts, unthreaded)."""
    event_id = TextField()
    event_ms = BigIntegerField(null=True)
    """When the event was sent; null where that is to be asked for."""
    at_ms = BigIntegerField()
    """When they read it. Both by the homeserver's clock."""

    class Meta:
        primary_key = CompositeKey("room_id", "staff_id", "threads")


class SignOnUsed(Base):
    """An attempt to sign in by the firm's single sign-on, or a client's proof beside the messages, that has begun a
    session, so that it begins no other (P4)."""

    nonce_hash = TextField(primary_key=True)
    """SHA-256 in hexadecimal."""
    until = BigIntegerField()
    """When nothing takes it any more anyway."""


class ApiToken(Base):
    """A token with which a system uses the API as somebody (A1). Its row stays when it has ended, so that its number is
    given to no other."""

    number = AutoField()
    token_hash = TextField(unique=True)
    """SHA-256 in hexadecimal; the token itself is with the system alone."""
    staff_id = TextField(index=True)
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


class Webhook(Base):
    """An address to which a system has itself told what happens (A3). Its row stays when it has ended."""

    id = TextField(primary_key=True)
    """Random: it counts nothing."""
    staff_id = TextField(index=True)
    """As whom it sees; empty for the firm itself."""
    token = IntegerField(null=True, index=True)
    """The number of the API's token that made it, with which it ends; null where the shell made it."""
    url = TextField()
    events = TextField()
    """The kinds of events it asks for, separated by blanks."""
    text = BooleanField()
    """Whether it is told what was said."""
    salt = TextField()
    """Of the secret with which its requests are signed, which stands nowhere: it is made from this and the bridge's
    key."""
    made_by = TextField()
    made_at = BigIntegerField()
    cause = TextField(unique=True)
    """What it was made by: the same makes no second one."""
    ended_at = BigIntegerField(null=True)
    ended_cause = TextField(default="")


class WebhookDelivery(Base):
    """Something that a webhook is to be told of. Ids alone; the row goes once the receiver has it."""

    position = AutoField()
    delivery_id = TextField(unique=True)
    """By which the receiver knows it again. Random: it counts nothing."""
    webhook_id = TextField()
    lane = TextField()
    """What is told of in order."""
    type = TextField()
    subject = TextField()
    person = TextField()
    actor = TextField()
    room_id = TextField()
    event_id = TextField()
    at_ms = BigIntegerField()
    """When it happened."""
    since_ms = BigIntegerField()
    """Since when it waits; later than that where it was let wait again."""
    due_at = BigIntegerField(null=True, index=True)
    """When it is tried next; null while another of its lane comes first, and where it is parked."""
    attempts = IntegerField()
    status = TextField()
    """waiting or parked."""
    error = TextField()

    class Meta:
        indexes = ((("webhook_id", "status", "lane", "position"), False),)


MODELS: tuple[type[Base], ...] = (
    DirectoryRecord,
    DirectoryVersion,
    ScimResource,
    SourceRow,
    SourceState,
    SourceLink,
    SourceSecret,
    HeldChange,
    ConfirmedChange,
    ReplacedRecord,
    Account,
    Picture,
    Conversation,
    FirstLine,
    NewestMessage,
    Participant,
    Digest,
    Room,
    InboxEvent,
    OutboxMessage,
    CommandLeaver,
    CommandWall,
    Screened,
    AuditRow,
    Pin,
    PinLists,
    File,
    FileHistory,
    Filing,
    CabinetFolder,
    BotVisit,
    CabinetTrouble,
    FileChange,
    MatterFiling,
    FiledTranscript,
    Handout,
    Drift,
    DriftCheck,
    RefusalsTaken,
    RefusalTally,
    Kept,
    PanelLink,
    PanelSession,
    SignOnUsed,
    ReadPosition,
    ApiToken,
    ApiRequest,
    Webhook,
    WebhookDelivery,
)
