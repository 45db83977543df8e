"""Telling the firm admins, in their room, what somebody changed behind the bridge's back and what became of it (O3).

Whoever reads there may be screened from a matter, so no matter is named, nor anything written by people about one: the
number of the audit log's entry leads those who may know to the rest (M3).
"""

from __future__ import annotations

import structlog

from bridge.clock import now_ms
from bridge.desk import Desk
from bridge.firm.conversation import ADMINS_ID, ConversationKind
from bridge.firm.model import Firm
from bridge.firm.room_keys import STAFF_SPACE, matter_of_space
from bridge.reconcile.planning.steps import DriftKind
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.queues.outbox import enqueue
from bridge.store.record.drift import DriftEntry, mark_told, untold
from bridge.store.rooms.conversations import conversation_by_id
from bridge.store.rooms.made import room_of
from bridge.wording.markdown import code, escape, text_message
from bridge.wording.state import WHAT

log = structlog.get_logger(__name__)
_SHOWN = 20
"""Sentences in one message."""
_AT_MOST = 10_000
_PATIENCE_MS = 60_000
"""How long what was found may take to be put right before the admins are told that it is not."""

_ROOMS = {
    ConversationKind.MATTER: "a matter conversation",
    ConversationKind.DIRECT: "a direct conversation",
    ConversationKind.BOT: "somebody's chat with me",
    ConversationKind.ADMINS: "this room",
}
SENTENCES = {
    DriftKind.ROOM_LOST: "{Room} was deleted{by}.",
    DriftKind.BOT_REMOVED: "I was put out of {room}{by}.",
    DriftKind.SOMEBODY_PUT_IN: "{Person} was put into {room}{by}.",
    DriftKind.SOMEBODY_TAKEN_OUT: "{Person} was taken out of {room}{by}.",
    DriftKind.SOMEBODY_BANNED: "{Person} was banned from {room}{by}.",
    DriftKind.STATE_CHANGED: "In {room}, {what} was changed{by}.",
    DriftKind.ADDRESS_CHANGED: "The address of {room} was changed{by}.",
    DriftKind.LIST_CHANGED: "The list of rooms in {room} was changed{by}.",
    DriftKind.BOT_RENAMED: "I was given another name{by}.",
}
_PUT_BACK = {
    DriftKind.ROOM_LOST: "I made it again, for the same people; what was said in it is lost.",
    DriftKind.BOT_REMOVED: "I came back, or made it again.",
    DriftKind.SOMEBODY_PUT_IN: "I removed them.",
    DriftKind.SOMEBODY_TAKEN_OUT: "I brought them back.",
    DriftKind.SOMEBODY_BANNED: "I lifted the ban.",
}
_NOT_YET = "I have not been able to put that right yet; `firm-bridge plan` shows what is missing."


async def tell_admins(desk: Desk) -> int:
    """Queue one message with everything that the admins were not told of; returns how much that is. Raises StoreError.

    Where there is no room for it, it waits for one.
    """
    return await desk.store.run(_tell, desk)


def _tell(unit: Unit, desk: Desk) -> int:
    """Queue the message and note that it is told."""
    found = untold(unit, _AT_MOST, now_ms() - _PATIENCE_MS)
    room_id = room_of(unit, ADMINS_ID) if found else None
    if room_id is None:
        return 0
    text = drift_text(unit, desk.firm(), found)
    enqueue(unit, f"drift/{found[0].cause}", room_id, desk.settings.bot_id, "m.room.message", text_message(text))
    mark_told(unit, [one.cause for one in found])
    log.info("admins_told", differences=len(found))
    return len(found)


def drift_text(unit: ReadUnit, firm: Firm, found: list[DriftEntry]) -> str:
    """The message in Markdown. Part of a unit: rooms are looked up."""
    sentences = [_sentence(unit, firm, one) for one in found[:_SHOWN]]
    if len(found) == 1:
        return sentences[0]
    rest = found[_SHOWN:]
    more = f"\n\nAnd {len(rest)} more: entries {rest[0].entry} to {rest[-1].entry} of the audit log." if rest else ""
    return "\n".join(["**Changed behind my back:**\n", *(f"- {sentence}" for sentence in sentences)]) + more


def _sentence(unit: ReadUnit, firm: Firm, one: DriftEntry) -> str:
    kind = DriftKind(one.kind)
    room = _room(unit, one.key)
    told = SENTENCES[kind].format(
        room=room,
        Room=room[:1].upper() + room[1:],
        Person=_person(firm, one.person),
        by=f" by {_person(firm, one.actor)}" if one.actor else "; I cannot tell by whom",
        what=WHAT.get(one.what, one.what),
    )
    outcome = _PUT_BACK.get(kind, "I put it back.") if one.put_back else _NOT_YET
    return f"{told} {outcome} (Audit entry {one.entry}.)"


def _person(firm: Firm, who: str) -> str:
    person = firm.staff.get(who)
    return escape(person.name) if person is not None else code(who)


def _room(unit: ReadUnit, key: str) -> str:
    if key == STAFF_SPACE:
        return "the staff space"
    if matter_of_space(key) is not None:
        return "a matter's space"
    conversation = conversation_by_id(unit, key)
    if conversation is None:
        return "my own space"
    if conversation.kind is ConversationKind.CHANNEL:
        return f"the channel {escape(conversation.title)}"
    return _ROOMS[conversation.kind]
