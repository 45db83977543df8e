"""The morning digest: the matters in which somebody has unread messages, in their chat with the bot."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

import structlog

from bridge import faults
from bridge.desk import Desk
from bridge.firm.conversation import Conversation, bot_chat_id
from bridge.firm.model import Firm
from bridge.firm.policy import may_act, may_be_in
from bridge.mapping.names import matter_name
from bridge.matrix.attempts import is_passing
from bridge.matrix.errors import RequestError
from bridge.matrix.port import Unread
from bridge.reconcile.rooms.observe import in_parallel
from bridge.settings import Settings
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.people.digests import digests_done, mark_digest_done, matter_rooms_of, user_localpart, wants_digest
from bridge.store.queues.outbox import enqueue
from bridge.store.rooms.made import room_of
from bridge.wording.markdown import escape, room_link, text_message

log = structlog.get_logger(__name__)

GRACE = timedelta(hours=3)
"""How long after its time a digest may still be sent. A bridge that starts in the evening sends none."""
_AT_ONCE = 2
SHOWN = 30
"""Conversations that a digest lists."""
DAYS = frozenset(range(5))
"""The days of the week that have a digest, from Monday, which is 0: nobody works at the weekend."""


class _Came(Enum):
    """What came of one person's digest."""

    QUEUED = "queued"
    NOTHING = "nothing"
    """There was nothing to tell."""
    REFUSED = "refused"
    """The homeserver did not say what is unread."""


@dataclass(frozen=True, slots=True)
class Digests:
    """What came of a round of digests: people by what happened."""

    queued: int = 0
    nothing: int = 0
    refused: int = 0
    """Tried again in the next round."""


def day_due(settings: Settings, now: datetime) -> date | None:
    """The firm's day whose digest is to be sent at this moment (aware, any zone); None for none.

    On days of clock change a time that the clock skips counts as if it had not been put forward, and of a time that
    comes twice the first counts.
    """
    zone = ZoneInfo(settings.firm.timezone)
    day = now.astimezone(zone).date()
    if not settings.care.digest or day.weekday() not in DAYS:
        return None
    # Compared in UTC: within one zone Python compares what the clock on the wall shows.
    begin = datetime.combine(day, settings.care.digest_at, zone).astimezone(UTC)
    return day if begin <= now.astimezone(UTC) < begin + GRACE else None


async def send_digests(desk: Desk, now: datetime) -> Digests:
    """Queue the digests that are due at this moment and not done yet, each person's at most once a day.

    Called again, it goes on with those whose unread messages could not be had. Raises UnreachableError or
    TokenRejectedError while the homeserver is away, and StoreError.
    """
    day = day_due(desk.settings, now)
    if day is None:
        return Digests()
    done = await desk.store.read(digests_done, day.isoformat())
    waiting = list(desk.firm().active_staff - done)
    # In another order each time, so that somebody about whom the homeserver never answers holds up nobody else.
    random.shuffle(waiting)
    came = Counter(await in_parallel(waiting, lambda staff_id: _one(desk, staff_id, day), _AT_ONCE))
    tally = Digests(queued=came[_Came.QUEUED], nothing=came[_Came.NOTHING], refused=came[_Came.REFUSED])
    if waiting:
        log.info("digests", day=day.isoformat(), queued=tally.queued, nothing=tally.nothing, refused=tally.refused)
    return tally


async def _one(desk: Desk, staff_id: str, day: date) -> _Came:
    """Queue one person's digest, if there is something to tell."""
    unread: list[Unread] = []
    localpart = await desk.store.run(_asked_for, staff_id)
    if localpart is not None and may_act(desk.firm(), staff_id):
        try:
            unread = await desk.homeserver.unread(f"@{localpart}:{desk.server_name}")
        except RequestError as error:
            if is_passing(error):
                raise
            log.warning("digest_waits", staff=staff_id, reason=str(error))
            return _Came.REFUSED
    faults.point("digest.asked")
    queued = await desk.store.run(_finish, desk, staff_id, day, unread)
    faults.point("digest.queued")
    return _Came.QUEUED if queued else _Came.NOTHING


def _asked_for(unit: ReadUnit, staff_id: str) -> str | None:
    """The localpart of somebody who wants a digest and is in some matter; None for all others."""
    if not wants_digest(unit, staff_id) or not matter_rooms_of(unit, staff_id):
        return None
    return user_localpart(unit, staff_id)


def _finish(unit: Unit, desk: Desk, staff_id: str, day: date, unread: Iterable[Unread]) -> bool:
    """Queue the digest and note that it is done. Whether there was one to queue.

    The policy is asked here, with the firm of this moment: a wall set while the homeserver was asked holds (M3).
    """
    firm, today = desk.firm(), desk.today()
    mark_digest_done(unit, staff_id, day.isoformat())
    if not may_act(firm, staff_id) or (chat := room_of(unit, bot_chat_id(staff_id))) is None:
        return False
    rooms = matter_rooms_of(unit, staff_id)
    seen = [one for one in unread if one.room_id in rooms and may_be_in(firm, staff_id, rooms[one.room_id], today)]
    if not seen:
        return False
    text = digest_text(firm, seen, rooms, desk.server_name)
    enqueue(unit, f"digest/{day}/{staff_id}", chat, desk.settings.bot_id, "m.room.message", text_message(text))
    return True


def digest_text(firm: Firm, unread: Iterable[Unread], rooms: Mapping[str, Conversation], server_name: str) -> str:
    """The digest in Markdown: a line for each matter, the one with the newest message first. `rooms` by room id."""
    newest_first = sorted(unread, key=lambda one: one.newest_at, reverse=True)
    shown, rest = newest_first[:SHOWN], len(newest_first) - SHOWN
    by_matter: dict[str, list[str]] = {}
    for one in shown:
        conversation = rooms[one.room_id]
        linked = room_link(conversation.title, one.room_id, server_name)
        by_matter.setdefault(conversation.matter_id, []).append(f"{one.count} in {linked}")
    lines = [
        f"- {escape(matter_name(firm.matters[matter_id]))}: {', '.join(counts)}"
        for matter_id, counts in by_matter.items()
    ]
    conversations = "conversation" if rest == 1 else "conversations"
    more = f"\n\nAnd in {rest} more {conversations}." if rest > 0 else ""
    return "\n".join(["**Unread messages in your matters**\n", *lines]) + f"{more}\n\n`!digest off` ends this message."
