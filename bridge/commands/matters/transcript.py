"""The transcript of a matter's conversations, for somebody who may see them (M2, M3).

Anyone with access may join a conversation of the matter and then reads all that was ever said in it. So the transcript
is for the same people and shows nobody more; it is sent to their own chat with the bot, and the audit log tells of it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

import structlog

from bridge.commands.asking.matter_numbers import no_such_matter
from bridge.commands.asking.matters import matter_here, pick, the_matter
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, Handout, Noted
from bridge.commands.asking.where import CHAT, MATTERS
from bridge.filing.cabinet import CabinetError
from bridge.filing.transcripts import file_transcript, files_go_to_cabinet
from bridge.firm.conversation import MatterConversation
from bridge.firm.model import Matter
from bridge.firm.policy import may_access
from bridge.matrix.errors import BadRequest
from bridge.operations.transcripts import HTML_TYPE, PDF_TYPE, about, read_transcript, write_transcript
from bridge.refusal import CommandError
from bridge.store.rooms.matters import conversations_of_matter
from bridge.transcript.model import Transcript
from bridge.wording.markdown import code, escape

log = structlog.get_logger(__name__)
_AT_ONCE = 10
"""Conversations in one answer."""
_NOT_IN_NAMES = re.compile(r"[^\w.-]+")


async def _transcript(call: Call) -> Answer:
    matter = await the_matter(call)
    chosen = await _chosen(call, matter)
    found: list[tuple[MatterConversation, Transcript]] = []
    for one in chosen:
        _require_access(call, matter)
        if one.room_id is not None:
            transcript = await read_transcript(call.desk, one.conversation.id, one.room_id)
            if transcript.messages:
                found.append((one, transcript))
    if not found:
        raise CommandError(f"Nobody has said anything yet about matter {escape(matter.number)}, so there is nothing.")
    handouts = [handout for one, transcript in found for handout in await _handouts(call, matter, one, transcript)]
    _require_access(call, matter)
    lines = [
        f"- {escape(one.conversation.title)}: {len(transcript.messages)} message{'s' * (len(transcript.messages) != 1)}"
        for one, transcript in found
    ]
    in_cabinet = await _filed(call, matter, found)
    text = (
        f"Here is the transcript of matter {escape(matter.number)}, as a page and as a PDF. Whoever has the files can"
        " read them, so keep them where the matter is kept.\n\n" + "\n".join(lines) + in_cabinet
    )
    return Answer(
        text, noted=Noted("matter transcript", about=matter.number, ids=(matter.id,)), handouts=tuple(handouts)
    )


async def _filed(call: Call, matter: Matter, found: Sequence[tuple[MatterConversation, Transcript]]) -> str:
    """Put the transcripts into the matter's folders, where its files are, and say so."""
    if not await files_go_to_cabinet(call.desk, matter):
        return ""
    try:
        for one, transcript in found:
            await file_transcript(call.desk, matter, one, transcript, by=call.sender.id, cause=call.event_id)
    except CabinetError as error:
        log.warning("transcript_not_filed", matter=matter.id, reason=str(error))
        return f"\n\nI could not put it into the filing cabinet as well. {error}"
    return "\n\nIt is in the filing cabinet as well."


def _require_access(call: Call, matter: Matter) -> None:
    """Raise what is said of an unknown matter, unless the sender may see this one now: all this takes a while (M3)."""
    current = call.desk.firm().matters.get(matter.id)
    if current is None or not may_access(call.desk.firm(), call.sender.id, current, call.desk.reconciler.today()):
        raise no_such_matter(matter.number)


async def _chosen(call: Call, matter: Matter) -> Sequence[MatterConversation]:
    """The conversations that are meant: the one named or typed in, else all of the matter. Raises CommandError."""
    listed = await call.desk.store.read(lambda: conversations_of_matter(matter.id))
    if typed := call.values.get("conversation", "").strip():
        return [pick(matter, listed, typed)]
    typed_in = await matter_here(call)
    if "matter" not in call.values and typed_in is not None:
        return [one for one in listed if one.conversation.id == typed_in.id]
    if len(listed) > _AT_ONCE:
        raise CommandError(
            f"Matter {escape(matter.number)} has {len(listed)} conversations. Say which one, for example"
            f" {code(f'!matter transcript {matter.number} 1')}; {code(f'!matter show {matter.number}')} lists them."
        )
    return listed


async def _handouts(call: Call, matter: Matter, one: MatterConversation, transcript: Transcript) -> list[Handout]:
    """The transcript as files, uploaded. Raises CommandError where the homeserver takes none so large."""
    head = about(call.desk, matter, one, call.sender.name, time.time_ns() // 1_000_000)
    written = await write_transcript(transcript, head, {})
    name = _NOT_IN_NAMES.sub(" ", f"{head.number} {head.conversation}").strip(" .-")[:80]
    handouts = []
    for data, media_type, end in ((written.html, HTML_TYPE, "html"), (written.pdf, PDF_TYPE, "pdf")):
        full = f"Transcript {name}.{end}"
        try:
            mxc = await call.desk.homeserver.upload(data, media_type, f"transcript.{end}")
        except BadRequest as error:
            if error.status != 413:
                raise
            raise CommandError(
                f"The transcript of {escape(one.conversation.title)} is larger than what the homeserver takes"
                f" ({len(data) // 1_000_000} MB). Your firm admin can raise max_upload_size in homeserver.yaml."
            ) from error
        handouts.append(Handout(matter, full, mxc, media_type, len(data)))
    return handouts


MATTER_TRANSCRIPT = Command(
    "matter transcript",
    "The transcript of a matter, as a page and a PDF",
    _transcript,
    (
        Argument("matter", ArgumentType.MATTER, required=False, shown="NUMBER", names_place=True),
        Argument(
            "conversation",
            ArgumentType.TEXT,
            required=False,
            shown="TITLE",
            names_place=True,
            names_conversation=True,
        ),
    ),
    help="Sends you all that was said in the conversations of a matter, or in one of them by its title or its number in"
    " `!matter show`: with edits, deleted messages (that there was one, not what it said), replies, reactions, files,"
    " and who came and went. The files come to your chat with me. In a conversation of the matter you get that one.",
    examples=("!matter transcript 2026-0042", "!matter transcript 2026-0042 Disclosure", "!matter transcript"),
    group="Matters",
    where=CHAT | MATTERS,
    also=("transcript",),
)
