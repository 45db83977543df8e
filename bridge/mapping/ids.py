"""Matrix ids and aliases of firm things."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bridge.firm.model import Firm, Staff
from bridge.firm.names import plain

LOCALPART = re.compile(r"[a-z0-9._=/+-]{1,100}")
"""What a user id's localpart may be made of (Matrix specification, appendices, user identifiers)."""

TEMPLATE_FIELDS = ("email", "first", "last", "initials", "id")


@dataclass(frozen=True, slots=True)
class LocalpartProblem:
    """Why a staff member cannot have an account, and what to do."""

    staff_id: str
    message: str


def localpart_for(person: Staff, template: str) -> str:
    """The localpart a person would get: the directory's own where it gives one, else the template's. May be empty."""
    if person.localpart:
        return person.localpart
    values = {
        "email": person.email.partition("@")[0],
        "first": person.first_name,
        "last": person.last_name,
        "initials": person.short_initials,
        "id": person.id,
    }
    return re.sub(r"[^a-z0-9._=/+-]+", "", plain(template.format(**values)).replace(" ", "."))


def assign_localparts(
    firm: Firm, given: Mapping[str, str], template: str, reserved: Collection[str]
) -> tuple[dict[str, str], tuple[LocalpartProblem, ...]]:
    """Localparts for active staff who have none yet, by staff id, and the problems of those who cannot get one.

    `given` is what was handed out before, leavers included: it never changes and is never handed out again.
    """
    if not (without := firm.active_staff - given.keys()):
        return {}, ()
    owners = {localpart: staff_id for staff_id, localpart in given.items()}
    assigned: dict[str, str] = {}
    problems: list[LocalpartProblem] = []
    for staff_id in sorted(without):
        person = firm.staff[staff_id]
        localpart = localpart_for(person, template)
        if not LOCALPART.fullmatch(localpart):
            problem = f"{person.name} ({staff_id}) has no usable localpart: {localpart!r}."
        elif localpart in reserved:
            problem = f"{person.name} ({staff_id}) would get the localpart {localpart}, which is the bridge's own."
        elif (owner := owners.get(localpart)) is not None:
            other = firm.staff.get(owner)
            problem = (
                f"{person.name} ({staff_id}) and {other.name if other else 'somebody who left'} ({owner})"
                f" would both be {localpart}."
            )
        else:
            owners[localpart] = staff_id
            assigned[staff_id] = localpart
            continue
        problems.append(LocalpartProblem(staff_id, f"{problem} Give this person a localpart in the directory."))
    return assigned, tuple(problems)


def hidden_alias(key: str, secret: str) -> str:
    """The alias localpart of a room without a public one: the same for the same room, unguessable without the key."""
    return "fb-" + hmac.new(secret.encode(), key.encode(), hashlib.sha256).hexdigest()[:40]


def channel_alias(name_key: str, taken: Collection[str]) -> str:
    """The public alias localpart of a channel, made from its name; a part of a hash is added where that is taken."""
    slug = "-".join(re.findall(r"\w+", name_key))[:60]
    digest = hashlib.sha256(name_key.encode()).hexdigest()[:6]
    if not slug or slug.startswith("fb-"):
        slug = f"channel-{digest}"
    return slug if slug not in taken else f"{slug}-{digest}"
