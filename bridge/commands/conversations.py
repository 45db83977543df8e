"""What the commands that open conversations share."""

from __future__ import annotations

from collections.abc import Iterable

from bridge.commands.errors import CommandError
from bridge.commands.replies import enumerated, escape, room_link
from bridge.commands.table import Call, Desk
from bridge.firm.model import Staff
from bridge.store.conversations import room_of


def plain_names(people: Iterable[Staff]) -> str:
    """People as a reader lists them: A, B and C."""
    return enumerated([person.name for person in people])


def names(people: Iterable[Staff]) -> str:
    """The same in Markdown."""
    return escape(plain_names(people))


async def make_room(call: Call, conversation_id: str) -> str:
    """Bring the conversation's room into being as it should be, and return its id. Raises CommandError."""
    return await made_room(call.desk, conversation_id)


async def made_room(desk: Desk, conversation_id: str) -> str:
    """The same where nothing was typed."""
    outcome = await desk.reconciler.converge(conversation_id)
    room_id = await desk.store.run(lambda: room_of(conversation_id))
    if room_id is None or outcome.failed:
        raise CommandError(
            "That did not work out completely. Your firm admin can see why in the bridge's log;"
            " the rest is tried again by itself."
        )
    return room_id


def link(call: Call, label: str, room_id: str) -> str:
    """A link to the room, for a reply."""
    return room_link(label, room_id, call.desk.server_name)
