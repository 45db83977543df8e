"""A file that somebody may have at this moment (V3)."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.desk import Desk
from bridge.firm.conversation import ConversationKind
from bridge.firm.model import Staff
from bridge.firm.policy import desired_participants, may_be_in
from bridge.matrix.errors import NotFoundError
from bridge.matrix.port import Take
from bridge.store.engine.unit import ReadUnit
from bridge.store.files.files import file_row
from bridge.store.rooms.conversations import conversation_by_id

THUMBNAIL = 96
"""Pixels of a small picture, in each direction."""


@dataclass(frozen=True, slots=True)
class Download:
    """A file that a person may have now."""

    name: str
    mxc: str
    encrypted: bool
    """Whether somebody's client encrypted it, so that only clients can read it."""
    picture: bool
    """Whether it is sent as a picture."""


async def download_of(desk: Desk, asker: Staff, conversation_id: str, event_id: str) -> Download | None:
    """A file; None where there is none, it was removed, or this person is not in its conversation."""
    firm, today = desk.firm(), desk.today()

    def work(unit: ReadUnit) -> Download | None:
        row, place = file_row(unit, event_id), conversation_by_id(unit, conversation_id)
        if row is None or place is None or row.conversation_id != conversation_id or row.removed_at is not None:
            return None
        if place.kind is ConversationKind.ADMINS:
            return None
        # A system is in no conversation; what it may know at all, anybody at the firm may enter (A1).
        if not firm.is_system(asker.id) and asker.id not in desired_participants(firm, place, today):
            return None
        if not may_be_in(firm, asker.id, place, today):
            return None
        return Download(str(row.name), str(row.mxc), bool(row.encryption), row.kind == "image")

    return await desk.store.read(work)


async def hand_over(desk: Desk, found: Download, take: Take) -> bool:
    """Hand over the file's bytes in pieces; False where the homeserver has it no more. Raises HomeserverError."""
    try:
        await desk.homeserver.download(*_parts(found.mxc), take)
    except NotFoundError:
        return False
    return True


async def thumbnail_of(desk: Desk, found: Download) -> bytes | None:
    """A small picture of a picture, drawn by the homeserver; None where it draws none. Raises HomeserverError."""
    if found.encrypted or not found.picture:
        return None
    try:
        return await desk.homeserver.thumbnail(*_parts(found.mxc), THUMBNAIL, THUMBNAIL)
    except NotFoundError:
        return None


def _parts(mxc: str) -> tuple[str, str]:
    """The server's name and the media's id."""
    server_name, _, media_id = mxc.removeprefix("mxc://").partition("/")
    return server_name, media_id
