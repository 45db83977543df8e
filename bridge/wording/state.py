"""Words for what stands in a room's state, for people who do not know Matrix."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.firm.room_keys import MARKER

WHAT: Mapping[str, str] = {
    "m.room.power_levels": "who may do what",
    "m.room.join_rules": "who may come in",
    "m.room.history_visibility": "who may read what was said before",
    "m.room.guest_access": "whether guests come in",
    "m.room.name": "the name",
    "m.room.topic": "the topic",
    "m.room.avatar": "the picture",
    "m.room.canonical_alias": "the address",
    "m.room.tombstone": "where the conversation goes on (a room upgrade)",
    "m.room.server_acl": "which servers take part",
    "m.room.third_party_invite": "who is invited by e-mail",
    "m.room.encryption": "end-to-end encryption",
    "io.element.functional_members": "that the bot is no person in it",
    "m.room.create": "what the room is",
    "m.space.child": "the list of rooms",
    "im.vector.modular.widgets": "the pages beside the messages (widgets)",
    "m.widget": "the pages beside the messages (widgets)",
    "io.element.widgets.layout": "where the pages beside the messages stand",
    MARKER: "the bridge's mark",
    "policy": "a room, while the guard knew no policy",
    "not_staff": "a room, by nobody of the firm",
    "space": "a space",
    "kind": "a room of another kind",
    "successor": "a room in place of another",
    "address": "people by e-mail or telephone",
    "outsiders": "somebody who is not on the staff",
    "alone": "a direct conversation with nobody",
    "nameless": "a channel without a name",
    "private": "a room for those invited alone",
}
"""By event type, and by the word of a refused room (bridge/guard/creation.py)."""
