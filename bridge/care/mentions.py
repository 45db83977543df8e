"""Whoever was mentioned and does not read it is told of it in the practice system, where the firm wants that."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import structlog

from bridge.clock import now_ms
from bridge.desk import Desk
from bridge.directory.sources.port import SourceError
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.model import Firm
from bridge.firm.policy import desired_participants, may_act
from bridge.matrix.attempts import is_passing
from bridge.matrix.errors import RequestError
from bridge.metrics import Metrics
from bridge.store.engine.unit import Unit
from bridge.store.people.digests import user_localpart
from bridge.store.rooms.made import key_of_room
from bridge.store.rooms.mentions import forget_mentions, forget_mentions_before, mentions_before
from bridge.store.rooms.world import conversations_with_people

if TYPE_CHECKING:
    # Loaded where a source is asked alone.
    from bridge.directory.sources.running import Notes

log = structlog.get_logger(__name__)
_MOST = 200
_STALE_MS = 24 * 60 * 60 * 1000
"""After which a mention is no news: the bridge or the homeserver was away."""


async def tell_of_mentions(desk: Desk, notes: Notes, metrics: Metrics) -> None:
    """Show a note to those who have not read where they were mentioned, one for each conversation. Raises StoreError.

    Each is taken from what waits before it is shown, so that whatever ends the bridge shows none twice.
    """
    now, came = now_ms(), Counter[str]()
    due = await desk.store.read(mentions_before, now - desk.settings.smokeball.notify_minutes * 60_000, _MOST)
    if due and due[0].at_ms <= now - _STALE_MS:
        # By themselves, so that a newer one in the same room has its note.
        came["unneeded"] = await desk.store.run(forget_mentions_before, now - _STALE_MS)
    fresh = dict.fromkeys((one.staff_id, one.room_id) for one in due if one.at_ms > now - _STALE_MS)
    for staff_id in dict.fromkeys(staff_id for staff_id, _ in fresh):
        try:
            unread = await _unread(desk, staff_id)
        except RequestError as error:
            log.warning("mentions_wait", staff=staff_id, reason=str(error))
            if is_passing(error):
                break
            unread = frozenset()
        for room_id in [room_id for of, room_id in fresh if of == staff_id]:
            conversation = await desk.store.run(_take, staff_id, room_id, room_id in unread)
            came[await _show(desk, notes, staff_id, conversation)] += 1
    for outcome, count in came.items():
        metrics.source_notes.labels("smokeball", outcome).inc(count)


async def _unread(desk: Desk, staff_id: str) -> frozenset[str]:
    """The rooms in which somebody has unread messages; none of who may do nothing."""
    localpart = await desk.store.read(user_localpart, staff_id)
    if localpart is None or not may_act(desk.firm(), staff_id):
        return frozenset()
    return frozenset(one.room_id for one in await desk.homeserver.unread(f"@{localpart}:{desk.server_name}"))


def _take(unit: Unit, staff_id: str, room_id: str, is_unread: bool) -> Conversation | None:
    """Take what waits of somebody in a room, and the conversation of which a note is to be shown; None for none."""
    key = key_of_room(unit, room_id) if forget_mentions(unit, staff_id, room_id) and is_unread else None
    return conversations_with_people(unit, [key]).get(key) if key is not None else None


def note_text(firm: Firm, conversation: Conversation) -> str:
    """The note, which says where, and nothing of what was said, by whom, or what the conversation is called."""
    if conversation.kind is ConversationKind.MATTER:
        where = f"a conversation of matter {firm.matters[conversation.matter_id].number}"
    else:
        where = "a channel" if conversation.kind is ConversationKind.CHANNEL else "a direct conversation"
    return f"You were mentioned in {where} and have not read it yet."


async def _show(desk: Desk, notes: Notes, staff_id: str, conversation: Conversation | None) -> str:
    """What came of it: shown, unneeded or failed."""

    def text() -> str:
        # Asked with the firm of the moment in which it is sent: a wall set while it waited for its turn holds (M3).
        firm = desk.firm()
        if conversation is None or staff_id not in desired_participants(firm, conversation, desk.today()):
            return ""
        return note_text(firm, conversation)

    try:
        return "shown" if text() and await notes.show(staff_id, text) else "unneeded"
    except SourceError as error:
        log.warning("note_not_shown", staff=staff_id, reason=str(error))
        return "failed"
