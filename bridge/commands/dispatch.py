"""From what was typed to the answer: find the command, ask the policy, read the arguments, run it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import structlog

from bridge.commands.all import COMMANDS
from bridge.commands.asking.channels import leading_channel
from bridge.commands.asking.matter_numbers import first_matter, without_leading
from bridge.commands.asking.nearest import called, family, fitting, lines, nearest, turned_round
from bridge.commands.asking.paging import MORE
from bridge.commands.asking.parse import Reading, parse
from bridge.commands.asking.people import People
from bridge.commands.asking.table import Answer, Call, Command, Noted, Who, where_typed
from bridge.commands.asking.where import Where
from bridge.commands.small_talk import asks_for_company, small_talk
from bridge.desk import Desk
from bridge.firm.audit import Outcome
from bridge.firm.model import Staff
from bridge.mapping.marks import as_typed, first_target
from bridge.mapping.text import MAX_TYPED
from bridge.operations.channels.finding import channels_of_firm
from bridge.operations.everybody import everybody
from bridge.operations.rooms_named import Rooms, matter_typed_in, rooms_named
from bridge.refusal import NOT_THEIRS, CommandError, Kind, Refusal
from bridge.wording.markdown import code, repeated
from bridge.wording.refusals import worded

log = structlog.get_logger(__name__)
_CALLED = {word: called(word, COMMANDS) for command in COMMANDS for word in (command.name, *command.also)}
_UNDECIDED = {Where.CHAT, Where.DIRECT}
"""Places that are neither a matter's nor a channel."""
_BEHIND = ".,:;?!…"
"""What people and their keyboards put behind a command."""
_OF_STAFF = tuple(command for command in COMMANDS if command.who is Who.STAFF)


def is_from_memory(text: str) -> bool:
    """Whether `answer_from_memory` may have an answer. So it is where there is no such command."""
    return all(command.from_memory is not None for command in _find(text)[0])


def goes_on(text: str) -> bool:
    """Whether the next page of a list is asked for."""
    return _find(text) == ((MORE,), "")


def find_commands(text: str, commands: Callable[[], Sequence[Command]]) -> tuple[tuple[Command, ...], str]:
    """The commands that the text may begin with, more than one for a short form that several share, and the rest.

    Raises CommandError with what comes nearest, which is one of `commands`.
    """
    if (count := len(as_typed(text))) > MAX_TYPED:
        raise CommandError(f"That has {count} characters. I read at most {MAX_TYPED}, so I did nothing with it.")
    found, rest = _find(text)
    if not found:
        raise CommandError(_did_you_mean(text, commands()))
    return found, rest


def _find(text: str) -> tuple[tuple[Command, ...], str]:
    if asks_for_company(text):
        return (), text
    text = turned_round(text)
    words = text.split(maxsplit=2)
    for count in (2, 1):
        found = _CALLED.get(" ".join(words[:count]).rstrip(_BEHIND).casefold(), ()) if len(words) >= count else ()
        if found:
            return found, text.split(maxsplit=count)[count] if len(words) > count else ""
    return (), text


def _did_you_mean(text: str, commands: Sequence[Command]) -> str:
    text = as_typed(text)
    first = text.split(maxsplit=1)[0].casefold() if text.strip() else ""
    meant = nearest(text, commands)
    if len(meant) > 1 and family(first, meant):
        return f"This is how it goes on:\n\n{lines(meant)}"
    # Of a known first word nothing is repeated: what is behind it may be a matter's number.
    unknown = "" if family(first, COMMANDS) else f"I do not know !{repeated(first)}. "
    if len(meant) > 1:
        return f"{unknown}Did you mean one of these?\n\n{lines(meant)}"
    hint = f"Did you mean `!{meant[0].name}`? " if meant else ""
    return f"{unknown}{hint}`!help` lists what I can do."


def answer_from_memory(
    desk: Desk, sender: Staff, user_id: str, event_id: str, conversation_id: str, text: str, replied_to: str = ""
) -> tuple[Answer, bool] | None:
    """The answer where that takes nothing but what is in memory, and whether it may be shown where it was typed."""
    may_use = usable(desk, sender.id)
    try:
        found, rest = find_commands(text, lambda: may_use)
    except CommandError as error:
        # What is no help is not said in front of everybody.
        short = len(text) <= MAX_TYPED
        said = (_number_alone(desk, sender, text) or small_talk(text, may_use, desk.firm(), sender)) if short else None
        return Answer(said or worded(error), counts=False), False
    command = found[0]
    if len(found) > 1 or command.from_memory is None:
        return None
    log.debug("command", command=command.name, staff=sender.id, event_id=event_id)
    reading = Reading(_people(desk, {}), sender, desk.today(), {})
    call = Call(desk, sender, user_id, event_id, conversation_id, may_use, replied_to)
    try:
        reply = command.from_memory(call, **parse(command, rest, reading))
    except (Refusal, CommandError) as error:
        reply = Answer(worded(error))
    return None if reply is None else (reply, command.here)


def _number_alone(desk: Desk, sender: Staff, text: str) -> str:
    """What to say to somebody who types nothing but the number of a matter that they may see; empty for all else."""
    matter, rest = first_matter(without_leading(text), desk.firm(), sender, desk.today())
    return f"{code(f'!matter show {matter.number}')} shows that matter." if matter is not None and not rest else ""


async def answer(
    desk: Desk,
    sender: Staff,
    user_id: str,
    event_id: str,
    conversation_id: str,
    text: str,
    replied_to: str = "",
    after: Any = None,
) -> tuple[Answer, bool]:
    """The answer, and whether it may be shown where the command was typed. RequestErrors pass through.

    Of a list it is the page `after` that place (`Call.after`).
    """
    known = answer_from_memory(desk, sender, user_id, event_id, conversation_id, text, replied_to)
    if known is not None:
        return known
    found, rest = _find(text)
    here, noted = all(command.here for command in found), None
    try:
        rooms = await rooms_named(desk, sender, rest)
        command = await _meant(desk, sender, conversation_id, found, rest, rooms)
        here = command.here
        _allow(command, desk, sender)
        noted = Noted(command.name) if command.who is Who.FIRM_ADMIN else None
        people = _people(desk, (await everybody(desk)).accounts if command.names_people else {})
        around = await matter_typed_in(desk, conversation_id, sender) if command.takes_matter_here else None
        arguments = parse(command, rest, Reading(people, sender, desk.today(), rooms, around))
        log.debug("command", command=command.name, staff=sender.id, event_id=event_id)
        call = Call(desk, sender, user_id, event_id, conversation_id, usable(desk, sender.id), replied_to, after)
        reply = await command.run(call, **arguments)
        return (reply if noted is None or reply.noted else replace(reply, noted=noted)), here
    except (Refusal, CommandError) as error:
        if isinstance(error, Refusal) and error.kind in NOT_THEIRS:
            noted = Noted(command.name, Outcome.REFUSED, error.rule)
        return Answer(worded(error), noted=noted), here


async def _meant(
    desk: Desk, sender: Staff, conversation_id: str, found: Sequence[Command], rest: str, rooms: Rooms
) -> Command:
    """The one of the commands that share a word: of those that the sender may use, by what is named behind it or by the
    place. Raises CommandError."""
    if len(found) > 1:
        may_use = usable(desk, sender.id)
        found = [command for command in found if command in may_use] or found
    if len(found) == 1:
        return found[0]
    where = await where_typed(desk, conversation_id, sender.id)
    pointed = first_target(rest)
    if pointed and (room := rooms.get(pointed[0])):
        return fitting(found, where, "channel" if room.matter is None else "matter")
    if first_matter(without_leading(rest), desk.firm(), sender, desk.today())[0] is not None:
        return fitting(found, where, "matter")
    if rest and where in _UNDECIDED and leading_channel(as_typed(rest), await channels_of_firm(desk)):
        return fitting(found, where, "channel")
    return fitting(found, where)


def _people(desk: Desk, accounts: Mapping[str, str]) -> People:
    return People(desk.firm(), accounts, desk.server_name, desk.settings.appservice.bot_localpart)


def usable(desk: Desk, staff_id: str) -> Sequence[Command]:
    """The commands that this person may use."""
    return COMMANDS if desk.may_administer(staff_id) else _OF_STAFF


def _allow(command: Command, desk: Desk, sender: Staff) -> None:
    if command.who is Who.FIRM_ADMIN:
        decision = desk.may_administer(sender.id)
        if not decision:
            log.warning("command_refused", command=command.name, staff=sender.id, rule=decision.rule)
            raise Refusal(Kind.COMMAND_FOR_ADMINS, decision.rule, command=command.name)
