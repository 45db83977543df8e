"""What records say about other records: every name resolved to an id, or a problem."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bridge.directory.fields import GROUPS, KINDS, MATTERS, STAFF, suggest
from bridge.directory.problems import ProblemList, quoted
from bridge.directory.reading import Record, Records
from bridge.directory.values import Refers, Shape
from bridge.firm.errors import BridgeError

_Resolve = Callable[[str], str]


class UnknownNameError(BridgeError, ValueError):
    """A value names a record that is not there, or no longer in use."""


def resolve_references(records: Records, problems: ProblemList) -> None:
    """Put ids in the place of e-mail addresses and matter numbers, and note a problem for each name nobody has."""
    _check_ambiguity(records, problems)
    resolvers = _resolvers(records)
    for kind in KINDS:
        for each in kind.fields:
            if each.type.refers is not Refers.NOTHING:
                resolve = resolvers[each.type.refers]
                for record in records[kind.name]:
                    if each.name in record.values:
                        _resolve_field(record, each.name, each.type.shape, resolve, problems)


def _resolve_field(record: Record, name: str, shape: Shape, resolve: _Resolve, problems: ProblemList) -> None:
    value: Any = record.values[name]

    def known(written: str) -> str:
        try:
            return resolve(written)
        except UnknownNameError as error:
            record.problem(problems, name, str(error), written)
            return written

    if shape is Shape.ONE:
        record.values[name] = known(value)
    elif shape is Shape.LIST:
        record.values[name] = tuple(dict.fromkeys(known(each) for each in value))
    else:
        record.values[name] = tuple((known(first), second) for first, second in value)


def _resolvers(records: Records) -> dict[Refers, _Resolve]:
    # Whoever names a record of which something could not be read names the right one all the same.
    staff = {record.known_as("id"): record.known_as("id") for record in records[STAFF.name]}
    emails = {record.known_as("email").casefold(): record.known_as("id") for record in records[STAFF.name]}
    groups = {record.known_as("id"): record.get("deleted", False) for record in records[GROUPS.name]}
    matters = {record.known_as("id"): record.known_as("id") for record in records[MATTERS.name]}
    numbers = {record.known_as("number").casefold(): record.known_as("id") for record in records[MATTERS.name]}

    def staff_member(written: str) -> str:
        found = staff.get(written) or emails.get(written.casefold())
        if not found:
            raise UnknownNameError(
                f"{quoted(written)} is not the id or e-mail address of a staff member."
                f"{suggest(written, [*staff, *emails])} Correct it, or add the person to the staff."
            )
        return str(found)

    def person(written: str) -> str:
        if groups.get(written) is False:
            return written
        if written in groups:
            raise UnknownNameError(f"The group {quoted(written)} is marked as deleted. Take it out here.")
        try:
            return staff_member(written)
        except UnknownNameError as error:
            hint = suggest(written, [*staff, *emails, *groups])
            raise UnknownNameError(
                f"{quoted(written)} is neither a staff member nor a group.{hint} Correct or add it."
            ) from error

    def matter(written: str) -> str:
        found = matters.get(written) or numbers.get(written.casefold())
        if not found:
            raise UnknownNameError(
                f"{quoted(written)} is not the id or number of a matter.{suggest(written, [*matters, *numbers])}"
                " Correct it, or add the matter."
            )
        return str(found)

    return {Refers.STAFF: staff_member, Refers.PEOPLE: person, Refers.MATTER: matter}


def _check_ambiguity(records: Records, problems: ProblemList) -> None:
    """A name that could mean two records would one day give access to the wrong one."""
    staff_ids = {record.get("id") for record in records[STAFF.name]}
    emails = {record.get("email").casefold(): record for record in records[STAFF.name]}
    numbers = {record.get("number").casefold(): record for record in records[MATTERS.name]}
    for record, name in _with_id(records[STAFF.name]):
        if emails.get(name.casefold(), record) is not record:
            record.problem(problems, "id", f"{quoted(name)} is somebody else's e-mail address. Change one.", name)
    for record, name in _with_id(records[GROUPS.name]):
        if name in staff_ids or name.casefold() in emails:
            record.problem(
                problems, "id", f"{quoted(name)} is a staff member's id or e-mail address too. Give the group another."
            )
    for record, name in _with_id(records[MATTERS.name]):
        if numbers.get(name.casefold(), record) is not record:
            record.problem(problems, "id", f"{quoted(name)} is another matter's number. Change one.", name)


def _with_id(records: list[Record]) -> list[tuple[Record, str]]:
    return [(record, record.get("id")) for record in records if record.get("id")]
