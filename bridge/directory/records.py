"""A firm as records to be stored, one for each staff member, group, matter, wall and channel, and back again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bridge.firm.errors import BridgeError
from bridge.firm.model import ChannelSeed, Firm, Group, Matter, Staff, Wall

Record = tuple[str, str, str]
"""Kind, id and JSON."""

KINDS: Mapping[str, tuple[TypeAdapter[Any], Callable[[Firm], Mapping[str, Any]]]] = {
    "staff": (TypeAdapter(Staff), lambda firm: firm.staff),
    "group": (TypeAdapter(Group), lambda firm: firm.groups),
    "matter": (TypeAdapter(Matter), lambda firm: firm.matters),
    "wall": (TypeAdapter(Wall), lambda firm: firm.walls),
    "channel": (TypeAdapter(ChannelSeed), lambda firm: firm.channels),
}
"""For each kind of record: how it is written as JSON, and where a firm has its records."""


_WRITES: Mapping[type, TypeAdapter[Any]] = {
    Staff: KINDS["staff"][0],
    Group: KINDS["group"][0],
    Matter: KINDS["matter"][0],
    Wall: KINDS["wall"][0],
    ChannelSeed: KINDS["channel"][0],
}


class StoredDirectoryError(BridgeError):
    """A stored record cannot be read back: it was damaged, or written by a newer version."""


def record_of(firm: Firm, kind: str, record_id: str) -> Record:
    """One record of the firm."""
    return kind, record_id, written(KINDS[kind][1](firm)[record_id])


def written(record: object) -> str:
    """A record of whatever kind as JSON."""
    return _WRITES[type(record)].dump_json(record).decode()


def firm_from_records(records: Iterable[Record]) -> Firm:
    """The firm that was stored. Raises StoredDirectoryError for a record that cannot be read."""
    read: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
    for kind, record_id, data in records:
        try:
            read[kind][record_id] = KINDS[kind][0].validate_json(data)
        except (KeyError, ValidationError) as error:
            raise StoredDirectoryError(
                f"The stored directory record {kind} {record_id!r} cannot be read. Restore the database from a backup,"
                " or use the version of the bridge that wrote it."
            ) from error
    return Firm(
        staff=read["staff"],
        groups=read["group"],
        matters=read["matter"],
        walls=read["wall"],
        channels=read["channel"],
    )
