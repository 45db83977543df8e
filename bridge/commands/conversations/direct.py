"""Direct conversations: opening one, and opening a larger one from inside another (D1, D2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from bridge.commands.asking.people import Unfound
from bridge.commands.asking.shown import link
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, Message
from bridge.commands.asking.where import CHAT, Where
from bridge.desk import Desk
from bridge.firm.conversation import Conversation, ConversationKind, direct_id
from bridge.firm.model import Staff
from bridge.firm.policy import desired_participants
from bridge.operations.rooms import made_room
from bridge.refusal import CommandError
from bridge.store.rooms.conversations import NewConversation, add_conversations, add_participants, was_caused_by
from bridge.wording.markdown import escape, notice, repeated
from bridge.wording.people import names, plain_names


@dataclass(frozen=True, slots=True)
class Opened:
    """A direct conversation that somebody asked for."""

    room_id: str
    is_new: bool
    """Whether the asking made it, rather than finding it there."""


async def open_direct(desk: Desk, people: Collection[str], by: str, cause: str) -> Opened:
    """The direct conversation of exactly these staff ids, with its room (D1). Raises CommandError.

    `by` is the staff id of whoever asks, `cause` the event or request by which they do.
    """
    conversation = Conversation(direct_id(people), ConversationKind.DIRECT, participants=frozenset(people))

    def unit() -> bool:
        add_conversations([NewConversation(conversation, created_by=by, caused_by=cause)])
        add_participants(conversation.id, people, by, cause=cause)
        return was_caused_by(conversation.id, cause)

    is_new = await desk.store.run(unit)
    return Opened(await made_room(desk, conversation.id, by, cause), is_new)


async def _dm(call: Call) -> Answer:
    others: tuple[Staff, ...] = tuple(
        dict.fromkeys(person for person in call.values["people"] if person.id != call.sender.id)
    )
    if not others:
        raise CommandError("A direct conversation needs somebody besides you. For example: `!dm @colleague`")
    everybody = [person.id for person in (call.sender, *others)]
    text = call.values.get("message", "")
    try:
        opened = await open_direct(call.desk, everybody, call.sender.id, call.event_id)
    except CommandError as error:
        raise CommandError(f"{error} Your message was not sent: send it again." if text else str(error)) from error
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
    opened = await open_direct(call.desk, everybody, call.sender.id, call.event_id)
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
        return f"- {repeated(one.typed)}: {one.why}"
    return f"- {escape(one.name)}: is in it already"


DM = Command(
    "dm",
    "Open a direct conversation",
    _dm,
    (
        Argument("people", ArgumentType.PEOPLE, shown="@person …"),
        Argument("message", ArgumentType.WORDS, required=False, shown="first message"),
    ),
    help="Opens the direct conversation between you and the people you name, or the one you already have."
    " What follows their names is sent there as your first message."
    " Behind several names, or a first or last name alone, put a colon before the message."
    " Your words are sent as you typed them, also where they look like a command.",
    examples=("!dm @ruth", "!dm @ruth @tom Lunch at one?", "!dm Ruth Adeyemi and Tom Price: lunch at one?"),
    group="Conversations",
    where=CHAT | {Where.DIRECT},
    also=("msg", "groupmsg"),
)
