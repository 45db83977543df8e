"""What somebody can see, and who can see a matter, for firm admins (O2)."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.firm.model import Matter
from bridge.operations.admins.access import Way, access_of, access_to, standings
from bridge.operations.tokens import Scope
from bridge.web.api import models as shown
from bridge.web.api import reports
from bridge.web.api.asking import ApiCall
from bridge.web.api.problems import not_there
from bridge.web.api.subjects.matters import matter_shown
from bridge.web.api.subjects.people import named
from bridge.web.api.table import Paged, admins_get


async def access_of_person(call: ApiCall) -> reports.PersonAccessJson:
    """What somebody can see and what not, of the matters that the admin may see."""
    found = await access_of(call.desk, call.person, call.somebody)
    items, following = call.page(found.matters, _by_way)
    return reports.PersonAccessJson(
        items=[reports.WayToMatterJson(matter=matter_shown(matter), way=way) for matter, way in items],
        next=following,
        works_here=bool(found.acting),
        why=found.acting.reason,
        direct=found.direct,
    )


async def walls_of_person(call: ApiCall) -> shown.PageJson[reports.SaidJson]:
    """The walls in force that concern somebody, as far as the admin may know of them."""
    return _said(call, (await access_of(call.desk, call.person, call.somebody)).walls)


async def conversations_of_person(call: ApiCall) -> shown.PageJson[reports.SaidJson]:
    """The channels and conversations of matters that somebody is in, as far as the admin may know of them."""
    return _said(call, (await access_of(call.desk, call.person, call.somebody)).conversations)


async def access_to_matter(call: ApiCall) -> shown.PageJson[shown.AccessJson]:
    """Who can see a matter, who cannot, and why."""
    found = await access_to(call.desk, call.person, call.matter.matter.id)
    if found is None:
        raise not_there()
    people = (*found.inside, *found.outside)
    items, following = call.page(people, lambda one: (one.name.casefold(), one.id))
    rows = standings(call.desk, call.person, [(one, found.matter) for one in items])
    return shown.PageJson(
        items=[
            shown.AccessJson(person=named(one.person), may_see=one.way is not Way.NOT, way=one.way, why=one.deciding)
            for one in rows
        ],
        next=following,
    )


def _said(call: ApiCall, found: Mapping[str, str]) -> shown.PageJson[reports.SaidJson]:
    """A page of what is said of each, by its id, in the order of what is said."""
    said = [reports.SaidJson(id=key, text=text) for key, text in found.items()]
    items, following = call.page(said, lambda one: (one.text.casefold(), one.id))
    return shown.PageJson(items=items, next=following)


def _by_way(one: tuple[Matter, Way]) -> tuple[str, str, str]:
    matter, way = one
    return way, matter.number, matter.id


ROUTES = (
    admins_get(
        "people.access",
        path="/people/{person}/access",
        scope=Scope.MATTERS,
        run=access_of_person,
        answer=reports.PersonAccessJson,
        query=Paged,
    ),
    admins_get(
        "people.walls",
        path="/people/{person}/access/walls",
        scope=Scope.WALLS,
        run=walls_of_person,
        answer=shown.PageJson[reports.SaidJson],
        query=Paged,
    ),
    admins_get(
        "people.conversations",
        path="/people/{person}/access/conversations",
        scope=Scope.CONVERSATIONS,
        run=conversations_of_person,
        answer=shown.PageJson[reports.SaidJson],
        query=Paged,
    ),
    admins_get(
        "matters.access",
        path="/matters/{matter}/access",
        scope=Scope.MATTERS,
        run=access_to_matter,
        answer=shown.PageJson[shown.AccessJson],
        query=Paged,
    ),
)
