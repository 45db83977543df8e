"""Leavers by command: cutting somebody off at once, and taking them back (F2)."""

from __future__ import annotations

from collections.abc import Iterable

from bridge.commands.asking.arguments import OnePerson
from bridge.commands.asking.asked_about import the_person
from bridge.commands.asking.table import Answer, Call, Command, Noted, Who
from bridge.operations.admins.staff import Gone, cut_off, leavers, take_back
from bridge.wording.markdown import code, escape

_GONE = {
    Gone.BY_COMMAND: "left, by command",
    Gone.LEFT: "left, by the directory",
    Gone.DISABLED: "disabled in the directory",
}


async def _leave(call: Call, person: OnePerson = "") -> Answer:
    leaver = await the_person(call, person)
    cut = await cut_off(call.desk, call.sender, leaver, call.event_id)
    rooms = "1 conversation" if cut.conversations == 1 else f"{cut.conversations} conversations"
    done = (
        "- Every session is ended, and the account cannot be used.",
        f"- Taken out of {rooms}. What was written there stays.",
    )
    # Of what could not be done at first nothing is promised.
    lines = [*(done if cut.ended else ()), *_trouble(cut.not_done)]
    return Answer(
        f"**{escape(leaver.name)}** has left the firm:\n\n"
        + "\n".join(lines)
        + "\n\nMark this in the directory as well."
        f" {code(f'!staff return {leaver.name}')} would take it back.",
        noted=Noted("staff leave", person=leaver.id),
    )


async def _return(call: Call, person: OnePerson = "") -> Answer:
    returning = await the_person(call, person)
    back = await take_back(call.desk, call.sender, returning, call.event_id)
    if not back.changed:
        return Answer(f"{escape(returning.name)} works here already; nothing was changed.")
    trouble = "".join(f"\n{line}" for line in _trouble(back.not_done))
    return Answer(
        f"**{escape(returning.name)}** is back. The account works again: set a new password, or let them sign in as the"
        " firm does. They see what all staff see, and are in none of their former conversations until they join or are"
        f" added.{trouble}",
        noted=Noted("staff return", person=returning.id),
    )


def _trouble(not_done: Iterable[str]) -> list[str]:
    return [f"- Not done: {escape(failure)} It is tried again by itself." for failure in not_done]


async def _list(call: Call) -> Answer:
    gone = await leavers(call.desk, call.sender)
    if not gone:
        return Answer("Nobody has left the firm.")
    lines = [f"- {escape(person.name)}: {_GONE[how]}" for person, how in gone]
    return Answer("Cut off from the firm:\n\n" + "\n".join(lines))


STAFF_LEAVE = Command(
    "staff leave",
    "Cut somebody off who leaves the firm",
    _leave,
    help="Ends every session of this person at once, takes them out of every conversation, and ends the account. What"
    " they wrote stays. It holds whatever the directory says until `!staff return`.",
    examples=("!staff leave @julian", "!staff leave Julian Prescott"),
    who=Who.FIRM_ADMIN,
    group="Administration",
    asked_by=frozenset({"left", "leaving", "leaves", "leaver"}),
)
STAFF_RETURN = Command(
    "staff return",
    "Take somebody back who had left",
    _return,
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
