"""How far each person has read the list that they asked the bot for last. Times are milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import ListPosition

LIST_MS = 24 * 60 * 60 * 1000
"""So long a list goes on after its last page."""


@dataclass(frozen=True, slots=True)
class ListAsked:
    """A list that a command asked for."""

    room_id: str
    event_id: str
    """Of the command."""
    place: str
    """The id of the conversation it was typed in."""
    after: Any = None
    """Where the next page begins, in JSON's values; None at the end."""


def note_page(unit: Unit, staff_id: str, listed: ListAsked, now: int) -> None:
    """Note how far somebody has come. At the end there is nothing to go on with."""
    unit.run(ListPosition.delete().where(ListPosition.staff_id == staff_id))
    if listed.after is not None:
        unit.add(
            ListPosition(
                staff_id=staff_id,
                room_id=listed.room_id,
                event_id=listed.event_id,
                place=listed.place,
                after=orjson.dumps(listed.after).decode(),
                at_ms=now,
            )
        )


def list_of(unit: ReadUnit, staff_id: str, since: int) -> ListAsked | None:
    """The list that somebody can go on with, unless its last page was shown before then."""
    row = unit.find(ListPosition, ListPosition.staff_id == staff_id, ListPosition.at_ms >= since)
    return None if row is None else ListAsked(row.room_id, row.event_id, row.place, orjson.loads(row.after))


def forget_lists(unit: Unit, before: int) -> None:
    """Forget lists whose last page was shown before then."""
    unit.run(ListPosition.delete().where(ListPosition.at_ms < before))
