"""What the API answers with. Names are data: the text that people wrote, as they wrote it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from bridge.firm.webhooks import EventType

T = TypeVar("T")
_LAST_MS = 253_402_300_799_000


def moment(ms: int) -> datetime:
    """Milliseconds since the epoch as a moment; clients may have set them to anything."""
    return datetime.fromtimestamp(min(max(ms, 0), _LAST_MS) / 1000, UTC)


class AnswerJson(BaseModel):
    """The base of all answers."""

    model_config = ConfigDict(frozen=True)


class PageJson(AnswerJson, Generic[T]):
    """A page of a list."""

    items: list[T]
    next: str | None = Field(None, description="The cursor of the next page; null at the end.")


class PersonJson(AnswerJson):
    """A staff member."""

    id: str
    name: str
    role: str
    active: bool = Field(description="Whether they work at the firm.")


class NamedJson(AnswerJson):
    """A person in an answer about something else."""

    id: str
    name: str


class LeaverJson(AnswerJson):
    """Somebody who is cut off."""

    person: NamedJson
    gone: Literal["by_command", "left", "disabled"] = Field(
        description="By what: by command, or because the directory says that they have left or are disabled."
    )


class CutOffJson(AnswerJson):
    """What came of cutting somebody off."""

    conversations: int = Field(description="That they were taken out of.")
    ended: bool = Field(description="Whether every session is ended and the account locked.")
    not_done: list[str] = Field(description="What is tried again by itself.")


class TakenBackJson(AnswerJson):
    """What came of taking somebody back."""

    changed: bool = Field(description="False for somebody who works here already.")
    not_done: list[str] = Field(description="What is tried again by itself.")


class MatterJson(AnswerJson):
    """A matter."""

    id: str
    number: str
    title: str
    client: str
    status: Literal["open", "pending", "closed", "deleted"]


class ConversationJson(AnswerJson):
    """A conversation in a list."""

    id: str
    kind: Literal["direct", "matter", "channel"]
    name: str = Field(description="The title; of a direct conversation, who is in it.")
    matter_id: str | None = None
    room_id: str | None = Field(description="The Matrix room; null while it is being made.")
    read_only: bool
    is_in: bool = Field(description="Whether the person is in it.")


class ConversationWholeJson(ConversationJson):
    """A conversation."""

    topic: str
    everyone: bool = Field(description="Whether the whole firm is in it.")
    participants: int


class ChannelJson(AnswerJson):
    """A channel in a list."""

    id: str
    name: str
    topic: str
    archived: bool
    everyone: bool
    participants: int
    is_in: bool
    room_id: str | None


class ParticipantJson(AnswerJson):
    """Somebody in a conversation."""

    person: NamedJson
    role: str
    since: datetime | None
    added_by: NamedJson | None


class MadeJson(AnswerJson):
    """A conversation that was asked for. Both are empty in a dry run."""

    id: str
    room_id: str
    left_out: list[str] = Field(default=[], description="Staff ids of those who may not be in it.")


class ChangedJson(AnswerJson):
    """What became of it for each person, by staff id."""

    done: dict[str, str]


class DoneJson(AnswerJson):
    """That it was done, or would be."""

    done: bool = Field(description="False where it was so already.")


class FileJson(AnswerJson):
    """A file that somebody sent."""

    event_id: str
    conversation_id: str
    name: str
    type: str = Field(description="The media type; empty where nobody knows.")
    kind: str = Field(description="file, image, video or audio.")
    size: int | None = Field(description="Bytes.")
    caption: str
    sender: str
    at: datetime
    version: int = Field(description="From 1, the oldest of its name.")
    versions: int
    filed: str = Field(description="Where it is in the filing cabinet; empty where it is not.")


class PinJson(AnswerJson):
    """A pinned message."""

    event_id: str
    room_id: str
    author: str
    text: str
    pinned_by: NamedJson | None
    pinned_at: datetime | None


class SeenByJson(AnswerJson):
    """Somebody who has read up to a message."""

    person: NamedJson
    at: datetime = Field(description="When they had read up to it.")
    exact: bool = Field(description="Whether they had read just up to it then; else they may have read it before.")


class WallJson(AnswerJson):
    """An ethical wall."""

    id: str
    kind: Literal["exclude", "only"] = Field(description="Keeps these people out, or lets only them in.")
    matter_id: str | None
    client: str | None
    people: list[str] = Field(description="Staff and group ids.")
    memo: str
    set_by: str
    since: date | None
    expires: date | None = Field(description="The last day.")
    in_directory: bool = Field(description="Whether it is lifted in the directory alone.")
    acknowledged: list[str] = Field(description="Staff ids.")


class WallMadeJson(AnswerJson):
    """A wall that was set. Without an id in a dry run."""

    id: str
    taken_out: dict[str, int] = Field(description="Of how many conversations each person was, by staff id.")
    not_done: list[str] = Field(description="What is tried again by itself.")


class WallLiftedJson(AnswerJson):
    """A wall that has ended."""

    id: str
    not_done: list[str] = Field(description="What is tried again by itself.")


class AcknowledgedJson(AnswerJson):
    """Walls of which it is noted that the person has read of them."""

    walls: list[str]


class AccessJson(AnswerJson):
    """How somebody stands to a matter."""

    person: NamedJson
    may_see: bool
    way: str = Field(description="By what: a role, the access list, or because it is open to all.")
    why: str = Field(description="What decides, where they may not see it; else empty.")


class AuditEntryJson(AnswerJson):
    """An entry of the audit log."""

    at: datetime
    deed: str
    actor: str = Field(description="Staff id, or a Matrix id of nobody in the firm; empty for the bridge.")
    person: str = Field(description="The staff id of whom it concerns, where that is somebody else.")
    subject: str
    outcome: Literal["done", "refused"]
    text: str = Field(description="The same in words.")


class EffectJson(AnswerJson):
    """What becomes of one account, matter or conversation."""

    text: str


class EffectsJson(PageJson[EffectJson]):
    """A page of what a change of the directory that waits would lead to."""

    held: str | None = Field(description="The fingerprint of that change; null where none waits.")


class DirectoryJson(AnswerJson):
    """How the directory stands."""

    text: str = Field(description="What it holds, what is wrong with it, and what waits.")
    held: str | None = Field(description="The fingerprint of a change that waits to be confirmed.")
    confirmed: str | None = Field(description="The fingerprint of a confirmed change that can be taken back.")


class WebhookJson(AnswerJson):
    """A webhook, and how it stands with it."""

    id: str
    url: str
    events: list[EventType]
    text: bool = Field(description="Whether it is told what is said.")
    made_at: datetime
    put_aside: int = Field(description="Events that could not be told in three days.")
    error: str = Field(description="Why an event could not be told; empty where nothing failed.")
    missed_since: datetime | None = Field(
        description="Since when, the last time, so much waited that it was not told of messages, files, pins and the"
        " directory; ask for those. Null for never."
    )
    missed_until: datetime | None = Field(description="Until when; null where that lasts.")


class WebhookMadeJson(AnswerJson):
    """A webhook that was made."""

    id: str
    secret: str = Field(description="What requests are signed with (Standard Webhooks); it is shown this once.")


class WebhookReplayedJson(AnswerJson):
    """A webhook whose receiver is told again."""

    replayed: int = Field(description="How many events that were put aside are tried again.")


class ToldJson(AnswerJson):
    """What came of it, in words."""

    text: str
