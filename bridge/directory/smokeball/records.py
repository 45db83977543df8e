"""What Smokeball's staff, groups and matters are as records of the directory. Pure."""

from __future__ import annotations

from collections.abc import Mapping

GIVES: Mapping[str, frozenset[str]] = {
    "staff": frozenset(
        {"id", "first_name", "last_name", "middle_name", "email", "title", "role", "former", "enabled", "initials"}
        | {"phone", "cell", "color_fill", "color_stroke", "avatar", "user_id", "version_id"}
    ),
    "groups": frozenset({"id", "name", "members", "deleted"}),
    "matters": frozenset(
        {"id", "number", "title", "status", "client", "other_side", "roles", "responsible", "assisting", "originating"}
        | {"supervisor", "restricted", "allowed", "description", "matter_type", "client_code", "branch", "is_lead"}
        | {"opened", "closed", "external_system_id", "version_id"}
    ),
}
"""The fields that Smokeball knows of, by section."""
