"""Who is let in where several sources restrict the same matter: whoever is on the list of each (M3, S1). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from bridge.directory.reading import Record

Members = Mapping[str, Collection[str]]
"""The people and groups in each group."""


def members_of(groups: Iterable[Record]) -> Members:
    """Who is in which of these groups."""
    return {one.get("id"): () if one.get("deleted", False) else one.get("members", ()) for one in groups}


def on_every_list(lists: Sequence[Collection[str]], members: Members) -> tuple[str, ...]:
    """The people who are on each of these lists of people and groups, by themselves or in a group."""
    return tuple(sorted(set.intersection(*(_people(one, members) for one in lists))))


def _people(principals: Iterable[str], members: Members) -> set[str]:
    found: set[str] = set()
    seen: set[str] = set()
    waiting = list(principals)
    while waiting:
        if (one := waiting.pop()) in seen:
            continue
        seen.add(one)
        if one in members:
            waiting += members[one]
        else:
            found.add(one)
    return found
