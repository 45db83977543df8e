"""Several sources made one directory: who owns what, and what happens when two disagree (S1, S3). Pure.

The owner of a value is the source to which `directory.sources` gives its field, else the one to which it gives its kind
of record, else the first in order that has the record. Others add what the owner cannot say. What takes something away
holds whoever says it: a leaver, a restriction, a legal hold, a wall.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bridge.directory.fields import ACCESS, CHANNELS, GROUPS, KINDS, MATTERS, STAFF, WALLS, Field, RecordKind
from bridge.directory.problems import ProblemList
from bridge.directory.reading import Record, Records
from bridge.directory.restrictions import members_of, on_every_list
from bridge.directory.sources.identities import Entity, Identities
from bridge.directory.sources.statement import Disagreement, Links, Merged, Provenance, Statement
from bridge.firm.model import Firm, MatterStatus

_RIGHTS = frozenset(
    {"role", "localpart", "external_ids", "allowed", "responsible", "assisting", "supervisor", "originating"}
)
"""Fields that let somebody in. Where their owner says nothing, nobody else does."""
TAKES_AWAY: Mapping[tuple[str, str], Any] = {
    ("staff", "former"): True,
    ("staff", "enabled"): False,
    ("matters", "restricted"): True,
    ("matters", "held"): True,
}
"""Values that hold whoever says them, unless somebody was given this very field."""
_GONE: Mapping[str, tuple[str, Any]] = {"staff": ("former", True), "matters": ("status", MatterStatus.DELETED)}
"""What becomes of a record that a source no longer has."""


def merge(
    said: Sequence[Statement],
    owns: Mapping[str, Sequence[str]],
    problems: ProblemList,
    links: Links | None = None,
    known: Firm | None = None,
) -> Merged:
    """The union of what the sources say, in their order.

    `owns` are the kinds (`staff`) and fields (`staff.role`) that each source owns. `links` say who is who from earlier
    times, and `known` who is in the firm that is in force: so a person keeps their id, and with it their account.
    """
    return _Merging(said, owns, problems, links or {}, known or Firm()).merged()


class _Merging:
    def __init__(
        self,
        said: Sequence[Statement],
        owns: Mapping[str, Sequence[str]],
        problems: ProblemList,
        links: Links,
        known: Firm,
    ) -> None:
        self._said = {one.source: one for one in said}
        self._owner = {owned: source for source, all_owned in owns.items() for owned in all_owned}
        self._who = Identities(self._said, self._in_order, problems, links, known)
        self._origins: dict[tuple[str, str], Provenance] = {}
        self._alone = {one.source: Provenance((one.source,), {}) for one in said}
        """The same for all that one source alone has."""
        self._disagreements: list[Disagreement] = []
        self._granted: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        """Which sources give access, by matter and person."""
        self._left_out: dict[str, list[str]] = defaultdict(list)

    def merged(self) -> Merged:
        entities = {kind.name: self._who.entities(kind) for kind in KINDS if kind is not ACCESS}
        for said in self._said.values():
            self._who.take_names(said)
        records: Records = defaultdict(list)
        lost: frozenset[str] = frozenset()
        for kind in (STAFF, GROUPS, MATTERS, WALLS, CHANNELS):
            found = [(one, self._one(kind, one)) for one in entities[kind.name].values()]
            told = [(one.gone == one.parts.keys(), record) for one, record in found if record is not None]
            if kind is MATTERS:
                lost = _forget_lost([record for gone, record in told if gone], records)
            records[kind.name] = _without_replaced(kind, told)
        records[ACCESS.name] = self._access()
        self._restrict(entities[MATTERS.name], records)
        left_out = {kind: tuple(ids) for kind, ids in self._left_out.items()}
        return Merged(records, self._origins, tuple(self._disagreements), left_out, self._who.links, lost)

    def _in_order(self, kind: str) -> list[str]:
        """The sources, the owner of this kind first."""
        owner = self._owner.get(kind)
        return sorted(self._said, key=lambda source: source != owner)

    def _one(self, kind: RecordKind, one: Entity) -> Record | None:
        owner = self._owner.get(kind.name, "")
        lacks = bool(owner) and owner in self._said and owner not in one.parts
        if lacks and kind in {STAFF, MATTERS}:
            self._left_out[kind.name].append(one.id)
            if kind is MATTERS:
                return None
        if len(one.parts) == 1 and not one.gone and not lacks:
            return self._only(kind, one)
        primary = next(source for source in self._in_order(kind.name) if source in one.parts)
        values: dict[str, Any] = {}
        unread: dict[str, str] = {}
        elsewhere: dict[str, str] = {}
        for each in kind.fields:
            source = self._source_of(kind, each, one, primary)
            if source and each.name in one.parts[source].unread:
                unread[each.name] = one.parts[source].unread[each.name]
            value = self._value(kind, each, one, source) if source else None
            if value not in (None, "", ()):
                values[each.name] = value
            if source and source != primary and value not in (None, "", ()):
                elsewhere[each.name] = source
        self._take_away(kind, one, values, elsewhere, lacks=lacks)
        if "id" in {each.name for each in kind.fields}:
            values["id"] = one.id
        self._origins[kind.name, one.id] = Provenance(tuple(self._in(kind, one, primary)), elsewhere)
        return Record(one.parts[primary].row, values, unread)

    def _only(self, kind: RecordKind, one: Entity) -> Record:
        """What one source says of whom no other knows: all of it, but rights that another says alone."""
        ((source, record),) = one.parts.items()
        others = {
            name for name in _RIGHTS if self._owner.get(f"{kind.name}.{name}", source) in self._said.keys() - {source}
        }
        self._origins[kind.name, one.id] = self._alone[source]
        values = {
            each.name: self._who.named(source, each, record.values[each.name])
            for each in kind.fields
            if each.name in record.values and each.name not in others
        }
        if kind is not CHANNELS:
            values["id"] = one.id
        return Record(record.row, values, {name: one for name, one in record.unread.items() if name not in others})

    def _source_of(self, kind: RecordKind, each: Field, one: Entity, primary: str) -> str:
        """The source whose word holds of a field; empty for none."""
        given = self._owner.get(f"{kind.name}.{each.name}", "")
        if given in one.parts:
            return given
        if given in self._said and each.name in _RIGHTS:
            return ""
        if each.name == "allowed":
            # Of whoever restricts it: the list of somebody who does not is no list.
            return next((source for source in self._in(kind, one, primary) if _restricts(one.parts[source])), primary)
        if self._said[primary].can_say(kind.name, each.name) or each.name in _RIGHTS:
            return primary
        return next((source for source in self._in(kind, one, primary) if each.name in one.parts[source].values), "")

    def _in(self, kind: RecordKind, one: Entity, primary: str) -> list[str]:
        return [primary, *(source for source in self._in_order(kind.name) if source in one.parts and source != primary)]

    def _value(self, kind: RecordKind, each: Field, one: Entity, source: str) -> Any:
        value = self._who.named(source, each, one.parts[source].values.get(each.name))
        if each.name in {"id", "user_id", "version_id"}:
            return value
        for other, record in one.parts.items():
            theirs = self._who.named(other, each, record.values.get(each.name))
            differs = other != source and theirs not in (None, "", ()) and _folded(theirs) != _folded(value)
            if differs and (kind.name, each.name) not in TAKES_AWAY:
                self._disagreements.append(Disagreement(kind.name, one.id, each.name, source, other))
        return value

    def _take_away(
        self, kind: RecordKind, one: Entity, values: dict[str, Any], elsewhere: dict[str, str], *, lacks: bool
    ) -> None:
        """What takes something away holds whoever says it, but where somebody was given the very field."""
        for (of, name), taken in TAKES_AWAY.items():
            if of == kind.name and self._owner.get(f"{of}.{name}", "") not in one.parts:
                says = next((source for source, record in one.parts.items() if record.values.get(name) == taken), "")
                if says and values.get(name) != taken:
                    values[name], elsewhere[name] = taken, says
        if kind.name in _GONE:
            name, taken = _GONE[kind.name]
            owner = self._owner.get(f"{kind.name}.{name}", "")
            if lacks or owner in one.gone or (one.gone and owner not in one.parts):
                values[name] = taken
                elsewhere[name] = self._owner.get(kind.name, "") if lacks else min(one.gone)

    def _access(self) -> list[Record]:
        """Who may see what: of its owner alone where it has one, since it lets people in."""
        owner = self._owner.get(ACCESS.name)
        found: dict[tuple[str, str], Record] = {}
        for source in self._in_order(ACCESS.name):
            if owner in {None, source}:
                for record in self._said[source].records.get(ACCESS.name, ()):
                    values = {
                        each.name: self._who.named(source, each, record.values[each.name])
                        for each in ACCESS.fields
                        if each.name in record.values
                    }
                    key = values.get("matter", ""), values.get("person", "")
                    found.setdefault(key, Record(record.row, values, record.unread))
                    self._granted[key[0]][key[1]].add(source)
        return list(found.values())

    def _restrict(self, matters: Mapping[str, Entity], records: Records) -> None:
        """Where several sources restrict a matter, let in only whom each of them lets in."""
        allowed = next(each for each in MATTERS.fields if each.name == "allowed")
        members = members_of(records[GROUPS.name])
        settled: set[tuple[str, str]] = set()
        for record in records[MATTERS.name]:
            one = matters[record.get("id")]
            by = {source for source, part in one.parts.items() if _restricts(part) and source not in one.gone}
            if len(by) < 2 or self._owner.get(f"{MATTERS.name}.{allowed.name}") in one.parts:
                continue
            lists = {
                source: set(self._who.named(source, allowed, one.parts[source].get(allowed.name, ()))) for source in by
            }
            for person, sources in self._granted[one.id].items():
                for source in sources & by:
                    lists[source].add(person)
                if sources <= by:
                    settled.add((one.id, person))
            record.values[allowed.name] = on_every_list(list(lists.values()), members)
        # What such rows say is in the matters' lists.
        records[ACCESS.name] = [
            row for row in records[ACCESS.name] if (row.get("matter"), row.get("person")) not in settled
        ]


def _forget_lost(matters: Iterable[Record], records: Records) -> frozenset[str]:
    """Take out of what is kept of deleted matters whom nobody knows any more, such as a group that went with them.
    Returns whom."""
    lost: set[str] = set()
    known = {one.known_as("id") for kind in (STAFF, GROUPS) for one in records[kind.name] if not one.get("deleted")}
    for matter in matters:
        if "allowed" in matter.values:
            lost.update(name for name in matter.values["allowed"] if name not in known)
            matter.values["allowed"] = tuple(name for name in matter.values["allowed"] if name in known)
    return frozenset(lost)


def _without_replaced(kind: RecordKind, records: Sequence[tuple[bool, Record]]) -> list[Record]:
    """Without those that are gone, as each is told, and whose e-mail address or number is another's by now."""
    unique = [(each.name, each.unique) for each in kind.fields if each.unique is not None and each.name != "id"]

    def values(record: Record) -> set[tuple[str, str]]:
        return {(name, key(record.values[name])) for name, key in unique if name in record.values}

    kept = [record for gone, record in records if not gone]
    if len(kept) == len(records):
        return kept
    taken = {value for record in kept for value in values(record)}
    for gone, record in records:
        if gone and taken.isdisjoint(own := values(record)):
            taken |= own
            kept.append(record)
    return kept


def _restricts(record: Record) -> bool:
    return bool(record.get("restricted", False))


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value
