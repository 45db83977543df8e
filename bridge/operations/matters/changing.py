"""Starting, renaming, archiving, joining and leaving conversations of a matter (M1, M2, M4).

Whoever may not see the matter in that moment is answered as if it were not there (M3).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from bridge.desk import Desk
from bridge.firm.conversation import Conversation, ConversationKind, MatterConversation
from bridge.firm.model import Matter, MatterStatus, Staff
from bridge.firm.policy import is_read_only, may_access
from bridge.firm.text.directions import together
from bridge.firm.text.visible import says_something, unseen_in
from bridge.operations.rooms import made_room
from bridge.operations.sight import is_in, require_no_number, require_seen
from bridge.operations.telling import say_in, tell
from bridge.refusal import Kind, Refusal
from bridge.store.engine.unit import Unit
from bridge.store.rooms.channels import archive, restore
from bridge.store.rooms.conversations import NewConversation, add_conversations, conversation_by_id, titles_in_matter
from bridge.store.rooms.matters import rename_in_matter
from bridge.store.rooms.participants import drop, pick
from bridge.wording.markdown import escape
from bridge.wording.matters import is_of_a_matter

TITLE_MAX = 80
"""Characters."""


@dataclass(frozen=True, slots=True)
class Started:
    """A conversation of a matter that somebody started."""

    title: str
    room_id: str
    others: tuple[Staff, ...]
    """Who is in it besides the one who asked."""
    left_out: tuple[Staff, ...]
    """Who has no access to the matter, and is not in it."""


@dataclass(frozen=True, slots=True)
class Open:
    """A conversation that somebody is in, renamed, or opened again."""

    title: str
    room_id: str
    is_read_only: bool


async def start_conversation(
    desk: Desk,
    asker: Staff,
    matter: Matter,
    title: str,
    people: Collection[Staff],
    cause: str,
    *,
    by_button: bool = False,
) -> Started:
    """Start a conversation of a matter with the one who asks and those of these people who have access. Raises Refusal.
    A system starts it for them and is not in it (A1).

    Asked again for the same cause, it is the same conversation. Asked for `by_button` of a client, which does not say
    so, its maker is told who finds it.
    """
    require_seen(desk, asker, matter)
    if matter.status is MatterStatus.CLOSED:
        raise Refusal(Kind.MATTER_CLOSED, "M4", number=matter.number)
    title, firm, today = _checked_title(desk, asker.id, matter, title), desk.firm(), desk.today()
    others = tuple(dict.fromkeys(person for person in people if person.id != asker.id))
    allowed = tuple(person for person in others if may_access(firm, person.id, matter, today))
    left_out = tuple(person for person in others if person not in allowed)
    conversation_id = "matter-" + hashlib.sha256(cause.encode()).hexdigest()[:32]
    participants = frozenset(one.id for one in (asker, *allowed) if not firm.is_system(one.id))
    if not participants:
        raise Refusal(Kind.NOBODY_TO_START_WITH, "A1", number=matter.number)
    new = Conversation(conversation_id, ConversationKind.MATTER, title, matter_id=matter.id, participants=participants)

    def work(unit: Unit) -> None:
        known = conversation_by_id(unit, conversation_id)
        if known is not None and known.matter_id != matter.id:
            # Begun for a matter that had this number then: nobody is let into that by access to this one.
            raise Refusal(Kind.NO_SUCH_MATTER, number=matter.number)
        for other_id, other in titles_in_matter(unit, matter.id).items():
            if other.casefold() == title.casefold() and other_id != conversation_id:
                raise Refusal(Kind.TITLE_TAKEN, "M1", number=matter.number, title=other)
        add_conversations(unit, [NewConversation(new, created_by=asker.id, caused_by=cause)])
        if by_button:
            tell(unit, asker.id, cause, is_of_a_matter(title, matter, left_out), desk.settings.bot_id)

    await desk.store.run(work)
    return Started(title, await made_room(desk, conversation_id, asker.id, cause), allowed, left_out)


async def join_conversation(desk: Desk, asker: Staff, matter: Matter, found: Conversation, cause: str) -> Open:
    """Take the one who asks into a conversation of a matter. Raises Refusal."""
    require_seen(desk, asker, matter)
    await desk.store.run(pick, found.id, [asker.id], asker.id, cause)
    return await _open(desk, asker, found, found.title, cause)


async def leave_conversation(
    desk: Desk, asker: Staff, user_id: str, matter: Matter, found: MatterConversation, cause: str
) -> None:
    """Take the one who asks, whose account is `user_id`, out of a conversation of a matter. Raises Refusal."""
    conversation = found.conversation
    if not await desk.store.run(drop, conversation.id, [asker.id], asker.id, cause):
        raise Refusal(Kind.NOT_IN_CONVERSATION, title=conversation.title, number=matter.number)
    if found.room_id is not None:
        # In their own name, so that no client tells them that the bot removed them.
        await desk.homeserver.leave(found.room_id, user_id)
    await desk.reconciler.rooms.converge(conversation.id)


async def rename_conversation(
    desk: Desk, asker: Staff, matter: Matter, found: Conversation, title: str, cause: str
) -> Open:
    """Give a conversation of a matter another title. Raises Refusal."""
    if not is_in(desk, asker, found):
        raise Refusal(Kind.CHANGED_FROM_INSIDE, "M1", verb="rename")
    if is_read_only(desk.firm(), found):
        raise Refusal(Kind.READ_ONLY_TITLE, "M4", title=found.title)
    return await _open(desk, asker, found, await take_title(desk, asker.id, matter, found.id, title, cause), cause)


async def take_title(desk: Desk, staff_id: str, matter: Matter, conversation_id: str, title: str, cause: str) -> str:
    """Store another title for a conversation, as it is shown; its room has it with the next pass. Raises Refusal."""
    shown = _checked_title(desk, staff_id, matter, title)
    taken = await desk.store.run(rename_in_matter, conversation_id, matter.id, shown, by=staff_id, cause=cause)
    if taken is not None:
        raise Refusal(Kind.TITLE_TAKEN, "M1", number=matter.number, title=taken)
    return shown


async def archive_conversation(desk: Desk, asker: Staff, found: MatterConversation, cause: str) -> Open:
    """Make a conversation of a matter read-only, and say so in it. Raises Refusal."""
    _require_in(desk, asker, found, "archive")

    def work(unit: Unit) -> None:
        if archive(unit, found.conversation.id, asker.id, cause):
            said = f"{escape(asker.name)} archived this conversation. It can be read, not written in."
            _say(unit, desk, found, said, cause)

    await desk.store.run(work)
    return await _open(desk, asker, found.conversation, found.conversation.title, cause)


async def restore_conversation(desk: Desk, asker: Staff, found: MatterConversation, cause: str) -> Open:
    """Open an archived conversation of a matter again, and say so in it. Raises Refusal."""
    _require_in(desk, asker, found, "restore")

    def work(unit: Unit) -> Conversation | None:
        if restore(unit, found.conversation.id, asker.id, cause):
            _say(unit, desk, found, f"{escape(asker.name)} opened this conversation again.", cause)
        return conversation_by_id(unit, found.conversation.id)

    now = await desk.store.run(work) or found.conversation
    return await _open(desk, asker, now, now.title, cause)


def _checked_title(desk: Desk, staff_id: str, matter: Matter, typed: str) -> str:
    """The title as it is shown. Raises Refusal."""
    title = " ".join(together(typed).split())
    if not title:
        raise Refusal(Kind.NO_TITLE, "M1")
    if unseen_in(title) or not says_something(title):
        raise Refusal(Kind.TITLE_UNSEEN, "M1")
    if len(title) > TITLE_MAX:
        raise Refusal(Kind.TITLE_TOO_LONG, "M1", count=len(title), most=TITLE_MAX)
    require_no_number(desk, staff_id, title, matter.number)
    return title


async def _open(desk: Desk, asker: Staff, found: Conversation, title: str, cause: str) -> Open:
    room_id = await made_room(desk, found.id, asker.id, cause)
    return Open(title, room_id, is_read_only(desk.firm(), found))


def _require_in(desk: Desk, asker: Staff, found: MatterConversation, verb: str) -> None:
    if not is_in(desk, asker, found.conversation):
        raise Refusal(Kind.CHANGED_FROM_INSIDE, "M1", verb=verb)


def _say(unit: Unit, desk: Desk, found: MatterConversation, text: str, cause: str) -> None:
    """Part of a unit: have the bot say something in the conversation."""
    if found.room_id is not None:
        say_in(unit, found.room_id, f"{cause}/notice", text, desk.settings.bot_id)
