"""A colleague screened by a wall, who knows the room's id, wants in or wants to read (M3)."""

from __future__ import annotations

from tests.synapse.attacks.attempt import (
    Alike,
    Attempt,
    Call,
    Layer,
    Say,
    Who,
    attempt,
    forbidden,
    fruitless,
    get,
    post,
    put,
)

W = Who.WALLED
NOT_THERE = forbidden(Layer.SYNAPSE)
SLIDING = {
    "lists": {},
    "room_subscriptions": {"{matter}": {"timeline_limit": 50, "required_state": [["*", "*"]]}},
}
_ROOM = "rooms/{matter}/"
_V1 = "/_matrix/client/v1/"

ENTERING = (
    attempt("joins by the room's id", "M3", W, post(_ROOM + "join"), forbidden(Layer.STATE)),
    attempt("joins by the other path", "M3", W, post("join/{matter}"), forbidden(Layer.STATE)),
    attempt("joins the matter's space", "M3", W, post("join/{matter_space}"), forbidden(Layer.STATE)),
    attempt("joins a closed matter's conversation", "M3", W, post("join/{closed}"), forbidden(Layer.STATE)),
    attempt("joins colleagues' direct conversation", "D2", W, post("join/{direct}"), forbidden(Layer.STATE)),
    attempt("joins the bot's own space", "F4", W, post("join/{keeper}"), forbidden(Layer.STATE)),
    attempt(
        "writes an own membership into the room",
        "M3",
        W,
        put(_ROOM + "state/m.room.member/{ben}", {"membership": "join"}),
        forbidden(Layer.STATE),
    ),
    attempt(
        "joins with a colleague named as authoriser",
        "M3",
        W,
        put(
            _ROOM + "state/m.room.member/{ben}",
            {"membership": "join", "join_authorised_via_users_server": "{cleo}"},
        ),
        forbidden(Layer.STATE),
    ),
    attempt("knocks", "M3", W, post("knock/{matter}", {"reason": "Please"}), forbidden(Layer.STATE)),
    attempt(
        "knocks at a channel",
        "F1",
        W,
        post("knock/{archived}"),
        forbidden(Layer.GUARD),
        forbidden(Layer.STATE),
    ),
    attempt(
        "knocks through the state path",
        "M3",
        W,
        put(_ROOM + "state/m.room.member/{ben}", {"membership": "knock"}),
        forbidden(Layer.STATE),
    ),
    attempt(
        "writes leave as a first membership, which would open the history",
        "M3",
        W,
        put(_ROOM + "state/m.room.member/{ben}", {"membership": "leave"}),
        NOT_THERE,
    ),
    attempt("leaves a room never entered", "M3", W, post(_ROOM + "leave"), NOT_THERE),
    attempt("forgets a room never entered", "M3", W, post(_ROOM + "forget"), fruitless(Layer.SYNAPSE)),
    attempt(
        "joins with another's name in the query",
        "M3",
        W,
        Call("POST", "join/{matter}", {}, {"user_id": "{ann}"}),
        forbidden(Layer.STATE),
    ),
    attempt(
        "joins by a forged third-party invitation",
        "F1",
        W,
        post(
            "join/{matter}",
            {"third_party_signed": {"sender": "{ann}", "mxid": "{ben}", "token": "x", "signatures": {}}},
        ),
        forbidden(Layer.GUARD, code="M_UNKNOWN"),
        forbidden(Layer.STATE),
    ),
)

READING = tuple(
    attempt(name, "M3", W, call, NOT_THERE)
    for name, call in (
        ("reads the messages", get(_ROOM + "messages", dir="b")),
        ("reads around a message whose id is known", get(_ROOM + "context/{event}")),
        ("reads one state event", get(_ROOM + "state/m.room.name/")),
        ("reads all state", get(_ROOM + "state")),
        ("lists the members", get(_ROOM + "members")),
        ("lists the joined members", get(_ROOM + "joined_members")),
        ("lists the addresses", get(_ROOM + "aliases")),
        ("asks for the first sync of one room", get(_ROOM + "initialSync")),
        ("looks for a message by its time", get(_V1 + "rooms/{matter}/timestamp_to_event", ts="0", dir="f")),
        ("writes into the room", put(_ROOM + "send/m.room.message/w1", {"msgtype": "m.text", "body": "hello"})),
        ("reacts to a message", put(_ROOM + "send/m.reaction/w2", {"m.relates_to": {"event_id": "{event}"}})),
        ("pins a message", put(_ROOM + "state/m.room.pinned_events/", {"pinned": ["{event}"]})),
        ("redacts a message", put(_ROOM + "redact/{event}/w3", {})),
        ("shows as typing", put(_ROOM + "typing/{ben}", {"typing": True, "timeout": 1000})),
        ("asks for the room's tree", get(_V1 + "rooms/{matter_space}/hierarchy")),
    )
)

# The guard's sentences about closed rooms and legal holds are for those in the room.
LOOKING = (
    attempt(
        "writes into a closed matter's room",
        "M3",
        W,
        put("rooms/{closed}/send/m.room.message/w9", {"msgtype": "m.text", "body": "hello"}),
        forbidden(Layer.SYNAPSE, says="not in room"),
    ),
    attempt(
        "redacts a message under legal hold",
        "M3",
        W,
        put(_ROOM + "redact/{event}/w10", {}),
        forbidden(Layer.SYNAPSE, says="not in room"),
    ),
    attempt(
        "reads one event by its id", "M3", W, get(_ROOM + "event/{event}"), forbidden(Layer.SYNAPSE, 404, "M_NOT_FOUND")
    ),
    attempt("reads one event by the old path", "M3", W, get("events/{event}"), forbidden(Layer.SYNAPSE)),
    attempt("peeks by the old path", "M3", W, get("events", room_id="{matter}", timeout="0"), NOT_THERE),
    attempt(
        "reads replies and edits of a message",
        "M3",
        W,
        get(_V1 + "rooms/{matter}/relations/{event}"),
        NOT_THERE,
    ),
    attempt("lists the threads", "M3", W, get(_V1 + "rooms/{matter}/threads"), NOT_THERE),
    attempt(
        "searches the text of messages",
        "M3",
        W,
        post("search", {"search_categories": {"room_events": {"search_term": "{word}"}}}),
        fruitless(Layer.SYNAPSE, '"count":0'),
    ),
    attempt(
        "searches with the room named in the filter",
        "M3",
        W,
        post(
            "search",
            {"search_categories": {"room_events": {"search_term": "confidence", "filter": {"rooms": ["{matter}"]}}}},
        ),
        fruitless(Layer.SYNAPSE, '"count":0'),
    ),
    attempt(
        "syncs with a filter that names the room",
        "M3",
        W,
        get("sync", timeout="0", filter='{"room":{"rooms":["{matter}","{closed}"],"include_leave":true}}'),
        fruitless(Layer.SYNAPSE),
    ),
    attempt(
        "subscribes to the room in sliding sync",
        "M3",
        W,
        post("/_matrix/client/unstable/org.matrix.simplified_msc3575/sync", SLIDING, timeout="0"),
        fruitless(Layer.SYNAPSE, '"rooms":{}'),
    ),
    attempt(
        "asks for the room's summary",
        "M3",
        W,
        get(_V1 + "room_summary/{matter}"),
        forbidden(Layer.SYNAPSE, 404, "M_NOT_FOUND"),
    ),
    attempt(
        "asks for the summary by the older path",
        "M3",
        W,
        get("/_matrix/client/unstable/im.nheko.summary/rooms/{matter}/summary"),
        forbidden(Layer.SYNAPSE, 404, "M_NOT_FOUND"),
    ),
    attempt(
        "searches the room directory for the client",
        "F4",
        W,
        post("publicRooms", {"filter": {"generic_search_term": "{client}"}}),
        fruitless(Layer.BRIDGE, '"chunk":[]'),
    ),
    attempt("reads the whole room directory", "F4", W, get("publicRooms", limit="100"), fruitless(Layer.BRIDGE)),
    attempt(
        "walks through the staff space",
        "F4",
        W,
        get(_V1 + "rooms/{staff_space}/hierarchy", limit="50"),
        fruitless(Layer.BRIDGE),
    ),
    attempt(
        "guesses the room's address from the matter's number",
        "F4",
        W,
        Alike(
            get("directory/room/%23{number}:localhost"),
            get("directory/room/%232026-none:localhost"),
            ("{number}", "2026-none"),
        ),
        forbidden(Layer.BRIDGE, 404, "M_NOT_FOUND"),
    ),
    attempt(
        "asks which rooms a colleague shares",
        "F4",
        W,
        get("/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms", user_id="{cleo}"),
        forbidden(Layer.SETTING, 404, "M_UNRECOGNIZED"),
    ),
    attempt(
        "reports a message in the room",
        "M3",
        W,
        post(_ROOM + "report/{event}", {"reason": "x"}),
        forbidden(Layer.SYNAPSE, 404, "M_NOT_FOUND"),
    ),
    attempt(
        "marks a message as read",
        "M3",
        W,
        post(_ROOM + "receipt/m.read/{event}"),
        forbidden(Layer.SYNAPSE),
    ),
    attempt(
        "upgrades the room",
        "M3",
        W,
        post(_ROOM + "upgrade", {"new_version": "11"}),
        forbidden(Layer.SYNAPSE),
        forbidden(Layer.SETTING, 429, "M_LIMIT_EXCEEDED"),
    ),
    attempt(
        "sends a message for later",
        "M3",
        W,
        put(_ROOM + "send/m.room.message/w9", {"msgtype": "m.text", "body": "x"}, **{"org.matrix.msc4140.delay": "1"}),
        forbidden(Layer.SETTING),
    ),
    attempt(
        "makes a room in the matter's space",
        "M3",
        W,
        post(
            "createRoom",
            {
                "name": "Ours",
                "initial_state": [
                    {"type": "m.space.parent", "state_key": "{matter_space}", "content": {}},
                    {
                        "type": "m.room.join_rules",
                        "content": {"join_rule": "restricted", "allow": [{"room_id": "{matter_space}"}]},
                    },
                ],
            },
        ),
        forbidden(Layer.BRIDGE, code="M_INVALID_ROOM_STATE"),
        forbidden(Layer.SETTING, 429, "M_LIMIT_EXCEEDED"),
    ),
    attempt(
        "invites himself",
        "M3",
        W,
        post(_ROOM + "invite", {"user_id": "{ben}"}),
        forbidden(Layer.SYNAPSE),
    ),
    attempt(
        "reads a colleague's settings",
        "D3",
        W,
        get("user/{cleo}/account_data/m.direct"),
        forbidden(Layer.SYNAPSE),
    ),
    attempt(
        "writes a colleague's room list",
        "D3",
        W,
        put("user/{cleo}/rooms/{matter}/account_data/m.tag", {"x": 1}),
        forbidden(Layer.SYNAPSE),
    ),
    attempt(
        "asks for a colleague's rooms as an admin would",
        "F4",
        W,
        get("/_synapse/admin/v1/users/{cleo}/joined_rooms"),
        forbidden(Layer.SYNAPSE),
    ),
    attempt("lists all rooms as an admin would", "F4", W, get("/_synapse/admin/v1/rooms"), forbidden(Layer.SYNAPSE)),
    attempt(
        "reads the room's state as an admin would",
        "M3",
        W,
        get("/_synapse/admin/v1/rooms/{matter}/state"),
        forbidden(Layer.SYNAPSE),
    ),
    attempt(
        "names a colleague in the query of every request",
        "M3",
        W,
        Call("GET", "joined_rooms", None, {"user_id": "{ann}"}),
        fruitless(Layer.SYNAPSE),
    ),
)


def _asked(text: str) -> Alike:
    """A command about the secret matter, and about one that nobody has."""
    return Alike(
        Say(text.replace("#", "{number}"), "{ben_chat}"),
        Say(text.replace("#", "2026-none"), "{ben_chat}"),
        ("{number}", "2026-none"),
    )


COMMANDS = (
    attempt("asks the bot about the matter", "M3", W, _asked("!matter show #"), fruitless(Layer.BRIDGE, "")),
    attempt("joins by command", "M3", W, _asked("!matter join #"), fruitless(Layer.BRIDGE)),
    attempt("starts a conversation in the matter", "M3", W, _asked('!matter start # "Mine"'), fruitless(Layer.BRIDGE)),
    attempt("searches the matters", "M3", W, _asked("!matter list #"), fruitless(Layer.BRIDGE)),
    attempt("renames by command", "M3", W, _asked('!matter rename # "General" to Mine'), fruitless(Layer.BRIDGE)),
    attempt("searches the channels for the client", "M3", W, _asked("!channel search #"), fruitless(Layer.BRIDGE)),
    attempt("asks for all matters", "M3", W, Say("!matter list", "{ben_chat}"), fruitless(Layer.BRIDGE)),
    attempt(
        "asks in a colleague's name",
        "V5",
        W,
        Say("!matter list", "{ben_chat}", {"sender": "{cleo}", "user_id": "{cleo}"}),
        fruitless(Layer.BRIDGE),
    ),
    attempt(
        "runs an admin's command",
        "O1",
        W,
        Say("!directory confirm", "{ben_chat}"),
        fruitless(Layer.BRIDGE, "firm admin"),
    ),
    attempt(
        "quotes a colleague's command as a reply",
        "V5",
        W,
        Say(
            "> <{cleo}> !matter list\n\nthank you",
            "{everyone}",
            {"m.relates_to": {"m.in_reply_to": {"event_id": "$x"}}},
        ),
        fruitless(Layer.BRIDGE),
    ),
)

ATTEMPTS: tuple[Attempt, ...] = (*ENTERING, *READING, *LOOKING, *COMMANDS)
