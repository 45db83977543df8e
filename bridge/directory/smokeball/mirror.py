"""What Smokeball said, as it said it: from this the directory's records follow, and nothing else (S2)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field, fields
from typing import Any

import orjson

from bridge.directory.smokeball.policies import ALL_MATTERS, Look
from bridge.directory.sources.port import SourceRead, SourceRecord

Json = dict[str, Any]
MIRROR = "smokeball mirror"
"""Under what it is kept."""
_MATTER = (
    *("id", "number", "title", "description", "status", "clients", "otherSides", "personResponsible"),
    *("personAssisting", "personAssistingStaffs", "originatingStaff", "originatingStaffs", "supervisor", "clientCode"),
    *("openedDate", "closedDate", "isLead", "externalSystemId", "versionId"),
)
_STAFF = (
    *("id", "versionId", "title", "firstName", "middleName", "lastName", "initials", "phone", "cell", "email", "role"),
    *("avatar", "former", "enabled", "userId", "colorFill", "colorStroke"),
)
_OPEN = frozenset({"open", "pending"})
_OF_LOOK = tuple(each.name for each in fields(Look))
LAST_IDS = "lastIds"
"""The field of a group whose members cannot be read that has those who could be read last."""
_KEEPS: Mapping[str, tuple[str, ...]] = {
    "staff": _STAFF,
    "users": ("id", "staffId", "userId", "isFormerUser"),
    "groups": ("id", "name", "principalIds", "isDeleted", LAST_IDS),
    "matters": _MATTER,
}
"""What is kept of each kind of thing."""


class Packed(MutableMapping[str, Json]):
    """Many things by their id, each in memory as its JSON, which takes a third of the space."""

    def __init__(self) -> None:
        self._packed: dict[str, bytes] = {}

    def __getitem__(self, record_id: str) -> Json:
        one: Json = orjson.loads(self._packed[record_id])
        return one

    def __setitem__(self, record_id: str, one: Json) -> None:
        self._packed[record_id] = orjson.dumps(one)

    def __delitem__(self, record_id: str) -> None:
        del self._packed[record_id]

    def __contains__(self, record_id: object) -> bool:
        return record_id in self._packed

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


@dataclass
class Mirror:
    """Everything by its id, in memory and in the store."""

    staff: dict[str, Json] = field(default_factory=dict)
    users: dict[str, Json] = field(default_factory=dict)
    groups: dict[str, Json] = field(default_factory=dict)
    matters: MutableMapping[str, Json] = field(default_factory=Packed)
    contacts: dict[str, str] = field(default_factory=dict)
    """Names."""
    looks: dict[str, Look] = field(default_factory=dict)
    bars: dict[str, Look] = field(default_factory=dict)
    """The users' and groups' own policies, and with ALL_MATTERS the one of all matters."""
    changed: set[tuple[str, str]] = field(default_factory=set)
    """Kinds and ids of what the store does not have yet."""
    differ: set[str] = field(default_factory=set)
    """Ids of matters of which other records follow than those that were made last."""
    all_differ: bool = True
    """Whether that may be so of anything."""
    people_differ: bool = True
    """Whether staff, users or groups may be others than when records were made last."""
    numbers_differ: bool = True
    """Whether matters may have other numbers than then."""
    open_matters: set[str] = field(default_factory=set)
    """Ids of those that are open or pending."""

    def put(self, kind: str, records: Iterable[Json], *, whole: bool = False) -> None:
        """Take these as they are now, each as `kept` has it.

        An answer may be older than one before it: such a matter is left as it is known, but in a `whole` reading,
        after which Smokeball itself may have gone back. Who a user is stays known, and who was in a group last.
        """
        table: MutableMapping[str, Json] = getattr(self, kind)
        for one in records:
            before = table.get(one["id"])
            if kind == "matters" and not whole and before is not None and 0 < version_of(one) < version_of(before):
                continue
            if kind in _REMEMBERS and before is not None:
                one = _REMEMBERS[kind](one, before)
            if before != one:
                table[one["id"]] = one
                self._note(kind, one["id"])
            if kind == "matters":
                self.note_matter(one, before)

    def note_matter(self, one: Json, before: Json | None) -> None:
        """Note whether a matter is open, and whether it has another number than before."""
        is_open = str(one.get("status", "")).casefold() in _OPEN
        (self.open_matters.add if is_open else self.open_matters.discard)(one["id"])
        if before is None or before.get("number") != one.get("number"):
            self.numbers_differ = True

    def put_contacts(self, records: Iterable[Json]) -> None:
        """The same for contacts, as `contact_of` has them."""
        for one in records:
            name = one["name"]
            if name and self.contacts.get(one["id"]) != name:
                self.contacts[one["id"]] = name
                self._note("contacts", one["id"])

    def put_look(self, matter_id: str, look: Look) -> None:
        """What was found when a matter was looked at."""
        before = self.looks.get(matter_id)
        look = self.looks[matter_id] = look.after(before)
        self.changed.add(("looks", matter_id))
        if not look.same(before):
            self.differ.add(matter_id)

    def put_bar(self, principal: str, look: Look) -> None:
        """What was found when a user's or group's own policy, or the one of all matters, was looked at."""
        before = self.bars.get(principal)
        look = self.bars[principal] = look.after(before)
        self.changed.add(("bars", principal))
        # That somebody new is denied nothing makes no other records.
        if not look.same(before) and (before is not None or look.denied or look.doubted):
            self.all_differ = True

    def principals(self) -> set[str]:
        """Whose own policies count: users and groups that are there, and ALL_MATTERS."""
        users = [one.get("userId") for one in self.users.values() if one.get("isFormerUser") is not True]
        users += [one.get("userId") for one in self.staff.values() if one.get("former") is not True]
        groups = {one["id"] for one in self.groups.values() if one.get("isDeleted") is not True}
        return {one for one in users if isinstance(one, str) and one} | groups | {ALL_MATTERS}

    def drop(self, kind: str, record_id: str) -> None:
        """Know no longer of it."""
        if getattr(self, kind).pop(record_id, None) is not None:
            self._note(kind, record_id)
            if kind == "matters":
                self.numbers_differ = True
                self.open_matters.discard(record_id)
                self.drop("looks", record_id)

    def _note(self, kind: str, record_id: str) -> None:
        self.changed.add((kind, record_id))
        if kind in {"matters", "looks"}:
            self.differ.add(record_id)
        else:
            self.all_differ = True
            self.people_differ = self.people_differ or kind in {"staff", "users", "groups"}

    def news(self, changed: Iterable[tuple[str, str]]) -> SourceRead:
        """What the store does not have yet of these kinds and ids, to be kept there."""
        written: list[SourceRecord] = []
        gone: list[tuple[str, str]] = []
        for kind, record_id in changed:
            one = getattr(self, kind).get(record_id)
            if one is None:
                gone.append((_kept_as(kind), record_id))
            else:
                plain = {name: getattr(one, name) for name in _OF_LOOK} if isinstance(one, Look) else one
                written.append(SourceRecord(_kept_as(kind), record_id, {"json": json.dumps(plain, sort_keys=True)}))
        return SourceRead(tuple(written), whole=False, gone=tuple(gone))


def kept(kind: str, one: Json) -> Json:
    """What is kept of a thing: of a link the id."""
    return {name: _id_alone(one[name]) for name in _KEEPS[kind] if one.get(name) is not None}


def _id_alone(value: Any) -> Any:
    if isinstance(value, list):
        return [_id_alone(each) for each in value]
    return {"id": value["id"]} if isinstance(value, dict) and isinstance(value.get("id"), str) else value


def mirror_of(records: Iterable[SourceRecord]) -> Mirror:
    """What was kept."""
    mirror = Mirror()
    for one in records:
        kind, plain = one.kind.removeprefix("mirror "), json.loads(str(one.values["json"]))
        if kind in {"looks", "bars"}:
            roles = tuple((name, contact) for name, contact in plain["roles"])
            plain = Look(**{**plain, "denied": tuple(plain["denied"]), "roles": roles})
        getattr(mirror, kind)[one.id] = kept(kind, plain) if kind in _KEEPS else plain
        if kind == "matters":
            mirror.note_matter(plain, None)
    return mirror


def version_of(matter: Json) -> int:
    """When a matter was changed last, in .NET ticks; 0 where it does not say."""
    version = str(matter.get("versionId") or "")
    return int(version) if version.isascii() and version.isdigit() and len(version) < 20 else 0


def _with_ids(user: Json, before: Json) -> Json:
    """A user with those ids of before that cannot be read any more: whoever has left is not forgotten by that."""
    lost = [name for name in ("staffId", "userId") if not isinstance(user.get(name), str)]
    return {**user, **{name: before[name] for name in lost if isinstance(before.get(name), str)}}


def _with_last_ids(group: Json, before: Json) -> Json:
    """A group of which it cannot be read who is in it, with those who were."""
    if lists_ids(group):
        return group
    last = before.get("principalIds") if lists_ids(before) else before.get(LAST_IDS)
    return {**group, LAST_IDS: last or []}


def lists_ids(group: Json) -> bool:
    """Whether it can be read who is in a group."""
    listed = group.get("principalIds")
    return listed is None or (isinstance(listed, list) and all(isinstance(one, str) for one in listed))


_REMEMBERS: Mapping[str, Callable[[Json, Json], Json]] = {"users": _with_ids, "groups": _with_last_ids}
"""What is still known of a thing from what was known before."""


def contact_of(contact: Json) -> Json:
    """What is kept of a contact."""
    return {"id": contact["id"], "name": name_of(contact)}


def _kept_as(kind: str) -> str:
    return f"mirror {kind}"


def name_of(contact: Json) -> str:
    """What a contact is called; empty for nothing."""
    return next((name for name in _names(contact) if name), "")


def _names(contact: Json) -> Iterator[str]:
    forms = {name: contact.get(name) for name in ("person", "company", "trust", "groupOfPeople")}
    said = {name: one for name, one in forms.items() if isinstance(one, dict)}
    person = said.pop("person", {})
    yield " ".join(str(person[part]) for part in ("firstName", "lastName") if person.get(part))
    for one in said.values():
        yield str(one.get("name") or "")
