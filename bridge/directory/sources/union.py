"""The firm that all sources together describe, as they said it last (S1)."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from bridge.clock import now_ms
from bridge.directory.building import build_firm
from bridge.directory.checks import check_records
from bridge.directory.fields import STAFF, WALLS
from bridge.directory.forms.rows import SheetRow
from bridge.directory.forms.sheet_form import SheetForm
from bridge.directory.merging import Merged, Statement, merge
from bridge.directory.problems import DirectoryError, ProblemList
from bridge.directory.read import Snapshot, rows_of
from bridge.directory.reading import Record, check_repeated, read_rows
from bridge.directory.references import resolve_references
from bridge.directory.sources.flaws import LeftOut, name_unread, taken_away, without
from bridge.directory.sources.keeping import (
    KeptRecord,
    Links,
    keep_read,
    left_out,
    links,
    note_trouble,
    records_of,
    sources_version,
    standing,
    unpacked,
    unread_walls,
)
from bridge.directory.sources.port import FILES, SourceError, SourceRead, SourceRecord, SourceStanding, record_of_row
from bridge.directory.sources.unread_walls import Unread, shut_around
from bridge.firm.model import Firm
from bridge.store.engine.store import Store

Gives = Mapping[str, frozenset[str]]
"""The fields that a source knows of, by section."""


@dataclass(frozen=True)
class Union:
    """The firm that the sources describe, and which of them said what."""

    firm: Firm
    merged: Merged


class Sources:
    """The sources of the directory, in their order, as what they said last is kept in the store."""

    def __init__(self, store: Store, owns: Mapping[str, Sequence[str]], gives: Mapping[str, Gives]) -> None:
        """`owns` are the kinds and fields of each source, in order; `gives` what those other than files can say."""
        self._store = store
        self._owns = owns
        self._gives = gives
        self._reads: _Reads = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The sources, in their order."""
        return tuple(self._owns)

    async def version(self) -> str:
        """The same for as long as all sources say the same."""
        return await self._store.read(sources_version, self.names)

    async def standings(self) -> tuple[SourceStanding, ...]:
        """How each of them stands."""
        return tuple([await self._store.read(standing, name) for name in self.names])

    async def keep_files(self, snapshot: Snapshot, form: SheetForm) -> None:
        """Take what the files say, CSV in this form, if each of them can be read. Raises DirectoryError."""
        read = await asyncio.to_thread(_files_read, snapshot, form)
        await self._store.run(keep_read, FILES, read, now_ms())

    async def note_files(self, trouble: str) -> None:
        """Note that the files cannot be read."""
        if (await self._store.read(standing, FILES)).trouble != trouble:
            await self._store.run(note_trouble, FILES, trouble, now_ms())

    async def union(self, known: Firm) -> Union:
        """The firm that they describe; `known` is the one in force.

        Raises DirectoryError where what they say does not go together, or one of them has not said anything yet.
        """
        stored = await self._stored()
        out = {name: await self._store.read(left_out, name) for name in self.names}
        silent = [one.source for one in await self.standings() if one.read_at is None]
        who = await self._store.read(links)
        unread = {name: await self._store.read(unread_walls, name) for name in self.names}

        def work() -> Union:
            problems = ProblemList()
            known_reads, self._reads = self._reads, {}
            said = [
                _statement(
                    name,
                    _known_only(
                        (_read_again(known_reads, self._reads, name, row, unread[name], problems) for row in rows),
                        out[name],
                    ),
                    self._gives,
                    problems,
                )
                for name, rows in stored.items()
            ]
            return _united(said, self._owns, problems, who, known, out, unread)

        _say_silent(silent)
        return await asyncio.to_thread(work)

    async def left(self, known: Firm) -> frozenset[str]:
        """Who of the firm in force has left as the sources have it, also where what they say does not go together
        (F2)."""
        stored = await self._stored()
        people = {name: [row for row in rows if row[0] == STAFF.name] for name, rows in stored.items()}
        who = await self._store.read(links)
        if any(one.read_at is None for one in await self.standings()):
            # Whom a source does not have that never spoke has not left.
            return _told_by_link(people, self._owns, who) & known.active_staff

        def work() -> frozenset[str]:
            problems = ProblemList()
            try:
                said = [
                    _statement(name, (_read_one(name, one, problems) for one in unpacked(rows)), self._gives, problems)
                    for name, rows in people.items()
                ]
                staff = merge(said, self._owns, problems, who, known).records[STAFF.name]
                problems.raise_any()
            except DirectoryError:
                # Who is who is not clear, but of those alone who were not known before.
                return _told_by_link(people, self._owns, who) & known.active_staff
            gone = {one.get("id") for one in staff if one.get("former", False) or not one.get("enabled", True)}
            return frozenset(gone & known.active_staff)

        return await asyncio.to_thread(work)

    async def _stored(self) -> dict[str, list[tuple[str, str, str, bool]]]:
        return {name: await self._store.read(records_of, name) for name in self.names}


def _told_by_link(
    people: Mapping[str, Iterable[tuple[str, str, str, bool]]], owns: Mapping[str, Sequence[str]], who: Links
) -> frozenset[str]:
    """Who has left by a record of their own, of those of whom it is known whose record it is. Pure."""
    owner = {owned: source for source, all_owned in owns.items() for owned in all_owned}
    return frozenset(
        who[source, STAFF.name, one.record.id]
        for source, rows in people.items()
        for one in unpacked(rows)
        if (source, STAFF.name, one.record.id) in who
        and (
            (one.gone and owner.get("staff.former", source) == source)
            or any(owner.get(f"staff.{name}", source) == source for name in taken_away(one.record))
        )
    )


def union_of(
    given: Mapping[str, Sequence[KeptRecord]],
    owns: Mapping[str, Sequence[str]],
    gives: Mapping[str, Gives],
    silent: Iterable[str] = (),
    who: Links | None = None,
    known: Firm | None = None,
) -> Union:
    """The firm that these records of the sources describe. Pure. Raises DirectoryError with every problem found."""
    _say_silent(silent)
    problems = ProblemList()
    said = [
        _statement(source, (_read_one(source, one, problems) for one in records), gives, problems)
        for source, records in given.items()
    ]
    return _united(said, owns, problems, who, known)


def _say_silent(sources: Iterable[str]) -> None:
    problems = ProblemList()
    for source in sources:
        message = f"The source {source} has not said anything yet. Connect it, or take it out of directory.sources."
        problems.add(source, 0, "", "", message)
    problems.raise_any()


def _united(
    said: Sequence[Statement],
    owns: Mapping[str, Sequence[str]],
    problems: ProblemList,
    who: Links | None,
    known: Firm | None,
    out: Mapping[str, LeftOut] | None = None,
    unread: Unread | None = None,
) -> Union:
    merged = merge(said, owns, problems, who, known)
    if out is not None and any(out.values()):
        name_unread(merged, said, out)
    check_repeated(merged.records, problems)
    resolve_references(merged.records, problems)
    shut_around(merged, unread or {})
    check_records(" and ".join(owns), merged.records, problems)
    problems.raise_any()
    # The firm has what the records say; they are no longer needed, and larger.
    return Union(build_firm(merged.records), replace(merged, records={}))


@dataclass(frozen=True, slots=True)
class _ReadRecord:
    """A record of a source with its values read."""

    id: str
    """The source's own id of it."""
    record: Record
    gone: bool


_Reads = dict[tuple[str, str, str], tuple[bytes, _ReadRecord]]
"""What the sources said last, read: by source, kind and id, with a digest of what was read."""


def _read_again(
    known: _Reads,
    now: _Reads,
    source: str,
    row: tuple[str, str, str, bool],
    unread: Collection[str],
    problems: ProblemList,
) -> _ReadRecord:
    """The record of a stored row, which is read only where it is another than before; problems are noted each time,
    but of walls that are known to be `unread`."""
    kind, record_id, data, gone = row
    flawed = kind == WALLS.name and record_id in unread
    digest = hashlib.blake2b(data.encode() + bytes([gone, flawed]), digest_size=16).digest()
    before = known.get((source, kind, record_id))
    if before is not None and before[0] == digest:
        now[source, kind, record_id] = before
        return before[1]
    found = len(problems.found)
    read = _read_one(source, unpacked([row])[0], problems, flawed=flawed)
    if len(problems.found) == found:
        now[source, kind, record_id] = digest, read
    return read


def _read_one(source: str, kept: KeptRecord, problems: ProblemList, *, flawed: bool = False) -> _ReadRecord:
    ((record,),) = read_rows([replace(kept.record.row(source), flawed=flawed)], problems, source).values()
    return _ReadRecord(kept.record.id, record, kept.gone)


def _known_only(read: Iterable[_ReadRecord], out: LeftOut) -> Iterator[_ReadRecord]:
    """The records without the names of what their source has and never could be read."""
    for one in read:
        record = without(one.record, out) if out else one.record
        if record is not None:
            yield one if record is one.record else replace(one, record=record)


def _statement(
    source: str, read: Iterable[_ReadRecord], gives: Mapping[str, Gives], problems: ProblemList
) -> Statement:
    records = defaultdict[str, list[Record]](list)
    gone: list[_ReadRecord] = []
    for one in read:
        if one.gone:
            gone.append(one)
        else:
            records[one.record.row.kind.name].append(one.record)
    # Without those that are gone: what was their own may be another's by now.
    check_repeated(records, problems)
    for one in gone:
        records[one.record.row.kind.name].append(one.record)
    return Statement(
        source, records, frozenset((one.record.row.kind.name, one.id) for one in gone), gives.get(source, {})
    )


def checked(source: str, records: Sequence[SourceRecord]) -> None:
    """See that each value of a source can be read, before it takes the place of what was said before. Pure.

    Raises SourceError with the first problems.
    """
    problems = ProblemList()
    with suppress(DirectoryError):
        # It is raised where there are too many to go on; they are said below.
        read_rows((one.row(source) for one in records), problems, source)
    if found := problems.found:
        more = f" And {len(found) - 3} more." if len(found) > 3 else ""
        raise SourceError(" ".join(map(str, found[:3])) + more)


def _files_read(snapshot: Snapshot, form: SheetForm) -> SourceRead:
    problems = ProblemList()
    rows: list[SheetRow] = list(rows_of(snapshot, problems, form))
    read_rows(rows, problems)
    problems.raise_any()
    return SourceRead(tuple(map(record_of_row, rows)), whole=True)
