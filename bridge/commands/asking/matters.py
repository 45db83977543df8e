"""Which conversation of a matter a command is about. What somebody must not see is answered as if it were not (M3)."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.commands.asking.shown import link
from bridge.commands.asking.table import Call
from bridge.firm.conversation import Conversation, ConversationKind, MatterConversation
from bridge.firm.model import Matter, MatterStatus
from bridge.firm.names import spellings
from bridge.firm.policy import may_access
from bridge.mapping.names import conversation_name
from bridge.mapping.near import closest
from bridge.operations.matters.finding import conversations_of
from bridge.operations.sight import is_in
from bridge.refusal import CommandError
from bridge.wording.markdown import code, escape

_OFFERED = 10
"""Conversations that a question lists."""


async def matter_here(call: Call) -> Conversation | None:
    """The matter conversation in which the command was typed."""
    typed_in = await call.conversation()
    return typed_in if typed_in.kind is ConversationKind.MATTER else None


def matter_link(call: Call, matter: Matter, title: str, room_id: str) -> str:
    """A link to a conversation of a matter, by the name that its room has."""
    first_title = call.desk.settings.firm.first_matter_conversation_title
    return link(call, conversation_name(matter, title, first_title), room_id)


async def the_matter(call: Call, named: Matter | None) -> Matter:
    """The matter that was named, else the one in whose conversation the command was typed. Raises CommandError."""
    if named is not None:
        return named
    firm, today = call.desk.firm(), call.desk.today()
    typed_in = await matter_here(call)
    matter = firm.matters.get(typed_in.matter_id) if typed_in is not None else None
    if matter is None or not may_access(firm, call.sender.id, matter, today):
        raise CommandError("Which matter? Put its number behind the command; `!matter list` shows those you can see.")
    return matter


async def the_conversation(
    call: Call, verb: str, named: Matter | None, typed: str, *, only_mine: bool = False
) -> MatterConversation:
    """The conversation that was named by title or number in the matter's list, else the one typed in.

    Where neither decides, it is the matter's only one, with `only_mine` the only one the sender is in. Raises
    CommandError. `verb` is the command's second word, for examples.
    """
    matter = await the_matter(call, named)
    listed = await conversations_of(call.desk, matter)
    typed_in = await matter_here(call)
    if named is None and typed_in is not None:
        return next(one for one in listed if one.conversation.id == typed_in.id)
    if typed.strip():
        return pick(matter, listed, typed.strip())
    fitting = [one for one in listed if not only_mine or is_in(call.desk, call.sender, one.conversation)]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise CommandError(_none(matter, in_it=only_mine and bool(listed)))
    offered = "\n".join(f"- **{listed.index(one) + 1}** {escape(one.conversation.title)}" for one in fitting[:_OFFERED])
    example = code(f"!matter {verb} {matter.number} {listed.index(fitting[0]) + 1}")
    raise CommandError(f"Which one? Put its number or title behind the command, for example {example}\n\n{offered}")


def pick(matter: Matter, listed: Sequence[MatterConversation], typed: str) -> MatterConversation:
    """The one with this title, or with this number in the matter's list. Raises CommandError with the nearest."""
    plain = " ".join(typed.strip("\"'“”„«»").split()).casefold()
    by_title = {one.conversation.title.casefold(): one for one in listed}
    if (exactly := by_title.get(" ".join(typed.split()).casefold()) or by_title.get(plain)) is not None:
        return exactly
    spelled = set(spellings(plain))
    alike = [one for one in listed if not spelled.isdisjoint(spellings(one.conversation.title))]
    if len(alike) == 1:
        return alike[0]
    number = plain.removeprefix("#")
    if number.isascii() and number.isdecimal() and 1 <= int(number[:6]) <= len(listed):
        return listed[int(number[:6]) - 1]
    near = closest(plain, by_title)
    hint = f" Did you mean {escape(by_title[near].conversation.title)}?" if near else ""
    raise CommandError(
        f"Matter {escape(matter.number)} has no conversation {escape(typed[:80])}.{hint}"
        f" {code(f'!matter show {matter.number}')} lists them."
    )


def _none(matter: Matter, *, in_it: bool) -> str:
    if in_it:
        return f"You are in no conversation of matter {escape(matter.number)}."
    if matter.status is MatterStatus.CLOSED:
        return f"Matter {escape(matter.number)} is closed and has no conversation."
    start = f'!matter start {matter.number} "Title"'
    return f"Matter {escape(matter.number)} has no conversation yet. {code(start)} starts one."
