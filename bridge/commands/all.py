"""The command table: every command of the bot, in the order in which help lists them."""

from __future__ import annotations

from bridge.commands import basic, digest, panel, ping
from bridge.commands.admins import access, audit, directory, plan, staff, why
from bridge.commands.asking import paging
from bridge.commands.asking.table import Command
from bridge.commands.channels import changing, finding, making
from bridge.commands.channels import people as channel_people
from bridge.commands.conversations import direct, participants, pins, seen
from bridge.commands.files import filing
from bridge.commands.files import listing as file_listing
from bridge.commands.matters import archiving, renaming, showing, starting, transcript
from bridge.commands.matters import listing as matter_listing
from bridge.commands.matters import people as matter_people
from bridge.commands.walls import acknowledging, report, setting
from bridge.commands.walls import listing as wall_listing

_MODULES = (
    direct,
    matter_listing,
    showing,
    starting,
    matter_people,
    renaming,
    archiving,
    transcript,
    participants,
    pins,
    seen,
    file_listing,
    finding,
    making,
    channel_people,
    changing,
    panel,
    basic,
    paging,
    digest,
    ping,
    directory,
    why,
    access,
    filing,
    plan,
    audit,
    staff,
    setting,
    wall_listing,
    report,
    acknowledging,
)
COMMANDS: tuple[Command, ...] = tuple(
    declared for module in _MODULES for declared in vars(module).values() if isinstance(declared, Command)
)
"""Whatever commands these modules declare."""
