"""Who is in a conversation, changing that, and who has read up to a message."""

from __future__ import annotations

from pydantic import Field

from bridge.firm.text.directions import apart
from bridge.operations import overview as seen
from bridge.operations.conversations import participants as parts
from bridge.operations.conversations import seen as seen_operation
from bridge.operations.tokens import Scope
from bridge.web.api import models as shown
from bridge.web.api.asking import WHO, ApiCall, require_shared
from bridge.web.api.problems import ProblemError
from bridge.web.api.subjects.matters import PEOPLE_MOST
from bridge.web.api.subjects.people import named, named_by_id
from bridge.web.api.table import CONVERSATION, Given, Paged, do, get


class PeopleChange(Given):
    """Who comes and who goes."""

    add: list[str] = Field([], max_length=PEOPLE_MOST, description=WHO)
    remove: list[str] = Field([], max_length=PEOPLE_MOST, description=WHO)


async def participants(call: ApiCall) -> shown.PageJson[shown.ParticipantJson]:
    """Who is in a conversation that the person is in, by name."""
    view = call.inside
    people, _ = await parts.participants_of(call.desk, view.conversation, 0, len(view.people))
    items, following = call.page(people, _participant_place)
    return shown.PageJson(
        items=[
            shown.ParticipantJson(
                person=named(one.person),
                role=one.person.role,
                since=None if one.since is None else shown.moment(one.since),
                added_by=named_by_id(call, one.added_by),
            )
            for one in items
        ],
        next=following,
    )


async def seen_by(call: ApiCall) -> shown.PageJson[shown.SeenByJson]:
    """Who has read up to a message of a conversation that the person is in, the earliest first.
    Only who is in it now, and whose client tells everybody there."""
    view = call.inside
    account = await seen.account_of(call.desk, call.person.id)
    found = await seen_operation.seen_by(call.desk, call.person, view.conversation, account, call.named("event"))
    items, following = call.page(found.people, _seen_place)
    return shown.PageJson(
        items=[
            shown.SeenByJson(person=named(one.person), at=shown.moment(one.at_ms), exact=one.exact) for one in items
        ],
        next=following,
    )


async def change_participants(call: ApiCall) -> shown.ChangedJson:
    """Add people to a channel or a matter's conversation and take people out.
    Answers with what was done for each. Those without access to a matter are not added."""
    view, asked = call.conversation, call.asked(PeopleChange)
    require_shared(view)
    added, removed = await call.people(asked.add), await call.people(asked.remove)
    if both := [one for one in added if one in removed]:
        raise ProblemError(422, "both", f"{apart(both[0].name)} is both to be added and to be taken out. Choose one.")
    done = dict[str, parts.Done]()
    if added:
        done |= (await parts.add_people(call.desk, call.person, view.entry.id, added, f"{call.cause}/add")).done
    if removed:
        out = await parts.remove_people(call.desk, call.person, view.entry.id, removed, f"{call.cause}/out")
        done |= out.done
    return shown.ChangedJson(done={one: str(what) for one, what in done.items()})


def _seen_place(one: seen_operation.SeenBy) -> tuple[int, str]:
    return one.at_ms, one.person.id


def _participant_place(one: parts.Participant) -> tuple[str, str]:
    return one.person.name.casefold(), one.person.id


ROUTES = (
    get(
        "participants.list",
        path=f"{CONVERSATION}/participants",
        scope=Scope.CONVERSATIONS,
        run=participants,
        answer=shown.PageJson[shown.ParticipantJson],
        query=Paged,
    ),
    do(
        "participants.change",
        "PATCH",
        path=f"{CONVERSATION}/participants",
        scope=Scope.CHANGE_CONVERSATIONS,
        run=change_participants,
        answer=shown.ChangedJson,
        body=PeopleChange,
    ),
    get(
        "messages.seen",
        path=f"{CONVERSATION}/messages/{{event}}/seen",
        scope=Scope.CONVERSATIONS,
        run=seen_by,
        answer=shown.PageJson[shown.SeenByJson],
        query=Paged,
    ),
)
