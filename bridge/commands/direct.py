"""Direct conversations: opening one, and opening a larger one from inside another (D1, D2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from bridge.commands.conversations import link, make_room, names, plain_names
from bridge.commands.errors import CommandError
from bridge.commands.people import Unfound
from bridge.commands.replies import escape, notice
from bridge.commands.table import Answer, Argument, ArgumentType, Call, Command, Message
from bridge.commands.where import CHAT, Where
from bridge.firm.conversation import Conversation, ConversationKind, direct_id
from bridge.firm.model import Staff
from bridge.firm.policy import desired_participants
from bridge.store.conversations import NewConversation, add_conversations, add_participants, was_caused_by


@dataclass(frozen=True, slots=True)
class _Opened:
    room_id: str
    is_new: bool
    """Whether this command made it, rather than finding it there."""


async def _open(call: Call, people: Collection[str]) -> _Opened:
    """The direct conversation of exactly these staff ids, with its room (D1). Raises CommandError."""
    conversation = Conversation(direct_id(people), ConversationKind.DIRECT, participants=frozenset(people))

    def unit() -> bool:
        add_conversations([NewConversation(conversation, created_by=call.sender.id, caused_by=call.event_id)])
        add_participants(conversation.id, people, call.sender.id, cause=call.event_id)
        return was_caused_by(conversation.id, call.event_id)

    is_new = await call.desk.store.run(unit)
    return _Opened(await make_room(call, conversation.id), is_new)


async def _dm(call: Call) -> Answer:
    others: tuple[Staff, ...] = tuple(
        dict.fromkeys(person for person in call.values["people"] if person.id != call.sender.id)
    )
    if not others:
        raise CommandError("A direct conversation needs somebody besides you. For example: `!dm @colleague`")
    opened = await _open(call, [person.id for person in (call.sender, *others)])
    text = call.values.get("message", "")
    return Answer(
        f"Here is your direct conversation {link(call, f'with {plain_names(others)}', opened.room_id)}.",
        (Message(opened.room_id, text),) if text else (),
    )


async def add_to_direct(call: Call, here: Conversation, people: Iterable[Staff | Unfound]) -> Answer:
    """Open the conversation of the larger set, and say so in this one, which stays as it was (D2)."""
    firm = call.desk.firm()
    present = desired_participants(firm, here, call.desk.reconciler.today()) | {call.sender.id}
    listed = tuple(dict.fromkeys(people))
    added = [person for person in listed if isinstance(person, Staff) and person.id not in present]
    told = [_told(one, present) for one in listed if one not in added]
    if not added:
        raise CommandError("\n".join(told))
    everybody = present.union(person.id for person in added)
    opened = await _open(call, everybody)
    others = sorted((firm.staff[one] for one in everybody - {call.sender.id}), key=lambda person: person.name)
    room = link(call, f"with {plain_names(others)}", opened.room_id)
    if opened.is_new:
        said = (
            f"{escape(call.sender.name)} has opened {link(call, 'a new conversation', opened.room_id)} in which"
            f" {names(added)} can read along. What was said here stays here."
        )
        await call.desk.reconciler.say_in_direct(here.id, notice(said), f"{call.event_id}/added")
    return Answer("\n".join([f"This one stays as it is. Here is the conversation {room}.", *told]))


def _told(one: Staff | Unfound, present: Collection[str]) -> str:
    if isinstance(one, Unfound):
        return f"- {escape(one.typed)}: {one.why}"
    return f"- {escape(one.name)}: is in it already"


DM = Command(
    "dm",
    "Open a direct conversation",
    _dm,
    (
        Argument("people", ArgumentType.PEOPLE, shown="@person …"),
        Argument("message", ArgumentType.TEXT, required=False, shown="first message"),
    ),
    help="Opens the direct conversation between you and the people you name, or the one you already have."
    " What follows their names is sent there as your first message."
    " With names instead of mentions, put a colon before the message.",
    examples=("!dm @ruth", "!dm @ruth @tom Lunch at one?", "!dm Ruth Adeyemi and Tom Price: lunch at one?"),
    group="Conversations",
    where=CHAT | {Where.DIRECT},
    also=("msg", "groupmsg"),
)
