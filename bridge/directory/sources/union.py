"""The firm that all sources together describe, as they said it last (S1)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from bridge.clock import now_ms
from bridge.directory.change import with_known
from bridge.directory.fields import ACCESS, STAFF
from bridge.directory.forms.rows import SheetRow
from bridge.directory.forms.sheet_form import SheetForm
from bridge.directory.merging import merge
from bridge.directory.problems import DirectoryError, ProblemList
from bridge.directory.read import Snapshot, rows_of
from bridge.directory.reading import read_rows
from bridge.directory.sources.flaws import take_away, taken_away
from bridge.directory.sources.keeping import (
    Row,
    keep_read,
    links,
    note_trouble,
    records_of,
    sources_version,
    standing,
    taking,
    unpacked,
)
from bridge.directory.sources.part import (
    KnownUnion,
    SaidNow,
    changes,
    known_union,
    rows_of_part,
    said_by,
    touched,
    with_part,
)
from bridge.directory.sources.port import FILES, SourceError, SourceRead, SourceRecord, SourceStanding, record_of_row
from bridge.directory.sources.statement import Links
from bridge.directory.sources.uniting import Gives, Union, read_kept, statements, united
from bridge.firm.model import Firm
from bridge.store.engine.store import Store


class Sources:
    """The sources of the directory, in their order, as what they said last is kept in the store."""

    def __init__(self, store: Store, owns: Mapping[str, Sequence[str]], gives: Mapping[str, Gives]) -> None:
        """`owns` are the kinds and fields of each source, in order; `gives` what those other than files can say."""
        self._store = store
        self._owns = owns
        self._gives = gives
        self._known: KnownUnion | None = None
        """What they said when they were made one last, from which a little change of it goes on."""

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
        silent = [one.source for one in await self.standings() if one.read_at is None]
        now = await self._store.read(said_by, self.names)
        _say_silent(silent)
        before, self._known = self._known, None
        found = await self._with_part(before, now, known) if before is not None else None
        self._known = found or await self._whole(now, known)
        return self._known.union

    async def _with_part(self, before: KnownUnion, now: SaidNow, known: Firm) -> KnownUnion | None:
        """What they describe, by what changed alone; None where that may concern the rest."""
        rows = await self._store.read(changes, before, now)
        if rows is not None and not any(rows.values()):
            return replace(before, said=now)
        part = await asyncio.to_thread(touched, before, rows, known) if rows is not None else None
        if part is None:
            return None
        read, who = await self._store.read(rows_of_part, part)
        return await asyncio.to_thread(with_part, before, now, part, read, who, self._owns, self._gives, known)

    async def _whole(self, now: SaidNow, known: Firm) -> KnownUnion:
        stored, who = await self._stored(), await self._store.read(links)

        def work() -> KnownUnion:
            problems = ProblemList()
            reads = {
                name: [read_kept(name, one, problems, now.unread[name]) for one in unpacked(rows)]
                for name, rows in stored.items()
            }
            said = statements(reads, now.out, self._gives, problems)
            union = united(said, self._owns, problems, who, known, now.out, now.taking, now.unread)
            access = any(one.records.get(ACCESS.name) for one in said)
            # Nothing is in memory twice.
            return known_union(now, replace(union, firm=with_known(union.firm, known)), reads, whole=access)

        return await asyncio.to_thread(work)

    async def left(self, known: Firm) -> frozenset[str]:
        """Who of the firm in force has left as the sources have it, also where what they say does not go together
        (F2)."""
        stored = await self._stored()
        people = {name: [row for row in rows if row[0] == STAFF.name] for name, rows in stored.items()}
        who = await self._store.read(links)
        taken = {name: await self._store.read(taking, name) for name in self.names}
        if any(one.read_at is None for one in await self.standings()):
            # Whom a source does not have that never spoke has not left.
            return _told_by_link(people, self._owns, who) & known.active_staff

        def work() -> frozenset[str]:
            problems = ProblemList()
            try:
                reads = {
                    name: [read_kept(name, one, problems) for one in unpacked(rows)] for name, rows in people.items()
                }
                said = statements(reads, {}, self._gives, problems)
                merged = merge(said, self._owns, problems, who, known)
                take_away(merged, taken, self._owns)
                problems.raise_any()
            except DirectoryError:
                # Who is who is not clear, but of those alone who were not known before.
                return _told_by_link(people, self._owns, who) & known.active_staff
            gone = {
                one.get("id")
                for one in merged.records[STAFF.name]
                if one.get("former", False) or not one.get("enabled", True)
            }
            return frozenset(gone & known.active_staff)

        return await asyncio.to_thread(work)

    async def _stored(self) -> dict[str, list[Row]]:
        return {name: await self._store.read(records_of, name) for name in self.names}


def _told_by_link(people: Mapping[str, Iterable[Row]], owns: Mapping[str, Sequence[str]], who: Links) -> frozenset[str]:
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


def _say_silent(sources: Iterable[str]) -> None:
    problems = ProblemList()
    for source in sources:
        message = f"The source {source} has not said anything yet. Connect it, or take it out of directory.sources."
        problems.add(source, 0, "", "", message)
    problems.raise_any()


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
