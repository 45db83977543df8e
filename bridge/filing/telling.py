"""Telling the firm admins, in their room, what cannot be written in the cabinet, and that it can again."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from bridge.filing.trouble import CabinetError
from bridge.firm.conversation import ADMINS_ID
from bridge.firm.model import Firm
from bridge.firm.policy import may_access
from bridge.settings import Settings
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.files.cabinet_trouble import FolderTrouble, count_lasting, note_told, troubles_to_tell
from bridge.store.queues.outbox import enqueue
from bridge.store.rooms.conversations import conversation_by_id
from bridge.store.rooms.made import room_of
from bridge.wording.markdown import escape, text_message

_SHOWN = 10
"""Folders named in one message."""
_AT_MOST = 200
_FAILS = {
    "files": "I cannot store files in {folder}. {why} They wait, and nothing is lost.",
    "list": "I cannot write the list index.csv in {folder}. {why} Files are stored there all the same.",
    "transcript": "I cannot store the transcript in {folder}. {why} I try again at night.",
}
_OVER = {
    "files": "Files can be stored again in {folder}.",
    "list": "The list index.csv can be written again in {folder}.",
    "transcript": "The transcript could be stored in {folder}.",
}
_SUBJECTS = {"files": "The folder", "list": "The list", "transcript": "The transcript"}
_HIDDEN = "a folder that I do not name here, since not everybody in this room may know of its matter"


def tell_of_cabinet(unit: Unit, text: str, bot_id: str, now: int, about: str = "") -> None:
    """Queue the message. Where the firm admins have no room, health and metrics tell as much."""
    room_id = room_of(unit, ADMINS_ID)
    if room_id is not None:
        enqueue(unit, f"cabinet/{about}{now}", room_id, bot_id, "m.room.message", text_message(text))


def tell_of_folders(unit: Unit, firm: Firm, settings: Settings, now: int) -> int:
    """Queue one message about all folders in which something fails lastingly, or no longer does, that the firm
    admins were not told of; returns how many fail lastingly."""
    found = troubles_to_tell(unit, _AT_MOST, now)
    if found:
        today = datetime.fromtimestamp(now / 1000, UTC).astimezone(ZoneInfo(settings.firm.timezone)).date()
        tell_of_cabinet(unit, _text(unit, firm, found, today), settings.bot_id, now, "folders/")
        note_told(unit, found)
    return count_lasting(unit)


def trouble_words(one: FolderTrouble, folder: str) -> str:
    """What is wrong in a folder, in Markdown. `folder` is what it is called before those who read it."""
    if one.over:
        return _OVER[one.what].format(folder=folder)
    return _FAILS[one.what].format(folder=folder, why=CabinetError(one.error).of(_SUBJECTS[one.what]))


def folder_words(one: FolderTrouble) -> str:
    """A folder's name for those who may know of the matter, in Markdown."""
    return f"the folder “{escape(one.folder)}”"


def _text(unit: ReadUnit, firm: Firm, found: list[FolderTrouble], today: date) -> str:
    lines = [trouble_words(one, _called_here(unit, firm, one, today)) for one in found[:_SHOWN]]
    if len(found) == 1:
        return lines[0]
    more = len(found) - len(lines)
    rest = f"\n\nAnd {more} more: `!files status` shows them." if more else ""
    return "**The filing cabinet.**\n\n" + "\n".join(f"- {line}" for line in lines) + rest


def _called_here(unit: ReadUnit, firm: Firm, one: FolderTrouble, today: date) -> str:
    """What a folder is called in the admins' room: a wall holds for admins too (M3)."""
    matter = firm.matters.get(one.matter_id)
    room = conversation_by_id(unit, ADMINS_ID)
    admins = room.participants if room is not None else frozenset()
    if matter is not None and all(may_access(firm, staff_id, matter, today) for staff_id in admins):
        return folder_words(one)
    return _HIDDEN
