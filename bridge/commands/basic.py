"""Help, and a sign of life."""

from __future__ import annotations

from collections.abc import Callable

from bridge.commands.errors import CommandError
from bridge.commands.replies import escape, repeated
from bridge.commands.table import Answer, Argument, ArgumentType, Call, Command, Who
from bridge.firm.policy import may_administer


def help_command(commands: Callable[[], tuple[Command, ...]]) -> Command:
    """!help over the table it is itself a part of."""

    async def run(call: Call) -> Answer:
        roles = frozenset(call.desk.settings.firm.admin_roles)
        admin = bool(may_administer(call.desk.firm(), call.sender.id, roles))
        shown = [command for command in commands() if admin or command.who is Who.STAFF]
        topic = call.values.get("command", "").lstrip("!").casefold()
        return Answer(_one(topic, shown) if topic else _all(shown))

    return Command(
        "help",
        "What you can ask me",
        run,
        (Argument("command", ArgumentType.TEXT, required=False, shown="COMMAND"),),
        help="Lists the commands, or explains one.",
        examples=("!help", "!help channel create"),
        here=True,
        group="About",
    )


def _all(commands: list[Command]) -> str:
    groups: dict[str, list[Command]] = {}
    for command in commands:
        groups.setdefault(command.group, []).append(command)
    parts = [
        "\n".join([f"**{group}**\n", *(f"- `{command.usage}`: {command.summary}" for command in listed)])
        for group, listed in groups.items()
    ]
    parts.append("`!help COMMAND` explains one, with examples.")
    return "\n\n".join(parts)


def _one(topic: str, commands: list[Command]) -> str:
    found = [command for command in commands if command.name == topic or command.name.startswith(f"{topic} ")]
    if not found:
        raise CommandError(f"There is no command {repeated(topic)}. `!help` lists them all.")
    return "\n\n".join(explain(command) for command in found)


def explain(command: Command) -> str:
    """A command's help with examples, in Markdown."""
    lines = [f"`{command.usage}`", command.help or f"{command.summary}."]
    if command.who is not Who.STAFF:
        lines.append(f"For {command.who}.")
    if command.examples:
        lines.append("\n".join(["For example:", *(f"- `{example}`" for example in command.examples)]))
    return "\n\n".join(lines)


async def _ping(call: Call) -> Answer:
    return Answer(f"pong {escape(call.values.get('text', ''))}".rstrip())


PING = Command(
    "ping",
    "See whether I am there",
    _ping,
    (Argument("text", ArgumentType.TEXT, required=False, shown="TEXT"),),
    help="Answers pong, with your text.",
    examples=("!ping", "!ping good morning"),
    here=True,
    group="About",
)
