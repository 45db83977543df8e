"""From checked records to the firm."""

from __future__ import annotations

from collections import defaultdict

from bridge.directory.fields import ACCESS, CHANNELS, GROUPS, MATTERS, STAFF, WALLS
from bridge.directory.reading import Record, Records
from bridge.firm.model import ChannelSeed, Firm, Group, Matter, MatterRole, Staff, Wall


def build_firm(records: Records) -> Firm:
    """The firm that the records describe. Call it only with records that have no problem."""
    allowed: dict[str, list[str]] = defaultdict(list)
    for record in records[ACCESS.name]:
        allowed[record.get("matter")].append(record.get("person"))
    staff = [_staff(record) for record in records[STAFF.name]]
    groups = [Group(**record.values) for record in records[GROUPS.name]]
    matters = [_matter(record, allowed[record.get("id")]) for record in records[MATTERS.name]]
    walls = [_wall(record) for record in records[WALLS.name]]
    channels = [ChannelSeed(**record.values) for record in records[CHANNELS.name]]
    return Firm(
        staff={person.id: person for person in staff},
        groups={group.id: group for group in groups},
        matters={matter.id: matter for matter in matters},
        walls={wall.id: wall for wall in walls},
        channels={channel.name: channel for channel in channels},
    )


def _staff(record: Record) -> Staff:
    return Staff(**{"last_name": "", **record.values})


def _matter(record: Record, allowed: list[str]) -> Matter:
    values = dict(record.values)
    roles = (
        *(MatterRole("Client", contact, is_client=True) for contact in values.pop("client", ())),
        *(MatterRole("Other side", contact, is_other_side=True) for contact in values.pop("other_side", ())),
        *(MatterRole(name, contact) for name, contact in values.pop("roles", ())),
    )
    everyone = tuple(dict.fromkeys((*values.pop("allowed", ()), *allowed)))
    return Matter(**values, roles=roles, allowed=everyone)


def _wall(record: Record) -> Wall:
    values = dict(record.values)
    matter_id = values.pop("matter", "")
    return Wall(**values, matter_id=matter_id)
