"""Leavers by command: cutting somebody off at once, and taking them back (F2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bridge import faults
from bridge.clock import now_ms
from bridge.desk import Desk
from bridge.directory.keeping import departed
from bridge.firm.conversation import bot_chat_id
from bridge.firm.model import Staff
from bridge.operations.sight import require_admin, sight_of
from bridge.reconcile.tally import Result
from bridge.refusal import Kind, Refusal
from bridge.store.engine.unit import Unit
from bridge.store.people.leavers import leavers_set, set_leaver, set_returned
from bridge.store.people.panel import end_sessions
from bridge.store.people.tokens import end_tokens
from bridge.store.queues.outbox import enqueue
from bridge.store.rooms.conversations import conversations_of_person
from bridge.store.rooms.made import room_of
from bridge.wording.markdown import escape, text_message

IN_ROOMS = "Not every room is as it should be yet. `firm-bridge plan` on the server says which."


@dataclass(frozen=True, slots=True)
class CutOff:
    """What came of cutting somebody off."""

    conversations: int
    """That they were taken out of and whoever asked may know of, their chat with the bot not counted."""
    ended: bool
    """Whether every session is ended, the account locked and every room left."""
    not_done: tuple[str, ...]
    """What is tried again, as sentences."""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What came of taking somebody back."""

    changed: bool
    """False for somebody who works here already."""
    not_done: tuple[str, ...]
    """What is tried again, as sentences."""


class Gone(StrEnum):
    """By what somebody is cut off."""

    BY_COMMAND = "by_command"
    LEFT = "left"
    """The directory says that they have left."""
    DISABLED = "disabled"
    """The directory says that they are disabled."""


async def cut_off(desk: Desk, asker: Staff, person: Staff, cause: str) -> CutOff:
    """End somebody's sessions, lock their account and take them out of every room, whatever the directory says.

    The other firm admins are told. Raises Refusal.
    """
    sight = require_admin(desk, asker)
    if person.id == asker.id:
        raise Refusal(Kind.CUT_OFF_SELF)
    if desk.may_administer(person.id) and not _other_admins(desk, asker, person):
        raise Refusal(Kind.LAST_ADMIN, person=person.name)
    theirs = await desk.store.read(conversations_of_person, person.id)
    count = sum(not one.everyone and sight.counts(one) for one in theirs)

    def work(unit: Unit) -> None:
        set_leaver(unit, person.id, asker.id, cause)
        # For good, also where they come back before anybody tries one.
        end_sessions(unit, person.id)
        end_tokens(unit, person.id, now_ms())
        said = "has cut {} off from the firm. `!staff return` would take it back."
        _tell_other_admins(unit, desk, asker, person, said, cause)

    await desk.store.run(work)
    faults.point("leaver.set")
    cut = await desk.reconciler.passes.cut_off(person.id)
    outcome = await desk.reconciler.passes.follow(sight.firm)
    return CutOff(count, not cut.failed, _told(cut, outcome))


async def take_back(desk: Desk, asker: Staff, person: Staff, cause: str) -> TakenBack:
    """Let somebody who was cut off by command work here again. They are in no conversation by that.

    The other firm admins are told. Raises Refusal where the directory says that they have left.
    """
    before = require_admin(desk, asker).firm

    def work(unit: Unit) -> tuple[bool, bool]:
        was_set = set_returned(unit, person.id, asker.id, cause)
        if was_set:
            _tell_other_admins(unit, desk, asker, person, "has taken {} back into the firm.", cause)
        # The firm in force stays as it was where this is a rehearsal.
        return was_set, desk.rehearses and bool(departed(unit, [person.id]))

    was_set, gone = await desk.store.run(work)
    now = desk.firm().staff.get(person.id)
    if gone or not (desk.rehearses or (now is not None and now.active)):
        raise Refusal(Kind.GONE_BY_DIRECTORY, person=person.name)
    outcome = await desk.reconciler.passes.follow(before)
    return TakenBack(was_set or bool(outcome.done), _told(outcome))


async def leavers(desk: Desk, asker: Staff) -> list[tuple[Staff, Gone]]:
    """Everybody who is cut off, by name. Raises Refusal."""
    firm, by_command = sight_of(desk, asker).firm, await desk.store.read(leavers_set)

    def how(person: Staff) -> Gone:
        if person.id in by_command:
            return Gone.BY_COMMAND
        return Gone.LEFT if person.former else Gone.DISABLED

    gone = sorted((one for one in firm.staff.values() if not one.active), key=lambda one: (one.name.casefold(), one.id))
    return [(one, how(one)) for one in gone]


def _told(*outcomes: Result) -> tuple[str, ...]:
    """What could not be done, without the rooms that it is about: not every admin may hear of each (M3, D4)."""
    accounts = dict.fromkeys(one for outcome in outcomes for one in outcome.accounts)
    rooms = any(len(outcome.failed) > len(outcome.accounts) for outcome in outcomes)
    return (*accounts, *((IN_ROOMS,) if rooms else ()))


def _other_admins(desk: Desk, asker: Staff, person: Staff) -> list[str]:
    """Staff ids of the firm admins besides who asks and whom it is about."""
    others = desk.firm().active_staff - {person.id, asker.id}
    return sorted(one for one in others if desk.may_administer(one))


def _tell_other_admins(unit: Unit, desk: Desk, asker: Staff, person: Staff, what: str, cause: str) -> None:
    """Part of a unit: nobody is cut off or taken back without the other firm admins hearing of it (O1)."""
    said = text_message(f"{escape(asker.name)} {what.format(escape(person.name))}")
    for admin in _other_admins(desk, asker, person):
        if (chat := room_of(unit, bot_chat_id(admin))) is not None:
            enqueue(unit, f"{cause}/{admin}", chat, desk.settings.bot_id, "m.room.message", said)
