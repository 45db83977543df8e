"""At night the transcripts of closed matters are stored in the filing cabinet, and again where something changed."""

from __future__ import annotations

import structlog

from bridge.commands.table import Desk
from bridge.commands.transcript_making import read_transcript
from bridge.filing.cabinet import CabinetError
from bridge.filing.transcripts import file_transcript, filed_files, files_go_to_cabinet, mark_of
from bridge.firm.model import Matter, MatterStatus
from bridge.matrix.errors import NotFound
from bridge.store.matters import MatterConversation, conversations_of_matter
from bridge.store.transcripts import filed_mark

log = structlog.get_logger(__name__)
AT_ONCE = 200
"""Transcripts made in one go. What is left is for the next one, which begins where nothing is filed yet."""


async def file_closed_matters(desk: Desk, at_most: int = AT_ONCE) -> int:
    """File the transcripts of closed matters that the cabinet does not have as they are; returns how many.

    Each is noted as soon as it is filed, so that one interrupted goes on where it was. Raises StoreError, and
    HomeserverError while that is away.
    """
    if not desk.settings.transcripts.nightly or desk.settings.filing.mode == "off":
        return 0
    filed = 0
    try:
        for matter in sorted(desk.firm().matters.values(), key=lambda one: one.number):
            if matter.status is MatterStatus.CLOSED and await files_go_to_cabinet(desk, matter):
                filed += await _file(desk, matter, at_most - filed)
            if filed >= at_most:
                break
    except CabinetError as error:
        log.warning("transcripts_wait", reason=str(error), filed=filed)
    return filed


async def _file(desk: Desk, matter: Matter, at_most: int) -> int:
    filed = 0
    for one in await desk.store.run(lambda: conversations_of_matter(matter.id)):
        if filed < at_most and one.room_id is not None:
            try:
                filed += await _file_one(desk, matter, one, one.room_id)
            except NotFound:
                # The next pass makes the room anew.
                log.warning("transcript_without_room", conversation=one.conversation.id)
    return filed


async def _file_one(desk: Desk, matter: Matter, one: MatterConversation, room_id: str) -> bool:
    """File one where that is due; whether it was."""
    conversation_id = one.conversation.id
    _, files = await filed_files(desk, matter, one)
    before = await desk.store.run(lambda: filed_mark(conversation_id))
    if before and before == mark_of(await desk.homeserver.admin_newest_event(room_id), files):
        return False
    transcript = await read_transcript(desk, conversation_id, room_id)
    if not transcript.messages:
        return False
    await file_transcript(desk, matter, one, transcript)
    return True
