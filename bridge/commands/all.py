"""The command table: every command of the bot, declared once."""

from __future__ import annotations

from bridge.commands.admins.access import ACCESS, MATTER_ACCESS
from bridge.commands.admins.audit import AUDIT
from bridge.commands.admins.directory import DIRECTORY_CONFIRM, DIRECTORY_PLAN, DIRECTORY_STATUS, DIRECTORY_UNDO
from bridge.commands.admins.plan import PLAN
from bridge.commands.admins.staff import STAFF_LEAVE, STAFF_LIST, STAFF_RETURN
from bridge.commands.admins.why import WHY
from bridge.commands.asking.paging import MORE
from bridge.commands.asking.table import Command
from bridge.commands.basic import PING, help_command
from bridge.commands.channels.changing import CHANNEL_ARCHIVE, CHANNEL_RENAME, CHANNEL_RESTORE, CHANNEL_TOPIC
from bridge.commands.channels.finding import CHANNEL_INFO, CHANNEL_LIST, CHANNEL_RECENT, CHANNEL_SEARCH
from bridge.commands.channels.making import CHANNEL_CREATE
from bridge.commands.channels.people import CHANNEL_ADD, CHANNEL_JOIN, CHANNEL_LEAVE, CHANNEL_REMOVE
from bridge.commands.conversations.direct import DM
from bridge.commands.conversations.participants import ADD, PARTICIPANTS, REMOVE
from bridge.commands.conversations.pins import PIN, PINNED_LIST, UNPIN
from bridge.commands.digest import DIGEST
from bridge.commands.files.filing import FILES_STATUS, MATTER_FILING
from bridge.commands.files.listing import FILE_VERSIONS, FILES
from bridge.commands.matters.archiving import MATTER_ARCHIVE, MATTER_RESTORE
from bridge.commands.matters.people import MATTER_JOIN, MATTER_LEAVE
from bridge.commands.matters.renaming import MATTER_RENAME
from bridge.commands.matters.showing import MATTER_SHOW
from bridge.commands.matters.starting import MATTER_LIST, MATTER_START
from bridge.commands.matters.transcript import MATTER_TRANSCRIPT
from bridge.commands.panel import PANEL, PANEL_END, PANEL_SESSIONS
from bridge.commands.walls.listing import WALL_LIST
from bridge.commands.walls.report import WALL_REPORT
from bridge.commands.walls.setting import WALL_ACKNOWLEDGE, WALL_ADD, WALL_LIFT, WALL_ONLY

COMMANDS: tuple[Command, ...] = (
    DM,
    MATTER_LIST,
    MATTER_SHOW,
    MATTER_START,
    MATTER_JOIN,
    MATTER_LEAVE,
    MATTER_RENAME,
    MATTER_ARCHIVE,
    MATTER_RESTORE,
    MATTER_TRANSCRIPT,
    PARTICIPANTS,
    ADD,
    REMOVE,
    PIN,
    UNPIN,
    PINNED_LIST,
    FILES,
    FILE_VERSIONS,
    CHANNEL_LIST,
    CHANNEL_SEARCH,
    CHANNEL_RECENT,
    CHANNEL_INFO,
    CHANNEL_CREATE,
    CHANNEL_JOIN,
    CHANNEL_LEAVE,
    CHANNEL_ADD,
    CHANNEL_REMOVE,
    CHANNEL_RENAME,
    CHANNEL_TOPIC,
    CHANNEL_ARCHIVE,
    CHANNEL_RESTORE,
    PANEL,
    PANEL_SESSIONS,
    PANEL_END,
    help_command(lambda: COMMANDS),
    MORE,
    DIGEST,
    PING,
    DIRECTORY_STATUS,
    DIRECTORY_PLAN,
    DIRECTORY_CONFIRM,
    DIRECTORY_UNDO,
    WHY,
    ACCESS,
    MATTER_ACCESS,
    MATTER_FILING,
    FILES_STATUS,
    PLAN,
    AUDIT,
    STAFF_LEAVE,
    STAFF_RETURN,
    STAFF_LIST,
    WALL_ADD,
    WALL_ONLY,
    WALL_LIFT,
    WALL_LIST,
    WALL_REPORT,
    WALL_ACKNOWLEDGE,
)
