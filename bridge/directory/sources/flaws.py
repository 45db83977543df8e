"""One record of a source that cannot be read never stops the rest, and lets nobody in (S1, S3). Pure.

It stays as it was read last, but for what it takes away now, as far as that can be read: whoever left, whoever is off a
matter's team or list, a restriction, a client more whose wall is to hold; and but for its address or number, which may
be another's by now. One that never could be read is left out; what it takes away holds for what other sources have.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from bridge.directory.fields import ACCESS, GROUPS, KINDS, MATTERS, STAFF, WALLS, Field
from bridge.directory.merging import TAKES_AWAY
from bridge.directory.problems import ProblemList
from bridge.directory.reading import Record, Seen, read_rows
from bridge.directory.sources.port import Flaw, SourceRecord, Value
from bridge.directory.sources.statement import Merged, Statement
from bridge.directory.values import Refers, boolean, status
from bridge.firm.model import MatterStatus, WallKind

_TEAM = ("responsible", "supervisor", "assisting", "originating")
_LEAVES: Mapping[str, bool] = {"former": True, "enabled": False}
_ENDED = (MatterStatus.CLOSED, MatterStatus.DELETED)
_LONGEST_NUMBER = 100
_OWN: Mapping[str, tuple[Field, ...]] = {
    kind.name: tuple(each for each in kind.fields if each.unique is not None and each.name != "id") for kind in KINDS
}
"""The fields in which no two records of a kind may have the same, by kind."""
Own = tuple[str, str, str]
"""A kind, a field, and what makes its value the same."""
Groups = Mapping[str, Sequence[str]]
"""Who is in each group of a source, by its id."""
LeftOut = Mapping[tuple[str, str], str]
"""What a source has and never could be read, by kind and id: of a matter its number, where that could be."""
Taking = frozenset[tuple[str, str, str]]
"""What that takes away: the kind, the number or address by which others know it, case folded, and the field."""
_KNOWN_BY = {STAFF.name: "email", MATTERS.name: "number"}


def sorted_out(source: str, records: Iterable[SourceRecord]) -> tuple[tuple[SourceRecord, ...], tuple[Flaw, ...]]:
    """The records of a source that can be read, and what is wrong with the others."""
    good: list[SourceRecord] = []
    flaws: list[Flaw] = []
    seen: Seen = {}
    for one in records:
        problems = ProblemList()
        ((read,),) = read_rows([one.row(source)], problems, source, seen).values()
        whys = [f"{each.column.rpartition('.')[2]}: {each.message}" for each in problems.found]
        whys += [f"{name}: It is not in the form that the source's description has." for name in one.wrong]
        if not whys:
            good.append(one)
            continue
        unread = frozenset((*read.unread, *one.wrong))
        values = {name: value for name, value in one.values.items() if name not in unread}
        flaws.append(Flaw(one.kind, one.id, " ".join(whys), SourceRecord(one.kind, one.id, values), unread))
    return tuple(good), tuple(flaws)


def kept_of(before: SourceRecord, flaw: Flaw, groups_before: Groups, groups: Groups) -> SourceRecord:
    """A record as it was read last, without what the one that cannot be read takes away."""
    if flaw.read is None:
        return before
    values, now = dict(before.values), flaw.read.values
    values |= {each.name: now[each.name] for each in _OWN[before.kind] if each.required and now.get(each.name)}
    if before.kind == "staff":
        values |= {name: now[name] for name in taken_away(flaw.read)}
    elif before.kind == "matters":
        _restrict(values, now, flaw.unread, groups_before, groups)
        _take_off(values, now, flaw.unread)
        values["client"] = tuple(dict.fromkeys((*listed(values.get("client")), *listed(now.get("client")))))
        if (
            status(str(now.get("status") or "Open")) in _ENDED
            and status(str(values.get("status") or "Open")) not in _ENDED
        ):
            values["status"] = now["status"]
    return SourceRecord(before.kind, before.id, {name: value for name, value in values.items() if value})


def taken_away(person: SourceRecord) -> tuple[str, ...]:
    """The fields by which this record says that somebody has left."""
    return tuple(name for name, gone in _LEAVES.items() if _says(person.values, name, gone))


def known_by(flaw: Flaw) -> str:
    """The number or address by which other sources know a record that cannot be read; empty where that is not clear."""
    value = "" if flaw.read is None else flaw.read.values.get(_KNOWN_BY.get(flaw.kind, ""), "")
    return value if isinstance(value, str) else ""


def takes(flaw: Flaw) -> tuple[str, ...]:
    """The fields by which a record that cannot be read takes something away; a restriction also where it may."""
    if flaw.read is None or flaw.kind not in _KNOWN_BY:
        return ()
    if flaw.kind == STAFF.name:
        return taken_away(flaw.read)
    said = [name for name in ("restricted", "held") if _says(flaw.read.values, name, taken=True)]
    return tuple(said) if "restricted" not in flaw.unread else ("restricted", *said)


def take_away(merged: Merged, taking: Mapping[str, Taking], owns: Mapping[str, Sequence[str]]) -> None:
    """Take from what sources have what another says of it in a record that never could be read.

    Whom it lets in nobody can say, so a matter it restricts is open to the team alone. Not where somebody was given the
    very field, nor from what it has itself: that is another's, with a number or address that was given on.
    """
    owner = {owned: source for source, all_owned in owns.items() for owned in all_owned}
    found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for source, some in taking.items():
        for kind, name, taken in some:
            found[kind, name].append((source, taken))
    shut: set[str] = set()
    for kind, by in _KNOWN_BY.items():
        for record in merged.records[kind]:
            sources = merged.origins[kind, record.get("id")].sources
            for source, taken in found.get((kind, record.get(by).casefold()), ()):
                if source in sources or owner.get(f"{kind}.{taken}") in sources:
                    continue
                record.values[taken] = TAKES_AWAY[kind, taken]
                if taken == "restricted" and owner.get(f"{kind}.allowed") not in sources:
                    record.values["allowed"] = ()
                    shut.add(record.get("id"))
    if shut:
        rows = merged.records[ACCESS.name]
        merged.records[ACCESS.name] = [one for one in rows if one.get("matter") not in shut]


def own_values(record: SourceRecord) -> Iterator[Own]:
    """What the record has that no other of its kind may have."""
    for each in _OWN[record.kind]:
        if value := record.values.get(each.name):
            yield _own(record.kind, each, value)


def with_own(kept: SourceRecord, before: SourceRecord, taken: set[Own]) -> SourceRecord | None:
    """A record that cannot be read, without what another that can be read has as its own; None where it cannot be
    without that, such as somebody without an address."""
    values = dict(kept.values)
    for each in _OWN[kept.kind]:
        said = [one.values[each.name] for one in (kept, before) if one.values.get(each.name)]
        if said and kept.kind == "matters":
            # Its number is no more than what people call it, and it stays as closed as it was.
            apart = f"{said[0]} ({kept.id})"
            said += [apart if len(apart) <= _LONGEST_NUMBER else kept.id]
        free = next((one for one in said if _own(kept.kind, each, one) not in taken), "")
        if free:
            values[each.name] = free
        elif each.required:
            return None
        else:
            values.pop(each.name, None)
    return SourceRecord(kept.kind, kept.id, values)


def nowhere_else(left_out: LeftOut, numbers: Container[str]) -> LeftOut:
    """What is left out but for matters that are known by one of these numbers, which are case folded."""
    return {key: number for key, number in left_out.items() if not number or number.casefold() not in numbers}


def without(record: Record, left_out: LeftOut) -> Record | None:
    """The record without names of what is left out; None where nothing is left of it, as of a wall around such a
    matter."""
    names = {kind: {one for of, one in left_out if of == kind} for kind in ("staff", "groups", "matters")}
    hidden = {
        Refers.STAFF: names["staff"],
        Refers.PEOPLE: names["staff"] | names["groups"],
        Refers.MATTER: names["matters"],
    }
    values = dict(record.values)
    for each in record.row.kind.fields:
        out = hidden.get(each.type.refers)
        value = values.get(each.name)
        if not out or not value or (record.row.kind is WALLS and each.type.refers is Refers.PEOPLE):
            # Whom a wall names may be somebody whom another source has: `name_unread` sees to it.
            continue
        if isinstance(value, str):
            values[each.name] = "" if value in out else value
        else:
            values[each.name] = tuple(one for one in value if (one if isinstance(one, str) else one[0]) not in out)
        if not values[each.name]:
            del values[each.name]
            if each.required or each.type.refers is Refers.MATTER:
                return None
    return Record(record.row, values, record.unread)


def drop_around_left_out(merged: Merged, said: Sequence[Statement]) -> None:
    """Drop walls of a source around matters that it never could read, and that others have in vain: their owner does
    not have them, so they are not in the directory."""
    left = frozenset(merged.left_out.get(MATTERS.name, ()))
    sources = {one.source for one in said if one.numbers}
    if left and sources:
        merged.records[WALLS.name] = [
            one
            for one in merged.records[WALLS.name]
            if one.get("matter") not in left or sources.isdisjoint(merged.origins[WALLS.name, one.get("id")].sources)
        ]


def name_unread(merged: Merged, said: Sequence[Statement], left_out: Mapping[str, LeftOut]) -> None:
    """Put into walls, for whom their source has and never could read, everybody whom it may mean by that.

    That is whoever is in another source and not in what this one could be read of; by a group it may mean anybody.
    """
    staff = {one.get("id") for one in merged.records[STAFF.name]}
    read = {
        one.source: {
            merged.links[one.source, STAFF.name, own]
            for own in (record.known_as("id") for record in one.records.get(STAFF.name, ()))
            if (STAFF.name, own) not in one.gone
        }
        for one in said
    }
    unread = {source: {(kind, one) for kind, one in out if one not in staff} for source, out in left_out.items()}
    for wall in list(merged.records[WALLS.name]):
        sources, people = merged.origins[WALLS.name, wall.get("id")].sources, wall.get("people", ())
        named = [(kind, one) for one in people for kind in (STAFF.name, GROUPS.name)]
        lost = {one for source in sources for one in named if one in unread.get(source, ())}
        if not lost:
            continue
        excludes = wall.get("kind", WallKind.EXCLUDE) is WallKind.EXCLUDE
        meant = (
            staff if any(kind == GROUPS.name for kind, _ in lost) else staff.difference(*map(read.__getitem__, sources))
        )
        still = {*people} - {one for _, one in lost}
        wall.values["people"] = tuple(sorted(still | meant if excludes else still))
        if excludes and not wall.values["people"]:
            merged.records[WALLS.name].remove(wall)


def _restrict(values: dict[str, Value], now: Mapping[str, Value], unread: frozenset[str], *groups: Groups) -> None:
    if not _says(now, "restricted", taken=True):
        return
    if not _says(values, "restricted", taken=True):
        values |= {"restricted": "yes", "allowed": now.get("allowed", ())}
    elif "allowed" not in unread and values.get("allowed") != now.get("allowed"):
        before, after = (
            _people(listed(of.get("allowed")), in_groups) for of, in_groups in zip((values, now), groups, strict=True)
        )
        values["allowed"] = tuple(sorted(before & after))


def _take_off(values: dict[str, Value], now: Mapping[str, Value], unread: frozenset[str]) -> None:
    """Leave on the team only who is on it still."""
    if not unread.isdisjoint(_TEAM):
        return
    still = {one for name in _TEAM for one in listed(now.get(name))}
    for name in _TEAM:
        value = values.get(name, "")
        if isinstance(value, str):
            values[name] = value if value in still else ""
        else:
            values[name] = tuple(one for one in listed(value) if one in still)


def _own(kind: str, field: Field, value: Value) -> Own:
    assert field.unique is not None
    return kind, field.name, field.unique(unicodedata.normalize("NFC", " ".join(str(value).split())))


def _says(values: Mapping[str, Value], name: str, taken: bool) -> bool:
    value = values.get(name)
    return isinstance(value, str) and bool(value) and boolean(value) is taken


def listed(value: Value | None) -> tuple[str, ...]:
    """The texts of a value, one or several."""
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(one for one in value or () if isinstance(one, str))


def _people(names: Iterable[str], groups: Groups) -> frozenset[str]:
    found: set[str] = set()
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        if (name := waiting.pop()) not in seen:
            seen.add(name)
            waiting += groups.get(name, ())
            found |= set() if name in groups else {name}
    return frozenset(found)
