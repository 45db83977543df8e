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
    MARKER: "the bridge's mark",
}
"""By event type."""
