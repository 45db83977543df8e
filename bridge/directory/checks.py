"""What must hold between the values of a directory beyond each value's own form."""

from __future__ import annotations

from bridge.directory.fields import ACCESS, GROUPS, MATTERS, STAFF, WALLS, suggest
from bridge.directory.problems import ProblemList, quoted
from bridge.directory.reading import Record, Records


def check_records(source: str, records: Records, problems: ProblemList) -> None:
    """Note what cannot be meant so. References have been resolved; `source` names the file for what is missing."""
    if not any(map(_may_be_active, records[STAFF.name])):
        problems.add(source, 0, "", "", "No active staff member is listed. An empty directory is never taken over.")
    _check_groups(records[GROUPS.name], problems)
    _check_restrictions(records, problems)
    clients = _clients(records[MATTERS.name])
    for wall in records[WALLS.name]:
        _check_wall(wall, clients, problems)


def _may_be_active(record: Record) -> bool:
    if record.row.flawed or not record.unread.keys().isdisjoint({"former", "enabled"}):
        return True
    return not record.get("former", False) and bool(record.get("enabled", True))


def _check_groups(groups: list[Record], problems: ProblemList) -> None:
    """No group may contain itself, by whatever way."""
    members = {group.get("id"): group.get("members", ()) for group in groups}
    by_id = {group.get("id"): group for group in groups}
    sound: set[str] = set()
    reported: set[frozenset[str]] = set()
    for start in members:
        loop = _loop_from(start, members, sound)
        if loop and frozenset(loop) not in reported:
            reported.add(frozenset(loop))
            way = " contains ".join([*map(quoted, loop), quoted(loop[0])])
            by_id[loop[0]].problem(problems, "members", f"The group contains itself: {way}. Take one of them out.")


def _loop_from(start: str, members: dict[str, tuple[str, ...]], sound: set[str]) -> list[str]:
    """The groups of the first loop met on the way down from a group; empty where there is none. Adds to `sound`."""
    path: dict[str, None] = {}
    branches: list[list[str]] = [[start]]
    while branches:
        if not branches[-1]:
            branches.pop()
            if path:
                sound.add(path.popitem()[0])
            continue
        current = branches[-1].pop()
        if current in path:
            way = list(path)
            return way[way.index(current) :]
        if current in members and current not in sound:
            path[current] = None
            branches.append(list(members[current]))
    return []


def _check_restrictions(records: Records, problems: ProblemList) -> None:
    """A list of who may see a matter that is open to all is a restriction that somebody forgot to switch on."""
    remedy = "Write yes under restricted, or take the list away."
    open_matters: dict[str, Record] = {}
    for matter in records[MATTERS.name]:
        if not matter.get("restricted", False) and "restricted" not in matter.unread and not matter.row.flawed:
            open_matters[matter.get("id")] = matter
            if matter.get("allowed"):
                number = quoted(matter.get("number"))
                matter.problem(problems, "allowed", f"Matter {number} has a list but is open to all. {remedy}")
    for access in records[ACCESS.name]:
        if without := open_matters.get(access.get("matter")):
            number = quoted(without.get("number"))
            access.problem(problems, "matter", f"Matter {number} is not restricted, so this has no effect. {remedy}")


def _clients(matters: list[Record]) -> dict[str, str] | None:
    """The clients of all matters, by their names case folded; None where some could not be read."""
    if any("client" in matter.unread or matter.row.flawed for matter in matters):
        return None
    return {name.casefold(): name for matter in matters for name in matter.get("client", ())}


def _check_wall(wall: Record, clients: dict[str, str] | None, problems: ProblemList) -> None:
    client = wall.get("client")
    if not wall.unread.keys().isdisjoint({"matter", "client"}):
        # One of them is there, and what is wrong with it was said.
        pass
    elif bool(wall.get("matter")) is bool(client):
        both = "both a matter and a client" if client else "neither a matter nor a client"
        wall.problem(problems, "matter", f"The wall names {both}. Name one of the two.")
    elif client and clients is not None and client.casefold() not in clients:
        wall.problem(
            problems,
            "client",
            f"No matter has a client called {quoted(client)}, so the wall would stand around nothing."
            f"{suggest(client, clients.values())} Write the name as it stands in the matters.",
            client,
        )
    since, expires = wall.get("since", None), wall.get("expires", None)
    if since and expires and expires < since:
        wall.problem(problems, "expires", f"The wall ends on {expires}, before it begins on {since}. Correct one.")
