"""Bringing the room of a conversation into being."""

from __future__ import annotations

from collections.abc import Iterable

from bridge.desk import Desk
from bridge.firm.conversation import bot_chat_id
from bridge.operations.first_line import say_first_line
from bridge.refusal import Kind, Refusal
from bridge.store.engine.unit import Unit
from bridge.store.queues.outbox import enqueue
from bridge.store.rooms.accounts import staff_by_localpart
from bridge.store.rooms.made import room_of
from bridge.wording.markdown import room_link, text_message
from bridge.wording.people import names


async def made_room(desk: Desk, conversation_id: str, asked_by: str, cause: str) -> str:
    """Bring the conversation's room into being as it should be, and return its id. Raises Refusal.

    In a rehearsal none is made. Who cannot be brought in, because a server admin suspended their account, holds up
    nobody: `asked_by`, a staff id, is told, once for each `cause`.
    """
    if desk.rehearses:
        return ""
    outcome = await desk.reconciler.rooms.converge(conversation_id)

    def work(unit: Unit) -> str | None:
        if not outcome.failed or outcome.suspended:
            say_first_line(unit, conversation_id, desk)
        return room_of(unit, conversation_id)

    room_id = await desk.store.run(work)
    if room_id is None or (outcome.failed and not outcome.suspended):
        raise Refusal(Kind.NOT_COMPLETE)
    if outcome.suspended:
        await desk.store.run(_tell_of_suspended, desk, room_id, outcome.suspended, asked_by, cause)
    return room_id


def _tell_of_suspended(
    unit: Unit, desk: Desk, room_id: str, user_ids: Iterable[str], asked_by: str, cause: str
) -> None:
    """Tell who is missing, and what can be done."""
    accounts, firm, chat = staff_by_localpart(unit), desk.firm(), room_of(unit, bot_chat_id(asked_by))
    ids = [accounts.get(user_id[1:].partition(":")[0], "") for user_id in sorted(user_ids)]
    whom = names(firm.staff[staff_id] for staff_id in ids if staff_id in firm.staff)
    where = room_link("this conversation", room_id, desk.server_name)
    text = (
        f"{whom} cannot come into {where}: the account is suspended on the server. A server admin can lift that; the"
        " rest is then done by itself."
    )
    if chat is not None and whom:
        enqueue(unit, f"{cause}/suspended", chat, desk.settings.bot_id, "m.room.message", text_message(text))
