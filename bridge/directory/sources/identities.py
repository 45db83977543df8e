"""Which records of several sources are the same one, and what each source calls it (S1). Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bridge.directory.fields import CHANNELS, MATTERS, STAFF, Field, RecordKind
from bridge.directory.problems import ProblemList, quoted
from bridge.directory.reading import Record
from bridge.directory.sources.statement import Links, Statement
from bridge.directory.values import Refers, Shape
from bridge.firm.conversation import channel_key
from bridge.firm.model import Firm


@dataclass
class Entity:
    """One record of the directory, with what each source says of it."""

    id: str
    parts: dict[str, Record] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)


class Identities:
    """Finds out who is who, and calls everybody as the directory does."""

    def __init__(
        self,
        said: Mapping[str, Statement],
        in_order: Callable[[str], Sequence[str]],
        problems: ProblemList,
        links: Links,
        known: Firm,
    ) -> None:
        """`said` is what each source says, and `in_order` gives the sources, the owner of a kind first; `links` say who
        is who from earlier times, and `known` who is in the firm that is in force."""
        self._said, self._in_order = said, in_order
        self._problems = problems
        self._known_links = links
        self._known = known
        self._taken: set[str] = set()
        """The ids in the directory that the source being looked at names by records of their own."""
        self.links: dict[tuple[str, str, str], str] = {}
        """Who is who now."""
        self._aliases: dict[tuple[str, Refers], dict[str, str]] = defaultdict(dict)
        self._numbers: Mapping[tuple[str, str], str] = {}
        """The ids of matters by what makes a record of another source the same."""

    def entities(self, kind: RecordKind) -> dict[str, Entity]:
        """The records of a kind, by id, in the order in which they were found."""
        entities: dict[str, Entity] = {}
        by_key: dict[tuple[str, str], str] = {}
        for source in self._in_order(kind.name):
            records = self._said[source].records.get(kind.name, ())
            self._taken = {self._told(source, kind, one) for one in records}
            # First those of whom it is known who they are: whoever has the address of one may be a newcomer.
            for record in sorted(records, key=lambda one: self._is_new(source, kind, one)):
                one = entities.setdefault(*self._entity(kind, source, record, entities, by_key))
                self.links[source, kind.name, _own_id(kind, record)] = one.id
                if source in one.parts:
                    message = f"Two records of {source} are the same {kind.one}, {quoted(one.id)}. Put one right there."
                    record.problem(self._problems, "id", message)
                    continue
                one.parts[source] = record
                if (kind.name, _own_id(kind, record)) in self._said[source].gone:
                    one.gone.add(source)
            # Only now: what one source says twice is two records, which its own check tells apart.
            said = [one for one in entities.values() if source in one.parts]
            # Last those who are there: the address of somebody who left may be a newcomer's by now.
            for one in sorted(said, key=lambda one: source not in one.gone):
                by_key.update((key, one.id) for key in _keys(kind, one.parts[source]))
        if kind is MATTERS:
            self._numbers = by_key
        return entities

    def _entity(
        self,
        kind: RecordKind,
        source: str,
        record: Record,
        entities: Mapping[str, Entity],
        by_key: Mapping[tuple[str, str], str],
    ) -> tuple[str, Entity]:
        own = _own_id(kind, record)
        found = self._known_links.get((source, kind.name, own), "")
        if not found:
            candidates = {by_key[key] for key in _keys(kind, record) if key in by_key}
            candidates |= {own} & entities.keys()
            # Somebody of whom this source has another record already is somebody else.
            candidates = {one for one in candidates if source not in entities[one].parts or one == own}
            if len(candidates) > 1:
                named = " and ".join(map(quoted, sorted(candidates)))
                message = f"By its values this {kind.one} could be {named}. Put its id, e-mail address or number right."
                record.problem(self._problems, "id", message)
            found = min(candidates, default="") or self._in_force(kind, record, own)
        return found, Entity(found)

    def _told(self, source: str, kind: RecordKind, record: Record) -> str:
        own = _own_id(kind, record)
        return self._known_links.get((source, kind.name, own), own)

    def _is_new(self, source: str, kind: RecordKind, record: Record) -> bool:
        return (source, kind.name, _own_id(kind, record)) not in self._known_links

    def _in_force(self, kind: RecordKind, record: Record, own: str) -> str:
        """The id by which the firm knows this record, so that a person from a new source keeps their account."""
        if kind is STAFF:
            known, key = self._by_address, record.get("email")
        elif kind is MATTERS:
            known, key = self._by_number, record.get("number")
        else:
            return own
        found = known.get(key.casefold(), "") if key else ""
        # Whom this source names by a record of their own is nobody else.
        return found if found and found not in self._taken else own

    @cached_property
    def _by_address(self) -> Mapping[str, str]:
        # Only who works here: the address of somebody who left may be a newcomer's by now.
        return {one.email.casefold(): one.id for one in self._known.staff.values() if one.active}

    @cached_property
    def _by_number(self) -> Mapping[str, str]:
        return {one.number.casefold(): one.id for one in self._known.matters.values()}

    def take_names(self, said: Statement) -> None:
        """How this source calls people and matters, and what they are called in the directory."""
        for kind, refers, by in ((STAFF, Refers.STAFF, "email"), (MATTERS, Refers.MATTER, "number")):
            names = self._aliases[said.source, refers]
            for record in said.records.get(kind.name, ()):
                directory_id = self.links[said.source, kind.name, _own_id(kind, record)]
                if record.get(by):
                    names.setdefault(record.get(by).casefold(), directory_id)
            for record in said.records.get(kind.name, ()):
                own = _own_id(kind, record)
                names[own] = self.links[said.source, kind.name, own]
        for own, number in said.numbers.items():
            if (known := self._numbers.get(("number", number.casefold()))) is not None:
                self._aliases[said.source, Refers.MATTER][own] = known
        self._aliases[said.source, Refers.PEOPLE] = self._aliases[said.source, Refers.STAFF]

    def named(self, source: str, each: Field, value: Any) -> Any:
        """A value with what this source calls people and matters as the directory calls them."""
        refers = each.type.refers
        if refers is Refers.NOTHING or not value:
            return value
        names = self._aliases[source, refers]

        def known(written: str) -> str:
            return names.get(written) or names.get(written.casefold(), written)

        if each.type.shape is Shape.ONE:
            return known(value)
        if each.type.shape is Shape.LIST:
            return tuple(dict.fromkeys(map(known, value)))
        return tuple((known(first), second) for first, second in value)


def _own_id(kind: RecordKind, record: Record) -> str:
    return str(channel_key(record.get("name")) if kind is CHANNELS else record.known_as("id"))


def _keys(kind: RecordKind, record: Record) -> Iterator[tuple[str, str]]:
    """What makes a record of another source the same one."""
    if kind is STAFF:
        if record.get("email"):
            yield "email", record.get("email").casefold()
        for provider, subject in record.get("external_ids", ()):
            yield f"external {provider}", subject
    if kind is MATTERS and record.get("number"):
        yield "number", record.get("number").casefold()
