"""Why somebody may or may not be somewhere: every consideration, and the one that decides (O2). Pure.

The decision is made by `bridge.firm.policy`; a test holds what is said here to it, for every firm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.model import Firm, Matter, MatterStatus, Wall, WallKind
from bridge.firm.policy import Decision, may_act, may_be_in
from bridge.firm.rules import CitedRule
from bridge.firm.text.directions import apart

Written = Callable[[date], str]
"""How a day is written."""


@dataclass(frozen=True, slots=True)
class Consideration:
    """One thing that was looked at, in the order in which things weigh."""

    verdict: bool | None
    """Whether it lets in or keeps out; None where it does neither."""
    rule: CitedRule
    text: str
    """A sentence for an admin who may know the matter."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that was looked at. The first consideration with a verdict decides."""

    considered: tuple[Consideration, ...]

    @property
    def deciding(self) -> Consideration:
        """The one that decided."""
        return next(one for one in self.considered if one.verdict is not None)

    @property
    def others(self) -> tuple[Consideration, ...]:
        """The others, in the order in which they weigh."""
        deciding = self.deciding
        return tuple(one for one in self.considered if one is not deciding)

    @property
    def decision(self) -> Decision:
        """The same as the policy's, the reason being the deciding one's."""
        return Decision(bool(self.deciding.verdict), self.deciding.rule, self.deciding.text)


def explain_access(firm: Firm, staff_id: str, matter: Matter, today: date, written: Written = str) -> Explanation:
    """Why this person may know the matter or not: `policy.may_access` with all that it weighs (M1, M3)."""
    return Explanation((_active(firm, staff_id), *_of_matter(firm, staff_id, matter, today, written)))


def explain_place(
    firm: Firm, staff_id: str, conversation: Conversation, today: date, written: Written = str
) -> Explanation:
    """Why this person may be in the conversation or not: `policy.may_be_in` with all that it weighs (F1, D2, M3)."""
    return Explanation((_active(firm, staff_id), *_of_place(firm, staff_id, conversation, today, written)))


def _active(firm: Firm, staff_id: str) -> Consideration:
    acting = may_act(firm, staff_id)
    return Consideration(None if acting else False, acting.rule, acting.reason)


def _of_place(
    firm: Firm, staff_id: str, conversation: Conversation, today: date, written: Written
) -> Iterator[Consideration]:
    match conversation.kind:
        case ConversationKind.MATTER:
            matter = firm.matters.get(conversation.matter_id)
            if matter is None:
                yield Consideration(False, "M3", "The conversation's matter is not in the directory.")
            else:
                yield from _of_matter(firm, staff_id, matter, today, written)
        case ConversationKind.CHANNEL:
            yield Consideration(True, "F1", "Channels are open to all active staff.")
        case _:
            decided = may_be_in(firm, staff_id, conversation, today)
            text = "This person is one of those whose conversation it is." if decided else decided.reason
            yield Consideration(decided.allowed, decided.rule, text)


def _of_matter(firm: Firm, staff_id: str, matter: Matter, today: date, written: Written) -> Iterator[Consideration]:
    if matter.status is MatterStatus.DELETED:
        yield Consideration(False, "M3", f"Matter {matter.number} is deleted.")
    for wall in firm.walls_around(matter):
        yield _of_wall(firm, staff_id, wall, today, written)
    if roles := roles_on(matter, staff_id):
        yield Consideration(True, "M1", f"This person has a role on the matter: {', '.join(roles)}.")
    else:
        yield Consideration(None, "M1", "This person has no role on the matter.")
    if not matter.restricted:
        yield Consideration(True, "M1", "The matter is open to all active staff.")
        return
    yield Consideration(None, "M1", "The matter is restricted to an access list.")
    if (way := way_to(firm, matter.allowed, staff_id)) is None:
        yield Consideration(False, "M3", "This person is not on the access list.")
    else:
        yield Consideration(True, "M1", f"This person is on the access list{_through(way)}.")


def _of_wall(firm: Firm, staff_id: str, wall: Wall, today: date, written: Written) -> Consideration:
    way = way_to(firm, wall.people, staff_id)
    only = wall.kind is WallKind.ONLY
    screened = (way is None) if only else (way is not None)
    if not wall.in_force(today):
        begins = wall.since if wall.since and today < wall.since else None
        ended = written(wall.expires) if wall.expires else "a day before"
        when = f"begins on {written(begins)}" if begins else f"ended on {ended}"
        return Consideration(None, "M3", f"{wall_said(firm, wall, written)} It {when}, so it does not count today.")
    if only:
        fate = "is not one of them" if screened else f"is one of them{_through(way or ())}"
        return Consideration(False if screened else None, "M3", f"{wall_said(firm, wall, written)} This person {fate}.")
    fate = f"is named in it{_through(way or ())}" if screened else "is not named in it"
    return Consideration(False if screened else None, "M3", f"{wall_said(firm, wall, written)} This person {fate}.")


def wall_said(firm: Firm, wall: Wall, written: Written = str) -> str:
    """A wall as a sentence: its id and form, around what, why, and by whom and since when it is."""
    matter = firm.matters.get(wall.matter_id)
    around = (
        f"the client {apart(wall.client)}" if wall.client else f"matter {matter.number if matter else wall.matter_id}"
    )
    setter = firm.staff.get(wall.set_by)
    facts = [
        f"set by {apart(setter.name if setter else wall.set_by)}" if wall.set_by else "",
        f"since {written(wall.since)}" if wall.since else "",
        f"until {written(wall.expires)}" if wall.expires else "",
    ]
    details = "".join(f", {fact}" for fact in facts if fact)
    form = " that lets in only those it names" if wall.kind is WallKind.ONLY else ""
    memo = f" Its memo: {apart(wall.memo.rstrip('.'))}." if wall.memo else ""
    return f"There is a wall around {around}{form} ({wall.id}{details}).{memo}"


def roles_on(matter: Matter, staff_id: str) -> tuple[str, ...]:
    """The roles that this person has on the matter, in words."""
    held = (
        ("responsible", (matter.responsible,)),
        ("assisting", matter.assisting),
        ("supervising", (matter.supervisor,)),
        ("originating", matter.originating),
    )
    return tuple(word for word, staff_ids in held if staff_id in staff_ids)


def way_to(firm: Firm, principals: tuple[str, ...], staff_id: str) -> tuple[str, ...] | None:
    """The names of the groups through which a list of staff and groups names this person, the outermost first.

    Empty where it names the person directly, None where it does not at all. The shortest way where there are several.
    """
    seen: set[str] = set()
    waiting: list[tuple[str, tuple[str, ...]]] = [(principal, ()) for principal in principals]
    while waiting:
        following: list[tuple[str, tuple[str, ...]]] = []
        for principal, way in waiting:
            if principal in firm.staff:
                if principal == staff_id:
                    return way
            elif principal not in seen and (group := firm.groups.get(principal)) is not None and not group.deleted:
                seen.add(principal)
                following += [(member, (*way, group.name)) for member in group.members]
        waiting = following
    return None


def _through(way: tuple[str, ...]) -> str:
    return f", through the group {', in it '.join(map(apart, way))}" if way else ""
