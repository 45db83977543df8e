"""What the API answers with where it explains, foresees or reports (O2)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from bridge.operations.admins.access import Way
from bridge.operations.admins.why import LastChange
from bridge.web.api.models import AnswerJson, MatterJson, NamedJson, PageJson, WallJson


class ReasonJson(AnswerJson):
    """Something that was looked at."""

    verdict: bool | None = Field(description="Whether it lets in or keeps out; null where it does neither.")
    rule: str
    text: str


class MembershipJson(AnswerJson):
    """How somebody stands to one conversation."""

    title: str = Field(description="Empty for a direct one.")
    last: LastChange = Field(description="What happened last between them and the conversation.")
    at: datetime | None
    by: NamedJson | None = Field(description="Null for the bridge and the directory.")
    wanted: bool = Field(description="Whether they are to be in it.")
    membership: str | None = Field(description="In the Matrix room; empty for none, null where there is no room.")


class WhyJson(PageJson[MembershipJson]):
    """Why somebody can or cannot see a matter, or be in a conversation, with a page of the matter's conversations or
    that one."""

    place: str = Field(description="Id of the matter or conversation.")
    allowed: bool
    deciding: ReasonJson
    others: list[ReasonJson] = Field(description="What was looked at besides, in the order in which it weighs.")
    refused: list[str] = Field(description="What was refused lately, in words.")
    said_by: list[str] = Field(description="Which source of the directory says so, where it has several.")


class WayToMatterJson(AnswerJson):
    """A matter, and how somebody stands to it."""

    matter: MatterJson
    way: Way


class SaidJson(AnswerJson):
    """Something that has an address of its own, in words."""

    id: str
    text: str


class PersonAccessJson(PageJson[WayToMatterJson]):
    """A page of matters, open to somebody or not, and whether they work at the firm."""

    works_here: bool
    why: str
    direct: int = Field(description="How many direct conversations they are in.")


class StepJson(AnswerJson):
    """Something that the bridge would do."""

    action: str = Field(description="What kind of step, such as add, remove or set_state.")
    text: str
    changes_access: bool = Field(description="Whether it is about who can read something.")


class PlanJson(AnswerJson):
    """What the bridge would change now."""

    problems: list[str]
    steps: list[StepJson] = Field(description="The first of them.")
    more: int = Field(description="How many steps come behind those.")
    directory_waits: bool = Field(description="Whether a change of the directory waits to be confirmed as well.")


class DisclosedJson(AnswerJson):
    """What somebody whom a wall keeps out could read in a conversation before."""

    conversation: str = Field(description="Its title.")
    person: NamedJson | None = Field(description="Null where the history of the conversation cannot be read.")
    since: datetime | None
    until: datetime | None = Field(description="Null where they are still in it.")
    sent: int = Field(description="Messages of that time.")
    readable: int = Field(description="Those, and the ones from before.")
    unreadable: str = Field(description="Why nobody can tell; else empty.")


class WalledMatterJson(AnswerJson):
    """A matter that a wall stands around."""

    matter: MatterJson
    disclosed: list[DisclosedJson]


class WallReportJson(PageJson[WalledMatterJson]):
    """A page of the matters a wall stands around, with what those kept out could read there; never what was said."""

    wall: WallJson
    ended: datetime | None
    ended_by: NamedJson | None


class FilingJson(AnswerJson):
    """How the filing cabinet stands."""

    mode: Literal["on", "by_matter"] = Field(description="Of all matters but some, or only of some.")
    filed: int
    waiting: int
    waiting_since: datetime | None
    failed: int
    errors: list[str] = Field(description="Why files wait or fail, and which folders cannot be written.")


class MatterFilingJson(AnswerJson):
    """Whether a matter's files are stored in the filing cabinet."""

    filed: bool
    waiting: int = Field(description="Files that follow now.")


class ConversationAboutJson(AnswerJson):
    """What there is to say about a conversation, and why the person can see it."""

    started: datetime | None
    started_by: NamedJson | None = Field(description="Null for the directory and for a system.")
    archived: datetime | None
    archived_by: NamedJson | None = Field(description="Null for the bridge.")
    way: Way | None = Field(description="How they come to see the matter; null for what belongs to none.")
    roles: list[str] = Field(description="Theirs on the matter, where that is the way.")
    groups: list[str] = Field(description="Through which they are on the access list, each in the one before it.")
    filed: bool = Field(description="Whether its files go to the filing cabinet.")
    folder: str = Field(description="Where they are in it; empty before the first.")


class DigestJson(AnswerJson):
    """Whether the person gets the morning digest."""

    wanted: bool
    sent: bool = Field(description="Whether the firm has one at all.")
