"""A colleague who was in the conversation before a wall, with every id, position and session of that time (M3).

`tests/synapse/guard/test_former_members.py` makes every other request that Synapse knows, too.
"""

from __future__ import annotations

from tests.synapse.attacks.attempt import (
    Attempt,
    Call,
    End,
    Layer,
    Say,
    Who,
    attempt,
    forbidden,
    fruitless,
    get,
    post,
    put,
    succeeds,
)
from tests.synapse.attacks.past import ALL_ROOMS, SLIDING_SYNC

F = Who.FORMER
REFUSED = forbidden(Layer.GUARD)
FORGOTTEN = forbidden(Layer.SYNAPSE)
_ROOM = "rooms/{past}/"
_V1 = "/_matrix/client/v1/"
_LEFT = '{"room":{"include_leave":true,"timeline":{"limit":50}}}'
_ANEW = End(Layer.GUARD, 401, "M_UNKNOWN_TOKEN")
_NEW_POSITION = End(Layer.GUARD, 400, "M_UNKNOWN_POS")
_SUBSCRIBED = {"room_subscriptions": {"{past}": {"timeline_limit": 50, "required_state": [["*", "*"]]}}}
_SEARCH = {"search_categories": {"room_events": {"search_term": "wall", "filter": {"rooms": ["{past}"]}}}}

OF_THE_ROOM = tuple(
    attempt(name, "M3", F, call, REFUSED, bare)
    for name, call, bare in (
        ("reads the messages", get(_ROOM + "messages", dir="b"), FORGOTTEN),
        ("reads on from an old page", get(_ROOM + "messages", dir="b", **{"from": "{hal_page}"}), FORGOTTEN),
        ("reads on from a page of his own making", get(_ROOM + "messages", dir="b", **{"from": "t9-9"}), FORGOTTEN),
        ("reads a message that was edited since", get(_ROOM + "event/{past_event}"), succeeds()),
        ("reads a message that was answered since", get(_ROOM + "event/{past_thread}"), succeeds()),
        ("reads a message that was deleted since, for the reason", get(_ROOM + "event/{past_deleted}"), succeeds()),
        ("reads his own message", get(_ROOM + "event/{hal_event}"), succeeds()),
        ("reads around a message", get(_ROOM + "context/{past_event}", limit="50"), succeeds()),
        ("reads a message by the old path", get("events/{past_event}"), succeeds()),
        (
            "reads a message by another room's path",
            get("rooms/{everyone}/event/{past_event}"),
            forbidden(Layer.SYNAPSE, 404, "M_NOT_FOUND"),
        ),
        (
            "reads a message that he never saw",
            get(_ROOM + "event/{past_late}"),
            forbidden(Layer.SYNAPSE, 404, "M_NOT_FOUND"),
        ),
        ("reads edits and reactions", get(_V1 + "rooms/{past}/relations/{past_event}"), FORGOTTEN),
        ("reads the replies in a thread", get(_V1 + "rooms/{past}/relations/{past_thread}/m.thread"), FORGOTTEN),
        ("lists the threads", get(_V1 + "rooms/{past}/threads"), FORGOTTEN),
        ("reads the state", get(_ROOM + "state"), FORGOTTEN),
        ("reads the name", get(_ROOM + "state/m.room.name/"), FORGOTTEN),
        ("lists the members of a time before", get(_ROOM + "members", at="{hal_own}"), succeeds()),
        ("lists the joined members", get(_ROOM + "joined_members"), FORGOTTEN),
        ("asks for the first sync of the room", get(_ROOM + "initialSync"), FORGOTTEN),
        ("looks for a message by its time", get(_V1 + "rooms/{past}/timestamp_to_event", ts="0", dir="f"), FORGOTTEN),
        ("asks for the room's tree", get(_V1 + "rooms/{past_space}/hierarchy"), FORGOTTEN),
        ("peeks by the old path", get("events", room_id="{past}", timeout="0"), FORGOTTEN),
        ("marks a message as read", post(_ROOM + "receipt/m.read/{past_event}"), succeeds()),
        ("writes", put(_ROOM + "send/m.room.message/f1", {"msgtype": "m.text", "body": "hello"}), FORGOTTEN),
        ("edits his own message", put(_ROOM + "redact/{hal_event}/f2", {}), FORGOTTEN),
        ("joins again", post("join/{past}"), forbidden(Layer.STATE)),
    )
)

OF_EVERYTHING = (
    attempt("syncs with rooms that he left", "M3", F, get("sync", timeout="0", filter=_LEFT), fruitless(Layer.SYNAPSE)),
    attempt(
        "syncs on from before anything was said",
        "M3",
        F,
        get("sync", timeout="0", since="{hal_first}"),
        _ANEW,
        succeeds(),
    ),
    attempt(
        "syncs on from a position of his own making",
        "M3",
        F,
        get("sync", timeout="0", since="s1_1_1_1_1_1_1_1_1_1"),
        _ANEW,
        succeeds(),
    ),
    attempt(
        "syncs on with an old position behind a semicolon",
        "M3",
        F,
        Call("GET", "/_matrix/client/v3/sync?timeout=0&access_token=x;since={hal_first}&since=s99999"),
        forbidden(Layer.SYNAPSE, 401, "M_MISSING_TOKEN"),
    ),
    attempt(
        "syncs on from the last thing he saw",
        "M3",
        F,
        get("sync", timeout="0", since="{hal_own}"),
        fruitless(Layer.SYNAPSE),
    ),
    attempt(
        "syncs on from there with all state",
        "M3",
        F,
        get("sync", timeout="0", since="{hal_own}", full_state="true"),
        _ANEW,
        succeeds(),
    ),
    attempt(
        "goes on with the newer sync",
        "M3",
        F,
        Call("POST", SLIDING_SYNC, ALL_ROOMS, {"timeout": "0", "pos": "{hal_pos}"}),
        _NEW_POSITION,
        succeeds(),
    ),
    attempt(
        "goes on with the newer sync from a position of his own making",
        "M3",
        F,
        Call("POST", SLIDING_SYNC, ALL_ROOMS, {"timeout": "0", "pos": "0/{hal_first}"}),
        _NEW_POSITION,
        succeeds(),
    ),
    attempt(
        "subscribes to the room in the newer sync",
        "M3",
        F,
        Call("POST", SLIDING_SYNC, _SUBSCRIBED, {"timeout": "0"}),
        fruitless(Layer.SYNAPSE, '"rooms":{}'),
    ),
    attempt("asks for earlier notifications", "M3", F, get("notifications"), fruitless(Layer.GUARD, "[]"), succeeds()),
    attempt("searches the room", "M3", F, post("search", _SEARCH), fruitless(Layer.SYNAPSE, '"count":0')),
    attempt(
        "asks for all his rooms by the old path", "M3", F, get("initialSync", archived="true"), fruitless(Layer.SYNAPSE)
    ),
    attempt(
        "downloads a file",
        "M3",
        F,
        get(_V1 + "media/download/localhost/{past_media}"),
        forbidden(Layer.GUARD, 404, "M_NOT_FOUND"),
        succeeds(),
    ),
    attempt("asks the bot", "M3", F, Say("!files {past}", "{hal_chat}"), fruitless(Layer.BRIDGE)),
)

ATTEMPTS: tuple[Attempt, ...] = (*OF_THE_ROOM, *OF_EVERYTHING)
