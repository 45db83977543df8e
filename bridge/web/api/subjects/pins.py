"""Pinned messages."""

from __future__ import annotations

from bridge.operations import overview as seen
from bridge.operations.conversations import pins as board
from bridge.operations.tokens import Scope
from bridge.web.api import models as shown
from bridge.web.api.asking import ApiCall
from bridge.web.api.subjects.people import named_by_id
from bridge.web.api.table import CONVERSATION, do, get


async def pins(call: ApiCall) -> shown.PageJson[shown.PinJson]:
    """The pinned messages of a conversation that the person is in, the newest pin first."""
    found = await board.pinned(call.desk, await _board(call))
    return shown.PageJson(
        items=[
            shown.PinJson(
                event_id=one.event_id,
                room_id=one.room_id,
                author=one.author,
                text=one.text,
                pinned_by=named_by_id(call, one.pinned_by),
                pinned_at=None if one.pinned_at is None else shown.moment(one.pinned_at),
            )
            for one in found
        ],
        next=None,
    )


async def pin(call: ApiCall) -> shown.DoneJson:
    """Pin a message, as the person."""
    return shown.DoneJson(done=await board.pin(call.desk, call.person, await _board(call), call.named("event")))


async def unpin(call: ApiCall) -> shown.DoneJson:
    """Take a message off the list, as the person."""
    return shown.DoneJson(done=await board.unpin(call.desk, call.person, await _board(call), call.named("event")))


async def _board(call: ApiCall) -> board.Board:
    account = await seen.account_of(call.desk, call.person.id)
    return await board.board_of(call.desk, call.inside.conversation, account)


ROUTES = (
    get(
        "pins.list",
        path=f"{CONVERSATION}/pins",
        scope=Scope.PINS,
        run=pins,
        answer=shown.PageJson[shown.PinJson],
    ),
    do(
        "pins.pin",
        "PUT",
        path=f"{CONVERSATION}/pins/{{event}}",
        scope=Scope.CHANGE_PINS,
        run=pin,
        answer=shown.DoneJson,
    ),
    do(
        "pins.unpin",
        "DELETE",
        path=f"{CONVERSATION}/pins/{{event}}",
        scope=Scope.CHANGE_PINS,
        run=unpin,
        answer=shown.DoneJson,
    ),
)
