"""The command table: every command of the bot, declared once."""

from __future__ import annotations

from bridge.commands.access import ACCESS, MATTER_ACCESS
from bridge.commands.audit import AUDIT
from bridge.commands.basic import PING, help_command
from bridge.commands.channel import CHANNEL_CREATE, CHANNEL_LIST
from bridge.commands.channel_changes import CHANNEL_ARCHIVE, CHANNEL_RENAME, CHANNEL_RESTORE, CHANNEL_TOPIC
from bridge.commands.channel_finding import CHANNEL_INFO, CHANNEL_RECENT, CHANNEL_SEARCH
from bridge.commands.channel_people import CHANNEL_ADD, CHANNEL_JOIN, CHANNEL_LEAVE, CHANNEL_REMOVE
from bridge.commands.digest import DIGEST
from bridge.commands.direct import DM
from bridge.commands.directory import DIRECTORY_CONFIRM, DIRECTORY_PLAN, DIRECTORY_STATUS, DIRECTORY_UNDO
from bridge.commands.files import FILE_VERSIONS, FILES
from bridge.commands.filing import FILES_STATUS, MATTER_FILING
from bridge.commands.matter import MATTER_LIST, MATTER_START
from bridge.commands.matter_archive import MATTER_ARCHIVE, MATTER_RESTORE
from bridge.commands.matter_people import MATTER_JOIN, MATTER_LEAVE
from bridge.commands.matter_rename import MATTER_RENAME
from bridge.commands.matter_show import MATTER_SHOW
from bridge.commands.paging import MORE
from bridge.commands.participants import ADD, PARTICIPANTS, REMOVE
from bridge.commands.pins import PIN, PINNED_LIST, UNPIN
from bridge.commands.plan import PLAN
from bridge.commands.staff import STAFF_LEAVE, STAFF_LIST, STAFF_RETURN
from bridge.commands.table import Command
from bridge.commands.transcript import MATTER_TRANSCRIPT
from bridge.commands.wall import WALL_ADD, WALL_LIFT, WALL_ONLY
from bridge.commands.wall_list import WALL_LIST
from bridge.commands.wall_report import WALL_REPORT
from bridge.commands.wall_told import WALL_ACKNOWLEDGE
from bridge.commands.why import WHY

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
