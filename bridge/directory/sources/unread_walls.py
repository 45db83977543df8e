"""A wall of a source that cannot be read: what it may say holds, whichever source has the matter (S1, M3). Pure.

It is kept as far as it can be read. In the union it stands around the matters it names, and those are open to nobody
but their team, which another source may say; where it is not clear whom it screens, to nobody at all. One around
nothing that is there stops the rest, as one that can be read does: it may be meant to be around anything.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from bridge.directory.fields import ACCESS, GROUPS, MATTERS, STAFF, WALLS
from bridge.directory.problems import ProblemList, quoted
from bridge.directory.reading import Record
from bridge.directory.sources.flaws import listed
from bridge.directory.sources.port import Flaw, SourceRecord, Value
from bridge.directory.sources.statement import Merged
from bridge.firm.model import WallKind

_WHOM = ("kind", "people")
_WHEN = ("since", "expires")
Unread = Mapping[str, frozenset[str]]
"""The ids of walls that cannot be read, by source."""


def kept_wall(flaw: Flaw, before: SourceRecord | None) -> SourceRecord | None:
    """A wall that cannot be read, with whom it screened before and screens now; None where it is around nothing.

    It names nobody where it is not clear whom it screens.
    """
    if flaw.read is None:
        return before
    now, then = flaw.read.values, {} if before is None else before.values
    unclear = not flaw.unread.isdisjoint(_WHOM) or "kind" in {**then, **now} or not now.get("people")
    values: dict[str, Value] = {name: value for name, value in {**then, **now}.items() if name not in (*_WHOM, *_WHEN)}
    if not (values.get("matter") or values.get("client")):
        return None
    if not unclear:
        values["people"] = tuple(dict.fromkeys([*listed(then.get("people")), *listed(now["people"])]))
    return SourceRecord(flaw.kind, flaw.id, {**values, "id": flaw.id})


def shut_around(merged: Merged, unread: Unread, problems: ProblemList) -> None:
    """Have such walls screen whomever they may, and the matters that they stand around be open to their teams alone.

    Names have been resolved: whoever has a name that nobody has may be anybody. A wall that is another source's word is
    not meant.
    """
    matters: set[str] = set()
    known = {one.get("id") for kind in (STAFF, GROUPS) for one in merged.records[kind.name] if not one.get("deleted")}
    for wall in merged.records[WALLS.name]:
        source = merged.origins[WALLS.name, wall.get("id")].sources[0]
        own = {merged.links.get((source, WALLS.name, one)) for one in unread.get(source, ())}
        if wall.get("id") not in own:
            continue
        if not wall.get("people") or not known.issuperset(wall.get("people")):
            wall.values.update(kind=WallKind.ONLY, people=())
        around = [one for one in merged.records[MATTERS.name] if _is_around(wall, one)]
        if not around:
            name = "matter" if wall.get("matter") else "client"
            message = f"The wall cannot be read, and there is no {name} {quoted(wall.get(name))}. Put it right there."
            problems.add(wall.row.file, wall.row.line_of(name), wall.row.column(name), wall.get(name), message)
        for matter in around:
            matter.values.update(restricted=True, allowed=())
        matters |= {one.get("id") for one in around}
    if matters:
        rows = merged.records[ACCESS.name]
        merged.records[ACCESS.name] = [one for one in rows if one.get("matter") not in matters]


def _is_around(wall: Record, matter: Record) -> bool:
    client = wall.get("client").casefold()
    clients: Collection[str] = matter.get("client", ())
    return matter.get("id") == wall.get("matter") or (bool(client) and client in map(str.casefold, clients))
