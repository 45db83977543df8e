"""What the directory starts by itself: chats with the bot, the first conversations of matters, and channels. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bridge.firm import conversation as names
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.model import Firm, MatterStatus
from bridge.mapping.ids import channel_alias
from bridge.settings import FirmSettings
from bridge.store.conversations import NewConversation, World


def seeds(firm: Firm, world: World, settings: FirmSettings) -> tuple[NewConversation, ...]:
    """The conversations that should exist from the start and do not yet."""
    return (
        *_bot_chats(firm, world),
        *_admins_room(world, settings),
        *_channels(firm, world, settings),
        *_first_conversations(firm, world, settings),
    )


def _admins_room(world: World, settings: FirmSettings) -> Iterator[NewConversation]:
    if settings.admins_room and names.ADMINS_ID not in world.conversations:
        yield NewConversation(Conversation(names.ADMINS_ID, ConversationKind.ADMINS, settings.admins_room))


def _bot_chats(firm: Firm, world: World) -> Iterator[NewConversation]:
    for staff_id in sorted(firm.active_staff):
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


def _first_conversations(firm: Firm, world: World, settings: FirmSettings) -> Iterator[NewConversation]:
    if settings.first_matter_conversation != "open":
        return
    for matter in firm.matters.values():
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


def joiners(firm: Firm, world: World) -> dict[str, frozenset[str]]:
    """People newly on a matter's team, by the id of its first conversation: they are picked for it once."""
    found = {}
    for matter in firm.matters.values():
        first = world.conversations.get(names.first_matter_conversation_id(matter.id))
        if first is None or matter.status is not MatterStatus.OPEN:
            continue
        team = frozenset(matter.team) & firm.active_staff
        missing = team - first.participants - world.absent.get(first.id, frozenset())
        if missing:
            found[first.id] = missing
    return found
