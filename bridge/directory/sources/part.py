"""A little change of what the sources say, made one without looking at all the rest (S1). Pure, but for two readings.

A few matters, the walls around them, and groups that are new concern nothing else, as long as no number or id of theirs
is another's: with the staff and groups they are made one as the whole is, and take their places in the firm. Whatever
else changed, and whatever does not go together by itself, is for the whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bridge.directory.fields import GROUPS, MATTERS, STAFF, WALLS
from bridge.directory.problems import DirectoryError, ProblemList
from bridge.directory.sources.flaws import LeftOut, Taking
from bridge.directory.sources.keeping import (
    Row,
    changed_since,
    left_out,
    links_of,
    rows_of_ids,
    taking,
    unpacked,
    unread_walls,
    versions_of,
)
from bridge.directory.sources.statement import Links, Merged
from bridge.directory.sources.uniting import Gives, ReadRecord, Reads, Union, read_kept, statements, united
from bridge.directory.sources.unread_walls import Unread
from bridge.firm.model import Firm
from bridge.store.engine.unit import ReadUnit

_MOST = 500
"""Records that are looked at by themselves; of more the whole is."""
_OF_PEOPLE = frozenset({STAFF.name, GROUPS.name})
_OWN_PLACE = frozenset({MATTERS.name, WALLS.name})
Keys = Mapping[str, Collection[tuple[str, str]]]
"""Kinds and own ids by source."""


@dataclass(frozen=True, slots=True)
class SaidNow:
    """What there is of the sources."""

    versions: Mapping[str, tuple[int, int]]
    """How often what each says changed, and when of that something went without a trace."""
    out: Mapping[str, LeftOut]
    """What each has and never could be read."""
    taking: Mapping[str, Taking]
    """What that takes away."""
    unread: Unread
    """The walls of each that cannot be read."""


def said_by(unit: ReadUnit, sources: Sequence[str]) -> SaidNow:
    """What there is of these sources."""
    out = {one: left_out(unit, one) for one in sources}
    unread = {one: unread_walls(unit, one) for one in sources}
    return SaidNow(versions_of(unit, sources), out, {one: taking(unit, one) for one in sources}, unread)


@dataclass(frozen=True)
class KnownUnion:
    """The sources as they were made one last."""

    said: SaidNow
    union: Union
    people: Reads
    """The staff and groups that each has."""
    whole: bool
    """Whether there are records that only the whole can be made of: who may see what, a line each."""
    numbers: Mapping[str, str] = field(repr=False)
    """Ids of matters in the directory, by the numbers that any source gives them, case folded."""
    alike: frozenset[str] = frozenset()
    """Those numbers, and ids of those matters, of which the same is of several."""


def known_union(said: SaidNow, union: Union, reads: Reads, *, whole: bool) -> KnownUnion:
    """What is kept of a union of all that the sources say."""
    people = {name: [one for one in some if one.record.row.kind.name in _OF_PEOPLE] for name, some in reads.items()}
    numbers, alike = _numbers(reads, union.merged.links, {})
    return KnownUnion(said, union, people, whole, numbers, alike)


def changes(unit: ReadUnit, known: KnownUnion, now: SaidNow) -> Mapping[str, list[Row]] | None:
    """What changed since, by source; None where that may concern all the rest."""
    before = known.said
    dropped = any(now.versions[one][1] > version for one, (version, _) in before.versions.items())
    # A wall that cannot be read may stand around anything.
    unread = any(before.unread.values()) or any(now.unread.values())
    if known.whole or dropped or unread or now.out != before.out or now.taking != before.taking:
        return None
    rows = {one: changed_since(unit, one, version) for one, (version, _) in before.versions.items()}
    return rows if sum(map(len, rows.values())) <= _MOST else None


@dataclass(frozen=True, slots=True)
class TouchedPart:
    """What is to be made one anew."""

    keys: Keys
    matters: frozenset[str]
    """Ids in the directory."""
    walls: frozenset[str]
    groups: frozenset[str]


def touched(known: KnownUnion, changed: Mapping[str, Sequence[Row]], in_force: Firm) -> TouchedPart | None:
    """What these changed rows concern; None where that may be anything. `in_force` is the firm that is."""
    merged, firm = known.union.merged, known.union.firm
    problems = ProblemList()
    try:
        reads = _read(changed, problems)
    except DirectoryError:
        return None
    if problems.found or {row[0] for rows in changed.values() for row in rows} - _OWN_PLACE - {GROUPS.name}:
        return None
    changed_matters = [(source, one) for source, one in _each(reads) if one.record.row.kind is MATTERS]
    changed_walls = [(source, one) for source, one in _each(reads) if one.record.row.kind is WALLS]
    groups = frozenset(one.id for _, one in _each(reads) if one.record.row.kind is GROUPS)
    if not groups.isdisjoint(firm.groups.keys() | merged.lost):
        return None
    names = {name for _, one in changed_matters for name in (one.record.known_as("id"), one.record.get("number"))}
    names |= {one.record.get("matter") for _, one in changed_walls}
    names |= {_one_of_client(firm, one.record.get("client")) for _, one in changed_walls}
    own = {(source, MATTERS.name, one.record.known_as("id")) for source, one in changed_matters}
    own |= {(source, MATTERS.name, one.record.get("matter")) for source, one in changed_walls}
    matters = _named(known, in_force, names - {""}) | {merged.links[key] for key in own & merged.links.keys()}
    walls = {one.id for one in firm.walls.values() if one.matter_id in matters}
    walls |= {merged.links.get((source, WALLS.name, one.id), one.id) for source, one in changed_walls}
    # Its own source may call by its id what others know by its number.
    hidden = {
        name.casefold()
        for out in known.said.out.values()
        for (kind, one), number in out.items()
        for name in (one, number)
        if kind == MATTERS.name and name
    }
    if not {*(name.casefold() for name in names), *matters}.isdisjoint(known.alike | hidden):
        return None
    keys: dict[str, set[tuple[str, str]]] = {one: {(row[0], row[1]) for row in rows} for one, rows in changed.items()}
    for (source, kind, one), directory_id in merged.links.items():
        if (kind == MATTERS.name and directory_id in matters) or (kind == WALLS.name and directory_id in walls):
            keys[source].add((kind, one))
    return TouchedPart(keys, frozenset(matters), frozenset(walls), groups)


def rows_of_part(unit: ReadUnit, part: TouchedPart) -> tuple[Mapping[str, list[Row]], Links]:
    """The rows that a part is made of, and who is who of them."""
    rows = {source: rows_of_ids(unit, source, keys) for source, keys in part.keys.items()}
    return rows, links_of(unit, [(source, *key) for source, keys in part.keys.items() for key in keys])


def with_part(
    known: KnownUnion,
    now: SaidNow,
    part: TouchedPart,
    rows: Mapping[str, Sequence[Row]],
    who: Links,
    owns: Mapping[str, Sequence[str]],
    gives: Mapping[str, Gives],
    in_force: Firm,
) -> KnownUnion | None:
    """The union with this part made anew; None where it does not go together by itself."""
    problems = ProblemList()
    before = known.union
    if any({(row[0], row[1]) for row in rows[one]} != {*keys} for one, keys in part.keys.items()):
        return None
    try:
        read = _read(rows, problems)
        people = {name: [*some, *_groups(read[name])] for name, some in known.people.items()}
        own = {name: [one for one in some if one.record.row.kind.name in _OWN_PLACE] for name, some in read.items()}
        said = statements({name: [*people[name], *own[name]] for name in people}, now.out, gives, problems)
        who = {**{key: one for key, one in before.merged.links.items() if key[1] in _OF_PEOPLE}, **who}
        made = united(said, owns, problems, who, in_force, now.out, now.taking)
    except DirectoryError:
        return None
    firm = _in_place(before.firm, made.firm, part)
    numbers, alike = _numbers(own, made.merged.links, known.numbers, without=part.matters)
    if firm is None or alike or not made.firm.matters.keys() <= part.matters | _new(made, before):
        return None
    union = Union(firm, _merged(before.merged, made.merged, part))
    return KnownUnion(now, union, people, whole=False, numbers=numbers, alike=known.alike)


def _new(made: Union, before: Union) -> set[str]:
    return made.firm.matters.keys() - before.firm.matters.keys()


def _read(rows: Mapping[str, Sequence[Row]], problems: ProblemList) -> dict[str, list[ReadRecord]]:
    return {source: [read_kept(source, one, problems) for one in unpacked(some)] for source, some in rows.items()}


def _each(reads: Reads) -> Iterable[tuple[str, ReadRecord]]:
    return ((source, one) for source, some in reads.items() for one in some)


def _groups(reads: Iterable[ReadRecord]) -> list[ReadRecord]:
    return [one for one in reads if one.record.row.kind is GROUPS]


def _named(known: KnownUnion, in_force: Firm, names: Collection[str]) -> set[str]:
    """The ids of all matters that have one of these ids or numbers, as the sources or the firm in force have them."""
    folded = {name.casefold() for name in names}
    links = known.union.merged.links.items()
    found = {one for (_, kind, _), one in links if kind == MATTERS.name and one.casefold() in folded}
    found |= {known.numbers[name] for name in folded if name in known.numbers}
    return found | {in_force.matter_by_number[name].id for name in folded if name in in_force.matter_by_number}


def _one_of_client(firm: Firm, client: str) -> str:
    """The id of some matter of this client; empty for none."""
    of_client = firm.matters_of_client.get(client.casefold(), ()) if client else ()
    return of_client[0].id if of_client else ""


def _numbers(
    reads: Reads, links: Links, known: Mapping[str, str], without: Collection[str] = ()
) -> tuple[dict[str, str], frozenset[str]]:
    """Whose numbers these are, beside those known of others, and what of them is of several."""
    numbers = {number: one for number, one in known.items() if one not in without}
    alike: set[str] = set()
    for source, one in _each(reads):
        if one.record.row.kind is MATTERS and (number := one.record.get("number").casefold()):
            matter_id = links[source, MATTERS.name, one.record.known_as("id")]
            if (first := numbers.setdefault(number, matter_id)) != matter_id:
                alike |= {number, first, matter_id}
    return numbers, frozenset(alike)


def _in_place(before: Firm, made: Firm, part: TouchedPart) -> Firm | None:
    """The firm with what was made in the places of what was; None where a wall lost the matters of its client."""
    matters = {
        one: matter if one not in part.matters or made.matters[one] == matter else made.matters[one]
        for one, matter in before.matters.items()
        if one not in part.matters or one in made.matters
    }
    matters |= {one: matter for one, matter in made.matters.items() if one not in matters}
    was = {client.casefold() for one in part.matters & before.matters.keys() for client in before.matters[one].clients}
    still = {client.casefold() for matter in made.matters.values() for client in matter.clients}
    if not (was - still).isdisjoint(wall.client.casefold() for wall in before.walls.values() if wall.client):
        return None
    # Each in the place that it had.
    kept = {one: None for one in before.walls if one not in part.walls or one in made.walls}
    walls = {one: made.walls.get(one) or before.walls[one] for one in {**kept, **made.walls}}
    groups = {**before.groups, **{one: made.groups[one] for one in part.groups}}
    return replace(before, matters=matters, walls=walls, groups=groups if part.groups else before.groups)


def _merged(before: Merged, made: Merged, part: TouchedPart) -> Merged:
    anew = {
        *((MATTERS.name, one) for one in part.matters),
        *((WALLS.name, one) for one in part.walls),
        *((GROUPS.name, one) for one in part.groups),
    }
    origins = {key: one for key, one in before.origins.items() if key not in anew}
    origins |= {key: one for key, one in made.origins.items() if key[0] in _OWN_PLACE or key in anew}
    differ = [one for one in before.disagreements if (one.kind, one.id) not in anew]
    differ += [one for one in made.disagreements if one.kind in _OWN_PLACE]
    left = {kind: tuple(one for one in ids if (kind, one) not in anew) for kind, ids in before.left_out.items()}
    left[MATTERS.name] = (*left.get(MATTERS.name, ()), *made.left_out.get(MATTERS.name, ()))
    return replace(
        before,
        origins=origins,
        disagreements=tuple(differ),
        left_out={kind: ids for kind, ids in left.items() if ids},
        links={**before.links, **made.links},
    )
