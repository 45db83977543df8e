"""Why somebody can or cannot see something, with every reason, and what Matrix says (O2)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated

from bridge.commands.asking.asked_about import first_person
from bridge.commands.asking.paging import paged
from bridge.commands.asking.shown import day
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, List, Noted, Who
from bridge.firm.model import Matter
from bridge.mapping.names import matter_said
from bridge.operations.admins.why import LastChange, Membership, Why, why
from bridge.operations.everybody import everybody
from bridge.operations.place_named import place_asked
from bridge.refusal import CommandError
from bridge.wording.markdown import escape
from bridge.wording.places import conversation_title


async def _why(call: Call, asked: Annotated[str, Argument(ArgumentType.TEXT, "@person NUMBER|channel|room")]) -> Answer:
    person, typed = first_person(await everybody(call.desk), asked)
    if not typed:
        raise CommandError(
            f"What about {escape(person.name)}? Put a matter's number, a channel's name or a link to a room behind the"
            " person. `!access @person` lists all they can see."
        )
    place = await place_asked(call.desk, call.sender, typed)
    about = place.number if isinstance(place, Matter) else conversation_title(call.desk.firm(), place)
    return replace(
        await paged(call, partial(_explained, asked)),
        noted=Noted("why", person=person.id, about=about, ids=(place.id,)),
    )


async def _explained(asked: str, call: Call) -> List:
    person, typed = first_person(await everybody(call.desk), asked)
    found = await why(call.desk, call.sender, person, typed)
    lines = [_line(call, one) for one in found.memberships]
    refused = ["**Refused lately**", "\n".join(found.refused)] if found.refused else []
    said_by = ["\n".join(f"- {escape(one)}" for one in found.said_by)] if found.said_by else []
    foot = [*([] if lines else ["It has no conversation yet."]), *said_by, *refused]
    return List(lines, _reasons(call, person.name, found), foot="\n\n".join(foot))


def _reasons(call: Call, name: str, found: Why) -> str:
    place, deciding = found.place, found.explanation.deciding
    if isinstance(place, Matter):
        what = f"see matter {matter_said(place)}"
    else:
        what = f"be in {conversation_title(call.desk.firm(), place)}"
    verb = "can" if deciding.verdict else "cannot"
    others = [f"- {escape(one.text)} ({one.rule})" for one in found.explanation.others]
    return "\n".join(
        [
            f"**{escape(name)} {verb} {escape(what)}.**\n",
            f"What decides: {escape(deciding.text)} ({deciding.rule})\n",
            *(["What was looked at besides:\n", *others] if others else []),
            "\n**In the conversations**",
        ]
    )


def _line(call: Call, one: Membership) -> str:
    """LastChange or not, by whom and when, and whether Matrix agrees."""
    return f"- {escape(one.title or 'The conversation')}: {_picked(call, one)} {_compared(one.wanted, one.seen)}"


def _picked(call: Call, one: Membership) -> str:
    when = f" on {day(call, one.at_ms)}" if one.at_ms is not None else ""
    match one.picked:
        case LastChange.EVERYBODY:
            return "everybody in the firm is in it."
        case LastChange.NEVER:
            return "never picked for it."
        case LastChange.JOINED | LastChange.LEFT:
            return f"{one.picked}{when}."
        case LastChange.TAKEN_OUT:
            return f"taken out{when} by {escape(one.by.name) if one.by is not None else 'the bridge'}."
        case LastChange.PICKED:
            return f"picked{when} by {escape(one.by.name) if one.by is not None else 'the directory'}."


def _compared(wanted: bool, seen: str | None) -> str:
    """What Matrix says, and whether that is as it should be."""
    match seen:
        case None:
            return "There is no room for it yet." if not wanted else "**Its room is missing**; I make it again."
        case "join":
            return "In the room now, as it should be." if wanted else "**In the room now, and should not be.**"
        case "":
            return "Not in the room now, **and should be.**" if wanted else "Not in the room now, as it should be."
        case _ if wanted:
            return "Invited and not in the room yet, **and should be.**"
        case _:
            return f"**Has a standing {escape(seen)} to the room, and should not.**"


WHY = Command(
    "why",
    "Why somebody can or cannot see something",
    _why,
    help="Says whether somebody can see a matter, or be in a channel or room, which rule decides, everything else that"
    " was weighed (walls, roles, access list, groups), whether they were picked, by whom and when, whether they are in"
    " the rooms at this moment, and what was refused lately. A room is named by its link, address or id.",
    examples=("!why @ruth 2026-0042", "!why @ruth Court Filings", "!why Ruth Adeyemi 2026-0042"),
    who=Who.FIRM_ADMIN,
    group="Administration",
    asked_by=frozenset({"why", "cannot"}),
)
