"""Help that fits the place it is asked in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from bridge.commands.asking.examples import examples_for
from bridge.commands.asking.nearest import called, family, lines, nearest
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, Who
from bridge.commands.asking.where import Where
from bridge.refusal import CommandError
from bridge.wording.markdown import code, repeated

_GROUP = "About"
_FIRST = frozenset({"dm", "matter list", "matter start", "files", "channel recent", "channel create"})
"""What most people come to the bot for."""
_SMALL = {"me", "please", "with", "on", "about", "how", "to", "do", "i", "the", "a", "you", "can", "us"}
"""Words of a sentence that begins with help, and of no command."""
_FOOT = "`!help all` lists everything, `!help COMMAND` explains one with examples."


async def _help(call: Call, command: Annotated[str, Argument(ArgumentType.TEXT, "COMMAND")] = "") -> Answer:
    return _at_once(call, command) or _fitting(call, await call.where())


def _at_once(call: Call, command: str = "") -> Answer | None:
    topic = " ".join(word for word in command.lstrip("! ").casefold().rstrip(" .?!").split() if word not in _SMALL)
    if topic == "all":
        return Answer(_grouped(call.commands, "`!help COMMAND` explains one, with examples."))
    if topic:
        return Answer(_about(topic, call))
    return Answer(_in_chat(call)) if call.in_chat else None


def _fitting(call: Call, where: Where) -> Answer:
    """What makes sense in this kind of place, and by name only what can be done from anywhere."""
    if where is Where.CHAT:
        return Answer(_in_chat(call))
    here = [command for command in call.commands if where in command.where]
    elsewhere = [
        f"`!{command.name}`"
        for command in call.commands
        if Where.CHAT in command.where and command not in here and command.who is Who.STAFF and command.group != _GROUP
    ]
    said = "\n".join(f"- `{command.usage_there}`: {command.summary}" for command in here)
    return Answer(f"**{where.heading}**\n\n{said}\n\n**From anywhere**\n\n{', '.join(elsewhere)}\n\n{_FOOT}")


def _in_chat(call: Call) -> str:
    """What most people come for, as it is typed with their own colleagues, and by name all that can be done from here:
    no more than a telephone shows on two screens."""
    firm, groups = call.desk.firm(), dict[str, list[str]]()
    first = []
    for command in call.commands:
        if command.name in _FIRST:
            first.append(f"- {code(examples_for(command, firm, call.sender)[0])}: {command.summary}")
        if Where.CHAT in command.where:
            groups.setdefault(command.group, []).append(f"`!{command.name}`")
    names = "\n".join(f"- {group}: {', '.join(listed)}" for group, listed in groups.items())
    parts = [f"**{Where.CHAT.heading}**", "\n".join(first), "**All of it**", names, _FOOT]
    return "\n\n".join(parts)


def _grouped(commands: Sequence[Command], foot: str) -> str:
    groups: dict[str, list[Command]] = {}
    for command in commands:
        groups.setdefault(command.group, []).append(command)
    return "\n\n".join([*(f"**{group}**\n\n{lines(listed)}" for group, listed in groups.items()), foot])


def _about(topic: str, call: Call) -> str:
    commands, first = call.commands, topic.split()[0]
    # Of a first word that several share, the second one counts.
    if found := called(topic, commands) or (() if family(first, commands) else called(first, commands)):
        firm = call.desk.firm()
        return "\n\n".join(explain(command, examples_for(command, firm, call.sender)) for command in found)
    if found := family(topic, commands):
        return f"{lines(found)}\n\n`!help {found[0].name}` explains the first one, with examples."
    near = nearest(topic, commands)
    hint = f" Did you mean `!help {near[0].name if len(near) == 1 else near[0].name.split()[0]}`?" if near else ""
    raise CommandError(f"There is no command {repeated(topic)}.{hint} `!help all` lists them.")


def explain(command: Command, examples: Sequence[str]) -> str:
    """A command's help with these examples, in Markdown."""
    parts = [f"`{command.usage}`", command.help or f"{command.summary}."]
    if command.also:
        parts.append(f"Also: {', '.join(f'`!{word}`' for word in command.also)}")
    if command.who is not Who.STAFF:
        parts.append(f"For {command.who}.")
    if examples:
        parts.append("\n".join(["For example:", *(f"- `{example}`" for example in examples)]))
    return "\n\n".join(parts)


HELP = Command(
    "help",
    "What you can ask me",
    _help,
    help="Shows what makes sense where you type it, or explains one command. `!help all` lists every command.",
    examples=("!help", "!help channel create", "!help all"),
    here=True,
    from_memory=_at_once,
    group=_GROUP,
)
