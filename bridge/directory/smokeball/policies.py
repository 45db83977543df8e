"""Smokeball's policies: who must not see a matter, and when it may be believed that nobody is kept out (M3, S3). Pure.

A matter that never had a deny-list has no policy, and neither has one that is asked for by a wrong reference. So that
there is none is believed only while a policy of some other matter is found by the same reference, and of a matter that
had one only after a whole turn in which others' were found.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

NOT_FOUND = None
"""What is answered where there is no policy (404)."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was found when a matter was looked at: what no list says of it."""

    at: int
    """When, in milliseconds since the epoch."""
    denied: tuple[str, ...] = ()
    """Users and groups on its deny-list."""
    roles: tuple[tuple[str, str], ...] = ()
    """Contacts with other parts than client and other side, by contact id."""
    archived: bool = False
    reference: str = ""
    """By which form of reference its policy was asked for (the setting smokeball.policy_reference)."""
    found: bool = False
    """Whether there was a policy, and one that can be understood."""
    doubted: int = 0
    """Since when a policy that was known is not there, or none can be understood; 0 where neither is so."""

    def same(self, other: Look | None) -> bool:
        """Whether the other found the same."""
        return other is not None and replace(self, at=0) == replace(other, at=0)


def with_policy(
    look: Look, policy: Any, matter_id: str, before: Look | None, others: Iterable[Look], turn_ms: int
) -> Look:
    """The look with what this answer says of the deny-list.

    `before` is the matter's look before, `others` are those at other matters, and `turn_ms` is the time in which each
    matter is looked at once.
    """
    if policy is not NOT_FOUND:
        denied = denied_in(policy, matter_id)
        if denied is not None:
            return replace(look, denied=denied, found=True)
    elif (
        before is None or not (before.found or before.doubted or before.denied) or _gone(look, before, others, turn_ms)
    ):
        return look
    return doubted(look, before)


def doubted(look: Look, before: Look | None) -> Look:
    """The look where the deny-list could not be seen: whoever was on it stays there."""
    since = before.doubted if before is not None and before.reference == look.reference else 0
    return replace(look, denied=before.denied if before is not None else (), doubted=since or look.at)


def _gone(look: Look, before: Look, others: Iterable[Look], turn_ms: int) -> bool:
    since = before.doubted
    if not since or before.reference != look.reference or look.at - since < turn_ms:
        return False
    return any(one.found and one.reference == look.reference and one.at > since for one in others)


def is_sure(look: Look | None, reference: str, *, any_found: bool) -> bool:
    """Whether it is known who is on the matter's deny-list.

    `any_found` is whether a policy of any matter is found by this form of reference.
    """
    return look is not None and look.reference == reference and not look.doubted and (look.found or any_found)


def never_known(look: Look | None) -> bool:
    """Whether it was never known of the matter that anybody is kept out of it."""
    return look is None or not (look.denied or look.doubted or look.found)


def any_policy(looks: Iterable[Look], reference: str) -> bool:
    """Whether a policy of any matter was found by this form of reference when it was looked at last."""
    return any(one.found and one.reference == reference for one in looks)


def denied_in(policy: Any, matter_id: str) -> tuple[str, ...] | None:
    """The principals that a matter's policy shuts out; None where it is no policy of this matter, or not understood.

    What is neither a clear Allow nor another operation denies.
    """
    if not isinstance(policy, dict) or not (policy.get("id") or policy.get("reference")):
        return None
    resource, rules = policy.get("resourceId"), policy.get("rules") or []
    of_another = resource is not None and str(resource).rpartition("/")[2].casefold() != matter_id.casefold()
    if of_another or policy.get("principalId") or not isinstance(rules, list):
        return None
    denied: set[str] = set()
    for rule in rules:
        if not isinstance(rule, dict):
            return None
        if rule.get("type") in (1, "Allow") or rule.get("operation") not in (None, "Access"):
            continue
        if not isinstance(rule.get("principalId"), str) or not rule["principalId"]:
            # Somebody is shut out, and it is not said who.
            return None
        denied.add(rule["principalId"])
    return tuple(sorted(denied))
