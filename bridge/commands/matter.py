"""Matters and their conversations (M1, M2)."""

from __future__ import annotations

import hashlib

from bridge.commands.conversations import link, make_room, names
from bridge.commands.errors import CommandError
from bridge.commands.paging import paged
from bridge.commands.replies import escape
from bridge.commands.table import Answer, Argument, ArgumentType, Call, Command, List
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.model import Matter, MatterStatus, Staff
from bridge.firm.names import has_words, searched
from bridge.firm.policy import may_access
from bridge.firm.visible import says_something, unseen_in
from bridge.store.conversations import NewConversation, World, add_conversations, load_world, titles_in_matter

TITLE_MAX = 80
_STATUS_ORDER = {MatterStatus.OPEN: 0, MatterStatus.PENDING: 1, MatterStatus.CLOSED: 2}


def _visible(call: Call) -> list[Matter]:
    firm, today = call.desk.firm(), call.desk.reconciler.today()
    matters = [matter for matter in firm.matters.values() if may_access(firm, call.sender.id, matter, today)]
    return sorted(matters, key=lambda matter: (_STATUS_ORDER.get(matter.status, 3), matter.number))


async def _listed(call: Call) -> List:
    words = call.values.get("query", "").split()
    found = [matter for matter in _visible(call) if not words or has_words(_searched(matter), words)]
    if not found:
        return List((), "No matter that you can see has those words." if words else "There is no matter you can see.")
    world = await call.desk.store.run(load_world)
    return List([_line(call, matter, world) for matter in found])


async def _list(call: Call) -> Answer:
    return await paged(call, _listed)


def _searched(matter: Matter) -> str:
    return searched(f"{matter.number} {matter.title} {matter.client} {matter.status}")


def _line(call: Call, matter: Matter, world: World) -> str:
    mine = [
        link(call, conversation.title, world.rooms[conversation.id])
        for conversation in world.conversations.values()
        if conversation.matter_id == matter.id
        and call.sender.id in conversation.participants
        and conversation.id in world.rooms
    ]
    status = "" if matter.status is MatterStatus.OPEN else f" ({matter.status})"
    client = f", for {escape(matter.client)}" if matter.client else ""
    yours = f". You are in {', '.join(mine)}" if mine else ""
    return f"- **{escape(matter.number)}** {escape(matter.title)}{status}{client}{yours}"


def checked_title(typed: str) -> str:
    """The title as it is shown. Raises CommandError."""
    title = " ".join(typed.split())
    if not title:
        raise CommandError("A conversation needs a title, for example: Disclosure.")
    if unseen_in(title) or (title and not says_something(title)):
        raise CommandError("That title has invisible characters. Type it again rather than pasting it.")
    if len(title) > TITLE_MAX:
        raise CommandError(f"That title has {len(title)} characters; at most {TITLE_MAX} fit. Try a shorter one.")
    return title


async def _start(call: Call) -> Answer:
    firm, today = call.desk.firm(), call.desk.reconciler.today()
    matter: Matter = call.values["matter"]
    title = checked_title(call.values["title"])
    if matter.status is MatterStatus.CLOSED:
        raise CommandError(f"Matter {escape(matter.number)} is closed, so nothing new is started in it.")
    picked: tuple[Staff, ...] = tuple(dict.fromkeys((call.sender, *call.values.get("people", ()))))
    allowed = [person for person in picked if may_access(firm, person.id, matter, today)]
    refused = [person for person in picked if person not in allowed]
    conversation = Conversation(
        "matter-" + hashlib.sha256(call.event_id.encode()).hexdigest()[:32],
        ConversationKind.MATTER,
        title,
        matter_id=matter.id,
        participants=frozenset(person.id for person in allowed),
    )

    def unit() -> str | None:
        for other_id, other in titles_in_matter(matter.id).items():
            if other.casefold() == title.casefold():
                return None if other_id == conversation.id else other
        add_conversations([NewConversation(conversation, created_by=call.sender.id, caused_by=call.event_id)])
        return None

    if (taken := await call.desk.store.run(unit)) is not None:
        raise CommandError(
            f"Matter {escape(matter.number)} has a conversation called {escape(taken)}. Choose another title."
        )
    room_id = await make_room(call, conversation.id)
    with_whom = f" with {names(allowed[1:])}" if allowed[1:] else ""
    left_out = f"\n\nNot added, having no access to this matter: {names(refused)}." if refused else ""
    label = f"{matter.number} {matter.title} · {title}"
    return Answer(f"Started {link(call, label, room_id)}{with_whom}.{left_out}")


MATTER_LIST = Command(
    "matter list",
    "The matters you can see",
    _list,
    (Argument("query", ArgumentType.TEXT, required=False, shown="WORDS"),),
    help="Lists the matters you can see, open ones first, with the conversations you are in."
    " With words, only those that have them in number, title, client or status.",
    examples=("!matter list", "!matter list estate"),
    group="Matters",
    also=("matters",),
)
MATTER_START = Command(
    "matter start",
    "Start a conversation in a matter",
    _start,
    (
        Argument("matter", ArgumentType.MATTER, shown="NUMBER"),
        Argument("title", ArgumentType.TITLE, shown='"Title"'),
        Argument("people", ArgumentType.PEOPLE, required=False, shown="@person …"),
    ),
    help="Starts a conversation about a matter, with you and the people you name among those with access to it.",
    examples=('!matter start 2026-0042 "Disclosure" @ruth @tom',),
    group="Matters",
    also=("start",),
)
