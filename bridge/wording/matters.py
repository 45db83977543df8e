"""Conversations of matters, as whoever started one is told of it."""

from __future__ import annotations

from collections.abc import Collection

from bridge.firm.model import Matter, Staff
from bridge.wording.markdown import escape
from bridge.wording.people import names


def listed_matter(matter: Matter) -> str:
    """A matter in a list: its number, which is what to type, stands out."""
    return " ".join(filter(None, (f"**{escape(matter.number)}**", escape(matter.title))))


def is_of_a_matter(title: str, matter: Matter, left_out: Collection[Staff]) -> str:
    """What the maker of a matter's conversation is told who asked for a room in their client (M1, M2)."""
    refused = f" Not added, having no access to this matter: {names(left_out)}." if left_out else ""
    return (
        f"Your new room **{escape(title)}** is a conversation of matter {escape(matter.number)}: colleagues with access"
        " to the matter can find it, join it and read it. To talk with some of them only, write `!dm` and their names."
        f"{refused}"
    )
