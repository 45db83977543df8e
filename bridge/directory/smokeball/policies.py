"""Smokeball's policies: who must not see a matter, and when it may be believed that nobody is kept out (M3, S3). Pure.

A matter that never had a deny-list has no policy, and neither has one that is asked for by a wrong reference. So that
there is none is believed only while a policy of some other matter is found by the same reference, and of a matter that
had one only after a whole turn in which others' were found.

A policy is of one matter, of all matters, or of one principal, who is a user or a group (Smokeball's description,
Policy and Rule). What is not understood shuts out: of a matter everybody but its team, of a principal them of each
matter. A principal who is neither a user nor a group that Smokeball lists could be anybody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

NOT_FOUND = None
"""What is answered where there is no policy (404)."""
ALL_MATTERS = "matters"
"""What a policy names for all matters, and the reference of the one that is of all."""
UNCLEAR = "*"
"""Among what a principal's own policy denies, where that is not known."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was found when a matter was looked at: what no list says of it."""

    at: int
    """When, in milliseconds since the epoch."""
    denied: tuple[str, ...] = ()
    """Users and groups on its deny-list; of a user's or group's own policy, the matters that it denies them."""
    roles: tuple[tuple[str, str], ...] = ()
    """Contacts with other parts than client and other side, by contact id."""
    archived: bool = False
    reference: str = ""
    """By which form of reference its policy was asked for (the setting smokeball.policy_reference)."""
    found: bool = False
    """Whether there was a policy, and one that can be understood."""
    doubted: int = 0
    """Since when a policy that was known is not there, or none can be understood; 0 where neither is so."""
    first: int = 0
    """When it was looked at first."""
    unanswered: int = 0
    """Since when Smokeball does not answer what this policy says, which is what it said last; 0 where it does."""

    def after(self, before: Look | None) -> Look:
        """This look as one that came after that before."""
        return replace(self, first=self.at if before is None else before.first)

    def same(self, other: Look | None) -> bool:
        """Whether the other found the same."""
        return other is not None and replace(self, at=0) == replace(other, at=0)


def with_policy(
    look: Look,
    policy: Any,
    denied: tuple[str, ...] | None,
    before: Look | None,
    others: Iterable[Look],
    turn_ms: int,
) -> Look:
    """The look with what this answer says of the deny-list.

    `denied` is who is on it, None where the policy is not understood; `before` is what was found before, `others` are
    the looks at other matters, and `turn_ms` is the time in which each is looked at once.
    """
    if policy is not NOT_FOUND:
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


def unclear(look: Look, before: Look | None) -> Look:
    """The look where it cannot be told what a principal's own policy denies them: what it denied, and any matter."""
    kept = doubted(look, before)
    return replace(kept, denied=tuple(sorted({*kept.denied, UNCLEAR})))


def is_barred(look: Look, matter_id: str) -> bool:
    """Whether a principal's own policy shuts them out of this matter, however it spells the matter's id."""
    return not {ALL_MATTERS, matter_id.casefold()}.isdisjoint(map(str.casefold, look.denied))


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
    """The principals that a matter's policy shuts out, or with ALL_MATTERS that of all matters.

    None where it is no policy of this matter, or not understood. What is neither a clear Allow nor of another use than
    seeing denies.
    """
    if not _is_policy(policy):
        return None
    resource = policy.get("resourceId")
    of_another = resource is not None and str(resource).rpartition("/")[2].casefold() != matter_id.casefold()
    return None if of_another or policy.get("principalId") else _denied(policy, "principalId")


def barred_in(policy: Any, principal: str) -> tuple[str, ...] | None:
    """The ids of the matters of which a user's or a group's own policy shuts them out, ALL_MATTERS where of all.

    None where it is not this principal's, or not understood.
    """
    if not _is_policy(policy) or policy.get("resourceId"):
        return None
    if str(policy.get("principalId") or "").casefold() != principal.casefold():
        return None
    resources = _denied(policy, "resourceId")
    return None if resources is None else tuple(sorted({_matter_in(one) for one in resources}))


def _is_policy(policy: Any) -> bool:
    return isinstance(policy, dict) and bool(policy.get("id") or policy.get("reference"))


def _denied(policy: dict[str, Any], name: str) -> tuple[str, ...] | None:
    """What the denying rules name; None where one names nothing, or the rules are no list."""
    rules = policy.get("rules")
    if rules is None:
        return ()
    if not isinstance(rules, list):
        return None
    denied: set[str] = set()
    for rule in rules:
        if not isinstance(rule, dict):
            return None
        if _allows(rule.get("type")) or rule.get("operation") == "Execute":
            continue
        if not isinstance(rule.get(name), str) or not rule[name]:
            # Somebody is shut out, and it is not said who, or of what.
            return None
        denied.add(rule[name])
    return tuple(sorted(denied))


def _allows(kind: Any) -> bool:
    """Whether a rule clearly allows: true is no 1 here."""
    return kind == "Allow" or (type(kind) is int and kind == 1)


def _matter_in(resource: str) -> str:
    """The matter's id in "matters/ID", or in an address that ends so; of any other form that names matters, all of
    them. Ids count in whatever case."""
    parts = [part for each in resource.casefold().split("/") if (part := each.strip())] or [ALL_MATTERS]
    if parts[-1] in {ALL_MATTERS, "*"}:
        return ALL_MATTERS
    return parts[-1] if len(parts) == 1 or parts[-2] == ALL_MATTERS else resource
