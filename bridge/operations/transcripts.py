"""Making the transcript of a matter conversation: its events read from the homeserver, then written as page and PDF."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import structlog

from bridge.desk import Desk
from bridge.firm.conversation import MatterConversation
from bridge.firm.model import Matter
from bridge.matrix.errors import NotFoundError
from bridge.operations.everybody import everybody
from bridge.store.rooms.made import earlier_rooms
from bridge.store.rooms.pins import pins_of
from bridge.transcript.cleaning import clean_line
from bridge.transcript.model import About, Transcript
from bridge.transcript.reading import PinnedBy, Reader

log = structlog.get_logger(__name__)
HTML_TYPE, PDF_TYPE = "text/html", "application/pdf"
T = TypeVar("T")
_WRITER = ThreadPoolExecutor(1, thread_name_prefix="transcript")
"""One at a time, however many ask: a long conversation takes a while and much memory."""


@dataclass(frozen=True, slots=True)
class Written:
    """A transcript in its two forms."""

    html: bytes
    pdf: bytes
    """Names the SHA-256 of the page."""


@dataclass(frozen=True, slots=True)
class Handout:
    """A file for the person who asked for it, and nobody else. It is uploaded already."""

    matter: Matter
    """What it is about. It is sent only to somebody who may see that in the moment of sending (M3)."""
    name: str
    mxc: str
    media_type: str
    size: int
    """Bytes."""


async def read_transcript(desk: Desk, conversation_id: str, room_id: str) -> Transcript:
    """A conversation as it is now, through all rooms in which it was held.

    Raises RequestError, NotFoundError among them where the room is gone.
    """
    people = await everybody(desk)
    settings = desk.settings

    def name_of(user_id: str) -> str:
        if user_id == settings.bot_id:
            return settings.appservice.bot_name
        person = people.owner(user_id)
        return clean_line(person.name if person is not None else user_id) or "somebody"

    reader = Reader(name_of, settings.bot_id)
    earlier = await desk.store.read(earlier_rooms, [conversation_id])
    for before in earlier.get(conversation_id, ()):
        try:
            await _read(reader, desk, before)
        except NotFoundError:
            log.warning("earlier_room_gone", conversation=conversation_id, room_id=before)
    await _read(reader, desk, room_id)
    staff = desk.firm().staff
    pins = await desk.store.read(pins_of, conversation_id)
    pinned_by = {
        pin.event_id: PinnedBy(staff[pin.staff_id].name if pin.staff_id in staff else "", pin.at_ms) for pin in pins
    }
    return reader.transcript(pinned_by)


async def _read(reader: Reader, desk: Desk, room_id: str) -> None:
    start: str | None = ""
    while start is not None:
        events, start = await desk.homeserver.admin_events(room_id, start)
        reader.take(events)


def about(desk: Desk, matter: Matter, one: MatterConversation, made_by: str, made_at: int | None = None) -> About:
    """What the head of a transcript says."""
    return About(
        firm=clean_line(desk.settings.firm.name),
        number=clean_line(matter.number),
        title=clean_line(matter.title),
        client=clean_line(matter.client),
        conversation=clean_line(one.conversation.title),
        timezone=desk.settings.firm.timezone,
        room_id=one.room_id or "",
        server_name=desk.server_name,
        made_by=clean_line(made_by),
        made_at=made_at,
    )


async def in_writer(work: Callable[[], T]) -> T:
    """The result of work that takes long, done behind the transcripts that are being written."""
    return await asyncio.get_running_loop().run_in_executor(_WRITER, work)


async def write_transcript(transcript: Transcript, head: About, filed: Mapping[str, str]) -> Written:
    """The page and the PDF. `filed` is where a message's file lies, as a path from them, by event id."""
    return await in_writer(partial(_write, transcript, head, filed))


def _write(transcript: Transcript, head: About, filed: Mapping[str, str]) -> Written:
    # Imported here because a firm needs it on few days, and it is large in memory.
    from bridge.transcript.page import html_page
    from bridge.transcript.pdf import pdf_document

    html = html_page(transcript, head, filed)
    return Written(html, pdf_document(transcript, head, filed, hashlib.sha256(html).hexdigest()))
