"""Matters and their conversations (M1, M2)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import partial

from bridge.commands.asking.matters import the_matter
from bridge.commands.asking.paging import paged
from bridge.commands.asking.shown import link
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, List
from bridge.commands.asking.where import CHAT, Where
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.matter_search import matters_with
from bridge.firm.model import Matter, MatterStatus, Staff
from bridge.firm.policy import accessible, may_access
from bridge.firm.visible import says_something, unseen_in
from bridge.mapping.names import conversation_name
from bridge.operations.rooms import made_room
from bridge.refusal import CommandError
from bridge.store.rooms.conversations import NewConversation, add_conversations, titles_in_matter
from bridge.store.rooms.matters import rooms_of_person_in
from bridge.wording.markdown import escape
from bridge.wording.people import names

TITLE_MAX = 80


async def _listed(call: Call) -> List:
    firm, today = call.desk.firm(), call.desk.reconciler.today()
    words = call.values.get("query", "").split()
    found = accessible(firm, call.sender.id, matters_with(firm, words), today)
    if not found:
        return List((), "No matter that you can see has those words." if words else "There is no matter you can see.")
    return List(found, shown=partial(_lines, call))


async def _list(call: Call) -> Answer:
    return await paged(call, _listed)


async def _lines(call: Call, matters: Sequence[Matter]) -> list[str]:
    ids = [matter.id for matter in matters]
    mine = await call.desk.store.read(lambda: rooms_of_person_in(ids, call.sender.id))
    return [_line(call, matter, mine.get(matter.id, ())) for matter in matters]


def _line(call: Call, matter: Matter, mine: Iterable[tuple[str, str]]) -> str:
    links = [link(call, title, room_id) for title, room_id in mine]
    status = "" if matter.status is MatterStatus.OPEN else f" ({matter.status})"
    client = f", for {escape(matter.client)}" if matter.client else ""
    yours = f". You are in {', '.join(links)}" if links else ""
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


def require_open(matter: Matter) -> None:
    """Raise CommandError where nothing new is started in a matter."""
    if matter.status is MatterStatus.CLOSED:
        raise CommandError(f"Matter {escape(matter.number)} is closed, so nothing new is started in it.")


def add_matter_conversation(matter: Matter, title: str, people: frozenset[str], by: str, cause: str) -> tuple[str, str]:
    """A unit: store a new conversation of this checked title with these people, who have access. Its id; where the
    matter has one of the title, none and what to say (M1).

    Asked again for the same `cause`, the event or request by which the staff id `by` asks, it is the same conversation.
    """
    conversation_id = "matter-" + hashlib.sha256(cause.encode()).hexdigest()[:32]
    for other_id, other in titles_in_matter(matter.id).items():
        if other.casefold() == title.casefold() and other_id != conversation_id:
            taken = f"Matter {escape(matter.number)} has a conversation called {escape(other)}. Choose another title."
            return "", taken
    new = Conversation(conversation_id, ConversationKind.MATTER, title, matter_id=matter.id, participants=people)
    add_conversations([NewConversation(new, created_by=by, caused_by=cause)])
    return conversation_id, ""


async def _start(call: Call) -> Answer:
    firm, today = call.desk.firm(), call.desk.reconciler.today()
    matter = await the_matter(call)
    title = checked_title(call.values["title"])
    require_open(matter)
    picked: tuple[Staff, ...] = tuple(dict.fromkeys((call.sender, *call.values.get("people", ()))))
    allowed = [person for person in picked if may_access(firm, person.id, matter, today)]
    refused = [person for person in picked if person not in allowed]
    people = frozenset(person.id for person in allowed)

    def unit() -> tuple[str, str]:
        return add_matter_conversation(matter, title, people, call.sender.id, call.event_id)

    conversation_id, refusal = await call.desk.store.run(unit)
    if refusal:
        raise CommandError(refusal)
    room_id = await made_room(call.desk, conversation_id, call.sender.id, call.event_id)
    with_whom = f" with {names(allowed[1:])}" if allowed[1:] else ""
    left_out = f"\n\nNot added, having no access to this matter: {names(refused)}." if refused else ""
    label = conversation_name(matter, title, call.desk.settings.firm.first_matter_conversation_title)
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
        Argument("matter", ArgumentType.MATTER, required=False, shown="NUMBER", names_place=True),
        Argument("title", ArgumentType.TITLE, shown='"Title"'),
        Argument("people", ArgumentType.PEOPLE, required=False, shown="@person …"),
    ),
    help="Starts a conversation about a matter, with you and the people you name among those with access to it."
    " In a conversation of the matter its number can be left out.",
    examples=('!matter start 2026-0042 "Disclosure" @ruth @tom', '!matter start "Disclosure" @ruth @tom'),
    group="Matters",
    where=CHAT | {Where.MATTER},
    also=("start",),
)
