"""The folders of the cabinet: one for each matter, and in it one for each of its conversations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from bridge.filing.cabinet import Cabinet, CabinetError, NoAnswerError
from bridge.filing.names import name_key, numbered_folder, safe_folder
from bridge.firm.errors import BridgeError
from bridge.firm.model import Firm
from bridge.store.engine.unit import Unit
from bridge.store.files.cabinet_folders import folder_at, take_folder
from bridge.store.rooms.conversations import conversation_by_id

T = TypeVar("T")


class InFolderError(BridgeError):
    """Something could not be done in a folder of the cabinet."""

    def __init__(self, why: CabinetError) -> None:
        super().__init__(str(why))
        self.why = why


async def in_folder(cabinet: Cabinet, work: Callable[[], T], size: int) -> T:
    """Do something in a folder. Raises InFolderError; and NoAnswerError, by which it is not told from the whole
    cabinet."""
    try:
        return await cabinet.in_time(work, size)
    except NoAnswerError:
        raise
    except CabinetError as error:
        raise InFolderError(error) from error


def folder_of(unit: Unit, firm: Firm, matter_id: str, conversation_id: str) -> str:
    """The folder of a matter's conversation, as matter/conversation.

    It gets its name at its first use and keeps it: links, backups and other programs know it by that, and stores behind
    fsspec cannot rename a folder in one step.
    """
    if found := folder_at(unit, conversation_id):
        return found
    matter = firm.matters.get(matter_id)
    words = (matter_id,) if matter is None else (matter.number, matter.client, matter.title)
    above = take_folder(unit, f"matter:{matter_id}", "", safe_folder(*words), numbered_folder, name_key)
    conversation = conversation_by_id(unit, conversation_id)
    title = safe_folder((conversation.title if conversation is not None else "") or conversation_id)
    return take_folder(unit, conversation_id, above, title, numbered_folder, name_key)
