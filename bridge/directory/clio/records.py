"""What Clio's users, groups and matters are as records of the directory. Pure.

Clio's ids are numbers, and each kind has its own. Other sources have numbers too, so they are never taken as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bridge.directory.sources.cleaning import addresses, flag, if_read, readable, told_apart, truth
from bridge.directory.sources.port import SourceRecord, Value
from bridge.directory.values import DATE
from bridge.settings import ClioSettings

GIVES: Mapping[str, frozenset[str]] = {
    "staff": frozenset({"id", "first_name", "last_name", "email", "role", "enabled", "initials", "phone"}),
    "groups": frozenset({"id", "name", "members"}),
    "matters": frozenset(
        {"id", "number", "title", "status", "client", "responsible", "originating", "restricted", "allowed"}
        | {"description", "opened", "closed"}
    ),
}
"""The fields that Clio can give, by section."""
Json = dict[str, Any]
_EVERYBODY = "AccountGroup"
"""The type of the group of all users."""


@dataclass
class ClioSays:
    """What Clio said last, by id."""

    users: dict[int, Json] = field(default_factory=dict)
    groups: dict[int, Json] = field(default_factory=dict)
    matters: dict[int, Json] = field(default_factory=dict)


def records_of(says: ClioSays, settings: ClioSettings) -> tuple[SourceRecord, ...]:
    """The records that follow from what Clio said.

    Clio's permissions of a matter are one group. Nobody is in a matter whom that does not list; of those, everybody is
    where `settings.access` is "groups", else its attorneys alone. Nobody is where the group is not known. A matter is
    open only where the group is that of all users, and lists all who are enabled.
    """
    # Clients and colleagues of other firms have users, too.
    ours = [one for one in says.users.values() if truth(one.get("clio_connect")) is not True]
    emails = addresses((one["id"], one.get("email"), truth(one.get("enabled")) is True) for one in ours)
    staff = {one["id"]: one for one in ours if one["id"] in emails}
    members = {group_id: _members(one, staff) for group_id, one in says.groups.items()}
    # Of whom it cannot be read may be here still, as they were read last.
    enabled = frozenset(user_id for user_id, one in staff.items() if one.get("enabled") not in (None, False))
    open_groups = {
        group_id
        for group_id, one in says.groups.items()
        if one.get("type") == _EVERYBODY and enabled and enabled <= members[group_id]
    }
    ids = {f"clio-{one}": one for one in says.matters}
    numbers = told_apart({one["id"]: _number(one) for one in says.matters.values()}, "Clio", ids)
    made = [_staff(one, emails[one["id"]], settings) for one in staff.values()]
    made += [_group(one, members[group_id]) for group_id, one in says.groups.items()]
    for one in says.matters.values():
        group = id_of(one.get("group"))
        listed = members.get(group, frozenset()) if group is not None else frozenset()
        values = _matter(one, listed, numbers[one["id"]])
        if settings.access != "groups" or group not in open_groups:
            values["restricted"] = "yes"
            values["allowed"] = (_group_id(group),) if settings.access == "groups" and group in members else ()
        made.append(SourceRecord("matters", str(values["id"]), _there(values), wrong=_wrong_in(one)))
    return tuple(made)


def _staff(one: Json, email: str, settings: ClioSettings) -> SourceRecord:
    roles = one.get("roles")
    has = {str(role).casefold() for role in roles} if isinstance(roles, list) else set()
    first, last = readable(one.get("first_name"), 100), readable(one.get("last_name"), 100)
    values: dict[str, Value] = {
        "id": f"clio-{one['id']}",
        "first_name": first or last or readable(email.partition("@")[0], 100) or f"Clio user {one['id']}",
        "last_name": last if first else "",
        "email": email,
        "role": next((given for role, given in settings.roles.items() if role.casefold() in has), ""),
        "enabled": flag(one.get("enabled"), default=False),
        "initials": readable(one.get("initials"), 10),
        "phone": readable(one.get("phone_number"), 100),
    }
    connect = one.get("clio_connect")
    wrong = () if connect is None or truth(connect) is not None else ("clio_connect",)
    return SourceRecord("staff", str(values["id"]), _there(values), wrong=wrong)


def _members(group: Json, staff: Mapping[int, Json]) -> frozenset[int]:
    users = group.get("users")
    named = (id_of(one) for one in users) if isinstance(users, list) else ()
    return frozenset(one for one in named if one is not None and one in staff)


def _group_id(group: int | None) -> str:
    return f"clio-group-{group}"


def _group(one: Json, members: frozenset[int]) -> SourceRecord:
    values: dict[str, Value] = {
        "id": _group_id(one["id"]),
        "name": readable(one.get("name"), 100) or _group_id(one["id"]),
        "members": tuple(f"clio-{member}" for member in sorted(members)),
    }
    return SourceRecord("groups", str(values["id"]), _there(values))


def _number(matter: Json) -> str:
    return readable(matter.get("display_number"), 70) or f"Clio {matter['id']}"


def _matter(one: Json, listed: frozenset[int], number: str) -> dict[str, Value]:
    def person(name: str) -> str:
        user_id = id_of(one.get(name))
        return f"clio-{user_id}" if user_id in listed else ""

    originating, client = person("originating_attorney"), one.get("client")
    client_id = id_of(client)
    client_name = readable(client.get("name"), 250) if isinstance(client, dict) else ""
    return {
        "id": f"clio-{one['id']}",
        "number": number,
        "title": readable(one.get("description"), 250) or number,
        "status": readable(one.get("status"), 100),
        # A client without a name would stand behind no wall around that client.
        "client": () if client_id is None else (client_name or f"Clio contact {client_id}",),
        "responsible": person("responsible_attorney"),
        "originating": (originating,) if originating else (),
        "description": readable(one.get("description"), 4000),
        "opened": if_read(DATE, one.get("open_date")),
        "closed": if_read(DATE, one.get("close_date")),
    }


def _wrong_in(matter: Json) -> tuple[str, ...]:
    """What a matter says in another form than Clio's description has, where somebody would be let in by that."""
    # A wall around the client would stand around nothing.
    wrong = ("client",) if matter.get("client") is not None and id_of(matter["client"]) is None else ()
    if not readable(matter.get("status"), 100):
        wrong = (*wrong, "status")
    updated = matter.get("updated_at")
    return wrong if updated is None or when(updated) is not None else (*wrong, "updated_at")


def when(text: object) -> datetime | None:
    """A time; None for none that can be read."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return None if found.tzinfo is None else found


def is_id(value: Any) -> bool:
    """Whether it is an id as Clio has them: a whole number of at most 64 bits."""
    return type(value) is int and 0 < value < 2**63


def id_of(link: Any) -> int | None:
    """The id that a link to a record has; None where there is none."""
    found = link.get("id") if isinstance(link, dict) else None
    return found if is_id(found) else None


def _there(values: Mapping[str, Value]) -> Mapping[str, Value]:
    return {name: value for name, value in values.items() if value not in ("", ())}
