"""Words for what stands in a room's state, for people who do not know Matrix."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.firm.room_keys import MARKER

WHAT: Mapping[str, str] = {
    "m.room.power_levels": "who may do what",
    "m.room.join_rules": "who may come in",
    "m.room.history_visibility": "who may read what was said before",
    "m.room.guest_access": "that no guests come in",
    "m.room.name": "the name",
    "m.room.topic": "the topic",
    "m.room.canonical_alias": "the address",
    MARKER: "the bridge's mark",
}
"""By event type."""
