"""Staff, what each can see, and who can see a matter, for firm admins (O2)."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from bridge.firm.names import has_words, searched
from bridge.mapping.names import matter_said
from bridge.operations.admins.access import MatterAccess, Way, access_of, access_to, standings
from bridge.operations.admins.staff import Gone, leavers
from bridge.web.panel.admins.asking import for_admins, noted
from bridge.web.panel.lists import paged
from bridge.web.panel.pages import PanelRequest, Values, by_name, framed, not_there
from bridge.wording.access import way_in_words

_GONE: Final = {
    Gone.BY_COMMAND: "cut off by a firm admin",
    Gone.LEFT: "has left, by the directory",
    Gone.DISABLED: "disabled, by the directory",
}


@for_admins("staff list")
async def staff(asked: PanelRequest) -> web.StreamResponse:
    """Everybody in the firm and who has left, by name or some words of it."""
    gone = {person.id: how for person, how in await leavers(asked.desk, asked.person)}
    await noted(asked, "staff list")
    words = asked.query("q").split()
    people = [one for one in by_name(asked.desk.firm().staff.values()) if has_words(searched(one.name), words)]
    some, pages = paged(asked, people, q=asked.query("q"))
    rows = [(one, _GONE[gone[one.id]] if one.id in gone else "") for one in some]
    return await framed(
        asked, "admins/staff", "Staff", "admin/staff", people=rows, pages=pages, query_typed=asked.query("q")
    )


@for_admins("access")
async def person(asked: PanelRequest) -> web.StreamResponse:
    """What somebody can see, as far as the admin may know, and a form to cut them off or take them back."""
    who = asked.desk.firm().staff.get(asked.part("person"))
    if who is None:
        return not_there()
    found = await access_of(asked.desk, asked.person, who)
    await noted(asked, "access", person=who.id)
    some, pages = paged(asked, found.matters)
    return await framed(
        asked,
        "admins/person",
        who.name,
        "admin/staff",
        who=who,
        acting=found.acting,
        direct=found.direct,
        conversations=list(found.conversations.values()),
        walls=list(found.walls.values()),
        seen=sum(way is not Way.NOT for _, way in found.matters),
        count=len(found.matters),
        matters=[_standing(one) for one in standings(asked.desk, asked.person, [(who, one) for one, _ in some])],
        pages=pages,
        is_oneself=who == asked.person,
    )


@for_admins("matter access")
async def matter_access(asked: PanelRequest) -> web.StreamResponse:
    """Who can see a matter and who cannot, and why."""
    found = await access_to(asked.desk, asked.person, asked.part("matter"))
    if found is None:
        return not_there()
    matter = found.matter
    await noted(asked, "matter access", about=matter.number, ids=(matter.id,))
    some, pages = paged(asked, (*found.outside, *found.inside))
    return await framed(
        asked,
        "admins/matter_access",
        f"Access to {matter_said(matter)}",
        "admin/staff",
        matter=matter,
        inside=len(found.inside),
        everybody=len(found.inside) + len(found.outside),
        conversations=found.conversations,
        people=[_standing(one) for one in standings(asked.desk, asked.person, [(one, matter) for one in some])],
        pages=pages,
    )


def _standing(one: MatterAccess) -> Values:
    """How somebody stands to a matter, as a table shows it."""
    seen = one.way is not Way.NOT
    return {
        "person": one.person,
        "matter": one.matter,
        "seen": seen,
        "why": way_in_words(one.way, one.roles, one.groups) if seen else one.deciding,
    }
