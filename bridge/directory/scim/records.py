"""What users and groups of SCIM (RFC 7643, section 4) are as records of the directory. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.directory.sources.cleaning import in_circles
from bridge.directory.sources.port import SourceRecord, Value

GIVES: Mapping[str, frozenset[str]] = {
    "staff": frozenset(
        {"id", "first_name", "last_name", "middle_name", "email", "title", "role", "former", "phone", "cell", "user_id"}
    ),
    "groups": frozenset({"id", "name", "members"}),
}
"""The fields that SCIM can give, by section. Who somebody is at the single sign-on is not among them (S3)."""
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_LONGEST_NAME = 100
_KINDS_OF_MAIL = ("work", "", "other")
"""Types of e-mail addresses, those of the firm first."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """One resource as it was pushed last."""

    resource: Any
    """A User or Group of scim2-models."""
    email: str = ""
    """Of a user: the address they have here."""


def address_of(user: Any, before: str = "") -> str:
    """The e-mail address of a user: the primary one, the one at work, or a userName that looks like one.

    Where the client took the address away it stays as it was `before`: nobody leaves the firm by that.
    """
    given = [one for one in user.emails or () if one.value]
    given.sort(key=lambda one: (not one.primary, _rank(str(one.type or "").casefold())))
    if given:
        return str(given[0].value).strip()
    name = (user.user_name or "").strip()
    return name if _ADDRESS.fullmatch(name) else before


def works_here(pushed: Pushed) -> bool:
    """Whether a user is to be staff: one that is active, and has an address."""
    return pushed.resource.active is not False and bool(pushed.email)


def staff_record(pushed: Pushed, role: str = "") -> SourceRecord:
    """A user as a staff member. What the client calls a role or title gives no right here."""
    user, name = pushed.resource, pushed.resource.name
    first, last = _text(name and name.given_name), _text(name and name.family_name)
    shown = _text(user.display_name) or _text(name and name.formatted)
    values: dict[str, Value] = {
        "id": user.id,
        "first_name": first or last or shown or pushed.email.partition("@")[0],
        "last_name": last if first else "",
        "middle_name": _text(name and name.middle_name),
        "email": pushed.email,
        "title": _text(name and name.honorific_prefix),
        "role": role,
        "phone": _number(user, "work"),
        "cell": _number(user, "mobile"),
        "user_id": _text(user.user_name),
        "former": "yes" if user.active is False else "",
    }
    return SourceRecord("staff", user.id, {field: value for field, value in values.items() if value})


def group_record(group: Any, known: Iterable[str] = ()) -> SourceRecord:
    """A group, with those of its members who are known here."""
    here = frozenset(known)
    members = dict.fromkeys(one.value for one in group.members or () if one.value in here and one.value != group.id)
    # Entra has names of 256 characters.
    name = _text(group.display_name)[:_LONGEST_NAME].rstrip()
    values: dict[str, Value] = {"id": group.id, "name": name or group.id}
    return SourceRecord("groups", group.id, {**values, **({"members": tuple(members)} if members else {})})


def records_of(everything: Sequence[Pushed], roles: Mapping[str, str]) -> tuple[SourceRecord, ...]:
    """The records of all that was pushed. `roles` are those that groups give, by the group's name; nothing else does.

    Of a person in several such groups the first in `roles` holds. Who is not active has left, also where nobody was
    told of them before: another source may have them. Their address may be somebody else's by now.
    """
    staff = [one for one in everything if _is_user(one) and works_here(one)]
    by_address = {one.email.casefold(): one for one in everything if _is_user(one) and one.email}
    by_address |= {one.email.casefold(): one for one in staff}
    left = [one for one in by_address.values() if not works_here(one)]
    groups = [one.resource for one in everything if not _is_user(one)]
    known = {one.resource.id for one in (*staff, *everything) if not _is_user(one) or works_here(one)}
    given: dict[str, str] = {}
    by_name: dict[str, list[Any]] = defaultdict(list)
    for group in groups:
        by_name[_text(group.display_name).casefold()].append(group)
    for name, role in roles.items():
        for group in by_name.get(name.casefold(), ()):
            for member in group.members or ():
                given.setdefault(member.value, role)
    apart = in_circles({one.id: {member.value for member in one.members or ()} for one in groups})
    return (
        *(staff_record(one, given.get(one.resource.id, "")) for one in staff),
        *(staff_record(one) for one in left),
        *(group_record(one, known - apart if one.id in apart else known) for one in groups),
    )


def _is_user(one: Pushed) -> bool:
    return hasattr(one.resource, "user_name")


def _rank(kind: str) -> int:
    return _KINDS_OF_MAIL.index(kind) if kind in _KINDS_OF_MAIL else len(_KINDS_OF_MAIL)


def _number(user: Any, kind: str) -> str:
    numbers = (one.value for one in user.phone_numbers or () if str(one.type or "").casefold() == kind and one.value)
    return _text(next(numbers, ""))


def _text(value: Any) -> str:
    return " ".join(str(value).split()) if value else ""
