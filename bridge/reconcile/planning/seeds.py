"""What the directory starts by itself: chats with the bot, the first conversations of matters, and channels. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bridge.firm import conversation as names
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.model import Firm, Matter, MatterStatus
from bridge.mapping.ids import channel_alias
from bridge.settings import FirmSettings
from bridge.store.rooms.conversations import NewConversation
from bridge.store.rooms.world import Extent, World


def seeds(
    firm: Firm, world: World, settings: FirmSettings, extent: Extent | None = None
) -> tuple[NewConversation, ...]:
    """The conversations that should exist from the start and do not yet; of this part of the firm where one is given,
    which `world` then is."""
    return (
        *_bot_chats(_people_in(firm, extent), world),
        *_admins_room(world, settings),
        *(_channels(firm, world, settings) if extent is None or extent.channels else ()),
        *_first_conversations(firm, matters_in(firm, extent), world, settings),
    )


def _people_in(firm: Firm, extent: Extent | None) -> frozenset[str]:
    """Staff ids of those whose chats with the bot are in this part, or of everybody."""
    if extent is None:
        return firm.active_staff
    named = {one for one in firm.active_staff if names.bot_chat_id(one) in extent.keys} if extent.keys else set()
    return (firm.active_staff & extent.people) | named


def matters_in(firm: Firm, extent: Extent | None) -> Iterable[Matter]:
    """The firm's matters in this part, or all."""
    if extent is None:
        return firm.matters.values()
    return [firm.matters[one] for one in sorted(extent.matters & firm.matters.keys())]


def _admins_room(world: World, settings: FirmSettings) -> Iterator[NewConversation]:
    if settings.admins_room and names.ADMINS_ID not in world.conversations:
        yield NewConversation(Conversation(names.ADMINS_ID, ConversationKind.ADMINS, settings.admins_room))


def _bot_chats(staff_ids: Iterable[str], world: World) -> Iterator[NewConversation]:
    for staff_id in sorted(staff_ids):
        chat_id = names.bot_chat_id(staff_id)
        if chat_id not in world.conversations:
            yield NewConversation(Conversation(chat_id, ConversationKind.BOT, participants=frozenset({staff_id})))


def new_channel(
    name: str,
    topic: str,
    participants: frozenset[str],
    aliases: Mapping[str, str],
    *,
    everyone: bool = False,
    channel_id: str = "",
) -> NewConversation:
    """A channel as it is stored. `aliases` are those of all channels, by conversation id.

    Without a `channel_id` it is the first one of this name.
    """
    key = names.channel_key(name)
    channel_id = channel_id or names.channel_id(key)
    taken = {alias for owner, alias in aliases.items() if owner != channel_id}
    return NewConversation(
        Conversation(channel_id, ConversationKind.CHANNEL, name, topic, everyone=everyone, participants=participants),
        name_key=key,
        alias_localpart=channel_alias(key, taken),
    )


def _channels(firm: Firm, world: World, settings: FirmSettings) -> Iterator[NewConversation]:
    aliases = dict(world.aliases)
    taken = {
        names.channel_key(conversation.title)
        for conversation in world.conversations.values()
        if conversation.kind is ConversationKind.CHANNEL
    }
    if not any(conversation.everyone for conversation in world.conversations.values()):
        first = new_channel(settings.firm_wide_channel, "The whole firm", frozenset(), aliases, everyone=True)
        aliases[first.conversation.id] = first.alias_localpart
        yield first
    for seed in firm.channels.values():
        people = firm.people(seed.participants) & firm.active_staff
        new = new_channel(names.clean_channel_name(seed.name), seed.topic, people, aliases)
        if new.conversation.id not in aliases and new.name_key not in taken:
            aliases[new.conversation.id] = new.alias_localpart
            yield new


def _first_conversations(
    firm: Firm, matters: Iterable[Matter], world: World, settings: FirmSettings
) -> Iterator[NewConversation]:
    if settings.first_matter_conversation != "open":
        return
    for matter in matters:
        first_id = names.first_matter_conversation_id(matter.id)
        if matter.status is MatterStatus.OPEN and first_id not in world.conversations:
            yield NewConversation(
                Conversation(
                    first_id,
                    ConversationKind.MATTER,
                    settings.first_matter_conversation_title,
                    matter_id=matter.id,
                    participants=frozenset(matter.team) & firm.active_staff,
                )
            )


def joiners(firm: Firm, world: World, extent: Extent | None = None) -> dict[str, frozenset[str]]:
    """People newly on a matter's team, by the id of its first conversation: they are picked for it once."""
    found = {}
    for matter in matters_in(firm, extent):
        first = world.conversations.get(names.first_matter_conversation_id(matter.id))
        if first is None or matter.status is not MatterStatus.OPEN:
            continue
        team = frozenset(matter.team) & firm.active_staff
        missing = team - first.participants - world.absent.get(first.id, frozenset())
        if missing:
            found[first.id] = missing
    return found
