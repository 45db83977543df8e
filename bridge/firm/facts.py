"""What a decision about somebody's membership rests on, and its form as JSON: what the bridge tells the guard.

Only what the policy looks at is in it: no names of people, no titles, memos or telephone numbers. `may_be_in` decides
the same with these facts as with the whole firm.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from functools import cached_property
from typing import Any, TypeVar

from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.difference import differing
from bridge.firm.errors import BridgeError
from bridge.firm.files.rules import FileRules
from bridge.firm.model import Firm, Group, Matter, MatterRole, MatterStatus, Staff, Wall, WallKind
from bridge.firm.policy import is_held, is_read_only

Json = dict[str, Any]
Records = Mapping[str, Mapping[str, Any]]
"""JSON by kind and id."""
E = TypeVar("E", bound=Enum)
TIMEZONE = "timezone"
BRIDGE_URL = "bridge_url"
OF_THE_FIRM = ("staff", "group", "matter", "wall")
"""The kinds of records that make the firm."""
_IN_FORCE = "in_force"
"""The id of the one record of file rules."""
_LONGEST_ID = 1000
_NAMED_PEOPLE = frozenset({ConversationKind.DIRECT, ConversationKind.BOT, ConversationKind.ADMINS})
"""Conversations that only those picked for them may be in. Of the others the guard need not know who is in them."""


class FactsError(BridgeError, ValueError):
    """Records that say nothing, or something impossible. The message names the record and what is wrong with it."""


@dataclass(frozen=True)
class Facts:
    """The facts. Those read from records have empty names and titles."""

    firm: Firm = field(default_factory=Firm)
    accounts: Mapping[str, str] = field(default_factory=dict)
    """Staff ids by localpart."""
    conversations: Mapping[str, Conversation] = field(default_factory=dict)
    """By the key of their room."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """The firm's time zone, under `timezone`, and where the homeserver reaches the bridge, under `bridge_url`."""
    file_rules: FileRules | None = None
    """None where they are not known, and no file is refused."""

    @property
    def timezone(self) -> str:
        """The name of the firm's time zone."""
        return self.settings.get(TIMEZONE, "UTC")

    @property
    def bridge_url(self) -> str:
        """Where the homeserver reaches the bridge."""
        return self.settings.get(BRIDGE_URL, "")

    @cached_property
    def read_only(self) -> frozenset[str]:
        """The keys of the rooms in which nobody may write (C1, M4)."""
        return frozenset(key for key, one in self.conversations.items() if is_read_only(self.firm, one))

    @cached_property
    def held(self) -> frozenset[str]:
        """The keys of the rooms in which nothing is deleted."""
        return frozenset(key for key, one in self.conversations.items() if is_held(self.firm, one))


def records_of(facts: Facts) -> dict[str, dict[str, Any]]:
    """All facts as JSON."""
    return {
        name: {record_id: kind.encode(value) for record_id, value in kind.of(facts).items()}
        for name, kind in _KINDS.items()
    }


def firm_changes(before: Firm, now: Firm) -> tuple[dict[str, dict[str, Any]], dict[str, list[str]]]:
    """What to put and to drop, by kind and id, so that facts with the one firm become facts with the other."""
    put: dict[str, dict[str, Any]] = {}
    drop: dict[str, list[str]] = {}
    for name in OF_THE_FIRM:
        kind = _KINDS[name]
        old, new = kind.of(Facts(before)), kind.of(Facts(now))
        for record_id in sorted(differing(old, new)):
            if record_id not in new:
                drop.setdefault(name, []).append(record_id)
            elif record_id not in old or kind.encode(old[record_id]) != kind.encode(new[record_id]):
                put.setdefault(name, {})[record_id] = kind.encode(new[record_id])
    return put, drop


def digest_of(facts: Facts) -> str:
    """The same for the same facts, wherever they come from."""
    text = json.dumps(records_of(facts), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def with_changes(facts: Facts, put: Records, drop: Mapping[str, Iterable[str]]) -> Facts:
    """The facts with these records put in, whatever was there, and those taken out. Raises FactsError."""
    if not (isinstance(put, Mapping) and isinstance(drop, Mapping)):
        raise FactsError("Records are told by kind and id.")
    tables: dict[str, Mapping[str, Any]] = {name: kind.of(facts) for name, kind in _KINDS.items()}
    for name in {*put, *drop}:
        if name not in _KINDS:
            raise FactsError(f"{name!r} is no kind of record. Bridge and guard must be of the same version.")
        table = dict(tables[name])
        for record_id in drop.get(name, ()):
            table.pop(record_id, None)
        table.update({record_id: _read(name, record_id, data) for record_id, data in put.get(name, {}).items()})
        tables[name] = table
    same_firm = not any(kind in put or kind in drop for kind in OF_THE_FIRM)
    firm = Firm(staff=tables["staff"], groups=tables["group"], matters=tables["matter"], walls=tables["wall"])
    rules: FileRules | None = tables["file_rules"].get(_IN_FORCE)
    return Facts(facts.firm if same_firm else firm, tables["account"], tables["conversation"], tables["setting"], rules)


def _read(name: str, record_id: str, data: Any) -> Any:
    if not record_id or len(record_id) > _LONGEST_ID:
        raise FactsError(f"A {name} has the id {record_id[:20]!r}.")
    try:
        return _KINDS[name].decode(record_id, data)
    except (KeyError, TypeError, ValueError) as error:
        raise FactsError(f"The {name} {record_id!r} cannot be understood ({type(error).__name__}).") from error


def _a(wanted: type, value: Any) -> Any:
    if not isinstance(value, wanted):
        raise TypeError(f"{type(value).__name__} instead of {wanted.__name__}")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_a(str, each) for each in _a(list, value))


def _one_of(kinds: type[E], value: Any) -> E:
    return kinds(_a(str, value))


def _day(value: Any) -> date | None:
    return None if value is None else date.fromisoformat(_a(str, value))


def _written_day(value: date | None) -> str | None:
    return None if value is None else value.isoformat()


def _encode_staff(person: Staff) -> Json:
    return {"former": person.former, "enabled": person.enabled}


def _decode_staff(staff_id: str, data: Any) -> Staff:
    return Staff(staff_id, "", "", "", former=_a(bool, data["former"]), enabled=_a(bool, data["enabled"]))


def _encode_group(group: Group) -> Json:
    return {"members": list(group.members), "deleted": group.deleted}


def _decode_group(group_id: str, data: Any) -> Group:
    return Group(group_id, "", _texts(data["members"]), _a(bool, data["deleted"]))


def _encode_matter(matter: Matter) -> Json:
    return {
        "status": matter.status.value,
        "clients": list(matter.clients),
        "team": list(matter.team),
        "restricted": matter.restricted,
        "allowed": list(matter.allowed),
        "held": matter.held,
    }


def _decode_matter(matter_id: str, data: Any) -> Matter:
    return Matter(
        matter_id,
        "",
        "",
        _one_of(MatterStatus, data["status"]),
        roles=tuple(MatterRole("", client, is_client=True) for client in _texts(data["clients"])),
        assisting=_texts(data["team"]),
        restricted=_a(bool, data["restricted"]),
        allowed=_texts(data["allowed"]),
        held=_a(bool, data["held"]),
    )


def _encode_wall(wall: Wall) -> Json:
    return {
        "kind": wall.kind.value,
        "matter": wall.matter_id,
        "client": wall.client,
        "people": list(wall.people),
        "since": _written_day(wall.since),
        "expires": _written_day(wall.expires),
    }


def _decode_wall(wall_id: str, data: Any) -> Wall:
    return Wall(
        wall_id,
        _one_of(WallKind, data["kind"]),
        _a(str, data["matter"]),
        _a(str, data["client"]),
        _texts(data["people"]),
        since=_day(data["since"]),
        expires=_day(data["expires"]),
    )


def _encode_conversation(conversation: Conversation) -> Json:
    return {
        "kind": conversation.kind.value,
        "matter": conversation.matter_id,
        "people": sorted(_named_people(conversation)),
        "archived": conversation.archived,
    }


def _named_people(conversation: Conversation) -> frozenset[str]:
    """Staff ids of those who alone may be in it; nobody where the guard need not know."""
    if conversation.kind is ConversationKind.DIRECT:
        return conversation.opened_for
    return conversation.participants if conversation.kind in _NAMED_PEOPLE else frozenset()


def _decode_conversation(key: str, data: Any) -> Conversation:
    return Conversation(
        key,
        _one_of(ConversationKind, data["kind"]),
        matter_id=_a(str, data["matter"]),
        archived=_a(bool, data["archived"]),
        participants=frozenset(_texts(data["people"])),
    )


def _decode_setting(name: str, data: Any) -> str:
    if name not in {TIMEZONE, BRIDGE_URL}:
        raise KeyError(name)
    return str(_a(str, data))


def _file_rules(facts: Facts) -> Mapping[str, FileRules]:
    return {} if facts.file_rules is None else {_IN_FORCE: facts.file_rules}


def _encode_file_rules(rules: FileRules) -> Json:
    return {
        "max_bytes": rules.max_bytes,
        "programs": rules.programs,
        "forbidden": sorted(rules.forbidden),
        "allowed": sorted(rules.allowed),
        "encrypted": rules.encrypted,
    }


def _decode_file_rules(record_id: str, data: Any) -> FileRules:
    if record_id != _IN_FORCE:
        raise KeyError(record_id)
    return FileRules(
        _a(int, data["max_bytes"]),
        _a(bool, data["programs"]),
        frozenset(_texts(data["forbidden"])),
        frozenset(_texts(data["allowed"])),
        _a(bool, data["encrypted"]),
    )


@dataclass(frozen=True)
class _Kind:
    of: Callable[[Facts], Mapping[str, Any]]
    encode: Callable[[Any], Any]
    decode: Callable[[str, Any], Any]


_KINDS: Mapping[str, _Kind] = {
    "staff": _Kind(lambda facts: facts.firm.staff, _encode_staff, _decode_staff),
    "group": _Kind(lambda facts: facts.firm.groups, _encode_group, _decode_group),
    "matter": _Kind(lambda facts: facts.firm.matters, _encode_matter, _decode_matter),
    "wall": _Kind(lambda facts: facts.firm.walls, _encode_wall, _decode_wall),
    "account": _Kind(lambda facts: facts.accounts, str, lambda _, data: _a(str, data)),
    "conversation": _Kind(lambda facts: facts.conversations, _encode_conversation, _decode_conversation),
    "setting": _Kind(lambda facts: facts.settings, str, _decode_setting),
    "file_rules": _Kind(_file_rules, _encode_file_rules, _decode_file_rules),
}
