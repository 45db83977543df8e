"""Which values a room's rules may have at all: who does what, who comes in, who reads what was said before. Pure.

The shapes of rooms are made with these, and the guard takes no other value from anybody, the bot included (O3), since a
server admin may act as the bot. They bound what a shape may be and do not tell shapes apart, so whether a room is
closed, or who pins in it, is the bridge's to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.firm.conversation import SHARED, ConversationKind
from bridge.firm.room_keys import CHILD, KEEPER_SPACE, SPACE, STAFF_SPACE, matter_of_space

BOT_LEVEL = 100
PINNER_LEVEL = 50
"""Of those who pin where not everybody does."""
REMOVER_LEVEL = 25
"""Of those who take others out in their own client. Matrix lets somebody be removed by those alone who have more power
(specification: authorization rules, m.room.member), so it cannot be everybody's."""
NOBODY = 101
"""A power level above everyone's: not even the bot may turn on encryption."""
BARRED: Mapping[str, int] = {"m.room.encryption": NOBODY, "m.room.encrypted": BOT_LEVEL, "m.sticker": BOT_LEVEL}
"""What nobody sends: what the firm could not read, and files in a form that it does not list (V3).

A level above the bot's own can be given only as a room is made (specification: authorization rules,
m.room.power_levels), so a type that rooms made earlier do not bar yet gets the bot's.
"""
LEVELS = "m.room.power_levels"
JOIN_RULES = "m.room.join_rules"
HISTORY = "m.room.history_visibility"
GUESTS = "m.room.guest_access"
WIDGET = "im.vector.modular.widgets"
"""The state that clients know a widget by: a page of another site beside the messages."""
WIDGETS = frozenset({WIDGET, "m.widget", "io.element.widgets.layout"})
"""It, the name proposed for it (MSC1236), and where widgets stand. A page that somebody puts into a room may say that
it is the firm's, and ask for passwords."""

_FREE = frozenset({"m.room.pinned_events", "m.reaction", "m.room.redaction"})
"""What everybody may be free to send beside messages."""
NAMED_BY_ALL: Mapping[str, frozenset[str]] = {
    ConversationKind.CHANNEL: frozenset({"m.room.name", "m.room.topic"}),
    ConversationKind.MATTER: frozenset({"m.room.name"}),
}
"""The same in rooms of a kind: what those in it call it (C1, V1); of a matter's conversation, its own title."""
_LISTS = frozenset({CHILD})
"""The same in spaces: clients offer to make a room where one may list it. The guard lets nobody but the bot."""
_ALSO_FREE: Mapping[str, frozenset[str]] = {
    **NAMED_BY_ALL,
    SPACE: _LISTS,
    "": frozenset().union(*NAMED_BY_ALL.values(), _LISTS),
}
_ALWAYS: Mapping[str, tuple[int, ...]] = {
    "users_default": (0,),
    "events_default": (0, BOT_LEVEL),
    "state_default": (BOT_LEVEL,),
    "invite": (0, BOT_LEVEL),
    "kick": (REMOVER_LEVEL, BOT_LEVEL),
    "ban": (BOT_LEVEL,),
    "redact": (BOT_LEVEL,),
    "historical": (BOT_LEVEL,),
}
_OPEN_TO: Mapping[str, str] = {ConversationKind.CHANNEL: STAFF_SPACE, ConversationKind.DIRECT: KEEPER_SPACE}
"""The space whose members may come into a room of this kind by themselves. Into a conversation of a matter those of its
space may, and nobody into rooms of other kinds."""
_HISTORIES: Mapping[str, frozenset[str]] = {
    ConversationKind.DIRECT: frozenset({"joined", "shared"}),
    ConversationKind.BOT: frozenset({"joined"}),
    "": frozenset({"joined", "shared"}),
}
"""The history visibilities that rooms of a kind may have; `shared` where the kind is not listed."""
_ABSENT = object()
Content = Mapping[str, Any]


def may_have(event_type: str, content: Content, kind: str, spaces: frozenset[str] = frozenset()) -> bool:
    """Whether a room of a kind may get this value; the kind is empty for a room that is being made and has no mark yet.

    `spaces` are the keys of the firm's spaces that a join rule names. Of the people in power levels nothing is decided
    here: see `may_give_power`. Other types of state may have any value.
    """
    if event_type == HISTORY:
        return _text(content.get("history_visibility")) in _HISTORIES.get(kind, {"shared"})
    if event_type == GUESTS:
        return content.get("guest_access") == "forbidden"
    if event_type == JOIN_RULES:
        return _may_open(content, kind, spaces)
    return event_type != LEVELS or _may_level(content, kind)


def may_give_power(content: Content, before: Content, bot: str, *, bot_named: bool, also: str = "") -> bool:
    """Whether power levels leave the power with the bot alone, and with `also`, a user id.

    `before` are the levels that they replace: who has as much power as the bot already can be left it, since the
    homeserver lets nobody take it. `bot_named` says whether the bot must be named, as it must where the creator has no
    power without (room versions up to 11).
    """
    users, had = content.get("users", {}), before.get("users", {})
    if not isinstance(users, Mapping) or not isinstance(had, Mapping):
        return False
    others = {who: level for who, level in users.items() if who not in {bot, also}}
    named = type(users.get(bot)) is int and users[bot] == BOT_LEVEL if bot_named else bot not in users
    return named and all(
        type(level) is int and (0 <= level <= PINNER_LEVEL or (who in had and had[who] == level))
        for who, level in others.items()
    )


def _may_open(content: Content, kind: str, spaces: frozenset[str]) -> bool:
    if content.get("join_rule") == "invite":
        return True
    knocked = {"knock_restricted"} if kind in {ConversationKind.CHANNEL, ""} else set()
    return (
        _text(content.get("join_rule")) in {"restricted"} | knocked
        and len(spaces) == 1
        and all(_may_open_to(space, kind) for space in spaces)
    )


def _may_open_to(space: str, kind: str) -> bool:
    if matter_of_space(space) is not None:
        # Whether it is the matter's own is for whoever knows the conversations to say.
        return kind in {ConversationKind.MATTER, ""}
    return space in _OPEN_TO.values() if not kind else _OPEN_TO.get(kind) == space


def _may_level(content: Content, kind: str) -> bool:
    events, notifications = content.get("events"), content.get("notifications", {})
    if not isinstance(events, Mapping) or not isinstance(notifications, Mapping):
        return False
    if content.keys() - _ALWAYS.keys() - {"events", "users", "notifications"}:
        return False
    free = _FREE | _ALSO_FREE.get(kind, frozenset())
    invites = kind in {ConversationKind.DIRECT, ""} or kind in SHARED
    return (
        all(_is_one_of(content.get(name, _ABSENT), levels) for name, levels in _ALWAYS.items())
        and (invites or content["invite"] == BOT_LEVEL)
        and (kind in SHARED or not kind or content["kick"] == BOT_LEVEL)
        and all(_is_one_of(events.get(barred, _ABSENT), (level, NOBODY)) for barred, level in BARRED.items())
        and all(
            type(level) is int and (level >= BOT_LEVEL or (name in free and level in {0, PINNER_LEVEL}))
            for name, level in events.items()
        )
        and all(_is_one_of(level, (0, BOT_LEVEL)) for level in notifications.values())
    )


def _is_one_of(value: Any, levels: tuple[int, ...]) -> bool:
    """Whether it is a whole number among these. For Python, True is 1 and 0.0 is 0; for Matrix they are not."""
    return type(value) is int and value in levels


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
