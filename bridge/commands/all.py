"""The command table: every command of the bot, declared once."""

from __future__ import annotations

from bridge.commands.basic import PING, help_command
from bridge.commands.channel import CHANNEL_CREATE, CHANNEL_JOIN, CHANNEL_LIST
from bridge.commands.direct import DM
from bridge.commands.directory import DIRECTORY_CONFIRM, DIRECTORY_STATUS
from bridge.commands.matter import MATTER_LIST, MATTER_START
from bridge.commands.table import Command

COMMANDS: tuple[Command, ...] = (
    DM,
    MATTER_LIST,
    MATTER_START,
    CHANNEL_LIST,
    CHANNEL_CREATE,
    CHANNEL_JOIN,
    help_command(lambda: COMMANDS),
    PING,
    DIRECTORY_STATUS,
    DIRECTORY_CONFIRM,
)
