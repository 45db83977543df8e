"""Files from before the bridge knew a room, or that it missed: histories are looked through, page by page (V3).

From the beginning to the end, so that edits and deletions come in their order, and what happens meanwhile is met by
this or by the events that arrive, or by both, which is no matter.
"""

from __future__ import annotations

from typing import Any

import structlog

from bridge.clock import now_ms
from bridge.desk import Desk
from bridge.failures import describe
from bridge.handlers.arrival import Arrival
from bridge.handlers.files import forgetting, is_file_message, noting
from bridge.handlers.places import Place, Places
from bridge.handlers.redactions import is_redaction
from bridge.mapping.event import event_of
from bridge.matrix.attempts import is_passing
from bridge.matrix.errors import NotFoundError, RequestError, TokenRejectedError
from bridge.operations.telling import Effect, all_of
from bridge.store.engine.store import StoreError
from bridge.store.engine.unit import later
from bridge.store.queues.histories import (
    HistoryTurn,
    begin_again,
    histories_to_read,
    history_read,
    nothing_since,
    put_off_history,
)

log = structlog.get_logger(__name__)
_ROOMS = 50
_PAUSE_MS = 600_000
"""Before a room is tried again that the homeserver did not give."""
_AWAY_AFTER = 3
"""So many rooms in a row that the homeserver does not give, and it is the homeserver that is away."""
_EARLIER_MS = 60_000
"""Read more than what was missed: events may stand in another order than their times."""


async def read_histories(desk: Desk, places: Places) -> int:
    """Note the files of every room whose history is to be looked through; returns how many rooms were.

    A room that the homeserver does not give is put off. Raises a RequestError where it gives none, and StoreError:
    called again, it goes on behind the last page.
    """
    done, after, failed = 0, "", 0
    while turns := await desk.store.read(histories_to_read, after, _ROOMS):
        for turn in turns:
            try:
                await _read(turn, desk, places)
                done, failed = done + 1, 0
            except RequestError as error:
                log.warning("history_not_read", conversation=turn.conversation_id, reason=str(error))
                failed += 1
                if is_passing(error) and (failed >= _AWAY_AFTER or isinstance(error, TokenRejectedError)):
                    raise
                await desk.store.run(put_off_history, turn.room_id, now_ms() + _PAUSE_MS)
            after = turn.room_id
    return done


async def _read(turn: HistoryTurn, desk: Desk, places: Places) -> None:
    place = await places.place(turn.room_id)
    position: str | None = await _beginning(turn, desk)
    while position is not None and place is not None:
        try:
            events, position = await desk.homeserver.admin_messages(turn.room_id, position)
        except NotFoundError:
            # It is gone, and with it what was in it.
            events, position = [], None
        effects = [effect for event in events if (effect := await _effect_of(event, place, places)) is not None]
        await _note(turn, effects, position, desk)


async def _beginning(turn: HistoryTurn, desk: Desk) -> str | None:
    """Where to read on; None for nowhere."""
    if turn.again_from is None:
        return turn.position
    place = await desk.homeserver.admin_place_of(turn.room_id, turn.again_from - _EARLIER_MS)
    if place is None:
        await desk.store.run(nothing_since, turn.room_id, turn.again_from)
    else:
        await desk.store.run(begin_again, turn.room_id, turn.again_from, place)
    return place


async def _effect_of(given: dict[str, Any], place: Place, places: Places) -> Effect | None:
    """What an event is to have noted. One that cannot be read at all holds up no other."""
    try:
        event = event_of(given)
        arrival = Arrival(event, place, await places.staff_id(event.sender))
        if is_redaction(event):
            return forgetting(arrival)
        return noting(arrival) if is_file_message(event) else None
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 - see above
        log.error("history_event_left_out", event_id=given.get("event_id"), error=describe(error))  # noqa: TRY400
        return None


async def _note(turn: HistoryTurn, effects: list[Effect], position: str | None, desk: Desk) -> None:
    """Write down what a page holds, and where to go on: in one unit, or what can be where that is refused."""
    read = later(history_read, turn.room_id, position or "", now_ms() if position is None else None)
    try:
        await desk.store.run_undurable(all_of([*effects, read]))
    except Exception as error:  # noqa: BLE001 - whatever comes of one event belongs to that one
        log.warning("history_page_refused", conversation=turn.conversation_id, reason=describe(error))
        for effect in effects:
            try:
                await desk.store.run_undurable(effect)
            except Exception as one:  # noqa: BLE001 - see above
                log.error("history_event_left_out", conversation=turn.conversation_id, error=describe(one))  # noqa: TRY400
        # Where the database is away this is refused too, and the page is read again.
        await desk.store.run(read)
