"""Who handles an event: the table against the same said as a chain, for events that anybody may send."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.firm.files.carried import strays
from bridge.firm.files.rules import FileRules, judge_message
from bridge.handlers.commands import handle_command
from bridge.handlers.drift import handle_bot_renamed, handle_drift
from bridge.handlers.file_rules import handle_forbidden_file, handle_unlisted
from bridge.handlers.files import handle_file
from bridge.handlers.membership import handle_membership
from bridge.handlers.pins import handle_pinning
from bridge.handlers.redactions import handle_redaction
from bridge.handlers.room_changes import handle_room_change
from bridge.handlers.router import pick, table
from bridge.mapping.event import Event, event_of
from bridge.mapping.files import may_carry
from bridge.web.transaction import events_of

Json = dict[str, Any]
BOT, NAME = "@bot:localhost", "Firm Bot"
STATE_OF_THE_BRIDGE = (
    "m.room.power_levels",
    "m.room.join_rules",
    "m.room.history_visibility",
    "m.room.guest_access",
    "m.room.canonical_alias",
    "m.room.avatar",
    "m.room.tombstone",
    "m.room.server_acl",
    "m.room.third_party_invite",
    "m.space.child",
)
TYPES = (
    "m.room.message",
    "m.room.member",
    "m.room.redaction",
    "m.room.pinned_events",
    "m.room.name",
    "m.room.topic",
    "m.room.encrypted",
    "m.sticker",
    "org.firm-bridge.written",
    "org.example",
    *STATE_OF_THE_BRIDGE,
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
FILE = {"msgtype": "m.file", "body": "a.pdf", "url": "mxc://localhost/a"}
PROGRAM = FILE | {"body": "a.exe"}
EDIT = {"rel_type": "m.replace", "event_id": "$1"}


def field(*usual: Any) -> st.SearchStrategy[Any]:
    """What clients put there, or anything at all."""
    return st.sampled_from(usual) | ANYTHING


CONTENT = st.fixed_dictionaries(
    {},
    optional={
        "msgtype": field("m.text", "m.file", "m.notice"),
        "body": field("!ping", "hello", "a.pdf", "a.exe"),
        "url": field("mxc://localhost/a"),
        "membership": field("join", "leave", "ban", "invite"),
        "displayname": field(NAME, "Boss"),
        "pinned": field(["$1"]),
        "redacts": field("$1"),
        "users": field({BOT: 100}, {BOT: 100, "@a:localhost": 100}),
        "m.relates_to": field(EDIT),
        "m.new_content": field(FILE, PROGRAM, {"msgtype": "m.text", "body": "!ping"}),
    },
)
EVENTS = st.fixed_dictionaries(
    {
        "event_id": st.just("$e"),
        "room_id": st.just("!r"),
        "type": st.sampled_from(TYPES),
        "sender": st.sampled_from((BOT, "@a:localhost")),
        "origin_server_ts": st.sampled_from((1, 1.0)),
        "content": CONTENT | st.sampled_from((FILE, PROGRAM)),
    },
    optional={
        "state_key": st.sampled_from(("", BOT, "@a:localhost", "@b:localhost")),
        "unsigned": st.fixed_dictionaries({}, optional={"prev_content": CONTENT}),
        "redacts": field("$1"),
    },
)


def for_bot(event: Event) -> bool:
    """What is a command here, simpler than `bridge.mapping.addressing` knows it."""
    return event.type == "m.room.message" and event.content.get("body") == "!ping"


RULES = FileRules()
"""Programs are forbidden."""
TABLE = table(BOT, NAME, RULES, for_bot)


def _of_message(event: Event) -> object:
    if event.state_key is None and event.sender != BOT and not judge_message(event.content, RULES):
        return handle_forbidden_file
    if event.state_key is None and may_carry(event.content):
        return handle_file
    return handle_command if for_bot(event) else None


def _of_member(event: Event) -> object:
    if event.state_key == BOT:
        renamed = event.membership == "join" and event.content.get("displayname") not in (None, NAME)
        gone = event.membership in ("leave", "ban")
        return handle_bot_renamed if renamed else handle_drift if gone else None
    news = event.membership != event.membership_before
    return handle_membership if event.state_key is not None and event.sender != BOT and news else None


def _of_state(event: Event) -> object:
    if event.state_key is None:
        return None
    if event.type in STATE_OF_THE_BRIDGE:
        users = event.content.get("users") if event.type == "m.room.power_levels" else None
        others = [level for who, level in users.items() if who != BOT] if isinstance(users, dict) else []
        shared = any(not isinstance(level, int) or level >= 100 for level in others)
        return handle_drift if shared or event.sender != BOT else None
    handlers = {
        "m.room.pinned_events": handle_pinning,
        "m.room.name": handle_room_change,
        "m.room.topic": handle_room_change,
    }
    return handlers.get(event.type) if event.state_key == "" and event.sender != BOT else None


def chain(event: Event) -> object:
    """Who handles an event, as a chain of questions."""
    if event.sender != BOT and event.state_key is None and strays(event.type, event.content):
        return handle_unlisted
    match event.type:
        case "m.room.message":
            return _of_message(event)
        case "m.room.member":
            return _of_member(event)
        case "m.room.redaction":
            return handle_redaction if event.redacts else None
        case _:
            return _of_state(event)


@settings(max_examples=2000, deadline=None)
@given(EVENTS)
def test_the_table_picks_what_the_chain_picks(given_event: Json) -> None:
    (whole,) = events_of({"events": [given_event]})
    event = event_of(whole)
    row = pick(TABLE, event)
    assert (None if row is None else row.handle) == chain(event)


@given(EVENTS)
def test_what_a_client_puts_into_an_event_has_the_types_that_handlers_count_on(given_event: Json) -> None:
    event = event_of(given_event)
    assert type(event.at_ms) is int
    assert all(isinstance(one, str) for one in (event.membership, event.membership_before, event.redacts))
    assert isinstance(event.before, Mapping)
    event.relation.get("rel_type")


def test_only_what_becomes_of_rooms_themselves_is_handled_in_spaces() -> None:
    assert [row.handle for row in TABLE if row.in_spaces] == [handle_bot_renamed, handle_drift, handle_membership]
