"""The panel beside the messages opens without a question: its owner's client is told that it may load it (P4).

Clients ask everybody before they load a page of another site. This one the firm put there, and the guard lets nobody
else put any. That is told of the bot's own state alone, and never again to whoever took the permission back.
"""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from bridge.desk import Desk
from bridge.firm.room_rules import WIDGET
from bridge.handlers.arrival import Arrival, Context
from bridge.mapping.clients.widgets import ALLOWED, WIDGET_ID, allowed, shows_widget
from bridge.mapping.event import Event, event_of
from bridge.matrix.attempts import is_passing
from bridge.matrix.errors import RequestError
from bridge.operations.telling import Effect
from bridge.reconcile.rooms.observe import observe_room

log = structlog.get_logger(__name__)


def is_widget(event: Event, bot_id: str, panel: str) -> bool:
    """Whether an event puts the panel beside the messages of a room."""
    return event.sender == bot_id and shows_widget(event.type, event.state_key, event.content, panel)


async def handle_widget(arrival: Arrival, context: Context) -> Effect | None:
    """Let the clients of those who are in the room load it. Who comes later is allowed as they come."""
    desk, room_id = context.desk, arrival.event.room_id
    room = await observe_room(desk.homeserver, room_id, bot_expected=False)
    people = {} if room is None else room.members
    inside = [who for who, membership in people.items() if membership == "join" and who != desk.settings.bot_id]
    await _allow(desk, room_id, arrival.event.event_id, inside)
    return None


async def allow_widget(desk: Desk, room_id: str, user_id: str) -> None:
    """Let the client of somebody who came into a room load the panel beside its messages, where it is there.

    Raises no RequestError: where it cannot be done, their client asks them once.
    """
    settings = desk.settings
    if not settings.panel.widget:
        return
    try:
        event = await desk.homeserver.state_event_as(user_id, room_id, WIDGET, WIDGET_ID)
        if event is not None and is_widget(event_of(event), settings.bot_id, settings.panel.url):
            await _allow_one(desk, room_id, event["event_id"], user_id)
    except RequestError as error:
        _not_allowed(room_id, user_id, error)


async def _allow(desk: Desk, room_id: str, event_id: str, people: Iterable[str]) -> None:
    """Raises RequestError where the homeserver is away; what is wrong with one of them is not the others' concern."""
    for user_id in people:
        try:
            await _allow_one(desk, room_id, event_id, user_id)
        except RequestError as error:
            if is_passing(error):
                raise
            _not_allowed(room_id, user_id, error)


async def _allow_one(desk: Desk, room_id: str, event_id: str, user_id: str) -> None:
    before = await desk.homeserver.account_data(user_id, ALLOWED, room_id)
    if (after := allowed(before, event_id)) is not None:
        await desk.homeserver.put_account_data(user_id, ALLOWED, after, room_id)


def _not_allowed(room_id: str, user_id: str, error: RequestError) -> None:
    # Somebody who left a moment ago, for instance, or whose own data there takes nothing more.
    log.info("widget_not_allowed", room_id=room_id, user_id=user_id, reason=str(error))
