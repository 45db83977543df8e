"""What counts as unread: in a channel what is said (C2), and what the bot says to somebody, whatever the client's
default is; a command or an invitation nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bridge.firm.typed import COMMAND
from bridge.matrix.port import PersonRequests

Json = dict[str, Any]
SAID: Mapping[str, str] = {"message": "m.room.message", "sticker": "m.sticker", "poll": "*.poll.start"}
"""The types of events with which somebody says something, as push rules match them, by the end of each rule's id."""
_UNDERRIDE, _ROOM = "underride", "room"
_NOTIFY = ["notify"]
_OVERRIDE = "override"
COMMANDS = "firm-bridge.command"
"""The id of a person's rule for commands. It comes before all that lets messages count, and looks at the mark alone."""
INVITATIONS = "firm-bridge.invitation"
"""The id of a person's rule for invitations. Nobody has to answer one: the bridge joins in their name at once."""
ANSWERS = "firm-bridge.answer"
"""The id of a person's rule for what the bot says, but for its notices. Nothing else may count there: the bot mentions
nobody whom it merely names, and a client's default may be to count mentions alone."""
_IS_COMMAND = {"kind": "event_property_is", "key": "content." + COMMAND.replace(".", r"\."), "value": True}


def rule_id(room_id: str, said: str) -> str:
    """The id of a person's rule for a channel and one of SAID."""
    return f"firm-bridge.{said}.{room_id}"


async def ensure_basics(homeserver: PersonRequests, user_id: str) -> Json:
    """Let what the bot says count as unread for this person, and neither commands nor invitations; returns all their
    rules as they were."""
    rules = await homeserver.push_rules(user_id)
    invited = [_match("type", "m.room.member"), _match("content.membership", "invite"), _match("state_key", user_id)]
    by_bot = [_match("sender", homeserver.bot_id), _match("type", SAID["message"])]
    wanted: Mapping[tuple[str, str], Json] = {
        (_OVERRIDE, COMMANDS): {"conditions": [_IS_COMMAND], "actions": []},
        (_OVERRIDE, INVITATIONS): {"conditions": invited, "actions": []},
        (_UNDERRIDE, ANSWERS): {"conditions": by_bot, "actions": _NOTIFY},
    }
    for (kind, name), rule in wanted.items():
        if name not in _ids(rules.get(kind)):
            await homeserver.put_push_rule(user_id, kind, name, rule)
    return rules


async def ensure_unread(homeserver: PersonRequests, user_id: str, *room_ids: str) -> None:
    """Let what is said in these rooms count as unread for this person, who need not be in them yet, beside the basics.

    A person's own underride rules come before the client's default for all rooms, such as "mentions only", and behind
    all rules for a room or a mute, so that whatever the person sets for a room stays in force (specification: push
    rules). No rule that is there is replaced.
    """
    rules = await ensure_basics(homeserver, user_id)
    there = set(_ids(rules.get(_UNDERRIDE)))
    before = {one["rule_id"] for one in _listed(rules.get(_ROOM)) if one.get("actions") == _NOTIFY}
    for room_id in room_ids:
        for said, event_type in SAID.items():
            if rule_id(room_id, said) not in there:
                rule = {"conditions": [_match("room_id", room_id), _match("type", event_type)], "actions": _NOTIFY}
                await homeserver.put_push_rule(user_id, _UNDERRIDE, rule_id(room_id, said), rule)
        if room_id in before:
            # Of earlier versions of the bridge: a rule for a room counts votes, deletions and pins as well.
            await homeserver.delete_push_rule(user_id, _ROOM, room_id)


def _match(key: str, pattern: str) -> Json:
    return {"kind": "event_match", "key": key, "pattern": pattern}


def _ids(rules: Any) -> Iterable[str]:
    return (one["rule_id"] for one in _listed(rules))


def _listed(rules: Any) -> list[Json]:
    return [one for one in rules if isinstance(one, dict) and "rule_id" in one] if isinstance(rules, list) else []
