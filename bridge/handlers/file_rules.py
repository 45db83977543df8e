"""Files that the firm's rules forbid and that were sent all the same, and the content of deleted ones (V4).

Where the guard is installed it refuses what a message tells of a file before there is a message. What comes here is
what it could not see, or what was sent without it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog

from bridge.clock import DAY_MS, now_ms
from bridge.desk import Desk
from bridge.firm.conversation import ConversationKind
from bridge.firm.errors import BridgeError
from bridge.firm.files.bytes import HEAD_BYTES
from bridge.firm.files.carried import ENCRYPTED, MESSAGE, strays
from bridge.firm.files.rules import (
    Declared,
    FileRules,
    judge_bytes,
    judge_found,
    judge_message,
    judge_size,
    judge_type,
)
from bridge.firm.policy import Decision, is_held, may_act
from bridge.guard.files import UNLISTED, UNREADABLE, carries_file
from bridge.handlers.arrival import Arrival, Context
from bridge.mapping.event import Event
from bridge.mapping.files import file_in
from bridge.matrix.errors import ForbiddenError, NotFoundError
from bridge.operations.telling import Effect, tell
from bridge.reconcile.guarding import rules_of
from bridge.store.engine.unit import Unit, later
from bridge.store.files.files import file_row
from bridge.store.files.removed import BY_RULE, note_taken_away, standing_like
from bridge.store.models import File
from bridge.store.queues.outbox import transaction_id
from bridge.store.rooms.conversations import conversation_by_id
from bridge.wording.markdown import escape, message_link

log = structlog.get_logger(__name__)
Json = dict[str, Any]
REASON = "The firm's rules do not allow this."
"""What everybody in the conversation reads in the place of the message."""


class NotRemovedError(BridgeError):
    """A file that must not stay and that the homeserver does not let the bot remove. The message says why."""


@dataclass(frozen=True, slots=True)
class Unwanted:
    """A message with a file that is to go."""

    event_id: str
    room_id: str
    conversation_id: str
    sender: str
    """Matrix id."""
    staff_id: str
    """The sender's; empty where the account is nobody's."""
    mxc: str = ""
    """The file's address; empty where the message has none."""
    edit_id: str = ""
    """The event id of the edit by which the file came into it; empty for none."""


def is_unlisted(event: Event, bot_id: str) -> bool:
    """Whether an event is encrypted, or carries a file or picture in a form that no list of the firm's would have."""
    return event.sender != bot_id and event.state_key is None and strays(event.type, event.content)


async def handle_unlisted(arrival: Arrival, context: Context) -> Effect:
    """Delete it, and tell its sender. Where the guard is installed there is no such event."""
    refusal = UNREADABLE if arrival.event.type == ENCRYPTED else UNLISTED
    return await take_away(_arrived(arrival), Decision(False, refusal.rule, refusal.sentence), context.desk)


def is_forbidden_file(event: Event, rules: FileRules, bot_id: str) -> bool:
    """Whether a message carries a file that the rules forbid by what the message says of it. The bot's are its own."""
    if event.type != MESSAGE or event.state_key is not None or event.sender == bot_id:
        return False
    return carries_file(event.content) and not judge_message(event.content, rules)


async def handle_forbidden_file(arrival: Arrival, context: Context) -> Effect:
    """Delete a message whose file the rules forbid, and tell its sender. A program is quarantined as well."""
    content, desk = arrival.event.content, context.desk
    carried = file_in(content)
    mxc = carried.mxc if carried is not None and not carried.encryption else ""
    unwanted, rules = _arrived(arrival, mxc), rules_of(desk.settings.file_rules)
    effect = await take_away(unwanted, judge_message(content, rules), desk)
    if not judge_bytes(await _head(mxc, desk), rules):
        await _quarantine(unwanted, desk)
    return effect


async def judge_fetched(row: File, found_type: str, found_size: int, desk: Desk) -> Effect | None:
    """Judge a file whose bytes were fetched, and take it away where the rules forbid it; None where it may stay.

    So may all that was sent more than a day ago: a rule set today, or a cabinet that is opened today, removes nothing
    that people have relied on.
    `found_type` is the media type by the bytes, empty where they tell none. What comes back is a unit of work that
    notes the removal; doing all of it again is harmless. Raises RequestError.
    """
    late = max(row.at_ms, row.edited_at) < now_ms() - DAY_MS
    if late or (row.removed_at is not None and row.removed_by != desk.settings.bot_id):
        return None
    rules = rules_of(desk.settings.file_rules)
    declared = Declared(row.name, row.declared_type, row.declared_size, bool(row.encryption))
    decision = judge_found(declared, found_type, found_size, rules)
    if decision:
        return None
    unwanted = _of_row(row)
    effect = await take_away(unwanted, decision, desk)
    if not (judge_type(found_type, rules) and judge_size(found_size, rules)):
        await _quarantine(unwanted, desk)
    return effect


async def judge_bytes_of(desk: Desk, event_id: str, mxc: str, found_type: str, found_size: int) -> None:
    """The same for whoever fetched the bytes from this address, with all that follows.

    Raises RequestError, and NotRemovedError where the homeserver refuses.
    """
    row = await desk.store.read(file_row, event_id)
    if row is None or row.mxc != mxc:
        return
    try:
        effect = await judge_fetched(row, found_type, found_size, desk)
    except ForbiddenError as error:
        raise NotRemovedError(f"The message {event_id} has a forbidden file, and cannot be deleted: {error}") from error
    if effect is not None:
        await desk.store.run(effect)


async def take_away(unwanted: Unwanted, decision: Decision, desk: Desk) -> Effect:
    """Delete the message of a file that the rules forbid. All removal by a rule goes through here.

    The unit of work that comes back tells the sender why and what to do, and notes it in the audit log. Everything may
    be done again. What is under legal hold stays. Raises RequestError, and ForbiddenError where the bot cannot come
    back into a direct conversation.
    """
    key = unwanted.conversation_id
    conversation = await desk.store.read(conversation_by_id, key)
    if conversation is not None and is_held(desk.firm(), conversation):
        log.info("file_kept_under_hold", conversation=key, event_id=unwanted.event_id, rule=decision.rule)
        return _nothing
    for event_id in filter(None, (unwanted.edit_id, unwanted.event_id)):
        once = f"{event_id}/rule"
        if conversation is not None and conversation.kind is ConversationKind.DIRECT:
            await desk.reconciler.visits.redact(key, event_id, REASON, once)
        else:
            txn_id = transaction_id(once, desk.settings.bot_id)
            await desk.homeserver.redact(unwanted.room_id, event_id, REASON, txn_id)
    log.info("file_taken_away", conversation=key, event_id=unwanted.event_id, rule=decision.rule)
    return later(_note, unwanted, decision, desk)


def _nothing(unit: Unit) -> None:
    """A unit that writes nothing."""


def _note(unit: Unit, unwanted: Unwanted, decision: Decision, desk: Desk) -> None:
    """Note it, and tell the sender, unless nothing is done for them any more."""
    event_id, staff_id = unwanted.event_id, unwanted.staff_id
    news = note_taken_away(unit, event_id, unwanted.conversation_id, staff_id or unwanted.sender, decision.rule)
    if news and may_act(desk.firm(), staff_id):
        link = message_link("something you sent", unwanted.room_id, event_id, desk.server_name)
        tell(unit, staff_id, event_id, f"I removed {link}. {escape(decision.reason)}", desk.settings.bot_id)


async def quarantine_deleted(room_id: str, event_id: str, desk: Desk) -> None:
    """Where the firm wants that, let nobody download the file of a message that somebody deleted."""
    row = await desk.store.read(file_row, event_id) if desk.settings.file_rules.quarantine_deleted else None
    if row is not None and row.room_id == room_id and row.removed_by != BY_RULE:
        await _quarantine(_of_row(row), desk)


def _arrived(arrival: Arrival, mxc: str = "") -> Unwanted:
    event = arrival.event
    return Unwanted(event.event_id, event.room_id, arrival.place.key, event.sender, arrival.staff_id or "", mxc)


def _of_row(row: File) -> Unwanted:
    return Unwanted(row.event_id, row.room_id, row.conversation_id, row.sender, row.staff_id, row.mxc, row.edit_id)


async def _quarantine(unwanted: Unwanted, desk: Desk) -> None:
    """Let nobody download the file any more, where nobody else needs it.

    Synapse does so for all uploads with the same content, those to come included. So it is not done while another
    message stands that has this file or a copy of it, nor for a file that somebody else uploaded.
    """
    conversation = await desk.store.read(conversation_by_id, unwanted.conversation_id)
    if conversation is not None and is_held(desk.firm(), conversation):
        return
    info = await _media(unwanted.mxc, desk)
    if info is None or info["user_id"] != unwanted.sender:
        return
    size, sha256 = info["media_length"], info["sha256"]
    others = await desk.store.read(standing_like, unwanted.event_id, unwanted.mxc, size, sha256)
    for mxc in others:
        other = await _media(mxc, desk)
        if mxc == unwanted.mxc or (other is not None and other["sha256"] == info["sha256"]):
            log.info("file_needed_elsewhere", event_id=unwanted.event_id)
            return
    await desk.homeserver.quarantine(*_parts(unwanted.mxc))
    log.info("file_quarantined", event_id=unwanted.event_id)


class _Enough(BridgeError):  # noqa: N818 - no error: what ends a download
    """So much of a file was had as is looked at."""


async def _head(mxc: str, desk: Desk) -> bytes:
    """The first bytes of a file; none where it cannot be had."""
    server_name, media_id = _parts(mxc)
    head = b""

    async def take(piece: bytes) -> None:
        nonlocal head
        head += piece[:HEAD_BYTES]
        if len(head) >= HEAD_BYTES:
            raise _Enough

    if server_name == desk.server_name and media_id:
        with suppress(_Enough, NotFoundError, ForbiddenError):
            await desk.homeserver.download(server_name, media_id, take)
    return head


async def _media(mxc: str, desk: Desk) -> Json | None:
    server_name, media_id = _parts(mxc)
    known = server_name == desk.server_name and media_id
    return await desk.homeserver.media(server_name, media_id) if known else None


def _parts(mxc: str) -> tuple[str, str]:
    """Server and id of a file's address (specification: mxc:// URIs)."""
    server_name, _, media_id = mxc.removeprefix("mxc://").partition("/")
    return server_name, media_id
