"""Why somebody sees something, what they see, and what the bridge would change (O2)."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from bridge.firm.conversation import MatterConversation
from bridge.firm.explain import Consideration
from bridge.operations.about import about_conversation
from bridge.operations.admins.plan import plan_now, planned_seen
from bridge.operations.admins.why import Membership, why
from bridge.operations.everybody import everybody
from bridge.operations.tokens import Scope
from bridge.web.api import models as shown
from bridge.web.api import reports
from bridge.web.api.asking import ApiCall
from bridge.web.api.subjects.people import named, named_by_id
from bridge.web.api.table import CONVERSATION, Given, Paged, Rate, admins_get, get
from bridge.wording.markdown import plain
from bridge.wording.plan import step_words

_STEPS_MOST = 1000
_PLACE = (
    "Id of a matter or conversation; a matter's number, a channel's name, or a room's id, address or link do as well"
)


class PlaceAsked(Paged):
    """What it is about, and which page of the conversations."""

    place: str = Field(min_length=1, max_length=1000, description=f"{_PLACE}.")


class PlanAsked(Given):
    """What it is about."""

    place: str = Field("", max_length=1000, description=f"{_PLACE}; empty for everything.")


async def why_seen(call: ApiCall) -> reports.WhyJson:
    """Why somebody can or cannot see a matter, or be in a conversation, with everything that was looked at.
    The conversations of a matter come in pages, by name."""
    following: str | None = None

    def some(listed: Sequence[MatterConversation]) -> Sequence[MatterConversation]:
        nonlocal following
        items, following = call.page(listed, _by_title)
        return items

    found = await why(call.desk, call.person, call.somebody, call.asked(PlaceAsked).place, some)
    call.about.append(found.place.id)
    deciding = found.explanation.deciding
    return reports.WhyJson(
        place=found.place.id,
        allowed=bool(deciding.verdict),
        deciding=_reason(deciding),
        others=[_reason(one) for one in found.explanation.others],
        items=[_membership(one) for one in found.memberships],
        next=following,
        refused=[plain(line) for line in found.refused],
        said_by=list(found.said_by),
    )


async def about(call: ApiCall) -> reports.ConversationAboutJson:
    """Who started a conversation and when, why the person can see it, and where its files are filed."""
    told = await about_conversation(call.desk, call.person, call.conversation)
    origin, access = told.origin, told.access
    archived = origin is not None and call.conversation.conversation.archived
    return reports.ConversationAboutJson(
        started=None if origin is None else shown.moment(origin.created_at),
        started_by=None if origin is None else named_by_id(call, origin.created_by),
        archived=shown.moment(origin.archived_at) if archived and origin and origin.archived_at is not None else None,
        archived_by=named_by_id(call, origin.archived_by) if archived and origin else None,
        way=None if access is None else access.way,
        roles=[] if access is None else list(access.roles),
        groups=[] if access is None else list(access.groups),
        filed=told.filed,
        folder=told.folder,
    )


async def plan(call: ApiCall) -> reports.PlanJson:
    """What the bridge would change if it compared everything now, or one place.
    Changes nothing. Of everything it reads every room, which takes a while in a large firm."""
    with call.slot():
        planned = await plan_now(call.desk, call.person, call.asked(PlanAsked).place)
        people = await everybody(call.desk)
    problems, steps = planned_seen(call.desk, call.person, planned)
    if planned.place is not None:
        call.about.append(planned.place.id)
    owners = {step.who: people.owner(step.who) for step in steps[:_STEPS_MOST]}
    names = {user_id: person.name for user_id, person in owners.items() if person is not None}
    return reports.PlanJson(
        problems=problems,
        steps=[
            reports.StepJson(
                action=one.action, text=step_words(one, names.get(one.who, "")), changes_access=one.changes_access
            )
            for one in steps[:_STEPS_MOST]
        ],
        more=max(0, len(steps) - _STEPS_MOST),
        directory_waits=planned.directory_waits,
    )


def _by_title(one: MatterConversation) -> tuple[str, str]:
    return one.conversation.title.casefold(), one.conversation.id


def _reason(one: Consideration) -> reports.ReasonJson:
    return reports.ReasonJson(verdict=one.verdict, rule=one.rule, text=one.text)


def _membership(one: Membership) -> reports.MembershipJson:
    return reports.MembershipJson(
        title=one.title,
        last=one.picked,
        at=None if one.at_ms is None else shown.moment(one.at_ms),
        by=None if one.by is None else named(one.by),
        wanted=one.wanted,
        membership=one.seen,
    )


ROUTES = (
    admins_get(
        "people.why",
        path="/people/{person}/why",
        scope=Scope.MATTERS,
        run=why_seen,
        answer=reports.WhyJson,
        query=PlaceAsked,
        rate=Rate.SEARCH,
    ),
    get(
        "conversations.about",
        path=f"{CONVERSATION}/about",
        scope=Scope.CONVERSATIONS,
        for_systems=True,
        run=about,
        answer=reports.ConversationAboutJson,
    ),
    admins_get(
        "plan.get",
        path="/plan",
        scope=Scope.DIRECTORY,
        run=plan,
        answer=reports.PlanJson,
        query=PlanAsked,
        rate=Rate.REPORT,
    ),
)
