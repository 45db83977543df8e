"""What comes of a command for every kind of person in every kind of conversation: the row that each one declares.

docs/permissions.md shows these rows to people, and a test holds the running bot to them, cell by cell. The decisions
themselves are made by `bridge.firm.policy`; nothing here takes part in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Person(StrEnum):
    """A kind of person, seen from one conversation."""

    PARTICIPANT = "participants"
    ACCESS = "staff with access"
    """Not in it."""
    NO_ACCESS = "staff without access"
    WALLED = "walled staff"
    ADMIN = "firm admins"
    """Not in it and without access: being an admin gives neither."""
    FORMER = "former staff"
    STRANGER = "other accounts"


class PlaceKind(StrEnum):
    """A kind of conversation, in the state that counts."""

    BOT = "Your chat with the bot"
    DIRECT = "A direct conversation"
    MATTER = "A matter conversation"
    CLOSED = "A conversation of a closed matter"
    CHANNEL = "A channel"
    ARCHIVED = "An archived channel"
    FIRM_WIDE = "The channel of the whole firm"


@dataclass(frozen=True, slots=True)
class CommandOutcome:
    """What comes of a command."""

    mark: str
    """How a table shows it."""
    meaning: str
    """A sentence for people."""
    words: str = ""
    """A pattern for what the bot answers; empty where the command itself words the answer, or there is none."""


DONE = CommandOutcome("yes", "It is done, or was so already.")
WHICH = CommandOutcome(
    "name it",
    "The bot asks which matter or channel is meant. With its number or name, the table of its kind holds.",
    r"Which (matter|channel)\?|needs (NUMBER|NAME)\.|There is no matter",
)
INSIDE = CommandOutcome(
    "only inside",
    "It is about the conversation it is typed in, and for those who are in it.",
    "Type this in the conversation it is about",
)
NOT_IN_IT = CommandOutcome(
    "no: not in it",
    "Refused, because it is for those who are in the conversation (M1, M2, C1).",
    "Only somebody who is in the conversation|You are not in|You are in no conversation",
)
READ_ONLY = CommandOutcome(
    "no: read-only",
    "Refused, because nothing changes in an archived channel or a closed matter (C1, M4).",
    "is read-only|is archived and stays as it is|is closed, so nothing new is started",
)
FIXED = CommandOutcome(
    "no: same people",
    "Refused, because the people in a direct conversation stay the same (D2).",
    "The people in this conversation stay the same",
)
WHOLE_FIRM = CommandOutcome(
    "no: whole firm", "Refused, because everybody is in that channel (C4).", "is the channel of the whole firm"
)
ADMINS_ONLY = CommandOutcome("no: admins", "Refused, because it is for firm admins.", "is for firm admins")
ABSENT = CommandOutcome(
    "as if not there",
    "Answered word for word as for a matter that does not exist (M3).",
    "There is no matter .+ that you can see",
)
IGNORED = CommandOutcome("–", "No answer, and nothing happens (F1, F2).")
OUTCOMES = (DONE, WHICH, INSIDE, NOT_IN_IT, READ_ONLY, FIXED, WHOLE_FIRM, ADMINS_ONLY, ABSENT, IGNORED)

Cell = tuple[CommandOutcome, CommandOutcome]
"""For those who are in a conversation, and for other staff who may know of it."""
NO_STAFF = frozenset({Person.FORMER, Person.STRANGER})
MATTER_PLACES = frozenset({PlaceKind.MATTER, PlaceKind.CLOSED})


@dataclass(frozen=True)
class Permission:
    """The row of one command."""

    elsewhere: CommandOutcome
    """For all staff, in every place that `about` does not have."""
    about: Mapping[PlaceKind, Cell] = field(default_factory=dict, hash=False)
    """The conversations it can be about."""
    admin: CommandOutcome | None = None
    """For firm admins in every place, where that differs."""

    def outcome(self, place: PlaceKind, person: Person) -> CommandOutcome:
        """What comes of it. Who is in the conversation types it there; others name the conversation or its matter.

        Typed there by somebody who is not in it, for instance taken out a moment before, it is answered as in their
        chat with the bot.
        """
        if person in NO_STAFF:
            return IGNORED
        if person is Person.ADMIN and self.admin is not None:
            return self.admin
        if place not in self.about:
            return self.elsewhere
        inside, others = self.about[place]
        if person is Person.PARTICIPANT or place is PlaceKind.FIRM_WIDE:
            return inside
        if place in MATTER_PLACES and person is not Person.ACCESS:
            return INSIDE if others is INSIDE else ABSENT
        return others


ALL_STAFF = Permission(DONE)
ADMINS = Permission(ADMINS_ONLY, admin=DONE)
EVERYBODY: Cell = (DONE, DONE)
THOSE_IN_IT: Cell = (DONE, NOT_IN_IT)
CLOSED: Cell = (READ_ONLY, READ_ONLY)


def of_matter(conversation: Cell, closed: Cell) -> Permission:
    """About a matter or a conversation of it, named by the matter's number."""
    return Permission(WHICH, {PlaceKind.MATTER: conversation, PlaceKind.CLOSED: closed})


def of_channel(channel: Cell, archived: Cell, whole_firm: CommandOutcome) -> Permission:
    """About a channel, named by its name."""
    about = {PlaceKind.CHANNEL: channel, PlaceKind.ARCHIVED: archived, PlaceKind.FIRM_WIDE: (whole_firm, whole_firm)}
    return Permission(WHICH, about)


def of_here(
    direct: CommandOutcome, open_: CommandOutcome, read_only: CommandOutcome, whole_firm: CommandOutcome
) -> Permission:
    """About the conversation it is typed in, for those who are in it."""
    inside = {
        PlaceKind.DIRECT: direct,
        PlaceKind.MATTER: open_,
        PlaceKind.CLOSED: read_only,
        PlaceKind.CHANNEL: open_,
        PlaceKind.ARCHIVED: read_only,
        PlaceKind.FIRM_WIDE: whole_firm,
    }
    return Permission(INSIDE, {place: (outcome, INSIDE) for place, outcome in inside.items()})
