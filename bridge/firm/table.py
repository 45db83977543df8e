"""Records by id that keep what was found in them, and of which a changed table takes over what did not change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, TypeVar
from weakref import ReferenceType

T = TypeVar("T")
R = TypeVar("R")


class Table(dict[str, R]):
    """Records by id. What was found in it once is known to every firm that has this very table."""

    compared: tuple[ReferenceType[Table[Any]], frozenset[str]] | None = None
    """The table that it was last compared with, and the ids of what differs (bridge/firm/difference.py)."""

    @cached_property
    def found(self) -> dict[Callable[..., Any], Any]:
        """What functions found in this table."""
        return {}

    @cached_property
    def _of_each(self) -> dict[Callable[..., Any], dict[str, Any]]:
        return {}

    @cached_property
    def _under(self) -> dict[Callable[..., Any], dict[str, frozenset[str]]]:
        return {}

    def of_each(self, find: Callable[[R], T]) -> Mapping[str, T]:
        """What this function finds in each record, by id.

        It is called once for each record: what it found in the table that this one was last compared with is taken
        over, so that a change costs no look at everything, and nothing is there twice.
        """
        if (known := self._of_each.get(find)) is not None:
            return known
        before, differing = self._compared_with()
        earlier = before._of_each.get(find) if before is not None else None
        if earlier is None:
            found = {one: find(record) for one, record in self.items()}
        else:
            found = {**earlier, **{one: find(self[one]) for one in differing if one in self}}
            for one in differing - self.keys():
                found.pop(one, None)
        self._of_each[find] = found
        return found

    def under(self, keys: Callable[[R], Iterable[str]]) -> Mapping[str, frozenset[str]]:
        """The ids of the records that have a key, by key; found as with `of_each`."""
        if (known := self._under.get(keys)) is not None:
            return known
        before, differing = self._compared_with()
        earlier = before._under.get(keys) if before is not None else None
        if before is None or earlier is None:
            changed: Iterable[str] = self.keys()
            found = {}
        else:
            changed = differing & self.keys()
            left = {key for one in differing & before.keys() for key in keys(before[one])}
            found = {**earlier, **{key: earlier[key] - differing for key in left}}
        gathered: dict[str, set[str]] = {}
        for one in changed:
            for key in keys(self[one]):
                gathered.setdefault(key, set()).add(one)
        found.update({key: found.get(key, frozenset()) | ids for key, ids in gathered.items()})
        self._under[keys] = found
        return found

    def _compared_with(self) -> tuple[Table[R] | None, frozenset[str]]:
        """The table that it was last compared with, if that is still there, and the ids of what differs."""
        table, differing = (self.compared[0](), self.compared[1]) if self.compared is not None else (None, frozenset())
        return table, differing


TableT = TypeVar("TableT", bound=Table[Any])


def found_in(table: TableT, find: Callable[[TableT], T]) -> T:
    """What this function finds in the whole table. It is called once for each table."""
    if find not in table.found:
        table.found[find] = find(table)
    known: T = table.found[find]
    return known
