"""Telling the firm admins, in their room, that somebody was refused again and again (O1).

No matter or room is named there, since whoever reads it may be screened from it (M3); `!audit` shows each admin what
they may know.
"""

from __future__ import annotations

import structlog

from bridge.desk import Desk
from bridge.firm.audit import Deed
from bridge.firm.conversation import ADMINS_ID
from bridge.store.engine.unit import Unit
from bridge.store.queues.outbox import enqueue
from bridge.store.record.refusals import TALLY_MS, Many, many_refused, mark_many_told
from bridge.store.rooms.made import room_of
from bridge.wording.audit_lines import NOBODY
from bridge.wording.markdown import code, escape, text_message
from bridge.wording.moments import clock_in, day_in

log = structlog.get_logger(__name__)
_SHOWN = 20


async def tell_of_refusals(desk: Desk) -> int:
    """Queue one message about everybody who was refused too often; returns how many those are. Raises StoreError.

    Where there is no room for it, it waits for one.
    """
    return await desk.store.run(_tell, desk)


def _tell(unit: Unit, desk: Desk) -> int:
    """Queue the message and note that it is told."""
    found = many_refused(unit)
    room_id = room_of(unit, ADMINS_ID) if found else None
    if room_id is None:
        return 0
    sentences = [_sentence(desk, one) for one in found[:_SHOWN]]
    if len(found) > _SHOWN:
        sentences.append(f"And {len(found) - _SHOWN} others: `!audit refused` shows what was tried.")
    key = f"refusals/{found[-1].actor}/{found[-1].last_ms}"
    enqueue(unit, key, room_id, desk.settings.bot_id, "m.room.message", text_message("\n\n".join(sentences)))
    mark_many_told(unit, [one.actor for one in found])
    log.info("admins_told_of_refusals", people=len(found))
    return len(found)


def _sentence(desk: Desk, one: Many) -> str:
    person = desk.firm().staff.get(one.actor)
    if person is not None:
        who, asked = f"**{escape(person.name)}**", f"!audit {person.name} refused"
    elif one.actor in Deed.__members__.values():
        deed = Deed(one.actor)
        who, asked = f"**{NOBODY.get(deed, 'Somebody')}**", f"!audit deed:{deed.value}"
    else:
        who, asked = code(one.actor), f"!audit {one.actor} refused"
    dates = desk.settings.firm
    return (
        f"{who} was refused {one.count} times within {TALLY_MS // 60_000} minutes, the last time at"
        f" {clock_in(dates, one.last_ms)} on {day_in(dates, one.last_ms)}. {code(asked)} shows what was tried."
    )
