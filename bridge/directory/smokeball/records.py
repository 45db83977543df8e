"""What Smokeball's staff, groups and matters are as records of the directory. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from bridge.directory.barriers import UNTIL_KNOWN
from bridge.directory.smokeball.mirror import Mirror
from bridge.directory.smokeball.policies import Look, any_policy, is_sure, never_known
from bridge.directory.sources.port import SourceRecord, Value

Json = dict[str, Any]
GIVES: Mapping[str, frozenset[str]] = {
    "staff": frozenset(
        {"id", "first_name", "last_name", "middle_name", "email", "title", "role", "former", "enabled", "initials"}
        | {"phone", "cell", "color_fill", "color_stroke", "avatar", "user_id", "version_id"}
    ),
    "groups": frozenset({"id", "name", "members", "deleted"}),
    "matters": frozenset(
        {"id", "number", "title", "status", "client", "other_side", "roles", "responsible", "assisting", "originating"}
        | {"supervisor", "restricted", "allowed", "description", "client_code", "is_lead"}
        | {"opened", "closed", "external_system_id", "version_id"}
    ),
}
"""The fields that Smokeball knows of, by section."""
_NOBODY = SourceRecord(
    "groups", UNTIL_KNOWN, {"id": UNTIL_KNOWN, "name": "Nobody, until Smokeball has said who must not see it"}
)
_WALL_MEMO = "On the matter's deny-list in Smokeball."


class Principals:
    """Who the users and groups that Smokeball names are."""

    def __init__(self, mirror: Mirror) -> None:
        self.staff = {one["id"]: one for one in mirror.staff.values() if one.get("email")}
        """Those who can be staff here; Smokeball has others, without an address."""
        users = {one["userId"]: one["staffId"] for one in mirror.users.values() if "userId" in one and "staffId" in one}
        users |= {one["userId"]: one["id"] for one in mirror.staff.values() if "userId" in one}
        self._users: dict[str, str] = users
        self._groups = mirror.groups
        self._known = self._users.keys() | mirror.staff.keys() | self._groups.keys()
        self._former_users = {one.get("staffId") for one in mirror.users.values() if one.get("isFormerUser")}

    def is_former_user(self, staff_id: str) -> bool:
        """Whether Smokeball's users have this person as a former one."""
        return staff_id in self._former_users

    def known(self, principal: str) -> str:
        """The staff or group id of a principal; empty where nobody here is meant."""
        staff_id = self._users.get(principal, principal)
        if staff_id in self.staff:
            return staff_id
        group = self._groups.get(principal)
        return principal if group is not None and not group.get("isDeleted") else ""

    def knows(self, principals: Iterable[str]) -> bool:
        """Whether all of these are somebody, if not here then in Smokeball."""
        return self._known.issuperset(principals)

    def people(self, principals: Iterable[str]) -> frozenset[str]:
        """Staff ids of all who are meant by these, in groups of groups too, deleted ones among them."""
        found: set[str] = set()
        seen: set[str] = set()
        waiting = list(principals)
        while waiting:
            principal = waiting.pop()
            if principal in seen:
                continue
            seen.add(principal)
            staff_id = self._users.get(principal, principal)
            if staff_id in self.staff:
                found.add(staff_id)
            waiting += self._groups.get(principal, {}).get("principalIds") or ()
        return frozenset(found)


def records_of_mirror(
    mirror: Mirror, deny: str, reference: str, only: Collection[str] | None = None
) -> tuple[SourceRecord, ...]:
    """The records that follow from what Smokeball said; with `only`, those of these matters alone.

    `deny` is "restriction" or "wall": what somebody on a matter's deny-list is. `reference` is the form by which
    policies are asked for. A matter of which nobody is sure who must not see it is open to those with a role on it
    alone, and so is one whose deny-list names somebody whom Smokeball does not list.
    """
    principals = Principals(mirror)
    made: list[SourceRecord] = []
    if only is None:
        made += [_staff(one, principals) for one in principals.staff.values()]
        made += [_group(one, principals) for one in mirror.groups.values()]
    exceptions: dict[str, SourceRecord] = {}
    any_found = any_policy(mirror.looks.values(), reference)
    for one in _of(mirror, only):
        look = mirror.looks.get(one["id"])
        denied = principals.people(look.denied) if look is not None else frozenset()
        values = _matter(one, mirror, principals, look)
        if denied and deny == "wall":
            made.append(_wall(one["id"], denied))
        if look is None or not is_sure(look, reference, any_found=any_found) or not principals.knows(look.denied):
            values["restricted"] = "yes"
            if never_known(look):
                values["allowed"] = (UNTIL_KNOWN,)
                exceptions[UNTIL_KNOWN] = _NOBODY
        elif denied and deny != "wall":
            group = _exception(principals, denied)
            exceptions[group.id] = group
            values |= {"restricted": "yes", "allowed": (group.id,)}
        made.append(SourceRecord("matters", one["id"], values))
    return (*made, *exceptions.values())


def gone_with(matter_id: str) -> tuple[tuple[str, str], ...]:
    """Kinds and ids of the records that one matter's may be."""
    return ("matters", matter_id), ("walls", _wall_id(matter_id))


def is_doubled(mirror: Mirror, matter_ids: Collection[str]) -> bool:
    """Whether another matter has the number of one of these, which its own records do not show."""
    count = Counter(_text(one, "number").casefold() for one in mirror.matters.values() if one.get("number"))
    return any(count[_text(one, "number").casefold()] > 1 for one in _of(mirror, matter_ids))


def _of(mirror: Mirror, matter_ids: Collection[str] | None) -> list[Json]:
    """These matters, as far as they are known, or all."""
    if matter_ids is None:
        return list(mirror.matters.values())
    return [mirror.matters[one] for one in sorted(matter_ids) if one in mirror.matters]


def _staff(one: Json, principals: Principals) -> SourceRecord:
    former = bool(one.get("former")) or principals.is_former_user(one["id"])
    values: dict[str, Value] = {
        "id": one["id"],
        "first_name": _text(one, "firstName") or _text(one, "lastName") or _text(one, "email").partition("@")[0],
        "last_name": _text(one, "lastName") if one.get("firstName") else "",
        "middle_name": _text(one, "middleName"),
        "email": _text(one, "email"),
        "title": _text(one, "title"),
        "role": _text(one, "role"),
        "former": _yes(former),
        "enabled": _yes(one.get("enabled", True)),
        "initials": _text(one, "initials")[:10],
        "phone": _number(one.get("phone")),
        "cell": _number(one.get("cell")),
        "color_fill": _text(one, "colorFill"),
        "color_stroke": _text(one, "colorStroke"),
        "avatar": _text(one, "avatar")[:250],
        "user_id": _text(one, "userId"),
        "version_id": _text(one, "versionId"),
    }
    return SourceRecord("staff", one["id"], _there(values))


def _group(one: Json, principals: Principals) -> SourceRecord:
    members = {known for each in one.get("principalIds") or () if (known := principals.known(each))} - {one["id"]}
    values: dict[str, Value] = {
        "id": one["id"],
        "name": _text(one, "name") or one["id"],
        "members": tuple(sorted(members)),
        "deleted": _yes(one.get("isDeleted", False)),
    }
    return SourceRecord("groups", one["id"], _there(values))


def _matter(one: Json, mirror: Mirror, principals: Principals, look: Look | None) -> dict[str, Value]:
    def staff(*links: Any) -> tuple[str, ...]:
        ids = (link.get("id", "") for link in links if isinstance(link, dict))
        return tuple(dict.fromkeys(each for each in ids if each in principals.staff))

    def names(links: Any) -> tuple[str, ...]:
        # A client without a name would stand behind no wall around that client.
        return tuple(mirror.contacts.get(link["id"], link["id"]) for link in links or () if link.get("id"))

    number = _text(one, "number") or one["id"]
    status = _text(one, "status") or "Open"
    if look is not None and look.archived and status.casefold() in {"open", "pending"}:
        status = "Closed"
    roles = look.roles if look is not None else ()
    values: dict[str, Value] = {
        "id": one["id"],
        "number": number,
        "title": (_text(one, "title") or _text(one, "description") or number)[:250],
        "status": status,
        "client": names(one.get("clients")),
        "other_side": names(one.get("otherSides")),
        "roles": tuple((name, mirror.contacts[contact]) for name, contact in roles if contact in mirror.contacts),
        "responsible": "".join(staff(one.get("personResponsible"))),
        "assisting": staff(one.get("personAssisting"), *(one.get("personAssistingStaffs") or ())),
        "originating": staff(one.get("originatingStaff"), *(one.get("originatingStaffs") or ())),
        "supervisor": "".join(staff(one.get("supervisor"))),
        "description": _text(one, "description")[:4000],
        "client_code": _text(one, "clientCode"),
        "is_lead": _yes(one.get("isLead", False)),
        "opened": _text(one, "openedDate"),
        "closed": _text(one, "closedDate"),
        "external_system_id": _text(one, "externalSystemId"),
        "version_id": _text(one, "versionId"),
    }
    return dict(_there(values))


def _wall_id(matter_id: str) -> str:
    return f"smokeball-{matter_id}"


def _wall(matter_id: str, denied: frozenset[str]) -> SourceRecord:
    values: dict[str, Value] = {
        "id": _wall_id(matter_id),
        "matter": matter_id,
        "people": tuple(sorted(denied)),
        "memo": _WALL_MEMO,
        "set_by": "Smokeball",
    }
    return SourceRecord("walls", str(values["id"]), values)


def _exception(principals: Principals, denied: frozenset[str]) -> SourceRecord:
    """A group of everybody but those denied: the same for all matters with the same deny-list."""
    digest = hashlib.sha256(" ".join(sorted(denied)).encode()).hexdigest()[:16]
    members = tuple(sorted(principals.staff.keys() - denied))
    group_id = f"smokeball-but-{digest}"
    return SourceRecord(
        "groups", group_id, _there({"id": group_id, "name": "Everybody not denied in Smokeball", "members": members})
    )


def _there(values: Mapping[str, Value]) -> Mapping[str, Value]:
    return {name: value for name, value in values.items() if value not in ("", ())}


def _text(one: Mapping[str, Any], name: str) -> str:
    value = one.get(name)
    return " ".join(str(value).split()) if value is not None else ""


def _number(phone: Any) -> str:
    if not isinstance(phone, dict):
        return ""
    return " ".join(str(phone[part]) for part in ("areaCode", "number") if phone.get(part))


def _yes(value: Any) -> str:
    return "yes" if value else "no"
