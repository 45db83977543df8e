"""Making channels, and the list of them (C1)."""

from __future__ import annotations

from functools import partial

from bridge.commands.asking.channels import checked, name_taken
from bridge.commands.asking.paging import paged
from bridge.commands.asking.shown import link
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, List
from bridge.commands.channels.finding import lines_of
from bridge.firm.conversation import channel_key, free_channel_id
from bridge.firm.model import Staff
from bridge.operations.rooms import made_room
from bridge.reconcile.planning.seeds import new_channel
from bridge.refusal import CommandError
from bridge.store.rooms.channels import all_channels, channel_aliases, channel_caused_by, channel_named, name_keys
from bridge.store.rooms.conversations import NewConversation, add_conversations
from bridge.wording.people import names


async def _list(call: Call) -> Answer:
    return await paged(call, _listed)


async def _listed(call: Call) -> List:
    found = [channel for channel in await call.desk.store.read(all_channels) if not channel.archived]
    nothing = "There is no channel yet. `!channel create NAME` makes one."
    return List(found, foot="" if found else nothing, shown=partial(lines_of, call))


def add_channel(name: str, topic: str, people: frozenset[str], by: str, cause: str) -> tuple[str, str]:
    """A unit: store a new channel of this checked name. Its id; where the name is taken, none and what to say (C1).

    Asked again for the same `cause`, the event or request by which the staff id `by` asks, it is the same channel.
    """
    if (made := channel_caused_by(cause)) is not None:
        return made.id, ""
    key = channel_key(name)
    if (owner := channel_named(key)) is not None:
        return "", name_taken(owner, name, name_keys())
    aliases = channel_aliases()
    new = new_channel(name, topic, people, aliases, channel_id=free_channel_id(key, aliases))
    add_conversations([NewConversation(new.conversation, new.name_key, new.alias_localpart, by, cause)])
    return new.conversation.id, ""


async def _create(call: Call) -> Answer:
    name = checked(call.values["name"])
    others: tuple[Staff, ...] = tuple(
        dict.fromkeys(person for person in call.values.get("people", ()) if person.id != call.sender.id)
    )
    people = frozenset(person.id for person in (call.sender, *others))

    def unit() -> tuple[str, str]:
        return add_channel(name, "", people, call.sender.id, call.event_id)

    channel_id, refusal = await call.desk.store.run(unit)
    if refusal:
        raise CommandError(refusal)
    room_id = await made_room(call.desk, channel_id, call.sender.id, call.event_id)
    with_whom = f" with {names(others)}" if others else ""
    return Answer(f"Made the channel {link(call, name, room_id)}{with_whom}.")


CHANNEL_LIST = Command(
    "channel list",
    "The firm's channels",
    _list,
    help="Lists the channels with their topics, but for archived ones.",
    examples=("!channel list",),
    group="Channels",
    also=("channels",),
)
CHANNEL_CREATE = Command(
    "channel create",
    "Make a channel",
    _create,
    (
        Argument("name", ArgumentType.NAME, shown="NAME"),
        Argument("people", ArgumentType.PEOPLE, required=False, shown="@person …"),
    ),
    help="Makes a channel with you and the people you name. Everybody in the firm can find and join it."
    " The name is what stands before the first person, at most 80 characters.",
    examples=("!channel create Court Filings", "!channel create Friday Lunch @ruth @tom"),
    group="Channels",
    also=("create",),
)
