"""Participants, colleagues and firm admins who do more than they may, and tricks with ids, names and mentions."""

from __future__ import annotations

from bridge.guard.gate import BOT_ONLY, READ_ONLY, UNDER_HOLD
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

P, A = Who.PARTICIPANT, Who.FIRM_ADMIN
_ROOM = "rooms/{matter}/"
INVITES = (forbidden(Layer.GUARD, code="M_UNKNOWN"), forbidden(Layer.SETTING))
POWER = forbidden(Layer.STATE)
LISTS = forbidden(Layer.GUARD, says=BOT_ONLY)
HELD = forbidden(Layer.GUARD, says=UNDER_HOLD)
CLOSED = forbidden(Layer.SETTING, 429, "M_LIMIT_EXCEEDED")
"""Without the guard nobody makes rooms."""
NOT_MADE = forbidden(Layer.GUARD, code="M_INVALID_ROOM_STATE")


def _invites(name: str, user_id: str, *ends: End) -> Attempt:
    return attempt(name, "M3", P, post(_ROOM + "invite", {"user_id": user_id}), *(ends or INVITES), victim="ben")


INVITING = (
    _invites("invites the walled colleague", "{ben}"),
    _invites("invites him in capitals", "@BEN:localhost"),
    _invites("invites him in full-width letters", "@\uff42\uff45\uff4e:localhost"),
    _invites("invites him with a Cyrillic letter", "@b\u0435n:localhost"),
    _invites("invites him with a mark that turns the writing", "@\u202eben:localhost"),
    _invites("invites him at another server", "@ben:elsewhere.example"),
    attempt(
        "invites him through the state path",
        "M3",
        P,
        put(_ROOM + "state/m.room.member/{ben}", {"membership": "invite"}),
        *INVITES,
        victim="ben",
    ),
    attempt(
        "invites him with a reason and a name of her choice",
        "M3",
        P,
        post(_ROOM + "invite", {"user_id": "{ben}", "reason": "{word}", "displayname": "Gil"}),
        *INVITES,
        victim="ben",
    ),
    attempt(
        "writes him in as joined",
        "M3",
        P,
        put(_ROOM + "state/m.room.member/{ben}", {"membership": "join"}),
        forbidden(Layer.SYNAPSE),
        victim="ben",
    ),
    attempt(
        "invites an account outside the firm",
        "F1",
        P,
        post(_ROOM + "invite", {"user_id": "{stranger}"}),
        *INVITES,
        victim="stranger",
    ),
    attempt(
        "invites an outsider into the whole firm's channel",
        "F1",
        P,
        post("rooms/{everyone}/invite", {"user_id": "{stranger}"}),
        *INVITES,
        victim="stranger",
    ),
    attempt("invites who has left", "F2", P, post(_ROOM + "invite", {"user_id": "{dan}"}), *INVITES),
    attempt(
        "adds a third to a direct conversation",
        "D2",
        P,
        post("rooms/{direct}/invite", {"user_id": "{ben}"}),
        *INVITES,
        victim="ben",
    ),
    attempt(
        "invites by e-mail",
        "F1",
        P,
        post(
            _ROOM + "invite",
            {"id_server": "x.example", "id_access_token": "x", "medium": "email", "address": "x@x.example"},
        ),
        forbidden(Layer.SETTING, 403, "M_UNKNOWN"),
        forbidden(Layer.SETTING),
    ),
    attempt(
        "plants a third-party invitation",
        "F1",
        P,
        put(
            _ROOM + "state/m.room.third_party_invite/x",
            {"display_name": "x", "key_validity_url": "https://x.example", "public_key": "x"},
        ),
        POWER,
    ),
    attempt("bans him who never was in it", "M3", P, post(_ROOM + "ban", {"user_id": "{ben}"}), POWER, victim="ben"),
    attempt("kicks him who never was in it", "M3", P, post(_ROOM + "kick", {"user_id": "{ben}"}), POWER, victim="ben"),
    attempt(
        "unbans him who never was in it", "M3", P, post(_ROOM + "unban", {"user_id": "{ben}"}), POWER, victim="ben"
    ),
)

_STATE = (
    ("gives herself power", "O3", "m.room.power_levels", {"users": {"{cleo}": 100}}),
    ("opens the room to all", "M3", "m.room.join_rules", {"join_rule": "public"}),
    (
        "opens it through a room of the walled one's",
        "M3",
        "m.room.join_rules",
        {"join_rule": "restricted", "allow": [{"type": "m.room_membership", "room_id": "{everyone}"}]},
    ),
    ("lets everybody read", "M3", "m.room.history_visibility", {"history_visibility": "world_readable"}),
    ("lets guests in", "F1", "m.room.guest_access", {"guest_access": "can_join"}),
    ("encrypts the room", "O1", "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"}),
    ("points to another room", "O3", "m.room.tombstone", {"body": "moved", "replacement_room": "{everyone}"}),
    ("changes the topic of a matter's conversation", "M4", "m.room.topic", {"topic": "Lunch"}),
    ("lets other servers in", "F1", "m.room.server_acl", {"allow": ["*"]}),
    (
        "adds a widget",
        "V5",
        "im.vector.modular.widgets",
        {"type": "m.custom", "url": "https://x.example/$matrix_user_id", "name": "x"},
    ),
    ("says the room is another conversation's", "O3", "org.firm-bridge.room", {"kind": "channel", "key": "none"}),
    ("gives the room an address", "F4", "m.room.canonical_alias", {"alias": "#mine:localhost"}),
)

CHANGING = (
    *(
        attempt(name, rule, P, put(_ROOM + f"state/{event_type}/", content), POWER)
        for name, rule, event_type, content in _STATE
    ),
    attempt(
        "opens a direct conversation to all",
        "D4",
        P,
        put("rooms/{direct}/state/m.room.join_rules/", {"join_rule": "public"}),
        POWER,
    ),
    *(
        attempt(name, rule, P, put(f"rooms/{{{room}}}/state/m.room.name/", {"name": "Lunch"}), POWER)
        for name, rule, room in (
            ("renames a matter's space", "M4", "matter_space"),
            ("renames a direct conversation", "D1", "direct"),
            ("renames the staff space", "O3", "staff_space"),
        )
    ),
    attempt(
        "lists the matter in the staff space",
        "F4",
        P,
        put("rooms/{staff_space}/state/m.space.child/{matter}", {"via": ["localhost"]}),
        LISTS,
        POWER,
        victim="ben",
    ),
    attempt(
        "lists another room in a matter's space",
        "F4",
        P,
        put("rooms/{matter_space}/state/m.space.child/{direct}", {"via": ["localhost"]}),
        LISTS,
        POWER,
    ),
    attempt(
        "takes a conversation off its matter's list",
        "O3",
        P,
        put("rooms/{matter_space}/state/m.space.child/{matter}", {}),
        LISTS,
        POWER,
    ),
    attempt(
        "puts a conversation in another place on its matter's list",
        "O3",
        P,
        put("rooms/{matter_space}/state/m.space.child/{matter}", {"via": ["localhost"], "order": "!"}),
        LISTS,
        POWER,
    ),
    attempt(
        "plans something in a room for herself and later guests",
        "C1",
        P,
        post("createRoom", {"name": "Dismissal", "preset": "private_chat", "visibility": "private"}),
        NOT_MADE,
        CLOSED,
    ),
    attempt(
        "makes a room of the matter for everybody",
        "M3",
        P,
        post(
            "createRoom",
            {
                "name": "Dismissal",
                "preset": "public_chat",
                "initial_state": [{"type": "m.space.parent", "state_key": "{matter_space}", "content": {}}],
            },
        ),
        NOT_MADE,
        CLOSED,
        victim="ben",
    ),
    attempt(
        "takes another name in one room",
        "F3",
        P,
        put(_ROOM + "state/m.room.member/{cleo}", {"membership": "join", "displayname": "Ann"}),
        fruitless(Layer.SETTING),
    ),
    attempt(
        "takes another picture",
        "F3",
        P,
        put("profile/{cleo}/avatar_url", {"avatar_url": "mxc://localhost/x"}),
        forbidden(Layer.SETTING),
    ),
    attempt(
        "upgrades the room", "M3", P, post(_ROOM + "upgrade", {"new_version": "11"}), forbidden(Layer.STATE), CLOSED
    ),
    attempt(
        "makes a space with the walled one in it",
        "M1",
        P,
        post("createRoom", {"creation_content": {"type": "m.space"}, "name": "Ours", "invite": ["{ben}"]}),
        NOT_MADE,
        CLOSED,
        victim="ben",
    ),
    attempt(
        "makes a room with the invitation in its first state",
        "M1",
        P,
        post(
            "createRoom",
            {"initial_state": [{"type": "m.room.member", "state_key": "{ben}", "content": {"membership": "invite"}}]},
        ),
        NOT_MADE,
        CLOSED,
        victim="ben",
    ),
    attempt(
        "gives the matter a public address",
        "F4",
        P,
        put("directory/room/%23open:localhost", {"room_id": "{matter}"}),
        forbidden(Layer.SETTING, 400, "M_EXCLUSIVE"),
    ),
    attempt(
        "deletes a channel's address",
        "F4",
        P,
        Call("DELETE", "directory/room/%23everyone:localhost"),
        forbidden(Layer.SYNAPSE),
    ),
    attempt(
        "lists the matter in the room directory",
        "F4",
        P,
        put("directory/list/room/{matter}", {"visibility": "public"}),
        POWER,
    ),
    attempt("redacts a colleague's message", "V5", P, put(_ROOM + "redact/{event}/p1", {}), HELD, POWER),
    attempt("redacts her own under legal hold", "hold", P, put(_ROOM + "redact/{own_event}/p2", {}), HELD, POWER),
    attempt("kicks a colleague", "V1", P, post(_ROOM + "kick", {"user_id": "{ann}"}), POWER),
    attempt("kicks the bot", "O3", P, post(_ROOM + "kick", {"user_id": "{bot}"}), POWER),
)

_SHUT = "rooms/{closed}/"
_ARCHIVED = "rooms/{archived}/"
_RELATED = {"m.relates_to": {"rel_type": "m.thread", "event_id": "{closed_event}"}, "msgtype": "m.text", "body": "x"}
_EDIT = {
    "m.relates_to": {"rel_type": "m.replace", "event_id": "{archived_event}"},
    "m.new_content": {"msgtype": "m.text", "body": "it was never so"},
    "msgtype": "m.text",
    "body": "* it was never so",
}
# The guard is asked before the room's powers are, so it holds a closed room whatever these have become.
HELD_SHUT = forbidden(Layer.GUARD, says=READ_ONLY)
IN_CLOSED = tuple(
    attempt(name, rule, P, call, HELD_SHUT, POWER)
    for name, rule, call in (
        (
            "writes in a closed matter",
            "M4",
            put(_SHUT + "send/m.room.message/c1", {"msgtype": "m.text", "body": "x"}),
        ),
        ("answers in a thread of a closed matter", "M4", put(_SHUT + "send/m.room.message/c2", _RELATED)),
        (
            "reacts in a closed matter",
            "M4",
            put(
                _SHUT + "send/m.reaction/c3",
                {"m.relates_to": {"rel_type": "m.annotation", "event_id": "{closed_event}", "key": "+"}},
            ),
        ),
        ("renames a closed matter's conversation", "M4", put(_SHUT + "state/m.room.name/", {"name": "Lunch"})),
        ("pins in a closed matter", "M4", put(_SHUT + "state/m.room.pinned_events/", {"pinned": []})),
        ("begins a poll in a closed matter", "M4", put(_SHUT + "send/m.poll.start/c4", {"x": 1})),
        ("calls in a closed matter", "M4", put(_SHUT + "send/m.call.invite/c5", {"call_id": "x", "version": 0})),
        ("edits her message in an archived channel", "C1", put(_ARCHIVED + "send/m.room.message/c6", _EDIT)),
        ("redacts her message in an archived channel", "C1", put(_ARCHIVED + "redact/{archived_event}/c7", {})),
        ("renames an archived channel", "C1", put(_ARCHIVED + "state/m.room.name/", {"name": "New"})),
    )
)

DIRECT = tuple(
    attempt(name, "D4", who, call, forbidden(layer, status, code))
    for name, who, call, layer, status, code in (
        (
            "reads others' direct conversation",
            A,
            get("rooms/{direct}/messages", dir="b"),
            Layer.SYNAPSE,
            403,
            "M_FORBIDDEN",
        ),
        ("joins others' direct conversation", A, post("join/{direct}"), Layer.STATE, 403, "M_FORBIDDEN"),
        (
            "asks the admin API for it",
            A,
            get("/_synapse/admin/v1/rooms/{direct}/messages"),
            Layer.SYNAPSE,
            403,
            "M_FORBIDDEN",
        ),
        ("logs in as a colleague", A, post("/_synapse/admin/v1/users/{cleo}/login"), Layer.SYNAPSE, 403, "M_FORBIDDEN"),
    )
)

_PILL = {"format": "org.matrix.custom.html"}
COMMANDS = (
    attempt(
        "adds the walled one under a colleague's name",
        "M3",
        P,
        Say("!add Gil", "{matter}", {**_PILL, "formatted_body": '!add <a href="https://matrix.to/#/{ben}">Gil</a>'}),
        fruitless(Layer.BRIDGE),
        victim="ben",
    ),
    attempt(
        "adds the walled one by command", "M3", P, Say("!add {ben}", "{matter}"), fruitless(Layer.BRIDGE), victim="ben"
    ),
    attempt(
        "adds him in capitals", "M3", P, Say("!add @BEN:LOCALHOST", "{matter}"), fruitless(Layer.BRIDGE), victim="ben"
    ),
    attempt(
        "adds him with a Cyrillic letter",
        "M3",
        P,
        Say("!add @b\u0435n", "{matter}"),
        fruitless(Layer.BRIDGE),
        victim="ben",
    ),
    attempt(
        "adds him by e-mail in capitals",
        "M3",
        P,
        Say("!add BEN@FIRM.EXAMPLE", "{matter}"),
        fruitless(Layer.BRIDGE),
        victim="ben",
    ),
    attempt(
        "adds somebody of another server",
        "F1",
        P,
        Say("!add @ben:elsewhere.example", "{matter}"),
        fruitless(Layer.BRIDGE),
        victim="ben",
    ),
    attempt("adds who has left", "F2", P, Say("!add @dan", "{matter}"), fruitless(Layer.BRIDGE)),
    attempt(
        "adds an account outside the firm",
        "F1",
        P,
        Say("!add {stranger}", "{matter}"),
        fruitless(Layer.BRIDGE),
        victim="stranger",
    ),
    attempt(
        "opens a conversation with who has left",
        "F2",
        P,
        Say("!dm @dan hello", "{cleo_chat}"),
        fruitless(Layer.BRIDGE, "left the firm"),
    ),
    attempt(
        "hides a command in the formatted text",
        "V5",
        P,
        Say("Lunch?", "{everyone}", {**_PILL, "formatted_body": "!channel archive Everyone"}),
        fruitless(Layer.BRIDGE),
    ),
    attempt(
        "hides a command in an edit",
        "V5",
        P,
        Say(
            "Lunch?",
            "{everyone}",
            {
                "m.new_content": {"msgtype": "m.text", "body": "!channel archive"},
                "m.relates_to": {"rel_type": "m.replace", "event_id": "{plain_event}"},
            },
        ),
        fruitless(Layer.BRIDGE),
    ),
    attempt(
        "sends a command as a notice",
        "V5",
        P,
        Say("!channel archive", "{everyone}", {"msgtype": "m.notice"}),
        fruitless(Layer.BRIDGE),
    ),
    attempt(
        "removes a colleague from the whole firm's channel",
        "C4",
        P,
        Say("!remove @ann", "{everyone}"),
        fruitless(Layer.BRIDGE),
    ),
    attempt(
        "makes a channel with a taken name in full-width letters",
        "C1",
        P,
        Say("!channel create \uff2f\uff4c\uff44 \uff30\uff4c\uff41\uff4e\uff53", "{cleo_chat}"),
        fruitless(Layer.BRIDGE),
    ),
    attempt(
        "makes a channel with a taken name and an invisible letter",
        "C1",
        P,
        Say("!channel create Old\u200b Plans", "{cleo_chat}"),
        fruitless(Layer.BRIDGE, "invisible"),
    ),
    attempt(
        "makes a channel with a mark that turns the writing",
        "C1",
        P,
        Say("!channel create \u202esnalP dlO", "{cleo_chat}"),
        fruitless(Layer.BRIDGE, "invisible"),
    ),
    attempt(
        "makes a channel that looks like another, in Cyrillic",
        "C1",
        P,
        Say("!channel create \u041eld Plans", "{cleo_chat}"),
        succeeds(),
    ),
)

ATTEMPTS: tuple[Attempt, ...] = (*INVITING, *CHANGING, *IN_CLOSED, *DIRECT, *COMMANDS)
