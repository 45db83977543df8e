"""Giving the transcript of a matter's conversations to somebody who may see them (M2, M3).

Anyone with access may join a conversation of the matter and then reads all that was ever said in it. So the transcript
is for the same people and shows nobody more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from bridge.clock import now_ms
from bridge.desk import Desk
from bridge.filing.cabinet import CabinetError
from bridge.filing.transcripts import file_transcript, files_go_to_cabinet
from bridge.firm.conversation import MatterConversation
from bridge.firm.model import Matter, Staff
from bridge.matrix.errors import BadRequestError
from bridge.operations.noting import note_use
from bridge.operations.sight import require_seen
from bridge.operations.transcripts import (
    HTML_TYPE,
    PDF_TYPE,
    Handout,
    Written,
    about,
    read_transcript,
    write_transcript,
)
from bridge.refusal import Kind, Refusal
from bridge.transcript.model import Transcript

log = structlog.get_logger(__name__)
_NOT_IN_NAMES = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class HandedOut:
    """The transcript of some conversations."""

    handouts: tuple[Handout, ...]
    """A page and a PDF of each."""
    messages: tuple[tuple[str, int], ...]
    """The title of each conversation in which something was said, and how many messages it has."""
    is_filed: bool
    """Whether it was put into the filing cabinet as well, where the matter's files are."""
    not_filed: str
    """Why it could not, in Markdown; empty where it was not to be."""


async def hand_out(
    desk: Desk, asker: Staff, matter: Matter, chosen: Sequence[MatterConversation], cause: str
) -> HandedOut:
    """The transcripts of these conversations of a matter, for the one who asks. Raises Refusal and HomeserverError."""
    found = await _read(desk, asker, matter, chosen)
    handouts = [
        handout for one, transcript in found for handout in await _uploaded(desk, asker, matter, one, transcript)
    ]
    require_seen(desk, asker, matter)
    messages = tuple((one.conversation.title, len(transcript.messages)) for one, transcript in found)
    if not await files_go_to_cabinet(desk, matter):
        return HandedOut(tuple(handouts), messages, is_filed=False, not_filed="")
    try:
        for one, transcript in found:
            await file_transcript(desk, matter, one, transcript, by=asker.id, cause=cause)
    except CabinetError as error:
        log.warning("transcript_not_filed", matter=matter.id, reason=str(error))
        return HandedOut(tuple(handouts), messages, is_filed=False, not_filed=str(error))
    return HandedOut(tuple(handouts), messages, is_filed=True, not_filed="")


async def transcript_for(
    desk: Desk, asker: Staff, matter: Matter, one: MatterConversation, cause: str
) -> tuple[str, Written]:
    """The transcript of one conversation for the one who asks, who takes it at once, and the name of its files.

    Noted in the audit log, and kept nowhere. Raises Refusal and HomeserverError.
    """
    ((_, transcript),) = await _read(desk, asker, matter, [one])
    name, written = await _written(desk, asker, matter, one, transcript)
    require_seen(desk, asker, matter)
    await note_use(desk, asker, "matter transcript", cause, about=matter.number, ids=(matter.id,))
    return name, written


async def _read(
    desk: Desk, asker: Staff, matter: Matter, chosen: Sequence[MatterConversation]
) -> list[tuple[MatterConversation, Transcript]]:
    """Those of these conversations in which something was said. Raises Refusal where it is none."""
    found: list[tuple[MatterConversation, Transcript]] = []
    # All this takes a while, so access is asked for again and again (M3).
    for one in chosen:
        require_seen(desk, asker, matter)
        if one.room_id is not None:
            transcript = await read_transcript(desk, one.conversation.id, one.room_id)
            if transcript.messages:
                found.append((one, transcript))
    if not found:
        raise Refusal(Kind.NOTHING_SAID, number=matter.number)
    return found


async def _written(
    desk: Desk, asker: Staff, matter: Matter, one: MatterConversation, transcript: Transcript
) -> tuple[str, Written]:
    """The name of its files without their ending, and the transcript."""
    head = about(desk, matter, one, asker.name, now_ms())
    name = _NOT_IN_NAMES.sub(" ", f"{head.number} {head.conversation}").strip(" .-")[:80]
    return f"Transcript {name}", await write_transcript(transcript, head, {})


async def _uploaded(
    desk: Desk, asker: Staff, matter: Matter, one: MatterConversation, transcript: Transcript
) -> list[Handout]:
    """The transcript as files, uploaded. Raises Refusal where the homeserver takes none so large."""
    name, written = await _written(desk, asker, matter, one, transcript)
    handouts = []
    for data, media_type, end in ((written.html, HTML_TYPE, "html"), (written.pdf, PDF_TYPE, "pdf")):
        try:
            mxc = await desk.homeserver.upload(data, media_type, f"transcript.{end}")
        except BadRequestError as error:
            if error.status != 413:
                raise
            megabytes = len(data) // 1_000_000
            raise Refusal(Kind.TRANSCRIPT_TOO_LARGE, title=one.conversation.title, megabytes=megabytes) from error
        handouts.append(Handout(matter, f"{name}.{end}", mxc, media_type, len(data)))
    return handouts
