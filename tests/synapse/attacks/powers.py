"""Careless server admins, whoever stole the bridge's token or its place, and forged words between the three.

What succeeds here is what Matrix and Synapse cannot stop (docs/security.md). It is tried last, with people and rooms of
its own, so that it spoils nothing for the others.
"""

from __future__ import annotations

import json

from bridge.guard.protocol import PATH, SIGNATURE_HEADER, sign_push
from bridge.guard.requests import FILES_KEPT, KEPT_ON_HOLD
from tests.synapse.attacks.attempt import (
    Attempt,
    Call,
    Layer,
    Who,
    attempt,
    forbidden,
    fruitless,
    get,
    post,
    put,
    succeeds,
)
from tests.synapse.attacks.insiders import HELD, HELD_SHUT, NOT_MADE

BOSS, THIEF, NOBODY, OUTSIDER = Who.SERVER_ADMIN, Who.SERVICE, Who.NOBODY, Who.OUTSIDER
GUARD = forbidden(Layer.GUARD)
_ADMIN = "/_synapse/admin/v1/"

ADMINS = (
    attempt(
        "puts herself into a channel",
        "F1",
        BOSS,
        post(_ADMIN + "join/{archived}", {"user_id": "{boss}"}),
        GUARD,
        forbidden(Layer.STATE),
    ),
    attempt(
        "invites herself into the matter",
        "M3",
        BOSS,
        post("rooms/{matter}/invite", {"user_id": "{boss}"}),
        forbidden(Layer.SYNAPSE),
    ),
    attempt("joins a matter herself", "M3", BOSS, post("join/{matter}"), forbidden(Layer.STATE)),
    attempt(
        "reads a matter in her client", "M3", BOSS, get("rooms/{matter}/messages", dir="b"), forbidden(Layer.SYNAPSE)
    ),
    attempt(
        "makes a room",
        "M1",
        BOSS,
        post("createRoom", {"invite": ["{ben}"]}),
        NOT_MADE,
        forbidden(Layer.SETTING, 429, "M_LIMIT_EXCEEDED"),
        victim="ben",
    ),
    attempt(
        "joins a former member again",
        "F2",
        BOSS,
        post(_ADMIN + "join/{channel}", {"user_id": "{dan}"}),
        forbidden(Layer.SYNAPSE),
    ),
    attempt(
        "sends a server notice",
        "V5",
        BOSS,
        post(_ADMIN + "send_server_notice", {"user_id": "{ben}", "content": {"msgtype": "m.text", "body": "x"}}),
        forbidden(Layer.SETTING, 400, "M_UNKNOWN"),
        victim="ben",
    ),
    attempt(
        "gives a participant power over a channel, in the bot's name",
        "O3",
        BOSS,
        post(_ADMIN + "rooms/{channel}/make_room_admin", {"user_id": "{cleo}"}),
        GUARD,
        succeeds(),
    ),
    attempt(
        "puts a walled colleague into the matter",
        "M3",
        BOSS,
        post(_ADMIN + "join/{matter}", {"user_id": "{fay}"}),
        forbidden(Layer.SYNAPSE),
        victim="fay",
    ),
    attempt(
        "reads a matter's messages by the admin API", "M3", BOSS, get(_ADMIN + "rooms/{matter}/messages"), succeeds()
    ),
    attempt("reads a matter's state by the admin API", "M3", BOSS, get(_ADMIN + "rooms/{matter}/state"), succeeds()),
    attempt("logs in as the bot", "O3", BOSS, post(_ADMIN + "users/{bot}/login"), GUARD, succeeds()),
    attempt(
        "gives the bot another name",
        "F3",
        BOSS,
        put("/_synapse/admin/v2/users/{bot}", {"displayname": "Managing Partner"}),
        GUARD,
        succeeds(),
    ),
    attempt(
        "closes the account of who has left, with all that they wrote",
        "F2",
        BOSS,
        post(_ADMIN + "deactivate/{dan}", {"erase": True}),
        GUARD,
        succeeds(),
    ),
    attempt(
        "purges what was said in a matter under legal hold",
        "hold",
        BOSS,
        post(_ADMIN + "purge_history/{matter}", {"purge_up_to_ts": 1}),
        forbidden(Layer.GUARD, says=KEPT_ON_HOLD.sentence),
        forbidden(Layer.SYNAPSE, 404, "M_NOT_FOUND"),
    ),
    attempt(
        "deletes all old files while a matter is under legal hold",
        "hold",
        BOSS,
        post(_ADMIN + "media/delete?before_ts=30000000001"),
        forbidden(Layer.GUARD, says=FILES_KEPT.sentence),
        succeeds(),
    ),
    attempt("logs in as a colleague", "V5", BOSS, post(_ADMIN + "users/{cleo}/login"), succeeds()),
    attempt("bars a colleague silently", "V5", BOSS, post(_ADMIN + "users/{gil}/shadow_ban"), succeeds()),
    attempt("unlocks who has left", "F2", BOSS, put("/_synapse/admin/v2/users/{dan}", {"locked": False}), succeeds()),
)

_EVENT = {
    "events": [
        {
            "type": "m.room.message",
            "event_id": "$forged",
            "room_id": "{ann_chat}",
            "sender": "{ann}",
            "origin_server_ts": 1,
            "content": {"msgtype": "m.text", "body": "!channel archive Everyone"},
        }
    ]
}
_REPLAYED = {
    "events": [
        {
            "type": "m.room.message",
            "event_id": "{command}",
            "room_id": "{cleo_chat}",
            "sender": "{cleo}",
            "origin_server_ts": 4_102_444_800_000,
            "content": {"msgtype": "m.text", "body": "!channel create Old Plans 2"},
        }
    ]
}
_TXN = "/_matrix/app/v1/transactions/"


def _to_the_bridge(path: str, body: object = None, token: str = "-", **query: str) -> Call:
    return Call("PUT", path, body if body is not None else _EVENT, query, bridge=True, token=token)


FORGED = (
    attempt(
        "hands the bridge an event of a firm admin's without a token",
        "V5",
        NOBODY,
        _to_the_bridge(_TXN + "1"),
        forbidden(Layer.BRIDGE, 401, "M_MISSING_TOKEN"),
    ),
    attempt(
        "hands it with a wrong token", "V5", NOBODY, _to_the_bridge(_TXN + "2", token="wrong"), forbidden(Layer.BRIDGE)
    ),
    attempt(
        "hands it with the token for the other direction",
        "V5",
        THIEF,
        _to_the_bridge(_TXN + "3", token="{as_token}"),
        forbidden(Layer.BRIDGE),
    ),
    attempt(
        "hands it a command that it has carried out once more",
        "V5",
        THIEF,
        _to_the_bridge(_TXN + "7", _REPLAYED, token="{hs_token}"),
        fruitless(Layer.BRIDGE),
    ),
    attempt(
        "hands it with the token in the query",
        "V5",
        NOBODY,
        _to_the_bridge(_TXN + "4", access_token="wrong"),
        forbidden(Layer.BRIDGE, 401, "M_MISSING_TOKEN"),
    ),
    attempt(
        "hands it with a colleague's login",
        "V5",
        OUTSIDER,
        _to_the_bridge(_TXN + "5", token="{ben_token}"),
        forbidden(Layer.BRIDGE),
    ),
    attempt(
        "sends a huge body without a token",
        "V5",
        NOBODY,
        _to_the_bridge(_TXN + "6", b"[" * 2_000_000),
        forbidden(Layer.BRIDGE, 401, "M_MISSING_TOKEN"),
    ),
    attempt(
        "asks the bridge who works here",
        "F4",
        NOBODY,
        Call("GET", "/_matrix/app/v1/users/{cleo}", bridge=True),
        forbidden(Layer.BRIDGE, 401, "M_MISSING_TOKEN"),
    ),
    attempt(
        "asks the bridge for rooms by address",
        "F4",
        NOBODY,
        Call("GET", "/_matrix/app/v1/rooms/%23everyone:localhost", bridge=True),
        forbidden(Layer.BRIDGE, 401, "M_MISSING_TOKEN"),
    ),
    attempt(
        "looks for names in the bridge's health",
        "F4",
        NOBODY,
        Call("GET", "/health/ready", bridge=True),
        fruitless(Layer.BRIDGE),
    ),
    attempt(
        "looks for names in the bridge's figures",
        "F4",
        NOBODY,
        Call("GET", "/metrics", bridge=True),
        fruitless(Layer.BRIDGE),
    ),
)

_NOTHING = json.dumps({"version": 10**9, "records": {}}).encode()
NO_GUARD = forbidden(Layer.SYNAPSE, 404, "M_UNRECOGNIZED")


def _push(body: bytes, signature: str) -> Call:
    return Call(
        "POST", PATH, body, headers={SIGNATURE_HEADER: signature, "Content-Type": "application/json"}, token="-"
    )


PUSHES = (
    attempt("tells the guard an empty policy, unsigned", "O1", NOBODY, _push(_NOTHING, ""), GUARD, NO_GUARD),
    attempt(
        "tells it with another key",
        "O1",
        NOBODY,
        _push(_NOTHING, sign_push("a-key-of-her-own", _NOTHING)),
        GUARD,
        NO_GUARD,
    ),
    attempt("asks the guard what it knows", "O1", NOBODY, Call("GET", PATH, token="-"), GUARD, NO_GUARD),
    attempt("tells the guard more than it reads", "O1", NOBODY, _push(b"x" * 1_000_000, "x"), GUARD, NO_GUARD),
)

_SAYS = {"msgtype": "m.text", "body": "x"}

THIEVES = (
    attempt(
        "writes in a closed matter as a participant",
        "M4",
        THIEF,
        put("rooms/{closed}/send/m.room.message/s10", _SAYS, user_id="{cleo}"),
        HELD_SHUT,
        forbidden(Layer.STATE),
    ),
    attempt(
        "pins in an archived channel as a participant",
        "C1",
        THIEF,
        put("rooms/{archived}/state/m.room.pinned_events/", {"pinned": []}, user_id="{cleo}"),
        HELD_SHUT,
        forbidden(Layer.STATE),
    ),
    attempt(
        "deletes in an archived channel as a participant",
        "C1",
        THIEF,
        put("rooms/{archived}/redact/{archived_event}/s11", {}, user_id="{cleo}"),
        HELD_SHUT,
        forbidden(Layer.STATE),
    ),
    attempt(
        "deletes as the bot under legal hold",
        "hold",
        THIEF,
        put("rooms/{matter}/redact/{own_event}/s12", {}, user_id="{bot}"),
        HELD,
        succeeds(),
    ),
    attempt(
        "puts the walled one into the matter as the walled one",
        "M3",
        THIEF,
        post("join/{matter}", user_id="{ben}"),
        forbidden(Layer.STATE),
        victim="ben",
    ),
    attempt("comes back as who has left", "F2", THIEF, post("join/{channel}", user_id="{dan}"), forbidden(Layer.STATE)),
    attempt(
        "acts as somebody of another server",
        "F1",
        THIEF,
        get("joined_rooms", user_id="@ann:elsewhere.example"),
        forbidden(Layer.SYNAPSE),
    ),
    attempt(
        "invites the walled one as the bot",
        "M3",
        THIEF,
        post("rooms/{matter}/invite", {"user_id": "{fay}"}, user_id="{bot}"),
        GUARD,
        succeeds(),
        victim="fay",
    ),
    attempt(
        "reads the matter as a participant",
        "V5",
        THIEF,
        get("rooms/{matter}/messages", dir="b", user_id="{cleo}"),
        succeeds(),
    ),
    attempt(
        "writes in a participant's name",
        "V5",
        THIEF,
        put("rooms/{everyone}/send/m.room.message/s9", _SAYS, user_id="{cleo}"),
        succeeds(),
    ),
)


def _as_bot(what: str, rule: str, content: dict[str, object]) -> Attempt:
    """A rule of a room, set by the bot. The room is one that nothing else is tried in afterwards."""
    path = f"rooms/{{archived}}/state/{rule}/"
    return attempt(f"{what} as the bot", "O3", THIEF, put(path, content, user_id="{bot}"), RULES, succeeds())


RULES = forbidden(Layer.GUARD, says="other rules")
RULERS = (
    _as_bot("lets guests in", "m.room.guest_access", {"guest_access": "can_join"}),
    _as_bot(
        "shows all that was said to everybody", "m.room.history_visibility", {"history_visibility": "world_readable"}
    ),
    _as_bot("opens a channel to all", "m.room.join_rules", {"join_rule": "public"}),
    _as_bot(
        "gives everybody power",
        "m.room.power_levels",
        {"users": {"{bot}": 100}, "users_default": 100, "events": {"m.room.encryption": 101}},
    ),
    attempt(
        "sends something encrypted as the bot",
        "V3",
        THIEF,
        put("rooms/{everyone}/send/m.room.encrypted/s13", {"ciphertext": "x"}, user_id="{bot}"),
        forbidden(Layer.GUARD, says="encrypted"),
        succeeds(),
    ),
)

ATTEMPTS: tuple[Attempt, ...] = (*FORGED, *PUSHES, *ADMINS, *THIEVES, *RULERS)
