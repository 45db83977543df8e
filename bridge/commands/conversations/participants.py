"""Who is in the conversation a command is typed in, adding people to it and taking them out (C1, D2, M1, V1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from bridge.commands.asking.arguments import EachColleague
from bridge.commands.asking.each import found, people_changed, shown
from bridge.commands.asking.people import Unfound
from bridge.commands.asking.permissions import DONE, FIXED, READ_ONLY, WHOLE_FIRM, of_here
from bridge.commands.asking.shown import day, link, place_name
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command
from bridge.commands.asking.where import CHAT, EVERYWHERE, Where
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.model import Staff
from bridge.operations.conversations.direct import widen_direct
from bridge.operations.conversations.participants import Participant, add_people, participants_of, remove_people
from bridge.refusal import CommandError
from bridge.wording.markdown import escape
from bridge.wording.people import plain_names

_PAGE = 25


_CHANNEL = "For a channel there is also `!channel {} NAME @person`, from anywhere."
_ACCESS = "`!matter show NUMBER` says who has access to a matter."


async def _here(call: Call, besides: str) -> Conversation:
    """The conversation in which the command was typed. Raises CommandError in the chat with the bot, with what there is
    besides."""
    here = await call.conversation()
    if here.kind is ConversationKind.BOT:
        raise CommandError(f"Type this in the conversation it is about. {besides}")
    return here


async def _add(call: Call, people: EachColleague) -> Answer:
    here = await _here(call, _CHANNEL.format("add"))
    if here.kind is ConversationKind.DIRECT:
        return await _add_to_direct(call, here, people)
    return await people_changed(call, here.id, people, add_people)


async def _add_to_direct(call: Call, here: Conversation, listed: Sequence[Staff | Unfound]) -> Answer:
    widened = await widen_direct(call.desk, call.sender, here, found(listed), call.event_id)
    told = [
        f"- {shown(one)}: {'is in it already' if isinstance(one, Staff) else one.why}"
        for one in listed
        if not isinstance(one, Staff) or one.id in widened.were_in
    ]
    if widened.opened is None:
        raise CommandError("\n".join(told))
    room = link(call, f"with {plain_names(widened.opened.others)}", widened.opened.room_id)
    return Answer("\n".join([f"This one stays as it is. Here is the conversation {room}.", *told]))


async def _remove(call: Call, people: EachColleague) -> Answer:
    here = await _here(call, _CHANNEL.format("remove"))
    return await people_changed(call, here.id, people, remove_people)


async def _participants(call: Call, page: Annotated[str, Argument(ArgumentType.TEXT, "PAGE")] = "1") -> Answer:
    here, typed = await _here(call, _ACCESS), page.strip("#. ")
    if not typed.isdecimal():
        raise CommandError(
            "I list who is in the conversation in which `!participants` is typed, and read nothing behind it but the"
            f" number of a page. {_ACCESS}"
        )
    number = int(typed)
    people, total = await participants_of(call.desk, here, max(number - 1, 0) * _PAGE, _PAGE)
    last = max(1, -(-total // _PAGE))
    if not 1 <= number <= last:
        pages = "is 1 page" if last == 1 else f"are {last} pages"
        raise CommandError(f"There {pages}. For example: `!participants 1`")
    count = "1 participant" if total == 1 else f"{total} participants"
    head = f"**{escape(place_name(call, here))}**, {count}" if here.title else f"**{count}**"
    note = "\n\nEverybody in the firm is in it." if here.everyone else ""
    more = f"\n\nMore: `!participants {number + 1}`" if number < last else ""
    return Answer("\n".join([f"{head}\n", *(_line(call, one) for one in people)]) + note + more)


def _line(call: Call, one: Participant) -> str:
    role = f", {escape(one.person.role)}" if one.person.role else ""
    since = f": since {day(call, one.since)}" if one.since is not None else ""
    adder = call.desk.firm().staff.get(one.added_by)
    by_other = one.since is not None and one.added_by != one.person.id
    by = f", added by {escape(adder.name) if adder else 'the directory'}" if by_other else ""
    return f"- {escape(one.person.name)}{role}{since}{by}"


PARTICIPANTS = Command(
    "participants",
    "Who is in this conversation",
    _participants,
    help="Lists who is in the conversation you type this in, with their role, since when, and who added them.",
    examples=("!participants", "!participants 2"),
    group="Conversations",
    where=EVERYWHERE - CHAT,
    also=("who", "members"),
    asked_by=frozenset({"who", "members", "participants", "people"}),
    permission=of_here(DONE, DONE, DONE, DONE),
)
ADD = Command(
    "add",
    "Add people to this conversation",
    _add,
    help="Adds colleagues to the channel or matter conversation you type this in. They are in at once, without having"
    " to accept. Only those with access to a matter can be added to its conversations. A direct conversation keeps its"
    " people: in one, this opens another with everybody, and what was said before stays where it is.",
    examples=("!add @ruth", "!add @ruth @tom", "!add Ruth Adeyemi and Tom Price"),
    group="Conversations",
    where=frozenset({Where.DIRECT, Where.MATTER, Where.CHANNEL}),
    also=("invite",),
    asked_by=frozenset({"add", "invite", "loop", "bring", "include"}),
    permission=of_here(DONE, DONE, READ_ONLY, DONE),
)
REMOVE = Command(
    "remove",
    "Take people out of this conversation",
    _remove,
    help="Takes colleagues out of the channel or matter conversation you type this in. They can join again.",
    examples=("!remove @ruth", "!remove @ruth @tom"),
    group="Conversations",
    where=frozenset({Where.MATTER, Where.CHANNEL}),
    also=("kick",),
    asked_by=frozenset({"remove", "take", "kick", "out", "exclude"}),
    permission=of_here(FIXED, DONE, READ_ONLY, WHOLE_FIRM),
)
