"""What should be: every room in its shape, from the firm and the stored conversations. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from bridge.firm.conversation import ADMINS_ID, SHARED, Conversation, ConversationKind
from bridge.firm.model import Firm
from bridge.firm.policy import administrators, desired_participants
from bridge.mapping.clients.widgets import widget_address
from bridge.mapping.ids import LocalpartProblem, assign_localparts
from bridge.mapping.names import place_in_list
from bridge.mapping.rooms import shapes
from bridge.mapping.rooms.shapes import RoomShape
from bridge.reconcile.planning.seeds import joiners, seeds
from bridge.settings import Settings
from bridge.store.rooms.accounts import StoredAccount
from bridge.store.rooms.conversations import NewConversation
from bridge.store.rooms.world import Extent, World

_DIRECT_AT_LEAST = 2


class UserIds(dict[str, str]):
    """User ids by staff id."""

    @cached_property
    def owners(self) -> Mapping[str, str]:
        """Staff ids by user id."""
        return {user_id: staff_id for staff_id, user_id in self.items()}


def user_ids_of(accounts: Mapping[str, StoredAccount], server_name: str) -> UserIds:
    """The user ids of these accounts."""
    return UserIds({staff_id: f"@{account.localpart}:{server_name}" for staff_id, account in accounts.items()})


@dataclass(frozen=True)
class Desired:
    """The firm on Matrix as it should be, with what has to be stored before it can be so."""

    firm: Firm
    world: World
    """What is stored, with the new conversations, participants and accounts as if they were stored already."""
    user_ids: UserIds
    """Of everybody who has or gets an account, leavers included, by staff id."""
    shapes: Mapping[str, RoomShape]
    """By key, each space before the rooms that depend on it."""
    new_conversations: tuple[NewConversation, ...]
    new_participants: Mapping[str, frozenset[str]]
    new_localparts: Mapping[str, str]
    problems: tuple[LocalpartProblem, ...]
    """Staff who cannot get an account."""
    departed: frozenset[str] = frozenset()
    """Staff ids of those who left the firm and are still down for some conversation (F2)."""
    new_admins: frozenset[str] | None = None
    """Staff ids of all firm admins; None where those in their room are right."""

    @property
    def owners(self) -> Mapping[str, str]:
        """Staff ids by user id."""
        return self.user_ids.owners


def desired(
    firm: Firm,
    world: World,
    settings: Settings,
    today: date,
    extent: Extent | None = None,
    user_ids: UserIds | None = None,
) -> Desired:
    """Everything that should be, today; or this part of it, which `world` then is. `user_ids` are those of the world's
    accounts, where they are known."""
    appservice = settings.appservice
    localparts, problems = assign_localparts(
        firm,
        {staff_id: account.localpart for staff_id, account in world.accounts.items()},
        settings.accounts.localpart_template,
        {appservice.bot_localpart, appservice.sender_localpart},
    )
    new = seeds(firm, world, settings.firm, extent)
    joining = joiners(firm, world, extent)
    admins = _new_admins(firm, world, settings)
    picked = joining if admins is None else {**joining, ADMINS_ID: admins}
    stored = desired_of_stored(
        firm,
        _with(world, localparts, new, picked),
        settings,
        today,
        extent,
        user_ids=None if localparts else user_ids,
    )
    return replace(
        stored,
        new_conversations=new,
        new_participants=joining,
        new_localparts=localparts,
        problems=problems,
        departed=_departed(firm, world),
        new_admins=admins,
    )


def desired_of_stored(
    firm: Firm,
    world: World,
    settings: Settings,
    today: date,
    extent: Extent | None = None,
    user_ids: UserIds | None = None,
) -> Desired:
    """The same without anything new: of what is stored, or of this part of it."""
    if user_ids is None:
        user_ids = user_ids_of(world.accounts, settings.homeserver.server_name)
    shapes = _shapes(firm, world, user_ids, settings, today, extent)
    return Desired(firm, world, user_ids, shapes, (), {}, {}, ())


def _new_admins(firm: Firm, world: World, settings: Settings) -> frozenset[str] | None:
    if not settings.firm.admins_room:
        return None
    admins = administrators(firm, frozenset(settings.firm.admin_roles))
    room = world.conversations.get(ADMINS_ID)
    return admins if room is None or room.participants != admins else None


def _departed(firm: Firm, world: World) -> frozenset[str]:
    talking = (c.participants for c in world.conversations.values() if c.kind is not ConversationKind.BOT)
    return frozenset().union(*talking) - firm.active_staff


def _with(
    world: World,
    localparts: Mapping[str, str],
    new: Iterable[NewConversation],
    joining: Mapping[str, frozenset[str]],
) -> World:
    conversations = dict(world.conversations)
    aliases = dict(world.aliases)
    for item in new:
        conversations[item.conversation.id] = item.conversation
        if item.alias_localpart:
            aliases[item.conversation.id] = item.alias_localpart
    for conversation_id, people in joining.items():
        before = conversations[conversation_id]
        kept = frozenset() if conversation_id == ADMINS_ID else before.participants
        conversations[conversation_id] = replace(before, participants=kept | people, left=before.left - people)
    made = {staff_id: StoredAccount(localpart, "", "", "") for staff_id, localpart in localparts.items()}
    accounts = {**world.accounts, **made} if made else world.accounts
    return replace(world, accounts=accounts, conversations=conversations, aliases=aliases)


def _shapes(
    firm: Firm, world: World, user_ids: Mapping[str, str], settings: Settings, today: date, extent: Extent | None
) -> dict[str, RoomShape]:
    conversations = list(world.conversations.values())
    # The same people are the same object, of which a firm with many large channels has few.
    users: dict[frozenset[str], frozenset[str]] = {}
    members: dict[str, frozenset[str]] = {}
    for conversation in conversations:
        people = desired_participants(firm, conversation, today)
        if people not in users:
            users[people] = frozenset(user_ids[staff_id] for staff_id in people if staff_id in user_ids)
        members[conversation.id] = users[people]
    found = [shapes.keeper_space_shape()]
    channels = extent is None or extent.channels
    if channels or (extent is not None and extent.people):
        everyone = frozenset(user_ids[staff_id] for staff_id in firm.active_staff if staff_id in user_ids)
        # Without all channels nobody can say what is listed in it.
        listed = channels_listed(conversations) if channels else None
        found.append(shapes.staff_space_shape(settings.firm.name, everyone, listed, guarded=settings.guarded))
    worth = [
        c for c in conversations if c.id in world.rooms or c.id in world.earlier or _worth_a_room(c, members[c.id])
    ]
    pinners = _pinners(firm, user_ids, settings)
    for c in worth:
        shape = shapes.conversation_shape(
            firm,
            c,
            members[c.id],
            world.aliases.get(c.id, ""),
            guarded=settings.guarded,
            pinners=pinners,
            removers=frozenset(user_ids[one] for one in _removers(firm, c) if one in user_ids),
            called=_called(firm, world, c, user_ids) if c.kind is ConversationKind.DIRECT else None,
            first_title=settings.firm.first_matter_conversation_title,
        )
        found.extend(with_earlier(shape, world.earlier.get(c.id, ())))
    first_title = settings.firm.first_matter_conversation_title
    found.extend(_matter_spaces(firm, worth, members, first_title, guarded=settings.guarded))
    if not settings.accounts.avatars:
        found = [replace(shape, picture=None) for shape in found]
    if settings.panel.widget and settings.panel.url:
        found = [replace(shape, widget=_widget(shape, settings.panel.url)) for shape in found]
    return {shape.key: shape for shape in found}


def _widget(shape: RoomShape, panel: str) -> str:
    """The page of the panel beside a room. One that was left, the bot's chats and the firm admins' have none."""
    shown = shape.kind in {ConversationKind.DIRECT, *SHARED} and not shape.earlier_of
    return widget_address(panel, shape.key) if shown else ""


def _called(firm: Firm, world: World, conversation: Conversation, user_ids: Mapping[str, str]) -> dict[str, str]:
    """The display names, by user id, of everybody whose direct conversation it is; of who is in the directory no more,
    the last that their account had."""
    people = [staff_id for staff_id in conversation.opened_for if staff_id in user_ids]
    return {user_ids[one]: firm.staff[one].name if one in firm.staff else world.accounts[one].called for one in people}


def channels_listed(conversations: Iterable[Conversation]) -> dict[str, str]:
    """The channels among these conversations, as the staff space lists them."""
    return {c.id: place_in_list(c.title, last=c.archived) for c in conversations if c.kind is ConversationKind.CHANNEL}


def with_earlier(shape: RoomShape, earlier: Sequence[str]) -> Iterator[RoomShape]:
    """The room of a conversation, and those in which it was held before, whose keys are given oldest first."""
    yield replace(shape, follows=earlier[-1] if earlier else "")
    for key, successor in zip(earlier, (*earlier[1:], shape.key), strict=False):
        yield shapes.earlier_shape(shape, key, successor)


def _pinners(firm: Firm, user_ids: Mapping[str, str], settings: Settings) -> frozenset[str] | None:
    if settings.pins.who == "participants":
        return None
    admins = administrators(firm, frozenset(settings.firm.admin_roles))
    return frozenset(user_ids[one] for one in admins if one in user_ids)


def _removers(firm: Firm, conversation: Conversation) -> set[str]:
    """The staff ids of whoever started a conversation and of whoever is responsible for its matter."""
    matter = firm.matters.get(conversation.matter_id)
    return {conversation.started_by, *({matter.responsible} if matter is not None else ())}


def _worth_a_room(conversation: Conversation, members: frozenset[str]) -> bool:
    if conversation.kind is ConversationKind.DIRECT:
        return len(members) >= _DIRECT_AT_LEAST
    return conversation.kind is ConversationKind.CHANNEL or bool(members)


def _matter_spaces(
    firm: Firm,
    conversations: Iterable[Conversation],
    members: Mapping[str, frozenset[str]],
    first_title: str,
    *,
    guarded: bool,
) -> list[RoomShape]:
    by_matter: dict[str, dict[str, str]] = {}
    for one in conversations:
        if one.kind is ConversationKind.MATTER:
            order = place_in_list(one.title, first=one.title == first_title, last=one.archived)
            by_matter.setdefault(one.matter_id, {})[one.id] = order
    return [
        shapes.matter_space_shape(
            firm,
            matter_id,
            frozenset().union(*(members[conversation_id] for conversation_id in children)),
            children,
            guarded=guarded,
        )
        for matter_id, children in by_matter.items()
    ]
