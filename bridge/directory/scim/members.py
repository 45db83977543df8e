"""A PATCH of a group (RFC 7644, section 3.5.2), in which members are taken away together.

scim2-models compares every member with every one that is to go, which takes half a minute where many leave a large
group, and the bridge does nothing else meanwhile.
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
    for removes, some in groupby(patch.operations or (), key=lambda one: bool(_removed(one))):
        operations = list(some)
        if removes:
            changed |= _take_out(resource, frozenset[str]().union(*map(_removed, operations)))
        else:
            changed |= patch.model_copy(update={"operations": operations}).patch(resource)
    return changed


def _removed(operation: PatchOperation[Any]) -> frozenset[str]:
    """The ids of the members that an operation takes away; empty where it says so in another way."""
    value: Any = operation.value
    path = str(operation.path or "").rpartition(":")[2].casefold()
    if operation.op != PatchOperation.Op.remove or path != "members" or not isinstance(value, list):
        return frozenset()
    if not all(isinstance(one, dict) and one.keys() == {"value"} and isinstance(one["value"], str) for one in value):
        return frozenset()
    return frozenset(one["value"].casefold() for one in value)


def _take_out(group: Group, ids: frozenset[str]) -> bool:
    before = group.members or []
    still = [one for one in before if str(one.value).casefold() not in ids]
    group.members = still or None
    return len(still) < len(before)
