"""What a change of the firm would lead to, before it is made: for accounts, matters and conversations (O2). Pure.

Nothing is read from the homeserver: what is not as it should be at this moment is no part of the change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from bridge.firm.conversation import SHARED
from bridge.firm.model import Firm, Matter, MatterStatus, Staff
from bridge.firm.text.directions import apart
from bridge.mapping.names import matter_name, matter_said
from bridge.mapping.rooms.shapes import RoomShape
from bridge.reconcile.planning.desired import Desired


@dataclass(frozen=True, slots=True)
class Effect:
    """What becomes of one account, matter or conversation."""

    what: str
    """As people know it."""
    becomes: tuple[str, ...]
    """What happens to it, each as part of a sentence."""
    matter_id: str = ""
    """Whose it is, where it is a matter's."""

    @property
    def text(self) -> str:
        """The whole as a line."""
        return f"{apart(self.what)}: {'; '.join(self.becomes)}"


def of_firm(old: Firm, new: Firm) -> tuple[Effect, ...]:
    """What becomes of accounts, those that end first, and of matters, by number."""
    return (*_accounts(old.staff, new.staff), *in_order(_matters(old.matters, new.matters)))


def in_order(found: Iterable[Effect]) -> list[Effect]:
    """By name, each once."""
    return sorted(dict.fromkeys(found), key=lambda one: one.what.casefold())


def _accounts(before: Mapping[str, Staff], after: Mapping[str, Staff]) -> Iterator[Effect]:
    ends: list[Effect] = []
    others: list[Effect] = []
    for staff_id in before.keys() | after.keys():
        was, becomes = before.get(staff_id), after.get(staff_id)
        named = becomes or was
        if named is not None and was != becomes and (what := _account(was, becomes)):
            (others if becomes is not None and becomes.active else ends).append(Effect(named.name, what))
    yield from (*in_order(ends), *in_order(others))


def _account(was: Staff | None, becomes: Staff | None) -> tuple[str, ...]:
    if becomes is None or not becomes.active:
        if was is None or not was.active:
            return ()
        ended = becomes is None or becomes.former
        # Of direct conversations no more than that: with whom somebody talks is theirs to know (D4).
        return ("the account ends" if ended else "the account is locked", "out of every conversation")
    if was is None:
        return ("gets an account",)
    back = ("the account can be used again",) if not was.active else ()
    renamed = (f"was {apart(was.name)}",) if was.name != becomes.name else ()
    role = (
        (f"the role {apart(was.role) or '(none)'} becomes {apart(becomes.role) or '(none)'}",)
        if was.role != becomes.role
        else ()
    )
    return (*back, *renamed, *role)


def _matters(before: Mapping[str, Matter], after: Mapping[str, Matter]) -> Iterator[Effect]:
    for matter_id in before.keys() | after.keys():
        was, becomes = before.get(matter_id), after.get(matter_id)
        named = was or becomes
        if named is not None and (what := _matter(was, becomes)):
            yield Effect(f"Matter {matter_said(named)}", what, matter_id)


def _matter(was: Matter | None, becomes: Matter | None) -> tuple[str, ...]:
    if was is None:
        return ("new",)
    if becomes is None or (becomes.status is MatterStatus.DELETED and was.status is not becomes.status):
        return ("goes, and nobody sees its conversations any more",)
    status = (f"{was.status.value}, becomes {becomes.status.value}",) if was.status is not becomes.status else ()
    name = (f"becomes {matter_said(becomes)}",) if matter_name(was) != matter_name(becomes) else ()
    return (*status, *name)


def of_conversations(old: Desired, new: Desired) -> Iterator[Effect]:
    """What becomes of the shared conversations in this part of the firm. Of the others nobody is told (D4)."""
    for key, conversation in new.world.conversations.items():
        shape = new.shapes.get(key)
        if shape is not None and conversation.kind in SHARED and (what := _conversation(key, shape, old, new)):
            yield Effect(old.shapes.get(key, shape).label, what, conversation.matter_id)


def _conversation(key: str, shape: RoomShape, old: Desired, new: Desired) -> tuple[str, ...]:
    before = old.shapes.get(key)
    members = before.members if before is not None else frozenset()
    goes, comes = _names(members - shape.members, old), _names(shape.members - members, new)
    parts = (
        "is made" if key not in old.world.conversations or before is None else "",
        f"out: {goes}" if goes else "",
        f"in: {comes}" if comes else "",
        "nobody can write in it any more" if shape.read_only and before is not None and not before.read_only else "",
        "can be written in again" if before is not None and before.read_only and not shape.read_only else "",
    )
    return tuple(filter(None, parts))


def _names(user_ids: Collection[str], of: Desired) -> str:
    people = (of.firm.staff.get(of.owners.get(user_id, "")) for user_id in user_ids)
    return ", ".join(map(apart, sorted((person.name for person in people if person is not None), key=str.casefold)))
