"""Values as identity providers write them, in the form that their attributes have (RFC 7643). Pure.

Templates leave an empty text where nothing is to be said, and a program that knows no types writes numbers, one value
for several, or a value in a list. Whoever is pushed so is not refused for it, and what cannot be read of what the
directory does not use is left out.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from scim2_models import InvalidValueException

Json = Any
_DEPTH = 20
"""So deep at most is a body that has a meaning."""
SEVERAL = frozenset(
    {"members", "emails", "phonenumbers", "addresses", "ims", "photos", "roles", "entitlements", "x509certificates"}
)
"""Attributes that have several values."""
_YES_OR_NO = frozenset({"active", "primary"})
_OF_PARTS = frozenset({"name", "user"})
"""Attributes that have parts: a name, and the extension urn:…:enterprise:2.0:User."""
_OUR_OWN = frozenset({"meta", "groups"})
"""What the server alone says of somebody."""
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:\S+", re.IGNORECASE)


def fitted(body: Json, depth: int = 0) -> Json:
    """A body with its values in their form. Raises ValueError where it is nested deeper than anything that has a
    meaning, and InvalidValueException for a member whom it does not name."""
    if depth > _DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(body, list):
        return [fitted(one, depth + 1) for one in body]
    if not isinstance(body, dict):
        return body
    found = {key: value_of(key, value, depth) for key, value in body.items() if last_of(key) not in _OUR_OWN}
    return {key: value for key, value in found.items() if value is not None or body[key] is None}


def value_of(path: str, value: Json, depth: int = 0) -> Json:
    """The value of an attribute in its form; None for none. Raises as `fitted` does."""
    name = last_of(path)
    if name in SEVERAL:
        entries = value if isinstance(value, list) else [value]
        return None if value is None else [one for each in entries if (one := _entry(name, each, depth)) is not None]
    if name == "manager":
        return _manager(value)
    if name == "schemas":
        return [value] if isinstance(value, str) else value or []
    # What is called so alone is what an operation says, or one of several values; so is one that a path picks.
    value = fitted(value if path.casefold() == "value" or path.endswith("]") else _alone(value), depth + 1)
    if name in _YES_OR_NO:
        value = value.strip() if isinstance(value, str) else value
        return None if value == "" and name == "primary" else value
    if name in _OF_PARTS and isinstance(value, str):
        return {"formatted": value} if value.strip() and name == "name" else None
    of = path.rpartition(":")[2].partition("[")[0].partition(".")[0].casefold()
    if of in {"profileurl", "photos"} and name in {"profileurl", "value"} and not _is_address(value):
        return None
    if of == "emails" and name == "value" and value == "":
        return None
    return str(value) if type(value) in (int, float) else value


def last_of(path: str) -> str:
    """The attribute that a path or key ends with, without what picks one of several and whose part it is."""
    return path.rpartition(":")[2].strip().rpartition(".")[2].casefold()


def _alone(value: Json) -> Json:
    """What stands for itself in an object, or a list of one, that says no more."""
    one = value[0] if isinstance(value, list) and len(value) == 1 else value
    keys = {key.casefold(): key for key in one} if isinstance(one, dict) else {}
    return one[keys["value"]] if "value" in keys and keys.keys() <= {"value", "$ref"} else value


def _entry(name: str, given: Json, depth: int) -> Json:
    """One of several values; None where it says nothing."""
    if given is None or given == "":
        return None
    entry = fitted(given if isinstance(given, dict) else {"value": given}, depth + 1)
    keys = {key.casefold(): key for key in entry}
    value = entry.get(keys.get("value", ""))
    if name == "members":
        return entry if value else _by_address(entry, keys)
    nothing = "value" in keys and ((name == "emails" and not value) or (name == "photos" and not _is_address(value)))
    return None if nothing else entry


def _by_address(entry: Json, keys: dict[str, str]) -> Json:
    """A member of which only the address is said, with the id that this ends with."""
    address = entry.get(keys.get("$ref", ""))
    if not isinstance(address, str) or not (found := address.rstrip("/").rpartition("/")[2]):
        raise InvalidValueException(detail="A member has no id. Send it as value.")
    return {**entry, keys.get("value", "value"): found}


def _is_address(value: Json) -> bool:
    return isinstance(value, str) and _ADDRESS.fullmatch(value.strip()) is not None


def _manager(value: Json) -> Json:
    """Who somebody's manager is, with the address that the schema wants; nothing where nobody is named."""
    if isinstance(value, list):
        value = value[0] if value else None
    given = value if isinstance(value, dict) else {"value": value}
    names = {key.casefold(): key for key in given}
    who = given.get(names.get("value", ""))
    if not who or not isinstance(who, str):
        return None
    return {**given, names.get("$ref", "$ref"): given.get(names.get("$ref", "")) or f"Users/{quote(who, safe='')}"}
