"""Telling people, in their chat with the bot, what the guard refused them: most clients do not show why (V1).

docs/clients.md has which shows what. A person is told of what their own buttons do, in places that they may be in, and
in the words that are the same whatever keeps somebody out (M3). Nobody is told of an attempt to come in anywhere: that
would tell them that there is something.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bridge.clock import now_ms
from bridge.desk import Desk
from bridge.firm.audit import Deed
from bridge.firm.conversation import ConversationKind
from bridge.firm.policy import may_act, may_be_in, may_be_in_space
from bridge.firm.room_keys import conversation_of, matter_of_space
from bridge.guard.creation import AGAIN
from bridge.guard.files import UNLISTED, UNREADABLE
from bridge.guard.gate import (
    BOT_ONLY,
    NO_KNOCKING,
    NOT_ADDED,
    NOT_ADDED_TO_DIRECT,
    NOT_TAKEN_OUT,
    READ_ONLY,
    UNDER_HOLD,
)
from bridge.guard.refusals import OTHERS, Told
from bridge.operations.telling import tell
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.rooms.conversations import conversation_by_id
from bridge.wording.markdown import code, escape
from bridge.wording.places import name_for
from bridge.wording.state import WHAT

_AT_ONCE = 5
"""Refusals that one person is told of one by one; of more they are told how many."""
_RECENT_MS = 3_600_000
"""What was refused longer ago, while the bridge was away, is news to nobody any more."""
_FILES: Mapping[str, str] = {
    "V3": UNLISTED.sentence,
    "V4 size": "It is larger than the firm allows. Send a smaller one, or ask a firm admin for another way.",
    "V4 name": "Its name hides what it is or is too long. Give it a plain name, such as letter.pdf, and send it again.",
    "V4 encryption": "Your client encrypted it, so nothing can be checked on it. Send it from another client.",
}
_FORBIDDEN_FILE = "Files of its kind may not be sent here. Send it in another form, such as a PDF, or ask a firm admin."


@dataclass(frozen=True, slots=True)
class Refused:
    """One refusal, as it is in the audit log."""

    cause: str
    """What makes it known again, so that it is told once."""
    actor: str
    """Staff id, or the user id of nobody in the firm."""
    subject: str
    person: str
    told: Told


@dataclass(frozen=True, slots=True)
class _Place:
    name: str
    """In Markdown."""
    kind: str


def tell_refused(unit: Unit, refusals: Iterable[Refused], desk: Desk) -> int:
    """Queue what those concerned are told; returns how many messages those are. Repetitions are not told."""
    firm, bot_id, oldest = desk.firm(), desk.settings.bot_id, now_ms() - _RECENT_MS
    told = Counter[str]()
    last: dict[str, str] = {}
    for one in refusals:
        if one.told.again or one.told.last_ms < oldest or not may_act(firm, one.actor):
            continue
        sentence = _sentence(unit, desk, one)
        if sentence is None:
            continue
        told[one.actor] += 1
        last[one.actor] = one.cause
        if told[one.actor] <= _AT_ONCE:
            tell(unit, one.actor, one.cause, sentence, bot_id)
    for actor, count in told.items():
        if (more := count - _AT_ONCE) > 0:
            tell(
                unit,
                actor,
                last[actor],
                f"The firm's server did not do {more} more of the things that you tried.",
                bot_id,
            )
    return sum(min(count, _AT_ONCE + 1) for count in told.values())


def _sentence(unit: ReadUnit, desk: Desk, one: Refused) -> str | None:
    """What to say; None where nothing is said."""
    tried = one.told.attempt
    if tried.what == OTHERS:
        return None
    if tried.deed is Deed.TRIED_TO_CREATE:
        why = AGAIN.get(tried.what)
        return why and f"The room that you asked for in your client was not made. {why}"
    if tried.deed is Deed.TRIED_TO_DEACTIVATE and not one.person:
        return "Your account stays open: the firm's directory says who has one. Ask a firm admin."
    place = _place(unit, desk, one) if one.subject else None
    if tried.deed is Deed.TRIED_TO_SEND_FILE and (place is not None or not one.subject):
        where = f" in {place.name}" if place is not None else ""
        return f"A file that you sent{where} was not taken. {_FILES.get(tried.rule, _FORBIDDEN_FILE)}"
    return None if place is None else _in_place(desk, one, place)


def _in_place(desk: Desk, one: Refused, place: _Place) -> str | None:
    tried = one.told.attempt
    match tried.deed:
        case Deed.TRIED_TO_INVITE if one.person:
            direct = place.kind == ConversationKind.DIRECT
            why = NOT_ADDED_TO_DIRECT if direct else NOT_ADDED
            return f"{_person(desk, one.person)} was not added to {place.name}. {why}"
        case Deed.TRIED_TO_BAN if one.person:
            return f"{_person(desk, one.person)} stays in {place.name}. {NOT_TAKEN_OUT}"
        case Deed.TRIED_TO_KNOCK if place.kind == ConversationKind.CHANNEL:
            return f"You need not ask to join {place.name}. {NO_KNOCKING}"
        case Deed.TRIED_TO_WRITE:
            return f"What you did in {place.name} was not taken. {READ_ONLY}"
        case Deed.TRIED_TO_DELETE:
            return f"What you deleted in {place.name} is still there. {UNDER_HOLD}"
        case Deed.TRIED_TO_ENCRYPT:
            return f"What you wrote in {place.name} was not taken. {UNREADABLE.sentence}"
        case Deed.TRIED_TO_CHANGE_ROOM:
            what = WHAT.get(tried.what, "what you changed")
            return f"In {place.name} {what} stays as it was. {BOT_ONLY}"
    return None


def _person(desk: Desk, person: str) -> str:
    known = desk.firm().staff.get(person)
    return escape(known.name) if known is not None else code(person)


def _place(unit: ReadUnit, desk: Desk, one: Refused) -> _Place | None:
    """Where it was tried; None where the person may not be there, or it is no place of the firm's (M3)."""
    firm, today = desk.firm(), desk.today()
    conversation = conversation_by_id(unit, conversation_of(one.subject))
    if conversation is not None:
        allowed = may_be_in(firm, one.actor, conversation, today)
        return _Place(escape(name_for(firm, conversation, one.actor)), conversation.kind) if allowed else None
    if not may_be_in_space(firm, one.actor, one.subject, today):
        return None
    matter = firm.matters.get(matter_of_space(one.subject) or "")
    return _Place(f"the space of matter {escape(matter.number)}" if matter else "the staff space", "space")
