"""A PATCH of a group (RFC 7644, section 3.5.2), in which members are taken away, and added, together.

scim2-models compares every member with every one that is to go, and looks at the whole group for every operation, which
takes half a minute for many of a large group, and the bridge does nothing else meanwhile.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from scim2_models import Group, PatchOp, PatchOperation, Resource


def patched(resource: Resource[Any], patch: PatchOp[Any]) -> bool:
    """Change a resource as a PATCH says; whether that changes it. Raises SCIMException, after which it is no use."""
    if not isinstance(resource, Group):
        return patch.patch(resource)
    changed = False
    for of_members, some in groupby(patch.operations or (), key=lambda one: bool(_members_of(one))):
        operations = list(some)
        if of_members:
            removed, operations = _together(operations)
            changed |= _take_out(resource, removed)
        if operations:
            changed |= patch.model_copy(update={"operations": operations}).patch(resource)
    return changed


def _members_of(operation: PatchOperation[Any]) -> list[dict[str, Any]]:
    """The members that an operation takes away or adds; none where it says so in another way."""
    value: Any = operation.value
    path = str(operation.path or "").rpartition(":")[2].casefold()
    if path != "members" or not isinstance(value, list):
        return []
    if not all(isinstance(one, dict) and isinstance(one.get("value"), str) for one in value):
        return []
    if operation.op == PatchOperation.Op.remove:
        return value if all(one.keys() == {"value"} for one in value) else []
    return value if operation.op == PatchOperation.Op.add else []


def _together(operations: list[PatchOperation[Any]]) -> tuple[frozenset[str], list[PatchOperation[Any]]]:
    """The ids of the members that these take away, and the one operation, if any, that adds what they add after it."""
    removed, added, adding = set[str](), dict[str, dict[str, Any]](), list[PatchOperation[Any]]()
    for operation in operations:
        for member in _members_of(operation):
            member_id = member["value"].casefold()
            if operation.op == PatchOperation.Op.remove:
                removed.add(member_id)
                added.pop(member_id, None)
            else:
                added.setdefault(member_id, member)
                adding = [operation]
    return frozenset(removed), [one.model_copy(update={"value": list(added.values())}) for one in adding if added]


def _take_out(group: Group, ids: frozenset[str]) -> bool:
    before = group.members or []
    still = [one for one in before if str(one.value).casefold() not in ids]
    group.members = still or None
    return len(still) < len(before)
