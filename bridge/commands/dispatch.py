"""From what was typed to the answer: find the command, ask the policy, read the arguments, run it."""

from __future__ import annotations

import difflib

import structlog

from bridge.commands.all import COMMANDS
from bridge.commands.errors import CommandError
from bridge.commands.parse import parse
from bridge.commands.people import People
from bridge.commands.replies import repeated
from bridge.commands.table import Answer, Call, Command, Desk, Who
from bridge.firm.model import Staff
from bridge.firm.policy import may_administer
from bridge.store.conversations import staff_by_localpart

log = structlog.get_logger(__name__)
_BY_NAME = {command.name: command for command in COMMANDS}
MAX_TYPED = 4000
"""Characters of a message that is read as a command. A longer one is refused: nothing of it may be lost unseen."""


def find_command(text: str) -> tuple[Command, str]:
    """The command at the start of the text (without the exclamation mark) and the rest. Raises CommandError."""
    if len(text) > MAX_TYPED:
        raise CommandError(f"That has {len(text)} characters. I read at most {MAX_TYPED}, so I did nothing with it.")
    words = text.split(maxsplit=2)
    for count in (2, 1):
        command = _BY_NAME.get(" ".join(words[:count]).casefold()) if len(words) >= count else None
        if command is not None:
            return command, text.split(maxsplit=count)[count] if len(words) > count else ""
    raise CommandError(_did_you_mean(words))


def _did_you_mean(words: list[str]) -> str:
    typed = " ".join(words[:2]).casefold()
    first = words[0].casefold() if words else ""
    family = [command for command in COMMANDS if command.name.startswith(f"{first} ")] if first else []
    if family:
        return "This is how it goes on:\n\n" + "\n".join(f"- `{c.usage}`: {c.summary}" for c in family)
    near = difflib.get_close_matches(typed, [command.name for command in COMMANDS], n=1, cutoff=0.5)
    near = near or difflib.get_close_matches(first, [command.name for command in COMMANDS], n=1, cutoff=0.5)
    hint = f"Did you mean `!{near[0]}`? " if near else ""
    return f"I do not know !{repeated(first)}. {hint}`!help` lists what I can do."


async def answer(
    desk: Desk, sender: Staff, user_id: str, event_id: str, conversation_id: str, text: str
) -> tuple[Answer, bool]:
    """The answer, and whether it may be shown where the command was typed. HomeserverErrors pass through."""
    here = True
    try:
        command, rest = find_command(text)
        here = command.here
        _allow(command, desk, sender)
        localparts = await desk.store.run(staff_by_localpart) if command.names_people else {}
        people = People(desk.firm(), localparts, desk.server_name, desk.settings.appservice.bot_localpart)
        values = parse(command, rest, people, sender, desk.reconciler.today())
        log.debug("command", command=command.name, staff=sender.id, event_id=event_id)
        return await command.run(Call(desk, sender, user_id, event_id, conversation_id, values)), here
    except CommandError as error:
        return Answer(str(error)), here


def _allow(command: Command, desk: Desk, sender: Staff) -> None:
    if command.who is Who.FIRM_ADMIN:
        decision = may_administer(desk.firm(), sender.id, frozenset(desk.settings.firm.admin_roles))
        if not decision:
            log.warning("command_refused", command=command.name, staff=sender.id, rule=decision.rule)
            raise CommandError(f"`!{command.name}` is for firm admins.")
