"""At night the transcripts of closed matters are stored in the filing cabinet, and again where something changed."""

from __future__ import annotations

import structlog

from bridge.clock import now_ms
from bridge.desk import Desk
from bridge.filing.cabinet import CabinetError, NoAnswerError, cabinet_of
from bridge.filing.transcripts import file_transcript, filed_files, files_go_to_cabinet, mark_of
from bridge.firm.conversation import MatterConversation
from bridge.firm.model import Matter, MatterStatus
from bridge.matrix.attempts import is_passing
from bridge.matrix.errors import NotFoundError, RequestError, TokenRejectedError
from bridge.operations.transcripts import read_transcript
from bridge.store.engine.unit import Unit
from bridge.store.files.cabinet_trouble import end_trouble, note_trouble
from bridge.store.files.transcripts import begin_transcript, note_seen, transcripts_due
from bridge.store.rooms.matters import conversations_of_matter

log = structlog.get_logger(__name__)
AT_ONCE = 200
"""Transcripts made in one go. What is left is for the next one, which begins where nothing is filed yet."""
_PAGE = 500
_AWAY_AFTER = 3
"""So many conversations in a row that the homeserver does not give, and it is the homeserver that is away."""


async def file_closed_matters(desk: Desk, at_most: int = AT_ONCE) -> int:
    """File the transcripts of closed matters that the cabinet does not have as they are; returns how many.

    The homeserver is asked only where something happened since. What cannot be read or stored holds up no other. Each
    is noted as soon as it is filed, so that one interrupted goes on where it was. Raises StoreError, and
    RequestError while that is away.
    """
    if not desk.settings.transcripts.nightly or desk.settings.filing.mode == "off":
        return 0
    filed, after, failed = 0, "", 0
    try:
        while due := await desk.store.read(transcripts_due, after, _PAGE):
            for conversation_id, matter_id in due:
                after = conversation_id
                matter = desk.firm().matters.get(matter_id)
                if matter is None or matter.status is not MatterStatus.CLOSED:
                    continue
                try:
                    filed += await _file(desk, matter, conversation_id)
                    failed = 0
                except RequestError as error:
                    log.warning("transcript_not_read", conversation=conversation_id, reason=str(error))
                    failed += 1
                    if is_passing(error) and (failed >= _AWAY_AFTER or isinstance(error, TokenRejectedError)):
                        raise
                if filed >= at_most:
                    return filed
    except CabinetError as error:
        log.warning("transcripts_wait", reason=str(error), filed=filed)
    return filed


async def _file(desk: Desk, matter: Matter, conversation_id: str) -> bool:
    """File one; whether it was. Raises CabinetError where the cabinet as a whole cannot be used."""
    if not await files_go_to_cabinet(desk, matter):
        return False
    found = await desk.store.read(conversations_of_matter, matter.id)
    one = next((one for one in found if one.conversation.id == conversation_id), None)
    if one is None or one.room_id is None:
        return False
    try:
        return await _file_one(desk, matter, one, one.room_id)
    except NotFoundError:
        # The next pass makes the room anew.
        log.warning("transcript_without_room", conversation=conversation_id)
    except NoAnswerError:
        raise
    except CabinetError as error:
        cabinet = cabinet_of(desk.settings)
        await cabinet.in_time(cabinet.try_out)
        log.warning("transcript_rests", conversation=conversation_id, reason=str(error))
        await desk.store.run(note_trouble, conversation_id, "transcript", str(error), now_ms())
    return False


async def _file_one(desk: Desk, matter: Matter, one: MatterConversation, room_id: str) -> bool:
    """File one where that is due; whether it was."""
    conversation_id = one.conversation.id
    _, files = await filed_files(desk, matter, one)
    before, seen = await desk.store.run(begin_transcript, conversation_id)
    is_old = not before or before != mark_of(await desk.homeserver.admin_newest_event(room_id), files)
    transcript = await read_transcript(desk, conversation_id, room_id) if is_old else None
    if transcript is not None and transcript.messages:
        await file_transcript(desk, matter, one, transcript)
    await desk.store.run(_note, conversation_id, seen)
    return transcript is not None and bool(transcript.messages)


def _note(unit: Unit, conversation_id: str, seen: int) -> None:
    note_seen(unit, conversation_id, seen)
    end_trouble(unit, conversation_id, "transcript")
