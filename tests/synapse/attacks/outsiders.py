"""An account that is nobody's of the firm, somebody without a login, and a former member with the old sessions."""

from __future__ import annotations

from dataclasses import replace

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
from tests.synapse.attacks.insiders import NOT_MADE

DELAY = "org.matrix.msc4140.delay"
"""Milliseconds after which the server is to send an event."""
OUTSIDER, NOBODY, LEAVER = Who.OUTSIDER, Who.NOBODY, Who.LEAVER
NO_LOGIN = forbidden(Layer.SYNAPSE, 401, "M_MISSING_TOKEN")
ENDED = forbidden(Layer.BRIDGE, 401, "M_UNKNOWN_TOKEN")

OUTSIDERS = (
    attempt(
        "joins a channel by its id",
        "F1",
        OUTSIDER,
        post("join/{channel}"),
        forbidden(Layer.GUARD),
        forbidden(Layer.STATE),
    ),
    attempt("joins the staff space", "F1", OUTSIDER, post("join/{staff_space}"), forbidden(Layer.STATE)),
    attempt(
        "knocks at a channel",
        "F1",
        OUTSIDER,
        post("knock/{channel}"),
        forbidden(Layer.GUARD),
        forbidden(Layer.STATE),
    ),
    attempt("reads a channel", "F1", OUTSIDER, get("rooms/{channel}/messages", dir="b"), forbidden(Layer.SYNAPSE)),
    attempt("looks up a colleague's name", "F4", OUTSIDER, get("profile/{cleo}"), forbidden(Layer.SETTING)),
    attempt(
        "searches the staff",
        "F4",
        OUTSIDER,
        post("user_directory/search", {"search_term": "{surname}"}),
        fruitless(Layer.SETTING, '"results":[]'),
    ),
    attempt(
        "makes a room",
        "M1",
        OUTSIDER,
        post("createRoom", {"invite": ["{cleo}"]}),
        NOT_MADE,
        forbidden(Layer.SETTING, 429, "M_LIMIT_EXCEEDED"),
    ),
    attempt(
        "makes a room with invitations in its first state",
        "F1",
        OUTSIDER,
        post(
            "createRoom",
            {"initial_state": [{"type": "m.room.member", "state_key": "{cleo}", "content": {"membership": "invite"}}]},
        ),
        NOT_MADE,
        forbidden(Layer.SETTING, 429, "M_LIMIT_EXCEEDED"),
        victim="cleo",
    ),
    attempt(
        "claims an address that looks like a channel's, in Cyrillic",
        "F4",
        OUTSIDER,
        put("directory/room/%23\u0441ourt-filings:localhost", {"room_id": "{everyone}"}),
        forbidden(Layer.SYNAPSE),
    ),
    attempt(
        "points the room directory at a room",
        "F4",
        OUTSIDER,
        put("directory/list/room/{matter}", {"visibility": "public"}),
        forbidden(Layer.SYNAPSE),
    ),
    attempt(
        "takes another name",
        "F3",
        OUTSIDER,
        put("profile/{stranger}/displayname", {"displayname": "Ann Moor"}),
        forbidden(Layer.SETTING),
    ),
    attempt(
        "sends a colleague's device a message",
        "F1",
        OUTSIDER,
        put("sendToDevice/m.room_key_request/o1", {"messages": {"{cleo}": {"*": {"action": "request"}}}}),
        succeeds(),
    ),
    attempt(
        "downloads a file whose id is known",
        "V3",
        OUTSIDER,
        get("/_matrix/client/v1/media/download/localhost/{media}"),
        succeeds(),
    ),
    attempt(
        "reads the server's list of users", "F4", OUTSIDER, get("/_synapse/admin/v2/users"), forbidden(Layer.SYNAPSE)
    ),
    attempt(
        "makes a full-width look-alike of a colleague's account",
        "F1",
        OUTSIDER,
        Call(
            "POST",
            "register",
            {"username": "\uff43leo", "password": "long-enough-1", "auth": {"type": "m.login.dummy"}},
            token="-",
        ),
        forbidden(Layer.SETTING),
    ),
    attempt(
        "lets a pusher send the room's messages elsewhere",
        "F1",
        OUTSIDER,
        post(
            "pushers/set",
            {
                "kind": "http",
                "app_id": "x",
                "pushkey": "x",
                "app_display_name": "x",
                "device_display_name": "x",
                "lang": "en",
                "data": {"url": "http://127.0.0.1/_matrix/push/v1/notify"},
            },
        ),
        forbidden(Layer.GUARD, 400, "M_MISSING_PARAM", "without names"),
        fruitless(Layer.SYNAPSE),
    ),
    attempt(
        "asks for the presence of a colleague",
        "F4",
        OUTSIDER,
        get("presence/{cleo}/status"),
        fruitless(Layer.SETTING, '"presence":"offline"'),
    ),
    attempt(
        "asks for a colleague's keys and devices",
        "F4",
        OUTSIDER,
        post("keys/query", {"device_keys": {"{cleo}": []}}),
        fruitless(Layer.SYNAPSE),
    ),
)

NOBODIES = (
    attempt(
        "registers an account",
        "F1",
        NOBODY,
        post("register", {"username": "eve", "password": "long-enough-1", "auth": {"type": "m.login.dummy"}}),
        forbidden(Layer.SETTING),
    ),
    attempt(
        "enters as a guest",
        "F1",
        NOBODY,
        post("register", {}, kind="guest"),
        forbidden(Layer.SETTING, 403, "M_UNKNOWN"),
    ),
    attempt("reads the room directory", "F4", NOBODY, get("publicRooms"), NO_LOGIN),
    attempt("looks up a colleague", "F4", NOBODY, get("profile/{cleo}"), NO_LOGIN),
    attempt("resolves a channel's address", "F4", NOBODY, get("directory/room/%23everyone:localhost"), succeeds()),
    attempt("downloads a file", "V3", NOBODY, get("/_matrix/client/v1/media/download/localhost/{media}"), NO_LOGIN),
    attempt(
        "downloads a file by the old path",
        "V3",
        NOBODY,
        get("/_matrix/media/v3/download/localhost/{media}"),
        forbidden(Layer.SETTING, 404, "M_NOT_FOUND"),
    ),
    attempt("peeks at a room", "F1", NOBODY, get("rooms/{channel}/initialSync"), NO_LOGIN),
    attempt(
        "asks for a channel's summary, which has its name",
        "F4",
        NOBODY,
        get("/_matrix/client/v1/room_summary/{channel}"),
        succeeds(),
        forbidden(Layer.STATE, 404, "M_NOT_FOUND"),
    ),
    attempt(
        "speaks as another server",
        "F1",
        NOBODY,
        get("/_matrix/federation/v1/event/{event}"),
        forbidden(Layer.SETTING, 404, "M_UNRECOGNIZED"),
    ),
    attempt(
        "makes an account by shared secret",
        "F1",
        NOBODY,
        post("/_synapse/admin/v1/register"),
        forbidden(Layer.SETTING, 400, "M_UNKNOWN"),
    ),
)

AT_THE_DOOR = (
    ("syncs", get("sync", timeout="0")),
    ("reads what was said since", get("rooms/{matter}/messages", dir="b")),
    ("reads the message whose id is known", get("rooms/{matter}/event/{late_event}")),
    ("reads the files", get("/_matrix/client/v1/media/download/localhost/{media}")),
    ("comes back to the room", post("join/{matter}")),
    ("writes into a channel", put("rooms/{everyone}/send/m.room.message/l1", {"msgtype": "m.text", "body": "x"})),
    ("asks for a fresh OpenID token", post("user/{dan}/openid/request_token")),
    ("sets another password", post("account/password", {"new_password": "another-1-river"})),
)

LEAVERS = (
    *(attempt(f"with the first session {name}", "F2", LEAVER, call, ENDED) for name, call in AT_THE_DOOR),
    attempt(
        "with the first session plans a message for later",
        "F2",
        LEAVER,
        put("rooms/{channel}/send/m.room.message/d1", {"msgtype": "m.text", "body": "x"}, **{DELAY: "60000"}),
        ENDED,
    ),
    attempt(
        "with the second device syncs", "F2", LEAVER, replace(get("sync", timeout="0"), token="{dan_second}"), ENDED
    ),
    attempt(
        "renews the old session",
        "F2",
        LEAVER,
        Call("POST", "refresh", {"refresh_token": "{dan_refresh}"}, token="-"),
        ENDED,
    ),
    attempt(
        "logs in again with the old password",
        "F2",
        LEAVER,
        Call(
            "POST",
            "login",
            {
                "type": "m.login.password",
                "identifier": {"type": "m.id.user", "user": "dan"},
                "password": "walnut-river-42",
            },
            token="-",
        ),
        forbidden(Layer.BRIDGE, 403, "M_FORBIDDEN"),
    ),
    attempt(
        "logs in with the name in capitals",
        "F2",
        LEAVER,
        Call(
            "POST",
            "login",
            {
                "type": "m.login.password",
                "identifier": {"type": "m.id.user", "user": "@DAN:localhost"},
                "password": "walnut-river-42",
            },
            token="-",
        ),
        forbidden(Layer.BRIDGE, 403, "M_FORBIDDEN"),
    ),
    attempt(
        "asks for a login token",
        "F2",
        LEAVER,
        post("/_matrix/client/v1/login/get_token"),
        forbidden(Layer.SETTING, 404, "M_UNRECOGNIZED"),
    ),
)

ATTEMPTS: tuple[Attempt, ...] = (*OUTSIDERS, *NOBODIES, *LEAVERS)
