"""Why somebody can or cannot see a matter, or be in a channel or room, for firm admins (O2)."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from bridge.firm.conversation import MatterConversation
from bridge.firm.model import Matter, Staff
from bridge.firm.text.directions import apart
from bridge.mapping.names import matter_said
from bridge.operations.admins.why import LastChange, Membership, Why, why
from bridge.refusal import NOT_THEIRS, Refusal
from bridge.web.panel.admins.asking import for_admins, noted
from bridge.web.panel.forms import said
from bridge.web.panel.lists import Pages, paged
from bridge.web.panel.pages import PanelRequest, Values, by_name, framed
from bridge.wording.markdown import plain
from bridge.wording.moments import day_in
from bridge.wording.places import conversation_title


@for_admins("why")
async def why_asked(asked: PanelRequest) -> web.StreamResponse:
    """Why somebody can or cannot see a matter, or be in a channel or room."""
    firm, place = asked.desk.firm(), asked.query("place").strip()
    who = firm.staff.get(asked.query("person"))
    values: Values = {"problem": "", "staff": by_name(firm.staff.values()), "who": who, "place": place, "found": None}
    if who is None or not place:
        return await framed(asked, "admins/why", "Why", "admin/why", **values)
    pages: Pages | None = None

    def some(listed: Sequence[MatterConversation]) -> Sequence[MatterConversation]:
        nonlocal pages
        rows, pages = paged(asked, listed, person=asked.query("person"), place=place)
        return rows

    try:
        found = await why(asked.desk, asked.person, who, place, some)
    except Refusal as error:
        if error.kind in NOT_THEIRS:
            raise
        return await framed(asked, "admins/why", "Why", "admin/why", **{**values, "problem": said(error)})
    about = found.place.number if isinstance(found.place, Matter) else conversation_title(firm, found.place)
    await noted(asked, "why", person=who.id, about=about, ids=(found.place.id,))
    return await framed(
        asked, "admins/why", "Why", "admin/why", **{**values, "pages": pages, **_explained(asked, who, found)}
    )


def _explained(asked: PanelRequest, who: Staff, found: Why) -> Values:
    place, deciding = found.place, found.explanation.deciding
    what = (
        f"see matter {matter_said(place)}"
        if isinstance(place, Matter)
        else f"be in {conversation_title(asked.desk.firm(), place)}"
    )
    return {
        "found": found,
        "answer": f"{apart(who.name)} {'can' if deciding.verdict else 'cannot'} {what}.",
        "deciding": deciding,
        "others": found.explanation.others,
        "memberships": [
            (one.title or "The conversation", _picked(asked, one), _compared(one)) for one in found.memberships
        ],
        "refused_lately": [plain(line).removeprefix("- ") for line in found.refused],
    }


def _picked(asked: PanelRequest, one: Membership) -> str:
    when = f" on {day_in(asked.desk.settings.firm, one.at_ms)}" if one.at_ms is not None else ""
    match one.picked:
        case LastChange.EVERYBODY:
            return "Everybody in the firm is in it."
        case LastChange.NEVER:
            return "Never picked for it."
        case LastChange.TAKEN_OUT:
            return f"Taken out{when} by {apart(one.by.name) if one.by is not None else 'the bridge'}."
        case LastChange.PICKED:
            return f"Picked{when} by {apart(one.by.name) if one.by is not None else 'the directory'}."
        case _:
            return f"{one.picked.capitalize()}{when}."


def _compared(one: Membership) -> str:
    if one.seen is None:
        return "Its room is missing; it is made again." if one.wanted else "There is no room for it yet."
    there = {"join": "In the room", "": "Not in the room"}.get(one.seen, f"Has a standing {one.seen} to the room")
    return f"{there}, as it should be." if (one.seen == "join") is one.wanted else f"{there}, and should not be so."
