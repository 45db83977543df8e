"""Direct conversations (D1)."""

from __future__ import annotations

from bridge.commands.conversations import link, make_room, plain_names
from bridge.commands.errors import CommandError
from bridge.commands.table import Answer, Argument, ArgumentType, Call, Command, Message
from bridge.commands.where import CHAT, Where
from bridge.firm.conversation import Conversation, ConversationKind, direct_id
from bridge.firm.model import Staff
from bridge.store.conversations import NewConversation, add_conversations, add_participants


async def _dm(call: Call) -> Answer:
    others: tuple[Staff, ...] = tuple(
        dict.fromkeys(person for person in call.values["people"] if person.id != call.sender.id)
    )
    if not others:
        raise CommandError("A direct conversation needs somebody besides you. For example: `!dm @colleague`")
    people = frozenset(person.id for person in (call.sender, *others))
    conversation = Conversation(direct_id(people), ConversationKind.DIRECT, participants=people)

    def unit() -> None:
        add_conversations([NewConversation(conversation, created_by=call.sender.id, caused_by=call.event_id)])
        add_participants(conversation.id, people, call.sender.id)

    await call.desk.store.run(unit)
    room_id = await make_room(call, conversation.id)
    text = call.values.get("message", "")
    return Answer(
        f"Here is your direct conversation {link(call, f'with {plain_names(others)}', room_id)}.",
        (Message(room_id, text),) if text else (),
    )


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
