"""What of Smokeball's policies is not understood, in words, and whom that shuts out (S2). Pure."""

from __future__ import annotations

from bridge.directory.smokeball.mirror import Mirror
from bridge.directory.smokeball.policies import ALL_MATTERS, UNCLEAR
from bridge.directory.smokeball.records import Principals


def doubts_of(mirror: Mirror) -> list[str]:
    """A sentence for each kind of policy that cannot be read, is gone, or names nobody known."""
    principals = Principals(mirror)
    told: list[str] = []
    of_all = mirror.bars.get(ALL_MATTERS)
    if of_all is not None and (of_all.doubted or not principals.knows(of_all.denied)):
        told.append("The policy of all matters is not understood, so each matter stays with its team.")
    elif of_all is not None and of_all.unanswered:
        told.append(
            "Smokeball does not answer what the policy of all matters says. The last one holds, and matters that came"
            " since stay with their team."
        )
    if doubted := sum(bool(look.doubted) for look in mirror.looks.values()):
        told.append(f"Matters with a deny-list that is gone or not understood, which stay with their team: {doubted}.")
    if strange := sum(not principals.knows(look.denied) for look in mirror.looks.values()):
        told.append(
            "Matters whose deny-list names neither a user nor a group that Smokeball lists, by itself or in a group, or"
            f" a group whose members cannot be read, which stay with their team: {strange}."
        )
    barred = (who for who, look in mirror.bars.items() if look.denied and who != ALL_MATTERS)
    if anybody := sum(map(principals.may_be_anybody, barred)):
        told.append(
            "Users and groups that their own policy keeps out of matters, of whom it is not known who they are, so"
            f" those matters stay with their team: {anybody}."
        )
    if unclear := sum(UNCLEAR in look.denied for look in mirror.bars.values()):
        told.append(
            "Users and groups whose own policy is not understood, who are in matters on whose team they are and no"
            f" others: {unclear}."
        )
    return told
