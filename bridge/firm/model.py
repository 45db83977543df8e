"""The firm as its directory describes it: staff, groups, matters, restrictions and walls.

Every value is immutable and holds plain data, so that two firms can be compared record by record. The fields are
those that practice-management systems give for Staff, Matter, Role and Group, so that a connector fills the same model
that a file does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import TypeVar

from bridge.firm.table import Table, found_in

T = TypeVar("T")


class MatterStatus(StrEnum):
    """Where a matter stands. A cancelled matter of the practice-management system is read as deleted."""

    OPEN = "open"
    PENDING = "pending"
    CLOSED = "closed"
    DELETED = "deleted"


class WallKind(StrEnum):
    """The two forms of an ethical wall: the people named must not see the matter, or nobody else may."""

    EXCLUDE = "exclude"
    ONLY = "only"


@dataclass(frozen=True, slots=True)
class Staff:
    """A person of the firm. `id` is the directory's own identifier and never changes."""

    id: str
    first_name: str
    last_name: str
    email: str
    role: str = ""
    former: bool = False
    enabled: bool = True
    middle_name: str = ""
    title: str = ""
    initials: str = ""
    phone: str = ""
    cell: str = ""
    color_fill: str = ""
    color_stroke: str = ""
    avatar: str = ""
    user_id: str = ""
    version_id: str = ""
    localpart: str = ""
    """The Matrix localpart the firm wants for this person; empty for the one the template gives."""
    external_ids: tuple[tuple[str, str], ...] = ()
    """Single sign-on identities, as (identity provider, subject)."""

    @property
    def name(self) -> str:
        """The display name: first and last name (F3)."""
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def active(self) -> bool:
        """Whether the person works at the firm today (F1)."""
        return self.enabled and not self.former

    @property
    def short_initials(self) -> str:
        """The initials for the avatar: those of the directory, else of the name. At most three letters."""
        return (self.initials or "".join(part[:1] for part in self.name.split())).upper()[:3]


@dataclass(frozen=True, slots=True)
class Group:
    """A named list of staff, which may contain other groups. Restrictions and walls may name groups."""

    id: str
    name: str
    members: tuple[str, ...] = ()
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class MatterRole:
    """The part a contact plays in a matter: the client, the other side, or another role the firm names."""

    name: str
    contact: str
    is_client: bool = False
    is_other_side: bool = False


@dataclass(frozen=True, slots=True)
class Matter:
    """A case. The staff fields hold staff ids; `allowed` is the list a restricted matter is open to."""

    id: str
    number: str
    title: str
    status: MatterStatus = MatterStatus.OPEN
    roles: tuple[MatterRole, ...] = ()
    responsible: str = ""
    assisting: tuple[str, ...] = ()
    originating: tuple[str, ...] = ()
    supervisor: str = ""
    restricted: bool = False
    allowed: tuple[str, ...] = ()
    """Staff and group ids with access when the matter is restricted."""
    held: bool = False
    """Whether it is under legal hold: nothing said about it is deleted, by anybody."""
    description: str = ""
    matter_type: str = ""
    client_code: str = ""
    branch: str = ""
    is_lead: bool = False
    opened: date | None = None
    closed: date | None = None
    external_system_id: str = ""
    version_id: str = ""

    @property
    def clients(self) -> tuple[str, ...]:
        """The names of the matter's clients, in the directory's order."""
        return tuple(role.contact for role in self.roles if role.is_client)

    @property
    def client(self) -> str:
        """The clients as one line, for people to read."""
        return ", ".join(self.clients)

    def is_on_team(self, staff_id: str) -> bool:
        """Whether this person has a role on the matter."""
        return staff_id != "" and (
            staff_id in (self.responsible, self.supervisor)
            or staff_id in self.assisting
            or staff_id in self.originating
        )

    @property
    def team(self) -> tuple[str, ...]:
        """Staff ids of everyone with a role on the matter, each once, the person responsible first."""
        everyone = (self.responsible, *self.assisting, self.supervisor, *self.originating)
        return tuple(dict.fromkeys(staff_id for staff_id in everyone if staff_id))


@dataclass(frozen=True, slots=True)
class Wall:
    """An ethical wall around one matter or all matters of one client. Exactly one of the two is set."""

    id: str
    kind: WallKind = WallKind.EXCLUDE
    matter_id: str = ""
    client: str = ""
    people: tuple[str, ...] = ()
    """Staff and group ids: those screened, or for the form "only" those who alone may see."""
    memo: str = ""
    set_by: str = ""
    since: date | None = None
    expires: date | None = None
    acknowledged: tuple[tuple[str, date], ...] = ()
    """Who has acknowledged the wall, and when, as (staff id, date)."""

    def in_force(self, today: date) -> bool:
        """Whether the wall stands on this day. One without dates always stands; the day of expiry is still walled."""
        return (self.since is None or self.since <= today) and (self.expires is None or today <= self.expires)


@dataclass(frozen=True, slots=True)
class ChannelSeed:
    """A channel the firm starts with. Once made it belongs to the staff; later edits here do not undo theirs."""

    name: str
    topic: str = ""
    participants: tuple[str, ...] = ()
    """Staff and group ids."""


class Matters(Table[Matter]):
    """Matters by id, with ways to find them."""

    @cached_property
    def by_number(self) -> Mapping[str, Matter]:
        """By number, case folded and with single blanks."""
        return {number: self[one] for one, number in self.of_each(_number).items()}

    @cached_property
    def listed(self) -> tuple[Matter, ...]:
        """As people list them: the open ones first, then those pending, closed and deleted, by number."""
        order = {status: place for place, status in enumerate(MatterStatus)}
        return tuple(sorted(self.values(), key=lambda matter: (order[matter.status], matter.number)))

    @cached_property
    def of_client(self) -> Mapping[str, tuple[Matter, ...]]:
        """Those of each client, by the client's name, case folded."""
        found: dict[str, list[Matter]] = {}
        for matter in self.values():
            for client in dict.fromkeys(map(str.casefold, matter.clients)):
                found.setdefault(client, []).append(matter)
        return {client: tuple(matters) for client, matters in found.items()}


def _number(matter: Matter) -> str:
    return " ".join(matter.number.split()).casefold()


def _active(staff: Mapping[str, Staff]) -> frozenset[str]:
    return frozenset(person.id for person in staff.values() if person.active)


_Places = dict[str, dict[int, Wall]]


@dataclass(frozen=True)
class Firm:
    """One consistent picture of the firm, as validated by the directory."""

    staff: Mapping[str, Staff] = field(default_factory=Table[Staff])
    matters: Mapping[str, Matter] = field(default_factory=Matters)
    groups: Mapping[str, Group] = field(default_factory=Table[Group])
    walls: Mapping[str, Wall] = field(default_factory=Table[Wall])
    channels: Mapping[str, ChannelSeed] = field(default_factory=dict)
    """By name."""

    def __post_init__(self) -> None:
        if not isinstance(self.matters, Matters):
            object.__setattr__(self, "matters", Matters(self.matters))
        for name in ("staff", "groups", "walls"):
            if not isinstance(records := getattr(self, name), Table):
                object.__setattr__(self, name, Table(records))

    @property
    def _table(self) -> Matters:
        assert isinstance(self.matters, Matters)
        return self.matters

    def is_system(self, acting: str) -> bool:
        """Whether this id is that of a system that acts as itself (bridge/firm/systems.py): here none is."""
        return False

    @property
    def active_staff(self) -> frozenset[str]:
        """Ids of everyone who works at the firm today."""
        return self.found_in_staff(_active)

    @property
    def matter_by_number(self) -> Mapping[str, Matter]:
        """Matters by number, case folded and with single blanks."""
        return self._table.by_number

    def people(self, principals: Iterable[str]) -> frozenset[str]:
        """Staff ids behind a list of staff and group ids; groups inside groups are followed, loops included once."""
        found: set[str] = set()
        for principal in principals:
            found |= {principal} if principal in self.staff else self._members(principal)
        return frozenset(found)

    def names(self, principals: Iterable[str], staff_id: str) -> bool:
        """Whether this person is among `people` of such a list, without gathering all of them."""
        return staff_id in self.staff and any(
            principal == staff_id or (principal not in self.staff and staff_id in self._members(principal))
            for principal in principals
        )

    def walls_around(self, matter: Matter) -> tuple[Wall, ...]:
        """The walls that name this matter or one of its clients (names compared without regard to case)."""
        by_matter, by_client = self._walls
        found = {**by_matter.get(matter.id, {})}
        if by_client:
            for client in matter.clients:
                found.update(by_client.get(client.casefold(), {}))
        return tuple(found[place] for place in sorted(found))

    def walled_by(self, wall: Wall) -> tuple[Matter, ...]:
        """The matters that the wall names, itself or by a client, whether it is in force or not."""
        named = self.matters.get(wall.matter_id)
        of_client = self.matters_of_client.get(wall.client.casefold(), ()) if wall.client else ()
        return tuple(dict.fromkeys([*([named] if named is not None else []), *of_client]))

    @property
    def listed(self) -> tuple[Matter, ...]:
        """All matters as people list them: the open ones first, then those pending, closed and deleted, by number."""
        return self._table.listed

    def found_in_matters(self, find: Callable[[Matters], T]) -> T:
        """What this function finds in the table of matters. It is called once for each table."""
        return found_in(self._table, find)

    def found_in_matter(self, find: Callable[[Matter], T]) -> Mapping[str, T]:
        """What this function finds in each matter, by id. It is called once for each that differs from before."""
        return self._table.of_each(find)

    def matters_under(self, keys: Callable[[Matter], Iterable[str]]) -> Mapping[str, frozenset[str]]:
        """The ids of the matters that have a key, by key; found as with `found_in_matter`."""
        return self._table.under(keys)

    def found_in_staff(self, find: Callable[[Mapping[str, Staff]], T]) -> T:
        """The same in the table of staff."""
        assert isinstance(self.staff, Table)
        return found_in(self.staff, find)

    @property
    def matters_of_client(self) -> Mapping[str, tuple[Matter, ...]]:
        """The matters of each client, by the client's name, case folded."""
        return self._table.of_client

    @cached_property
    def _walls(self) -> tuple[_Places, _Places]:
        """The walls by matter and by client, case folded, each with its place among all."""
        by_matter: _Places = {}
        by_client: _Places = {}
        for place, wall in enumerate(self.walls.values()):
            by_matter.setdefault(wall.matter_id, {})[place] = wall
            if wall.client:
                by_client.setdefault(wall.client.casefold(), {})[place] = wall
        return by_matter, by_client

    def _members(self, principal: str) -> frozenset[str]:
        """Staff ids behind a group id; none where there is no such group."""
        if (known := self._of_groups.get(principal)) is None and principal in self.groups:
            known = self._of_groups[principal] = self._behind(principal)
        return known or frozenset()

    def _behind(self, group_id: str) -> frozenset[str]:
        found: set[str] = set()
        seen: set[str] = set()
        waiting = [group_id]
        while waiting:
            principal = waiting.pop()
            if principal in seen:
                continue
            seen.add(principal)
            if principal in self.staff:
                found.add(principal)
            elif (group := self.groups.get(principal)) is not None and not group.deleted:
                waiting.extend(group.members)
        return frozenset(found)

    @cached_property
    def _of_groups(self) -> dict[str, frozenset[str]]:
        """Staff ids behind those groups that were asked about."""
        return {}
