"""Leavers by command: cutting somebody off at once, and taking them back (F2)."""

from __future__ import annotations

from bridge import faults
from bridge.commands.asking.asked_about import the_person
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, Noted, Who
from bridge.firm.conversation import bot_chat_id
from bridge.firm.model import Staff
from bridge.refusal import CommandError
from bridge.store.people.leavers import leavers_set, set_leaver, set_returned
from bridge.store.queues.outbox import enqueue
from bridge.store.rooms.conversations import room_of
from bridge.store.rooms.questions import picks_of
from bridge.wording.markdown import code, escape, text_message


async def _leave(call: Call) -> Answer:
    person = await the_person(call, call.values.get("person", ""))
    if person.id == call.sender.id:
        raise CommandError("You cannot cut yourself off. Let another firm admin do it, or the directory.")
    before = call.desk.firm()
    if call.desk.may_administer(person.id) and not _other_admins(call, person):
        raise CommandError(
            f"You would be the only firm admin left, and nobody would notice. Mark {escape(person.name)} as having left"
            " in the directory, which cuts them off within seconds, or give somebody else the role first."
        )
    picked = await call.desk.store.read(lambda: picks_of(person.id))
    count = sum(pick.present and conversation_id != bot_chat_id(person.id) for conversation_id, pick in picked.items())

    def unit() -> None:
        set_leaver(person.id, call.sender.id, call.event_id)
        _tell_other_admins(call, person, "has cut {} off from the firm. `!staff return` would take it back.")

    await call.desk.store.run(unit)
    faults.point("leaver.set")
    cut = await call.desk.reconciler.cut_off(person.id)
    outcome = await call.desk.reconciler.follow(before)
    rooms = "1 conversation" if count == 1 else f"{count} conversations"
    done = (
        "- Every session is ended, and the account cannot be used.",
        f"- Taken out of {rooms}. What was written there stays.",
    )
    failed = dict.fromkeys((*cut.failed, *outcome.failed))
    lines = [
        # Of what could not be done at first nothing is promised.
        *(() if cut.failed else done),
        *(f"- Not done: {escape(failure)} It is tried again by itself." for failure in failed),
    ]
    return Answer(
        f"**{escape(person.name)}** has left the firm:\n\n"
        + "\n".join(lines)
        + "\n\nMark this in the directory as well."
        f" {code(f'!staff return {person.name}')} would take it back.",
        noted=Noted("staff leave", person=person.id),
    )


async def _return(call: Call) -> Answer:
    person = await the_person(call, call.values.get("person", ""))
    before = call.desk.firm()

    def unit() -> bool:
        was_set = set_returned(person.id, call.sender.id, call.event_id)
        if was_set:
            _tell_other_admins(call, person, "has taken {} back into the firm.")
        return was_set

    was_set = await call.desk.store.run(unit)
    now = call.desk.firm().staff.get(person.id)
    if now is None or not now.active:
        raise CommandError(
            f"The directory says that {escape(person.name)} has left or is disabled. Change it there; the bridge"
            " follows within seconds."
        )
    outcome = await call.desk.reconciler.follow(before)
    if not was_set and not outcome.done:
        return Answer(f"{escape(person.name)} works here already; nothing was changed.")
    trouble = "".join(f"\n- Not done: {escape(failure)} It is tried again by itself." for failure in outcome.failed)
    return Answer(
        f"**{escape(person.name)}** is back. The account works again: set a new password, or let them sign in as the"
        " firm does. They see what all staff see, and are in none of their former conversations until they join or are"
        f" added.{trouble}",
        noted=Noted("staff return", person=person.id),
    )


def _other_admins(call: Call, person: Staff) -> list[str]:
    """Staff ids of the firm admins besides who asks and whom it is about."""
    others = call.desk.firm().active_staff - {person.id, call.sender.id}
    return sorted(one for one in others if call.desk.may_administer(one))


def _tell_other_admins(call: Call, person: Staff, what: str) -> None:
    """Part of a unit: nobody is cut off or taken back without the other firm admins hearing of it (O1)."""
    said = text_message(f"{escape(call.sender.name)} {what.format(escape(person.name))}")
    for admin in _other_admins(call, person):
        if (chat := room_of(bot_chat_id(admin))) is not None:
            enqueue(f"{call.event_id}/{admin}", chat, call.desk.settings.bot_id, "m.room.message", said)


async def _list(call: Call) -> Answer:
    firm, by_command = call.desk.firm(), await call.desk.store.read(leavers_set)
    gone = sorted((one for one in firm.staff.values() if not one.active), key=lambda one: one.name.casefold())
    if not gone:
        return Answer("Nobody has left the firm.")
    lines = [f"- {escape(one.name)}: {_why(one, by_command)}" for one in gone]
    return Answer("Cut off from the firm:\n\n" + "\n".join(lines))


def _why(person: Staff, by_command: frozenset[str]) -> str:
    if person.id in by_command:
        return "left, by command"
    return "left, by the directory" if person.former else "disabled in the directory"


_PERSON = Argument("person", ArgumentType.TEXT, required=False, shown="@person")
STAFF_LEAVE = Command(
    "staff leave",
    "Cut somebody off who leaves the firm",
    _leave,
    (_PERSON,),
    help="Ends every session of this person at once, takes them out of every conversation, and ends the account. What"
    " they wrote stays. It holds whatever the directory says until `!staff return`.",
    examples=("!staff leave @julian", "!staff leave Julian Prescott"),
    who=Who.FIRM_ADMIN,
    group="Administration",
)
STAFF_RETURN = Command(
    "staff return",
    "Take somebody back who had left",
    _return,
    (_PERSON,),
    help="Undoes `!staff leave`: the account works again, with a new password. They come back into none of their former"
    " conversations by themselves. Who has left by the directory is changed there.",
    examples=("!staff return @julian",),
    who=Who.FIRM_ADMIN,
    group="Administration",
)
STAFF_LIST = Command(
    "staff list",
    "Who is cut off from the firm",
    _list,
    help="Lists those who have left or are disabled, and whether that stands in the directory or was done by command.",
    examples=("!staff list",),
    who=Who.FIRM_ADMIN,
    group="Administration",
)
