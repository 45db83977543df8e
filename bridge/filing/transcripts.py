"""Transcripts in the filing cabinet: in the folder of the conversation, beside its files.

A transcript there says the same whoever asked for it, so that one of the same events has the same bytes and may be
written again at any time. It leads to the files that were filed by then.
"""

from __future__ import annotations

from functools import partial

import structlog

from bridge.desk import Desk
from bridge.filing.cabinet import cabinet_of
from bridge.filing.folders import folder_of
from bridge.firm.conversation import MatterConversation
from bridge.firm.model import Matter
from bridge.operations.transcripts import about, write_transcript
from bridge.store.engine.unit import Unit
from bridge.store.files.cabinet_folders import names_in
from bridge.store.files.filing import CabinetPath, is_filed
from bridge.store.files.transcripts import note_filed
from bridge.transcript.model import Transcript

log = structlog.get_logger(__name__)
HTML_NAME, PDF_NAME = "transcript.html", "transcript.pdf"


async def files_go_to_cabinet(desk: Desk, matter: Matter) -> bool:
    """Whether what belongs to this matter is stored in the cabinet."""
    return await desk.store.read(is_filed, desk.settings.filing.mode, matter.id)


async def filed_files(desk: Desk, matter: Matter, one: MatterConversation) -> tuple[str, dict[str, str]]:
    """The conversation's folder, and the names of the files in it by the event id of their message."""

    def work(unit: Unit) -> tuple[str, dict[str, str]]:
        folder = folder_of(unit, desk.firm(), matter.id, one.conversation.id)
        return folder, names_in(unit, folder)

    return await desk.store.run(work)


def mark_of(last_event_id: str, files: dict[str, str]) -> str:
    """How far a transcript goes: another event or another file in the cabinet gives another mark."""
    return f"{last_event_id} {len(files)}"


async def file_transcript(
    desk: Desk, matter: Matter, one: MatterConversation, transcript: Transcript, *, by: str = "", cause: str = ""
) -> None:
    """Store a transcript in the cabinet, in the place of an earlier one, and note it in the audit log (O1).

    `by` is the staff id of whoever asked for it, empty for the bridge. Raises CabinetError and StoreError.
    """
    folder, files = await filed_files(desk, matter, one)
    head = about(desk, matter, one, desk.settings.appservice.bot_name)
    written = await write_transcript(transcript, head, files)
    cabinet = cabinet_of(desk.settings)
    # The PDF last: it names the page's digest.
    for name, data in ((HTML_NAME, written.html), (PDF_NAME, written.pdf)):
        await cabinet.in_time(partial(cabinet.replace, CabinetPath(folder, name), data), len(data))
    mark = mark_of(transcript.last_event_id, files)
    await desk.store.run(note_filed, one.conversation.id, mark, by=by, cause=cause)
    log.info("transcript_filed", conversation=one.conversation.id, messages=len(transcript.messages))
