"""People as other systems' exports name them: by their names, whichever part is first. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.firm.model import Staff
from bridge.firm.names import spellings

_SEPARATORS = (",", "/", "|")
"""What stands between people, beside a semicolon."""
Ids = Mapping[str, str]
"""The staff id for each way of writing the name of one person alone; empty where several have it."""


def ids_by_name(staff: Mapping[str, Staff]) -> Ids:
    """How the staff may be named: also by id and address, so that nobody's name is taken for another's id."""
    found: dict[str, str] = {}
    for person in staff.values():
        first, last = person.first_name, person.last_name
        written = (person.name, f"{last} {first}", f"{last}, {first}", person.email, person.id)
        for spelled in {one for name in written for one in spellings(name)}:
            # Two people of one name: nobody can tell who is meant.
            found[spelled] = "" if found.get(spelled, person.id) != person.id else person.id
    return found


def person_meant(written: str, people: Ids) -> str:
    """The id of whom a name means, where that is one person; else what was written."""
    return _id(written, people) or written


def people_meant(written: str, people: Ids) -> list[str]:
    """The same for a list, in which a semicolon separates, or what else stands between names that are all known."""
    if ";" not in written and not _id(written, people):
        for separator in _SEPARATORS:
            ids = [_id(part, people) for part in written.split(separator)]
            if all(ids):
                return ids
    return [person_meant(part.strip(), people) for part in written.split(";") if part.strip()]


def name_parts(written: str) -> tuple[str, str]:
    """First and last name out of one text that has both, as Last, First or as First Last; of one word it is the
    first name."""
    name = " ".join(written.split())
    last, comma, first = name.partition(",")
    if not comma:
        first, _, last = name.rpartition(" ")
    return (first.strip(), last.strip()) if first.strip() else (last.strip(), "")


def _id(written: str, people: Ids) -> str:
    found = {people.get(spelled, "") for spelled in spellings(written.strip())} - {""}
    return found.pop() if len(found) == 1 else ""
