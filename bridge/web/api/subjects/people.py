"""The people of the firm."""

from __future__ import annotations

from pydantic import Field

from bridge.firm.model import Staff
from bridge.firm.names import has_words, searched
from bridge.operations.admins.staff import cut_off, leavers, take_back
from bridge.operations.tokens import Scope
from bridge.web.api import models as shown
from bridge.web.api.asking import ApiCall
from bridge.web.api.table import Paged, admins_do, admins_get, get


class PeopleAsked(Paged):
    """Which people."""

    q: str = Field("", max_length=200, description="Words of their name.")


async def people(call: ApiCall) -> shown.PageJson[shown.PersonJson]:
    """Who works at the firm, by name."""
    asked, firm = call.asked(PeopleAsked), call.desk.firm()
    words = asked.q.split()
    found = (one for one in map(firm.staff.__getitem__, firm.active_staff) if has_words(searched(one.name), words))
    items, following = call.page(found, _place)
    return shown.PageJson(items=[_person(one) for one in items], next=following)


async def person(call: ApiCall) -> shown.PersonJson:
    """A staff member. Those who have left are shown to firm admins."""
    return _person(call.somebody)


async def gone(call: ApiCall) -> shown.PageJson[shown.LeaverJson]:
    """Who is cut off from the firm, by name."""
    found = await leavers(call.desk, call.person)
    items, following = call.page(found, lambda one: _place(one[0]))
    return shown.PageJson(
        items=[shown.LeaverJson(person=named(one), gone=how.value) for one, how in items], next=following
    )


async def leave(call: ApiCall) -> shown.CutOffJson:
    """Cut somebody off who leaves the firm.
    Ends every session of this person at once and takes them out of every conversation, as `!staff leave`."""
    cut = await cut_off(call.desk, call.person, call.somebody, call.cause)
    return shown.CutOffJson(conversations=cut.conversations, ended=cut.ended, not_done=list(cut.not_done))


async def come_back(call: ApiCall) -> shown.TakenBackJson:
    """Take somebody back who had left by command."""
    back = await take_back(call.desk, call.person, call.somebody, call.cause)
    return shown.TakenBackJson(changed=back.changed, not_done=list(back.not_done))


def named(person: Staff) -> shown.NamedJson:
    """A person in an answer about something else."""
    return shown.NamedJson(id=person.id, name=person.name)


def named_by_id(call: ApiCall, staff_id: str) -> shown.NamedJson | None:
    """The same by id; None for nobody of the firm."""
    found = call.desk.firm().staff.get(staff_id)
    return None if found is None else named(found)


def _place(person: Staff) -> tuple[str, str]:
    return person.name.casefold(), person.id


def _person(person: Staff) -> shown.PersonJson:
    return shown.PersonJson(id=person.id, name=person.name, role=person.role, active=person.active)


ROUTES = (
    get(
        "people.list",
        path="/people",
        scope=Scope.PEOPLE,
        for_systems=True,
        run=people,
        answer=shown.PageJson[shown.PersonJson],
        query=PeopleAsked,
    ),
    get(
        "people.get",
        path="/people/{person}",
        scope=Scope.PEOPLE,
        for_systems=True,
        run=person,
        answer=shown.PersonJson,
    ),
    admins_do(
        "people.leave",
        "POST",
        path="/people/{person}/leave",
        scope=Scope.STAFF,
        run=leave,
        answer=shown.CutOffJson,
    ),
    admins_do(
        "people.return",
        "POST",
        path="/people/{person}/return",
        scope=Scope.STAFF,
        run=come_back,
        answer=shown.TakenBackJson,
    ),
    admins_get(
        "leavers.list",
        path="/leavers",
        scope=Scope.PEOPLE,
        run=gone,
        answer=shown.PageJson[shown.LeaverJson],
        query=Paged,
    ),
)
