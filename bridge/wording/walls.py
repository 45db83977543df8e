"""Ethical walls in words."""

from __future__ import annotations

from bridge.firm.model import Firm, Wall, WallKind
from bridge.wording.markdown import enumerated, escape

_NAMED = 30
"""People and groups of a wall that are named; of more the number is given."""


def shown_around(firm: Firm, wall: Wall) -> str:
    """What the wall stands around, in Markdown."""
    if wall.client:
        return f"all matters of {escape(wall.client)}"
    matter = firm.matters.get(wall.matter_id)
    return f"matter {escape(matter.number)}" if matter else "a matter that is no longer in the directory"


def shown_people(firm: Firm, wall: Wall) -> str:
    """Whom the wall names, in Markdown."""
    named = [
        escape(firm.staff[one].name)
        if one in firm.staff
        else f"the group {escape(firm.groups[one].name)}"
        if one in firm.groups
        else escape(one)
        for one in wall.people
    ]
    if not named:
        return "nobody"
    more = len(named) - _NAMED
    return enumerated([*named[:_NAMED], f"{more} more"] if more > 0 else named)


def shown_wall(firm: Firm, wall: Wall) -> str:
    """Whom the wall keeps out of what, in Markdown."""
    people, around = shown_people(firm, wall), shown_around(firm, wall)
    if wall.kind is WallKind.EXCLUDE:
        return f"**{escape(wall.id)}** keeps {people} out of {around}"
    return f"**{escape(wall.id)}** lets only {people} into {around}"


def told_to_screened(firm: Firm, wall: Wall, told: str) -> str:
    """What those are told whom the wall screens; `told` is the firm's choice (`firm.walled_are_told`)."""
    around = f" from {shown_around(firm, wall)}" if told == "matter" else ""
    memo = f" The memo: {escape(wall.memo)}" if told != "reference" else ""
    unsaid = " What it is about is not told." if told == "reference" else ""
    return (
        f"An ethical wall screens you{around}.{memo}{unsaid} Its reference is **{wall.id}**."
        f" `!wall acknowledge {wall.id}` says that you have read this."
    )
