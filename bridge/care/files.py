"""Files from before the bridge knew a room: its history is looked through once, page by page (V3).

From the beginning to the end, so that edits and deletions come in their order, and what happens meanwhile is met by
this or by the events that arrive, or by both, which is no matter.
"""

from __future__ import annotations

import structlog

from bridge.commands.table import Desk
from bridge.handlers.files import forgetting, is_file_message, noting
from bridge.handlers.places import Place, Places
from bridge.handlers.redactions import is_redaction, redacted
from bridge.handlers.telling import Effect
from bridge.matrix.attempts import is_passing
from bridge.matrix.errors import HomeserverError, NotFound
from bridge.store.conversations import now_ms
from bridge.store.files import HistoryTurn, histories_to_read, history_read

log = structlog.get_logger(__name__)
_ROOMS = 50


async def read_histories(desk: Desk, places: Places) -> int:
    """Note the files of every room whose history was not looked through; returns how many rooms were.

    A room that the homeserver refuses is passed over until the next call. Raises a HomeserverError that may pass, and
    StoreError: called again, it goes on behind the last page.
    """
    done, after = 0, ""
    while turns := await desk.store.run(lambda: histories_to_read(after, _ROOMS)):  # noqa: B023 - run at once
        for turn in turns:
            try:
                await _read(turn, desk, places)
                done += 1
            except HomeserverError as error:
                if is_passing(error):
                    raise
                log.warning("history_not_read", conversation=turn.conversation_id, reason=str(error))
            after = turn.room_id
    return done


async def _read(turn: HistoryTurn, desk: Desk, places: Places) -> None:
    place = await places.place(turn.room_id)
    position: str | None = turn.position
    while position is not None and place is not None:
        try:
            events, position = await desk.homeserver.admin_messages(turn.room_id, position)
        except NotFound:
            # It is gone, and with it what was in it.
            events, position = [], None
        effects = [effect for event in events if (effect := await _of(event, place, places)) is not None]
        await desk.store.run(_page(turn.room_id, effects, position), durable=False)


async def _of(event: dict[str, object], place: Place, places: Places) -> Effect | None:
    if is_redaction(event):
        return await forgetting(event, redacted(event), places)
    return await noting(event, place, places) if is_file_message(event) else None


def _page(room_id: str, effects: list[Effect], position: str | None) -> Effect:
    """A unit: what a page holds, and where to go on."""

    def unit() -> None:
        for effect in effects:
            effect()
        history_read(room_id, position or "", now_ms() if position is None else None)

    return unit
