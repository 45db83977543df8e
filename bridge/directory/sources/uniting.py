"""The firm that the records of all sources describe together (S1). Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from sys import intern

from bridge.directory.building import build_firm
from bridge.directory.checks import check_records
from bridge.directory.fields import GROUPS, MATTERS, WALLS
from bridge.directory.merging import merge
from bridge.directory.problems import ProblemList
from bridge.directory.reading import Record, check_repeated, read_rows
from bridge.directory.references import resolve_references
from bridge.directory.sources.flaws import (
    LeftOut,
    Taking,
    drop_around_left_out,
    name_unread,
    nowhere_else,
    take_away,
    without,
)
from bridge.directory.sources.keeping import KeptRecord
from bridge.directory.sources.statement import Links, Merged, Statement
from bridge.directory.sources.unread_walls import Unread, shut_around
from bridge.firm.model import Firm

Gives = Mapping[str, frozenset[str]]
"""The fields that a source knows of, by section."""


@dataclass(frozen=True)
class Union:
    """The firm that the sources describe, and which of them said what."""

    firm: Firm
    merged: Merged


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """A record of a source with its values read."""

    id: str
    """The source's own id of it."""
    record: Record
    gone: bool


Reads = Mapping[str, Sequence[ReadRecord]]
"""What the sources say, by their names."""


def read_kept(source: str, kept: KeptRecord, problems: ProblemList, unread: Collection[str] = ()) -> ReadRecord:
    """A record of a source with its values read; what cannot be is noted as a problem, but of walls that are known to
    be `unread`."""
    row = kept.record.row(source)
    if kept.record.kind == WALLS.name and kept.record.id in unread:
        row = replace(row, flawed=True)
    ((record,),) = read_rows([row], problems, source).values()
    if record.row.kind is GROUPS and "members" in record.values:
        # Large lists of the same people, of which each id is needed once.
        record.values["members"] = tuple(map(intern, record.values["members"]))
    return ReadRecord(kept.record.id, record, kept.gone)


def statements(
    reads: Reads, out: Mapping[str, LeftOut], gives: Mapping[str, Gives], problems: ProblemList
) -> list[Statement]:
    """What each source says, without the names of what it has and never could be read and no other knows either."""
    said = []
    numbers = {source: _numbers(some) for source, some in reads.items()} if any(out.values()) else {}
    for source, some in reads.items():
        others = frozenset[str]().union(*(each for name, each in numbers.items() if name != source))
        hidden = nowhere_else(out.get(source, {}), others)
        known = {
            one: number
            for (kind, one), number in out.get(source, {}).items()
            if kind == MATTERS.name and (kind, one) not in hidden
        }
        said.append(_statement(source, _known_only(some, hidden), gives.get(source, {}), known, problems))
    return said


def united(
    said: Sequence[Statement],
    owns: Mapping[str, Sequence[str]],
    problems: ProblemList,
    who: Links | None,
    known: Firm | None,
    out: Mapping[str, LeftOut] | None = None,
    taking: Mapping[str, Taking] | None = None,
    unread: Unread | None = None,
) -> Union:
    """The firm that these statements describe; `who` is who from earlier times, and `known` the firm in force.

    Raises DirectoryError with every problem found, those that are noted already among them.
    """
    merged = merge(said, owns, problems, who, known)
    if out is not None and any(out.values()):
        name_unread(merged, said, out)
        drop_around_left_out(merged, said)
    if taking is not None and any(taking.values()):
        take_away(merged, taking, owns)
    check_repeated(merged.records, problems)
    resolve_references(merged.records, problems)
    shut_around(merged, unread or {}, problems)
    check_records(" and ".join(owns), merged.records, problems)
    problems.raise_any()
    # The firm has what the records say; they are no longer needed, and larger.
    return Union(build_firm(merged.records), replace(merged, records={}))


def _numbers(reads: Iterable[ReadRecord]) -> frozenset[str]:
    return frozenset(one.record.get("number").casefold() for one in reads if one.record.row.kind is MATTERS)


def _known_only(reads: Iterable[ReadRecord], hidden: LeftOut) -> Iterator[ReadRecord]:
    for one in reads:
        record = without(one.record, hidden) if hidden else one.record
        if record is not None:
            yield one if record is one.record else replace(one, record=record)


def _statement(
    source: str, reads: Iterable[ReadRecord], gives: Gives, known: Mapping[str, str], problems: ProblemList
) -> Statement:
    records = defaultdict[str, list[Record]](list)
    gone: list[ReadRecord] = []
    for one in reads:
        if one.gone:
            gone.append(one)
        else:
            records[one.record.row.kind.name].append(one.record)
    # Without those that are gone: what was their own may be another's by now.
    check_repeated(records, problems)
    for one in gone:
        records[one.record.row.kind.name].append(one.record)
    ids = frozenset((one.record.row.kind.name, one.id) for one in gone)
    return Statement(source, records, ids, gives, known)
