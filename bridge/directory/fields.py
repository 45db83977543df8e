"""What the directory is made of: every field of every kind of record, declared once.

The YAML form, the CSV form and the reference page all read this table.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from bridge.directory import values as v
from bridge.firm.conversation import channel_key
from bridge.firm.text.visible import shown


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a CSV file, one key of a YAML record."""

    name: str
    type: v.ValueType
    meaning: str
    required: bool = False
    unique: Callable[[Any], str] | None = None
    """Where no two records may have the same value: what makes it the same."""


@dataclass(frozen=True, slots=True)
class RecordKind:
    """One CSV file, one section of the YAML file."""

    name: str
    """The section's name; the CSV file is this with .csv."""
    one: str
    """What a single record is called."""
    meaning: str
    fields: tuple[Field, ...]
    csv_required: bool = True
    """Whether the CSV file must be there, if only with its header: a lost file must not read as "none"."""

    @property
    def csv_name(self) -> str:
        """The CSV file's name."""
        return f"{self.name}.csv"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its fields."""
        return tuple(field.name for field in self.fields)


STAFF = RecordKind(
    "staff",
    "staff member",
    "Everybody who works at the firm, and those who left. Each gets one account. Do not take a person who leaves out"
    " of the list: write yes under former, so that what they wrote keeps its name.",
    (
        Field("id", v.ID, "The person's id in your practice-management system. It must never change.", True, str),
        Field("first_name", v.NAME, "First name. First and last name are what colleagues see.", True),
        Field("last_name", v.NAME, "Last name."),
        Field("email", v.EMAIL, "The address at the firm. Capitals make no difference.", True, str.casefold),
        Field("role", v.NAME, "Partner, Associate, Paralegal and so on. Some roles make a firm admin (see settings)."),
        Field("former", v.YES_NO, "Whether the person has left the firm. Default: no."),
        Field("enabled", v.YES_NO, "Whether the person may use the system at all. Default: yes."),
        Field("middle_name", v.NAME, "Middle name. Kept, but not shown."),
        Field("title", v.NAME, "Ms, Dr and the like. Kept, but not shown."),
        Field("initials", v.SHORT, "Letters for the avatar. Default: those of the name."),
        Field("phone", v.NAME, "Telephone number."),
        Field("cell", v.NAME, "Mobile number."),
        Field("color_fill", v.COLOUR, "The avatar's colour."),
        Field("color_stroke", v.COLOUR, "The colour of the avatar's edge."),
        Field("avatar", v.LINE, "Address of a picture of the person."),
        Field("user_id", v.LINE, "The person's login id in your practice-management system."),
        Field("version_id", v.LINE, "The record's version there."),
        Field(
            "localpart",
            v.LOCALPART_NAME,
            "The first part of the person's Matrix id, where it should not follow from the e-mail address. It is given"
            " once and never changes.",
            unique=str,
        ),
        Field(
            "external_ids",
            v.IDENTITIES,
            "Who the person is at the firm's single sign-on: the provider's id in Synapse and the person's id there.",
        ),
    ),
)

GROUPS = RecordKind(
    "groups",
    "group",
    "Named lists of people, to be used wherever staff members or groups are asked for.",
    (
        Field("id", v.ID, "The group's id. It must differ from every staff member's id.", True, str),
        Field("name", v.NAME, "What the group is called.", True),
        Field("members", v.PEOPLE, "Who is in it. A group may contain groups, but not itself."),
        Field("deleted", v.YES_NO, "Whether the group is no longer in use. Default: no."),
    ),
    csv_required=False,
)

MATTERS = RecordKind(
    "matters",
    "matter",
    "The firm's cases. Everybody at the firm may see a matter unless it is restricted or somebody is walled off.",
    (
        Field("id", v.ID, "The matter's id in your practice-management system. It must never change.", True, str),
        Field("number", v.NAME, "The number people know it by, such as 2026-0042.", True, str.casefold),
        Field("title", v.LINE, "What people call it.", True),
        Field("status", v.STATUS, "Where it stands. Cancelled counts as deleted. Default: Open."),
        Field("client", v.NAMES, "The client or clients, by name. Walls around a client compare this name."),
        Field("other_side", v.NAMES, "The other side, by name."),
        Field("roles", v.ROLES, "Others with a part in it, such as Barrister: Jane Doe."),
        Field("responsible", v.STAFF, "The person responsible. Always has access unless walled off."),
        Field("assisting", v.STAFF_LIST, "The people assisting. Always have access unless walled off."),
        Field("originating", v.STAFF_LIST, "Who brought it in. Always have access unless walled off."),
        Field("supervisor", v.STAFF, "Who supervises. Always has access unless walled off."),
        Field("restricted", v.YES_NO, "Whether only the people above and those allowed may see it. Default: no."),
        Field("allowed", v.PEOPLE, "Who else may see it when it is restricted. Access records do the same."),
        Field(
            "held",
            v.YES_NO,
            "Whether it is under legal hold: nothing in its conversations can be deleted. Default: no.",
        ),
        Field("description", v.NOTE, "A short description."),
        Field("matter_type", v.LINE, "The kind of matter, such as Conveyancing."),
        Field("client_code", v.LINE, "The client's code in your accounts."),
        Field("branch", v.LINE, "The office it belongs to."),
        Field("is_lead", v.YES_NO, "Whether it is only an enquiry so far. Default: no."),
        Field("opened", v.DATE, "When it was opened."),
        Field("closed", v.DATE, "When it was closed."),
        Field("external_system_id", v.LINE, "Its id in another system."),
        Field("version_id", v.LINE, "The record's version in your practice-management system."),
    ),
)

ACCESS = RecordKind(
    "access",
    "access record",
    "Who may see a restricted matter, one line for each person or group: the same as allowed, for exports that have"
    " one line for each.",
    (
        Field("matter", v.MATTER, "The restricted matter.", True),
        Field("person", v.PERSON, "Who may see it.", True),
    ),
)

WALLS = RecordKind(
    "walls",
    "wall",
    "Ethical walls: people who must not see a matter, or any matter of a client. A wall is stronger than everything"
    " else: a role on the matter does not help.",
    (
        Field("id", v.ID, "An id for the wall. It must never change.", True, str),
        Field("kind", v.WALL_KIND, "exclude: the people named must not see. only: nobody else may. Default: exclude."),
        Field("matter", v.MATTER, "The matter it stands around. Give either a matter or a client."),
        Field("client", v.LINE, "The client it stands around, as the client is called in the matters."),
        Field("people", v.PEOPLE, "Who is screened; for only, who alone may see.", True),
        Field("memo", v.NOTE, "Why."),
        Field("set_by", v.LINE, "Who set it: an id or a name."),
        Field("since", v.DATE, "From when on. Default: always."),
        Field("expires", v.DATE, "The last day it stands. Default: it stays."),
        Field("acknowledged", v.SIGNATURES, "Who has acknowledged it, and when."),
    ),
)

CHANNELS = RecordKind(
    "channels",
    "channel",
    "Channels the firm starts with. Once made they belong to the staff: what staff change is not changed back. The"
    " firm-wide channel is always there and need not be listed.",
    (
        Field("name", v.CHANNEL_NAME, "The channel's name.", True, channel_key),
        Field("topic", v.LINE, "What it is for."),
        Field("participants", v.PEOPLE, "Who is in it at the start."),
    ),
    csv_required=False,
)

KINDS = (STAFF, GROUPS, MATTERS, ACCESS, WALLS, CHANNELS)


def name_key(written: str) -> str:
    """What makes a column, key or section name the same: case, blanks, hyphens, underscores and what is not seen do not
    count."""
    return re.sub(r"[\s_-]+", "", shown(unicodedata.normalize("NFC", written), "")).casefold()


def suggest(written: str, known: Iterable[str]) -> str:
    """A sentence with the known name that looks most like what was written; empty where none does."""
    by_fold = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(written[:100].casefold(), by_fold, n=1, cutoff=0.7)
    return f" Did you mean {by_fold[close[0]]!r}?" if close else ""
