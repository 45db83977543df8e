"""What the sources of the directory said last, in the store: it stays while a source is down (S1).

A person or matter that a source no longer has is kept as gone: a leaver or a deleted matter, and never a forgotten
one (S3).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bridge import faults
from bridge.directory.sources.flaws import LeftOut, Taking, kept_of, known_by, own_values, takes, with_own
from bridge.directory.sources.port import Flaw, SourceRead, SourceRecord, SourceStanding, Value
from bridge.directory.sources.statement import Links
from bridge.directory.sources.unread_walls import kept_wall
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import SourceFlaw, SourceRow, SourceState

_REMEMBERED = frozenset({"staff", "matters"})
"""Kinds of which a record that is gone is still known."""
Row = tuple[str, str, str, bool]
"""Kind, id, JSON, and whether it is gone."""
_ROWS = "SELECT kind, record_id, data, gone FROM source_row"
_LINKS = "SELECT source, kind, record_id, directory_id FROM source_link"
_FEW = 100
"""Flaws of a source that are shown."""
_KEY = "(CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT))"
_PUT = """
    INSERT INTO source_row (source, kind, record_id, data, gone, version) VALUES {rows}
    ON CONFLICT (source, kind, record_id)
    DO UPDATE SET data = excluded.data, gone = excluded.gone, version = excluded.version
"""


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """A record of a source as it is kept."""

    record: SourceRecord
    gone: bool


def keep_read(
    unit: Unit, source: str, read: SourceRead, now: int, read_at: int | None = None, trouble: str = ""
) -> bool:
    """Keep what a source said, whole or not at all. Returns whether it says something else than before.

    `read_at` is when all that changed was asked for, where that was earlier, and `trouble` what of it failed since.
    """
    version = versions_of(unit, [source])[source][0] + 1
    given = {(one.kind, one.id): _packed(one) for one in read.records}
    flaws = _flaws_now(unit, source, read)
    only = None if read.whole or flaws else {*given, *read.gone}
    before = {(kind, record_id): (data, gone) for kind, record_id, data, gone in _rows(unit, source, only)}
    given |= _kept(read, flaws, {key: data for key, (data, gone) in before.items() if not gone})
    written = [(source, *key, data, False, version) for key, data in given.items() if before.get(key) != (data, False)]
    looked_for = list(before) if read.whole else [*read.gone, *((one.kind, one.id) for one in flaws)]
    missing = [key for key in looked_for if key in before and key not in given]
    for kind, record_id in missing:
        data, gone = before[kind, record_id]
        if kind not in _REMEMBERED:
            unit.run(SourceRow.delete().where(*_at(source, kind, record_id)))
        elif not gone:
            written.append((source, kind, record_id, data, True, version))
    dropped = any(kind not in _REMEMBERED for kind, _ in missing)
    unit.execute_rows(_PUT, "(?, ?, ?, ?, ?, ?)", written)
    changed = _note_flaws(unit, source, read) or bool(written) or dropped
    _stand(unit, source, read_at=now if read_at is None else read_at, tried_at=now, trouble=trouble)
    if read.cursor is not None:
        _stand(unit, source, cursor=read.cursor)
    if changed:
        _stand(unit, source, version=version, **({"dropped": version} if dropped else {}))
    faults.point("source.kept")
    return changed


def _flaws_now(unit: Unit, source: str, read: SourceRead) -> tuple[Flaw, ...]:
    """What of a source cannot be read, with what could not be before and is not looked at this time."""
    if read.whole:
        return read.flaws
    looked = {
        *((one.kind, one.id) for one in read.records),
        *((one.kind, one.id) for one in read.flaws),
        *read.gone,
    }
    return (*read.flaws, *(one for one in flaws_of(unit, source) if (one.kind, one.id) not in looked))


def _kept(
    read: SourceRead, flaws: tuple[Flaw, ...], before: Mapping[tuple[str, str], str]
) -> dict[tuple[str, str], str]:
    """What stays of the records that cannot be read, with the groups that only these name.

    Whoever has an address that is another's by now does not stay: nobody can tell which of the two is meant. A wall is
    kept as far as it can be read, also where it never was.
    """
    if not flaws:
        return {}
    given = {(one.kind, one.id): one for one in read.records}
    stored = {key: _record(*key, json.loads(data)) for key, data in before.items()}
    flawed = {(one.kind, one.id) for one in flaws}
    others = [] if read.whole else [one for key, one in stored.items() if key not in {*given, *flawed, *read.gone}]
    taken = {value for one in (*given.values(), *others) for value in own_values(one)}
    known = {key: one for key, one in stored.items() if key[0] == "groups"}
    groups_before = _members(known.values())
    groups = {**groups_before, **_members(given.values())}
    kept: dict[tuple[str, str], SourceRecord] = {}
    for flaw in flaws:
        key = flaw.kind, flaw.id
        one, stored_one = None, stored.get(key)
        if key in given:
            continue
        if flaw.kind == "walls":
            one = kept_wall(flaw, stored_one)
        elif stored_one is not None:
            one = with_own(kept_of(stored_one, flaw, groups_before, groups), stored_one, taken)
        if one is None:
            continue
        taken.update(own_values(one))
        kept[key] = one
        for name in (*one.values.get("allowed", ()), *one.values.get("people", ())):
            if ("groups", name) in known and ("groups", name) not in given:
                kept.setdefault(("groups", str(name)), known["groups", str(name)])
    return {key: _packed(one) for key, one in kept.items()}


def _members(records: Iterable[SourceRecord]) -> dict[str, tuple[str, ...]]:
    return {
        one.id: tuple(member for member in one.values.get("members", ()) if isinstance(member, str))
        for one in records
        if one.kind == "groups"
    }


def _note_flaws(unit: Unit, source: str, read: SourceRead) -> bool:
    """Note what cannot be read. Returns whether that is other than it was."""
    noted = unit.rows("SELECT kind, record_id, why, number, takes FROM source_flaw WHERE source = ?", source)
    known = {(kind, record_id): tuple(said) for kind, record_id, *said in noted}
    found = {(one.kind, one.id): (one.why, known_by(one), " ".join(takes(one))) for one in read.flaws}
    looked = {*known, *found} if read.whole else {*((one.kind, one.id) for one in read.records), *read.gone, *found}
    over = [key for key in sorted(looked & known.keys()) if known[key] != found.get(key)]
    for kind, record_id in over:
        at = SourceFlaw.source == source, SourceFlaw.kind == kind, SourceFlaw.record_id == record_id
        unit.run(SourceFlaw.delete().where(*at))
    rows = [(source, *key, *said) for key, said in sorted(found.items()) if known.get(key) != said]
    statement = "INSERT INTO source_flaw (source, kind, record_id, why, number, takes) VALUES {rows}"
    unit.execute_rows(statement, "(?, ?, ?, ?, ?, ?)", rows)
    return bool(over or rows)


def flaws_of(unit: ReadUnit, source: str) -> tuple[Flaw, ...]:
    """What of a source cannot be read."""
    rows = unit.rows("SELECT kind, record_id, why FROM source_flaw WHERE source = ? ORDER BY kind, record_id", source)
    return tuple(Flaw(kind, record_id, why) for kind, record_id, why in rows)


def left_out(unit: ReadUnit, source: str) -> LeftOut:
    """What a source has and never could be read."""
    return {(kind, one): number if kind == "matters" else "" for kind, one, number, _ in _never_read(unit, source)}


def taking(unit: ReadUnit, source: str) -> Taking:
    """What that takes away."""
    found = _never_read(unit, source)
    return frozenset((kind, name.casefold(), each) for kind, _, name, taken in found if name for each in taken.split())


def _never_read(unit: ReadUnit, source: str) -> Iterable[tuple[str, str, str, str]]:
    return unit.rows(
        """
        SELECT kind, record_id, number, takes FROM source_flaw flaw WHERE source = ? AND NOT EXISTS (
            SELECT 1 FROM source_row kept
            WHERE kept.source = flaw.source AND kept.kind = flaw.kind AND kept.record_id = flaw.record_id
        )
        """,
        source,
    )


def unread_walls(unit: ReadUnit, source: str) -> frozenset[str]:
    """The ids of a source's walls that cannot be read."""
    rows = unit.rows("SELECT record_id FROM source_flaw WHERE source = ? AND kind = 'walls'", source)
    return frozenset(record_id for (record_id,) in rows)


def note_trouble(unit: Unit, source: str, trouble: str, now: int) -> None:
    """Note why a source could not be read. What it said last stays."""
    _stand(unit, source, tried_at=now, trouble=trouble)


def sources_version(unit: ReadUnit, sources: Iterable[str]) -> str:
    """What is the same for as long as these sources say the same."""
    found = {row.source: (row.version, row.read_at is not None) for row in unit.all(SourceState.select())}
    return json.dumps([found.get(one, (0, False)) for one in sources])


def versions_of(unit: ReadUnit, sources: Iterable[str]) -> dict[str, tuple[int, int]]:
    """How often what each of these sources says changed, and when of that a row went of which nothing is kept."""
    found = {row.source: (row.version, row.dropped) for row in unit.all(SourceState.select())}
    return {one: found.get(one, (0, 0)) for one in sources}


def changed_since(unit: ReadUnit, source: str, version: int) -> list[Row]:
    """What of a source's rows changed after it was of this version."""
    found = unit.rows(f"{_ROWS} WHERE source = ? AND version > ? ORDER BY kind, record_id", source, version)
    return [(kind, record_id, data, bool(gone)) for kind, record_id, data, gone in found]


def rows_of_ids(unit: ReadUnit, source: str, ids: Collection[tuple[str, str]]) -> list[Row]:
    """The rows of a source of these kinds and ids."""
    return list(_rows(unit, source, ids))


def links_of(unit: ReadUnit, keys: Collection[tuple[str, str, str]]) -> Links:
    """Who is who, of these records of sources alone."""
    statement = f"{_LINKS} WHERE (source, kind, record_id) IN (VALUES {{rows}})"
    return _linked(unit.rows_for(statement, _KEY, sorted(keys)))


def own_id_of(unit: ReadUnit, source: str, kind: str, directory_id: str) -> str:
    """What a source itself calls a record of the directory that it still has; empty where it has none."""
    row = unit.row(
        """
        SELECT link.record_id FROM source_link link JOIN source_row kept
        ON kept.source = link.source AND kept.kind = link.kind AND kept.record_id = link.record_id
        WHERE link.source = ? AND link.kind = ? AND link.directory_id = ? AND NOT kept.gone ORDER BY link.record_id
        """,
        source,
        kind,
        directory_id,
    )
    return "" if row is None else str(row[0])


def records_of(unit: ReadUnit, source: str) -> list[Row]:
    """What a source said last: kind, id, JSON, and whether it is gone. `unpacked` reads it."""
    return list(_rows(unit, source))


def unpacked(rows: Iterable[Row]) -> Iterator[KeptRecord]:
    """The records of stored rows. Pure."""
    return (KeptRecord(_record(kind, record_id, json.loads(data)), gone) for kind, record_id, data, gone in rows)


def standing(unit: ReadUnit, source: str) -> SourceStanding:
    """How a source stands."""
    row = unit.find(SourceState, SourceState.source == source)
    if row is None:
        return SourceStanding(source, None, None)
    counted = unit.rows("SELECT kind, count(*) FROM source_row WHERE source = ? AND NOT gone GROUP BY kind", source)
    counts, flaws = {kind: int(number) for kind, number in counted}, flaws_of(unit, source)
    return SourceStanding(source, row.read_at, row.tried_at, row.trouble, row.cursor, counts, flaws[:_FEW], len(flaws))


def links(unit: ReadUnit) -> Links:
    """Who is who: which record of the directory each source's record was found to be."""
    return _linked(unit.rows(_LINKS))


def _linked(rows: Iterable[tuple[str, str, str, str]]) -> Links:
    return {(source, kind, record_id): directory_id for source, kind, record_id, directory_id in rows}


def keep_links(unit: Unit, found: Links) -> None:
    """Keep who is who from now on."""
    known = links_of(unit, found.keys())
    rows = [(*key, directory_id) for key, directory_id in found.items() if known.get(key) != directory_id]
    statement = """
        INSERT INTO source_link (source, kind, record_id, directory_id) VALUES {rows}
        ON CONFLICT (source, kind, record_id) DO UPDATE SET directory_id = excluded.directory_id
    """
    unit.execute_rows(statement, "(?, ?, ?, ?)", rows)


def _rows(unit: ReadUnit, source: str, only: Collection[tuple[str, str]] | None = None) -> Iterator[Row]:
    """The rows of a source, or only those of these kinds and ids."""
    if only is None:
        found = unit.rows(f"{_ROWS} WHERE source = ? ORDER BY kind, record_id", source)
    else:
        keys = [(source, *key) for key in sorted(only)]
        found = unit.rows_for(f"{_ROWS} WHERE (source, kind, record_id) IN (VALUES {{rows}})", _KEY, keys)
    return ((kind, record_id, data, bool(gone)) for kind, record_id, data, gone in found)


def _at(source: str, kind: str, record_id: str) -> tuple[Any, Any, Any]:
    return SourceRow.source == source, SourceRow.kind == kind, SourceRow.record_id == record_id


def _stand(unit: Unit, source: str, **values: object) -> None:
    if not unit.run(SourceState.update(values).where(SourceState.source == source)):
        unit.run(SourceState.insert(source=source, **values))


def _packed(record: SourceRecord) -> str:
    return json.dumps(_plain(record), ensure_ascii=False, sort_keys=True)


def _plain(record: SourceRecord) -> dict[str, Any]:
    return {**({"": [record.file, record.line, record.path]} if record.file else {}), **record.values}


def _record(kind: str, record_id: str, plain: dict[str, Any]) -> SourceRecord:
    file, line, path = plain.pop("", ("", 0, ""))
    return SourceRecord(kind, record_id, {name: _value(value) for name, value in plain.items()}, file, line, path)


def _value(plain: Any) -> Value:
    if isinstance(plain, str):
        return plain
    return tuple(tuple(item) if isinstance(item, list) else item for item in plain)
