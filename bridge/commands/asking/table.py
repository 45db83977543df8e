"""The declaration of a command: its name, what runs it with which arguments, help, and who may use it.

The table itself is `bridge.commands.all.COMMANDS`. Help, documentation and parsing come from these declarations.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from inspect import Parameter, signature
from typing import Any, Concatenate, Literal

from bridge.commands.asking.permissions import ADMINS, ALL_STAFF, Permission
from bridge.commands.asking.where import CHAT, Where, where_is
from bridge.desk import Desk
from bridge.firm.audit import Outcome
from bridge.firm.conversation import Conversation, bot_chat_id
from bridge.firm.model import Staff
from bridge.firm.rules import CitedRule
from bridge.operations.sight import typed_in
from bridge.operations.transcripts import Handout
from bridge.refusal import Kind, Refusal

_BRIEF = 20
"""Characters of what a list shows of one argument."""


class Who(StrEnum):
    """Who may use a command."""

    STAFF = "all staff"
    FIRM_ADMIN = "firm admins"


class ArgumentType(StrEnum):
    """How an argument is read."""

    PEOPLE = "people"
    """Colleagues, by mention, @name, full id, e-mail address or name."""
    EACH = "each"
    """The same, those who cannot be found among them, for an answer about each."""
    MATTER = "matter"
    """A matter's number."""
    AROUND = "around"
    """A matter's number, or client:NAME."""
    SCREENED = "screened"
    """Colleagues, by mention, @name or e-mail address, and groups, as group:NAME."""
    NAME = "name"
    """What stands before the first person; quotation marks are optional."""
    TITLE = "title"
    """Text in quotation marks, or what stands before the first person."""
    TEXT = "text"
    """Everything that is left, with ids in the place of what points to people and rooms."""
    WORDS = "words"
    """Everything that is left, in the words that were typed: what is sent or shown."""
    MATTERS = "matters"
    """Everything that is left, with numbers in the place of what points to a matter's rooms."""
    MARKED = "marked"
    """Everything that is left, as words with marks (`bridge.mapping.marks`), to be read further."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a command, declared with the type of the parameter that takes it.

    `Annotated[Matter, Argument(ArgumentType.MATTER, "NUMBER")]`. A parameter with a default may be left out.
    """

    type: ArgumentType
    shown: str
    """How usage shows it."""
    names_place: bool = False
    """Whether it names the conversation that is meant, and is left out where the command is typed in that."""
    names_conversation: bool = False
    """Whether it names a conversation of the matter before it, which pointing to its room does as well."""
    name: str = ""
    """The parameter's."""
    required: bool = True

    @property
    def usage(self) -> str:
        return self.shown if self.required else f"[{self.shown}]"

    @property
    def brief(self) -> str:
        """The same in a list, where a long one would take a telephone's screen."""
        return self.usage if len(self.shown) <= _BRIEF else "[…]"


@dataclass(frozen=True)
class Call:
    """One use of a command."""

    desk: Desk
    sender: Staff
    user_id: str
    event_id: str
    conversation_id: str
    """Where it was typed. `conversation` says what of that counts."""
    commands: Sequence[Command]
    """Those that the sender may use."""
    replied_to: str = ""
    """The event id of the message that the command was typed as a reply to; empty where it was none."""
    after: Any = None
    """Where the page of its list begins that is asked for, as the `PageOfList` before it says; None for the first."""

    async def conversation(self) -> Conversation:
        """Where it was typed, as it is now. Read when it is asked for, since most commands do not. Raises Refusal."""
        found = await typed_in(self.desk, self.conversation_id, self.sender.id)
        if found is None:
            raise Refusal(Kind.MADE_ANEW)
        return found

    @property
    def in_chat(self) -> bool:
        """Whether it was typed in the sender's chat with the bot."""
        return self.conversation_id == bot_chat_id(self.sender.id)

    async def where(self) -> Where:
        """What kind of place it was typed in."""
        return await where_typed(self.desk, self.conversation_id, self.sender.id)


async def where_typed(desk: Desk, conversation_id: str, staff_id: str) -> Where:
    """What kind of place a conversation is now; one that is being made anew is taken for the chat with the bot."""
    if conversation_id == bot_chat_id(staff_id):
        return Where.CHAT
    found = await typed_in(desk, conversation_id, staff_id)
    return Where.CHAT if found is None else where_is(desk.firm(), found)


@dataclass(frozen=True, slots=True)
class Message:
    """Something to send in the words of the person who typed the command."""

    room_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Noted:
    """A use of a command that the audit log tells of (O1)."""

    command: str
    outcome: Outcome = Outcome.DONE
    rule: CitedRule | Literal[""] = ""
    """The rule that refused it."""
    person: str = ""
    """The staff id of whom it concerns."""
    about: str = ""
    """What it concerns, in words that may stand in the log."""
    ids: tuple[str, ...] = ()
    """The ids of the matters, conversations and walls that these words name."""


@dataclass(frozen=True, slots=True)
class PageOfList:
    """Says of an answer that it is a page of a list."""

    following: Any
    """What the next page goes on from, in JSON's values; None at the end."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command gives back."""

    text: str
    """Markdown."""
    messages: tuple[Message, ...] = ()
    noted: Noted | None = None
    handouts: tuple[Handout, ...] = ()
    """Files that go to the chat with the bot, behind the text."""
    page: PageOfList | None = None
    """For `!more`; None where it is no list, and the one of before goes on."""
    counts: bool = True
    """Whether it counts as unread in the chat with the bot. Not where no command was found: a program that answers
    messages in somebody's name would else go on for ever."""


@dataclass(frozen=True, slots=True)
class List:
    """A list for an answer, in Markdown."""

    lines: Sequence[Any]
    """The lines; with `shown`, what they are made from."""
    head: str = ""
    """Stands before the first page."""
    foot: str = ""
    """Stands behind the last page."""
    shown: Callable[[Sequence[Any]], Awaitable[Sequence[str]]] | None = None
    """Makes the lines of one page, one for each item, so that nobody makes those of pages that are never asked for."""


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of a list that is not made as a whole, in Markdown."""

    lines: Sequence[str]
    head: str = ""
    """Stands before the page."""
    following: Any = None
    """What the next page goes on from, in JSON's values; None at the end."""


Lister = Callable[[Call], Awaitable[List]]
PageLister = Callable[[Call], Awaitable[ListPage]]
"""Makes the page that goes on after `Call.after`."""


@dataclass(frozen=True)
class Command:
    """One command of the bot."""

    name: str
    """Without the exclamation mark; may be two words."""
    summary: str
    run: Callable[Concatenate[Call, ...], Awaitable[Answer]]
    """Takes the arguments behind the call."""
    help: str = ""
    examples: tuple[str, ...] = ()
    who: Who = Who.STAFF
    here: bool = False
    """Whether the answer may be shown in the room where it was typed; else it goes to the chat with the bot."""
    from_memory: Callable[Concatenate[Call, ...], Answer | None] | None = None
    """Answers like `run` at once, where that takes nothing but what is in memory; None where it takes more."""
    group: str = "Other"
    where: frozenset[Where] = CHAT
    """The kinds of place in which `!help` shows it. It can be typed anywhere."""
    also: tuple[str, ...] = ()
    """Other words for it: short forms, and words that people know from elsewhere. Commands may share one; the kind of
    place then decides."""
    asked_by: frozenset[str] = frozenset()
    """Words by which a sentence that is no command may ask for it, so that it is among the things to try."""
    permission: Permission | None = None
    """What comes of it where that depends on the conversation."""

    @property
    def row(self) -> Permission:
        """Its row in docs/permissions.md, to which a test holds the bot. It decides nothing."""
        return self.permission or (ADMINS if self.who is Who.FIRM_ADMIN else ALL_STAFF)

    @cached_property
    def arguments(self) -> tuple[Argument, ...]:
        """What is typed behind it, in the order of typing."""
        _, *taken = signature(self.run, eval_str=True).parameters.values()
        return tuple(
            replace(one.annotation.__metadata__[0], name=one.name, required=one.default is Parameter.empty)
            for one in taken
        )

    @cached_property
    def names_people(self) -> bool:
        """Whether people are among its arguments."""
        return any(
            argument.type in {ArgumentType.PEOPLE, ArgumentType.EACH, ArgumentType.SCREENED}
            for argument in self.arguments
        )

    @cached_property
    def takes_matter_here(self) -> bool:
        """Whether it takes the matter it is typed in where no number stands before its other arguments."""
        return any(one.type is ArgumentType.MATTER and one.names_place for one in self.arguments[:-1])

    @property
    def usage(self) -> str:
        """The command as it is typed."""
        return " ".join([f"!{self.name}", *(argument.usage for argument in self.arguments)])

    @property
    def usage_there(self) -> str:
        """The same, as short as it can be in the conversation that it is about."""
        last = self.name.split()[-1]
        short = last if last in self.also else self.name
        return " ".join([f"!{short}", *(argument.brief for argument in self.arguments if not argument.names_place)])
