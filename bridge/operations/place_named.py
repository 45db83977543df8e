"""The matter, channel or room that somebody means by a number, name, address or link, or a system by an id."""

from __future__ import annotations

from bridge.desk import Desk
from bridge.firm.conversation import Conversation, channel_key
from bridge.firm.matters.search import matter_numbered
from bridge.firm.model import Matter, Staff
from bridge.firm.room_keys import matter_of_space
from bridge.firm.sight import Sight
from bridge.operations.sight import sight_of
from bridge.refusal import Kind, Refusal
from bridge.store.engine.unit import ReadUnit
from bridge.store.rooms.channels import channel_named
from bridge.store.rooms.conversations import conversation_by_id
from bridge.store.rooms.questions import key_behind


async def find_place(desk: Desk, sight: Sight, typed: str) -> Matter | Conversation:
    """The matter with this number, the channel with this name, or what the room with this id, address or link is, or
    what has this id itself.

    Raises Refusal. What must not be seen is looked for and answered like what is not there (M3, D4).
    """
    wanted = " ".join(typed.split()).strip("\"'“”„").strip()
    if (numbered := matter_numbered(sight.firm, wanted, sight.matter)) is not None:
        return numbered
    alias = wanted.removeprefix("#").partition(":")[0]
    name = channel_key(wanted.removeprefix("#"))

    def work(unit: ReadUnit) -> tuple[str | None, Conversation | None]:
        channel = channel_named(unit, name)
        key = channel.id if channel is not None else key_behind(unit, wanted, alias)
        return key, conversation_by_id(unit, key or wanted)

    key, conversation = await desk.store.read(work)
    if conversation is not None and sight.conversation(conversation):
        return conversation
    found = sight.firm.matters.get(matter_of_space(key or "") or wanted)
    if found is not None and sight.matter(found):
        return found
    raise Refusal(Kind.NO_SUCH_PLACE, typed=typed)


async def place_asked(desk: Desk, asker: Staff, typed: str) -> Matter | Conversation:
    """The same for a firm admin. Raises Refusal."""
    return await find_place(desk, sight_of(desk, asker), typed)
