"""What Smokeball's staff, groups and matters are as records of the directory. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from bridge.directory.barriers import UNTIL_KNOWN
from bridge.directory.smokeball.mirror import LAST_IDS, Mirror, lists_ids
from bridge.directory.smokeball.policies import (
    ALL_MATTERS,
    UNCLEAR,
    Look,
    any_policy,
    is_barred,
    is_sure,
    never_known,
)
from bridge.directory.sources.cleaning import (
    addresses,
    flag,
    if_read,
    in_circles,
    readable,
    same_address,
    told_apart,
    truth,
)
from bridge.directory.sources.port import SourceRecord, Value
from bridge.directory.values import COLOUR, DATE

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
        by_user = {one["userId"]: one["id"] for one in mirror.staff.values() if isinstance(one.get("userId"), str)}
        users = [(one.get("isFormerUser"), _staff_of(one, by_user)) for one in mirror.users.values()]
        self._former_users = {each for former, meant in users if truth(former) for each in meant}
        unclear = [meant for former, meant in users if former is not None and truth(former) is None]
        self.doubtful = {each for meant in unclear for each in meant}
        """Of whom Smokeball's users do not say clearly whether they have left."""
        people = ((one["id"], one.get("email"), self.is_here(one)) for one in mirror.staff.values())
        self.emails: Mapping[str, str] = addresses(people)
        """Of those who can be staff here; Smokeball has others, without an address."""
        self.staff = {staff_id: mirror.staff[staff_id] for staff_id in self.emails}
        holders = {same_address(email): staff_id for staff_id, email in self.emails.items()}
        written = {one["id"]: same_address(one.get("email")) for one in mirror.staff.values()}
        self._holders = {staff_id: holders[address] for staff_id, address in written.items() if address}
        ids = ((one.get("userId"), one.get("staffId")) for one in mirror.users.values())
        named = {user: staff_id for user, staff_id in ids if isinstance(user, str) and isinstance(staff_id, str)}
        self._users: dict[str, str] = named | by_user
        self._groups = mirror.groups
        inside = {one: self.members(one) for one in self._groups}
        self._apart = in_circles(inside)
        self._known = self._users.keys() | mirror.staff.keys() | self._groups.keys()
        self._unread = {one for one in self._groups if not lists_ids(self._groups[one])}
        self._of_no_staff = {one.get("userId") for one in mirror.users.values() if one.get("staffId") is None}

    def is_former(self, one: Json) -> bool:
        """Whether this person has left, as Smokeball's staff or its users have it."""
        return truth(one.get("former")) is True or one["id"] in self._former_users

    def is_here(self, one: Json) -> bool:
        """Whether this person works here."""
        return truth(one.get("enabled")) is not False and not self.is_former(one)

    def members(self, group_id: str) -> tuple[str, ...]:
        """Who is in a group, as Smokeball calls them; where that cannot be read, who was in it last too."""
        group = self._groups.get(group_id, {})
        listed = group.get("principalIds")
        now = tuple(one for one in listed if isinstance(one, str)) if isinstance(listed, list) else ()
        return now if lists_ids(group) else (*now, *group.get(LAST_IDS, ()))

    def known_in(self, group_id: str) -> tuple[str, ...]:
        """The staff and group ids in a group, without groups through which it would contain itself."""
        apart = self._apart if group_id in self._apart else {group_id}
        return tuple(sorted({known for one in self.members(group_id) if (known := self.known(one))} - apart))

    def known(self, principal: str) -> str:
        """The staff or group id of a principal; empty where nobody here is meant."""
        staff_id = self._users.get(principal, principal)
        if staff_id in self.staff:
            return staff_id
        group = self._groups.get(principal)
        return principal if group is not None and group.get("isDeleted") is not True else ""

    def knows(self, principals: Iterable[str]) -> bool:
        """Whether all of these are somebody, if not here then in Smokeball, and so is everybody in groups of theirs."""
        reached = self._reached(principals)
        return self._known.issuperset(reached) and self._unread.isdisjoint(reached)

    def may_be_anybody(self, who: str) -> bool:
        """Whether it is not known whom the own policy of this user or group shuts out."""
        return who not in self._of_no_staff and not self.knows([who])

    def people(self, principals: Iterable[str]) -> frozenset[str]:
        """Staff ids of all who are meant by these, in groups of groups too, deleted ones among them.

        An old account means whoever has its address now: a person who was hired again.
        """
        named = (self._users.get(one, one) for one in self._reached(principals))
        return frozenset(self._holders[one] for one in named if one in self._holders)

    def _reached(self, principals: Iterable[str]) -> set[str]:
        """These, and all who are in groups of theirs by whatever way."""
        reached: set[str] = set()
        waiting = list(principals)
        while waiting:
            if (principal := waiting.pop()) not in reached:
                reached.add(principal)
                waiting += self.members(principal)
        return reached


def records_of_mirror(
    mirror: Mirror,
    deny: str,
    reference: str,
    only: Collection[str] | None = None,
    *,
    numbers: Mapping[str, str] | None = None,
    principals: Principals | None = None,
) -> tuple[SourceRecord, ...]:
    """The records that follow from what Smokeball said; with `only`, those of these matters alone.

    `numbers` and `principals` are those of this mirror, where they are known already.

    `deny` is "restriction" or "wall": what somebody on a matter's deny-list is. `reference` is the form by which
    policies are asked for. A matter of which nobody is sure who must not see it is open to those with a role on it
    alone, and so is one whose deny-list names somebody whom Smokeball does not list, or a group of which it is not
    known who is in it, and one that such a group's own policy denies it. Of whom it is not known what they are
    denied is shut out of each. While Smokeball does not answer what the policy of all matters is, the last one holds
    for those that were known before.
    """
    principals = principals or Principals(mirror)
    made: list[SourceRecord] = []
    if only is None:
        made += [_staff(one, principals) for one in principals.staff.values()]
        made += [_group(one, principals) for one in mirror.groups.values()]
    numbers = numbers_of(mirror) if numbers is None else numbers
    exceptions: dict[str, SourceRecord] = {}
    any_found = any_policy(mirror.looks.values(), reference)
    of_all = mirror.bars.get(ALL_MATTERS)
    denied_all = of_all.denied if of_all is not None else ()
    sure_of_all = of_all is not None and not of_all.doubted and principals.knows(denied_all)
    bars = [(who, bar) for who, bar in mirror.bars.items() if bar.denied and who != ALL_MATTERS]
    anywhere = principals.people(who for who, bar in bars if UNCLEAR in bar.denied)
    strange = [bar for who, bar in bars if principals.may_be_anybody(who)]
    sure_of_all = sure_of_all and not any(UNCLEAR in bar.denied for bar in strange)
    never_doubted = of_all is None or sure_of_all
    for one in _of(mirror, only):
        look = mirror.looks.get(one["id"])
        barred = [who for who, bar in bars if is_barred(bar, one["id"])]
        denied = principals.people([*(look.denied if look is not None else ()), *denied_all, *barred])
        values, wrong = _matter(one, numbers[one["id"]], mirror, principals, look)
        if denied and deny == "wall":
            made.append(_wall(one["id"], denied))
        out = anywhere if deny == "wall" else denied | anywhere
        sure = look is not None and is_sure(look, reference, any_found=any_found) and principals.knows(look.denied)
        unknown_bar = any(is_barred(bar, one["id"]) for bar in strange)
        unanswered = of_all is not None and look is not None and 0 < of_all.unanswered <= look.first
        if not (sure and sure_of_all) or unknown_bar or unanswered:
            values["restricted"] = "yes"
            # Doubt about a denial that was known must not make that it ends something to be expected.
            if look is None or (never_known(look) and never_doubted and not out and not unknown_bar):
                values["allowed"] = (UNTIL_KNOWN,)
                exceptions[UNTIL_KNOWN] = _NOBODY
        elif out:
            group = _exception(principals, out)
            exceptions[group.id] = group
            values |= {"restricted": "yes", "allowed": (group.id,)}
        made.append(SourceRecord("matters", one["id"], values, wrong=wrong))
    return (*made, *exceptions.values())


def gone_with(matter_id: str) -> tuple[tuple[str, str], ...]:
    """Kinds and ids of the records that one matter's may be."""
    return ("matters", matter_id), ("walls", _wall_id(matter_id))


def numbers_of(mirror: Mirror) -> dict[str, str]:
    """The numbers of all matters, by their ids: another matter's may change one."""
    return told_apart(
        {key: _text(one, "number", 100) or readable(key, 100) for key, one in mirror.matters.items()},
        "Smokeball",
        {one: one for one in mirror.matters},
    )


def _of(mirror: Mirror, matter_ids: Collection[str] | None) -> list[Json]:
    """These matters, as far as they are known, or all."""
    if matter_ids is None:
        return list(mirror.matters.values())
    return [mirror.matters[one] for one in sorted(matter_ids) if one in mirror.matters]


def _staff_of(user: Json, by_user: Mapping[str, str]) -> set[str]:
    """The staff that a user is, by its own word and by that of the staff: either may be broken."""
    named = (user.get("staffId"), by_user.get(str(user.get("userId"))))
    return {one for one in named if isinstance(one, str)}


def _staff(one: Json, principals: Principals) -> SourceRecord:
    email = principals.emails[one["id"]]
    first, last = _text(one, "firstName", 100), _text(one, "lastName", 100)
    values: dict[str, Value] = {
        "id": one["id"],
        "first_name": first or last or readable(email.partition("@")[0], 100) or readable(one["id"], 100),
        "last_name": last if first else "",
        "middle_name": _text(one, "middleName", 100),
        "email": email,
        "title": _text(one, "title", 100),
        "role": _text(one, "role", 100),
        "former": "yes" if principals.is_former(one) else flag(one.get("former"), default=False),
        "enabled": flag(one.get("enabled"), default=True),
        "initials": _text(one, "initials", 10),
        "phone": _number(one.get("phone")),
        "cell": _number(one.get("cell")),
        "color_fill": if_read(COLOUR, one.get("colorFill")),
        "color_stroke": if_read(COLOUR, one.get("colorStroke")),
        "avatar": _text(one, "avatar", 250),
        "user_id": _text(one, "userId", 250),
        "version_id": _text(one, "versionId", 250),
    }
    wrong = ("isFormerUser",) if one["id"] in principals.doubtful else ()
    return SourceRecord("staff", one["id"], _there(values), wrong=wrong)


def _group(one: Json, principals: Principals) -> SourceRecord:
    values: dict[str, Value] = {
        "id": one["id"],
        "name": _text(one, "name", 100) or readable(one["id"], 100),
        "members": principals.known_in(one["id"]),
        "deleted": flag(one.get("isDeleted"), default=False),
    }
    return SourceRecord("groups", one["id"], _there(values), wrong=() if lists_ids(one) else ("members",))


def _matter(
    one: Json, number: str, mirror: Mirror, principals: Principals, look: Look | None
) -> tuple[dict[str, Value], tuple[str, ...]]:
    """The values of a matter, and the fields that Smokeball says in another form than its description has."""
    wrong: list[str] = []

    def ids(name: str, *places: str) -> tuple[str, ...]:
        """The ids that links in some places have, of a field of this name."""
        found: list[str] = []
        for place in places:
            said = one.get(place) or []
            links = said if isinstance(said, list) else [said]
            for link in links:
                link_id = (link.get("id") or "") if isinstance(link, dict) else None
                if isinstance(link_id, str):
                    found.append(link_id)
                else:
                    wrong.append(name)
        return tuple(dict.fromkeys(filter(None, found)))

    def staff(name: str, *places: str) -> tuple[str, ...]:
        return tuple(each for each in ids(name, *places) if each in principals.staff)

    def name(contact: str) -> str:
        # A client without a name would stand behind no wall around that client.
        return readable(mirror.contacts.get(contact), 250) or readable(str(contact), 250)

    status = _text(one, "status", 100) or "Open"
    if look is not None and look.archived and status.casefold() in {"open", "pending"}:
        status = "Closed"
    roles = look.roles if look is not None else ()
    values: dict[str, Value] = {
        "id": one["id"],
        "number": number,
        "title": _text(one, "title", 250) or _text(one, "description", 250) or number,
        "status": status,
        "client": tuple(map(name, ids("client", "clients"))),
        "other_side": tuple(map(name, ids("other_side", "otherSides"))),
        "roles": tuple(
            (readable(role, 100) or "Other", name(contact)) for role, contact in roles if contact in mirror.contacts
        ),
        "responsible": "".join(staff("responsible", "personResponsible")[:1]),
        "assisting": staff("assisting", "personAssisting", "personAssistingStaffs"),
        "originating": staff("originating", "originatingStaff", "originatingStaffs"),
        "supervisor": "".join(staff("supervisor", "supervisor")[:1]),
        "description": _text(one, "description", 4000),
        "client_code": _text(one, "clientCode", 250),
        "is_lead": flag(one.get("isLead"), default=False),
        "opened": if_read(DATE, one.get("openedDate")),
        "closed": if_read(DATE, one.get("closedDate")),
        "external_system_id": _text(one, "externalSystemId", 250),
        "version_id": _text(one, "versionId", 250),
    }
    return dict(_there(values)), tuple(dict.fromkeys(wrong))


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


def _text(one: Mapping[str, Any], name: str, longest: int) -> str:
    value = one.get(name)
    return readable(str(value), longest) if value is not None else ""


def _number(phone: Any) -> str:
    if not isinstance(phone, dict):
        return ""
    return readable(" ".join(str(phone[part]) for part in ("areaCode", "number") if phone.get(part)), 100)
