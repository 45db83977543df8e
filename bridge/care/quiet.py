"""Quiet care: a channel that nobody has been in for a while is archived, and those concerned are told (C1)."""

from __future__ import annotations

import structlog

from bridge import faults
from bridge.clock import DAY_MS
from bridge.desk import Desk
from bridge.firm.conversation import Channel, bot_chat_id
from bridge.firm.policy import may_act
from bridge.store.engine.unit import Unit
from bridge.store.people.digests import empty_channels
from bridge.store.queues.outbox import enqueue
from bridge.store.rooms.channels import archive, channel
from bridge.store.rooms.made import room_of
from bridge.wording.channels import archived_again, typeable
from bridge.wording.markdown import code, escape, notice, room_link, text_message
from bridge.wording.moments import day_in

log = structlog.get_logger(__name__)


async def archive_empty_channels(desk: Desk, now_ms: int) -> list[str]:
    """Archive the channels that nobody was in for `care.archive_empty_days`; returns their ids.

    Once they are archived in the store, a HomeserverError may be raised: the next pass closes the rooms. Raises
    StoreError.
    """
    days = desk.settings.care.archive_empty_days
    if not days:
        return []

    def work(unit: Unit) -> list[str]:
        # Looked at and archived in one unit: nobody joins in between.
        due = {key: since for key, since in empty_channels(unit).items() if since <= now_ms - days * DAY_MS}
        return [key for key, since in due.items() if _archive(unit, desk, key, since)]

    archived = await desk.store.run(work)
    for channel_id in archived:
        log.info("empty_channel_archived", conversation=channel_id)
    faults.point("channels.archived")
    if archived:
        await desk.reconciler.rooms.converge(*archived)
    return archived


def _archive(unit: Unit, desk: Desk, channel_id: str, since: int) -> bool:
    found = channel(unit, channel_id)
    bot_id, day = desk.settings.bot_id, _day(since, desk)
    if found is None or not archive(unit, channel_id, "", reason=f"Nobody has been in it since {day}."):
        return False
    key = f"empty/{channel_id}/{since}"
    if found.room_id is not None:
        text = (
            f"Nobody has been in this channel since {day}, so I archived it. It can be read, not written in."
            f" `!channel restore` opens it again. {archived_again(desk.settings)}"
        )
        enqueue(unit, f"{key}/notice", found.room_id, bot_id, "m.room.message", notice(text))
    chat = room_of(unit, bot_chat_id(found.created_by)) if may_act(desk.firm(), found.created_by) else None
    if chat is not None:
        enqueue(unit, f"{key}/maker", chat, bot_id, "m.room.message", text_message(_for_maker(found, day, desk)))
    return True


def _for_maker(found: Channel, day: str, desk: Desk) -> str:
    name = room_link(found.title, found.room_id, desk.server_name) if found.room_id else escape(found.title)
    title = typeable(found.title)
    return (
        f"I archived {name}, a channel you made: nobody has been in it since {day}. It can be read and found, and its"
        f" name stays taken. {code(f'!channel restore {title}')} opens it again, and {code(f'!channel join {title}')}"
        f" takes you back into it. {archived_again(desk.settings)}"
    )


def _day(at_ms: int, desk: Desk) -> str:
    return day_in(desk.settings.firm, at_ms)
