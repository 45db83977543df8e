"""Who is in a conversation, adding people to it and taking them out, each with an answer of their own (C1, M1, V1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from bridge.commands.asking.people import Unfound
from bridge.commands.asking.shown import place_name
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command
from bridge.commands.asking.where import CHAT, EVERYWHERE, Where
from bridge.commands.conversations.direct import add_to_direct
from bridge.firm.conversation import SHARED, Conversation, ConversationKind
from bridge.firm.model import Staff
from bridge.firm.policy import desired_participants, is_read_only, may_be_in
from bridge.operations.first_line import tell_added
from bridge.operations.rooms import made_room
from bridge.refusal import CommandError
from bridge.settings import FirmSettings
from bridge.store.rooms.conversations import conversation_by_id
from bridge.store.rooms.participants import Picked, drop, pick, picked
from bridge.wording.channels import typeable
from bridge.wording.markdown import code, escape, repeated
from bridge.wording.moments import day_in

_PAGE = 25


async def add_people(call: Call, conversation_id: str, people: Iterable[Staff | Unfound]) -> Answer:
    """Add people as far as the policy lets them in, and say for each what was done. Raises CommandError."""
    conversation = await _changeable(call, conversation_id)
    listed = tuple(dict.fromkeys(people))
    staff = [person for person in listed if isinstance(person, Staff)]
    firm, today = call.desk.firm(), call.desk.reconciler.today()
    allowed = [person.id for person in staff if may_be_in(firm, person.id, conversation, today)]
    if conversation.everyone:
        return Answer(_said(conversation, listed, lambda person: "is in it already, like everybody"))

    def unit() -> set[str]:
        added = pick(conversation_id, allowed, call.sender.id, call.event_id)
        tell_added(conversation, added, call.sender.id, call.event_id, call.desk)
        return added

    added = await call.desk.store.run(unit)
    await made_room(call.desk, conversation_id, call.sender.id, call.event_id)

    def outcome(person: Staff) -> str:
        if person.id in added:
            return "added"
        if person.id in allowed:
            return "is in it already"
        return "not added, having no access to this matter" if conversation.matter_id else "not added"

    return Answer(_said(conversation, listed, outcome))


async def remove_people(call: Call, conversation_id: str, people: Iterable[Staff | Unfound]) -> Answer:
    """Take people out, and say for each what was done. Raises CommandError."""
    conversation = await _changeable(call, conversation_id)
    listed = tuple(dict.fromkeys(people))
    staff = [person for person in listed if isinstance(person, Staff)]
    if conversation.everyone:
        raise CommandError(f"{escape(conversation.title)} is the channel of the whole firm; nobody is taken out of it.")
    ids = [person.id for person in staff]
    removed = await call.desk.store.run(lambda: drop(conversation_id, ids, call.sender.id, call.event_id))
    await made_room(call.desk, conversation_id, call.sender.id, call.event_id)
    return Answer(_said(conversation, listed, lambda person: "removed" if person.id in removed else "was not in it"))


async def _changeable(call: Call, conversation_id: str) -> Conversation:
    """The conversation, whose participants the sender may change now. Raises CommandError."""
    conversation = await call.desk.store.read(lambda: conversation_by_id(conversation_id))
    if conversation is None or conversation.kind not in SHARED:
        raise CommandError("The people in this conversation stay the same. Open another one with `!dm @person …`.")
    firm, today = call.desk.firm(), call.desk.reconciler.today()
    if conversation.matter_id and call.sender.id not in desired_participants(firm, conversation, today):
        raise CommandError("Only somebody who is in the conversation can change who is in it.")
    if is_read_only(firm, conversation):
        name = escape(conversation.title)
        again = code(f"!channel restore {typeable(conversation.title)}")
        how = f"{again} opens it again." if not conversation.matter_id else ""
        raise CommandError(f"{name} is read-only, so who is in it stays as it is. {how}".rstrip())
    return conversation


def _said(conversation: Conversation, people: Iterable[Staff | Unfound], outcome: Callable[[Staff], str]) -> str:
    """What was done for each, a line each; of a long list, those with whom the same was done are counted."""
    told = [
        (escape(one.name), outcome(one)) if isinstance(one, Staff) else (repeated(one.typed), one.why) for one in people
    ]
    if len(told) <= _PAGE:
        lines = [f"- {who}: {what}" for who, what in told]
    else:
        counts = Counter(what for _, what in told)
        some = [f"- {who}: {what}" for who, what in told if counts[what] == 1]
        lines = [*(f"- {count} people: {what}" for what, count in counts.items() if count > 1), *some]
    return "\n".join([f"**{escape(conversation.title)}**\n", *lines])


async def _here(call: Call) -> Conversation:
    """The conversation in which the command was typed. Raises CommandError in the chat with the bot."""
    here = await call.conversation()
    if here.kind is ConversationKind.BOT:
        raise CommandError(
            "Type this in the conversation it is about. For a channel there is also"
            " `!channel add NAME @person`, from anywhere."
        )
    return here


async def _add(call: Call) -> Answer:
    here = await _here(call)
    if here.kind is ConversationKind.DIRECT:
        return await add_to_direct(call, here, call.values["people"])
    return await add_people(call, here.id, call.values["people"])


async def _remove(call: Call) -> Answer:
    return await remove_people(call, (await _here(call)).id, call.values["people"])


async def _participants(call: Call) -> Answer:
    here = await _here(call)
    firm, settings = call.desk.firm(), call.desk.settings.firm
    people = desired_participants(firm, here, call.desk.reconciler.today())
    rows = {} if here.everyone else {row.staff_id: row for row in await call.desk.store.read(lambda: picked(here.id))}
    listed = sorted(people, key=lambda staff_id: firm.staff[staff_id].name.casefold())
    page = _page(call.values.get("page", ""), len(listed))
    lines = [
        _line(firm.staff[staff_id], rows.get(staff_id), firm.staff, settings)
        for staff_id in listed[(page - 1) * _PAGE : page * _PAGE]
    ]
    count = "1 participant" if len(listed) == 1 else f"{len(listed)} participants"
    head = f"**{escape(place_name(call, here))}**, {count}" if here.title else f"**{count}**"
    note = "\n\nEverybody in the firm is in it." if here.everyone else ""
    more = f"\n\nMore: `!participants {page + 1}`" if page * _PAGE < len(listed) else ""
    return Answer("\n".join([f"{head}\n", *lines]) + note + more)


def _page(typed: str, count: int) -> int:
    last = max(1, -(-count // _PAGE))
    if not typed:
        return 1
    if not typed.isdecimal() or not 1 <= int(typed) <= last:
        raise CommandError(f"There are {last} pages. For example: `!participants 1`")
    return int(typed)


def _line(person: Staff, row: Picked | None, staff: Mapping[str, Staff], settings: FirmSettings) -> str:
    role = f", {escape(person.role)}" if person.role else ""
    if row is None:
        return f"- {escape(person.name)}{role}"
    adder = staff.get(row.added_by)
    whose = escape(adder.name) if adder else "the directory"
    by = "" if row.added_by == person.id else f", added by {whose}"
    return f"- {escape(person.name)}{role}: since {day_in(settings, row.since)}{by}"


_PEOPLE = Argument("people", ArgumentType.EACH, shown="@person …")
PARTICIPANTS = Command(
    "participants",
    "Who is in this conversation",
    _participants,
    (Argument("page", ArgumentType.TEXT, required=False, shown="PAGE"),),
    help="Lists who is in the conversation you type this in, with their role, since when, and who added them.",
    examples=("!participants", "!participants 2"),
    group="Conversations",
    where=EVERYWHERE - CHAT,
    also=("who", "members"),
)
ADD = Command(
    "add",
    "Add people to this conversation",
    _add,
    (_PEOPLE,),
    help="Adds colleagues to the channel or matter conversation you type this in. They are in at once, without having"
    " to accept. Only those with access to a matter can be added to its conversations. A direct conversation keeps its"
    " people: in one, this opens another with everybody, and what was said before stays where it is.",
    examples=("!add @ruth", "!add @ruth @tom", "!add Ruth Adeyemi and Tom Price"),
    group="Conversations",
    where=frozenset({Where.DIRECT, Where.MATTER, Where.CHANNEL}),
    also=("invite",),
)
REMOVE = Command(
    "remove",
    "Take people out of this conversation",
    _remove,
    (_PEOPLE,),
    help="Takes colleagues out of the channel or matter conversation you type this in. They can join again.",
    examples=("!remove @ruth", "!remove @ruth @tom"),
    group="Conversations",
    where=frozenset({Where.MATTER, Where.CHANNEL}),
    also=("kick",),
)
