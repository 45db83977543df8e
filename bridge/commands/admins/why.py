"""Why somebody can or cannot see something, with every reason, and what Matrix says (O2)."""

from __future__ import annotations

from bridge.commands.asking.asked_about import everybody, first_person
from bridge.commands.asking.paging import paged
from bridge.commands.asking.shown import day
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, List, Noted, Who
from bridge.firm.audit import BY_GUARD
from bridge.firm.conversation import Conversation, ConversationKind, MatterConversation
from bridge.firm.explain import Explanation, explain_access, explain_place
from bridge.firm.model import Matter, Staff
from bridge.firm.policy import desired_participants
from bridge.firm.room_keys import matter_space_key
from bridge.firm.sight import Sight
from bridge.mapping.names import matter_name
from bridge.matrix.port import Homeserver
from bridge.operations.everybody import Everybody
from bridge.operations.place_named import find_place
from bridge.operations.sight import sight_of
from bridge.reconcile.rooms.observe import in_parallel, observe_room
from bridge.store.record.audit import Audited, Filter, newest_by
from bridge.store.rooms.conversations import room_of
from bridge.store.rooms.matters import conversations_of_matter
from bridge.store.rooms.questions import Pick, picks_of, who_ended
from bridge.wording.audit_lines import Names, audit_line, names_of
from bridge.wording.markdown import escape
from bridge.wording.places import conversation_title

_REFUSALS = 5
"""That are shown."""


async def _why(call: Call) -> Answer:
    sight = sight_of(call.desk, call.sender.id)
    person, typed = first_person(await everybody(call), call.values["asked"])
    place = await find_place(call.desk, sight, typed)
    about = place.number if isinstance(place, Matter) else conversation_title(sight.firm, place)
    return Answer(
        (await paged(call, _explained)).text, noted=Noted("why", person=person.id, about=about, ids=(place.id,))
    )


async def _explained(call: Call) -> List:
    sight, people = sight_of(call.desk, call.sender.id), await everybody(call)
    person, typed = first_person(people, call.values["asked"])
    place = await find_place(call.desk, sight, typed)
    if isinstance(place, Matter):
        explanation = explain_access(sight.firm, person.id, place, sight.today, sight.written)
        what, listed = f"see matter {matter_name(place)}", await _conversations(call, place)
    else:
        explanation = explain_place(sight.firm, person.id, place, sight.today, sight.written)
        what = f"be in {conversation_title(sight.firm, place)}"
        listed = [MatterConversation(place, await call.desk.store.read(lambda: room_of(place.id)))]
    lines = await _memberships(call, people, person, listed)
    foot = [*([] if lines else ["It has no conversation yet."]), *await _refused(call, sight, people, person, place)]
    return List(lines, _reasons(person, what, explanation), foot="\n\n".join(foot))


async def _refused(
    call: Call, sight: Sight, people: Everybody, person: Staff, place: Matter | Conversation
) -> list[str]:
    """What the guard last refused to this person there, or to others for them."""

    def unit() -> tuple[list[Audited], Names]:
        subjects = {place.id}
        if isinstance(place, Matter):
            found = (one.conversation.id for one in conversations_of_matter(place.id))
            subjects = {matter_space_key(place.id), *found}
        asked = Filter(person=person.id, subjects=frozenset(subjects), deeds=BY_GUARD)
        newest = newest_by(asked, _REFUSALS)
        return newest, names_of(sight.firm, (one.entry for one in newest))

    found, names = await call.desk.store.read(unit)
    lines = [audit_line(call.desk.settings.firm, sight, names, one) for one in found]
    return ["**Refused lately**", "\n".join(lines)] if lines else []


async def _conversations(call: Call, matter: Matter) -> list[MatterConversation]:
    return await call.desk.store.read(lambda: conversations_of_matter(matter.id))


def _reasons(person: Staff, what: str, explanation: Explanation) -> str:
    deciding = explanation.deciding
    verb = "can" if deciding.verdict else "cannot"
    others = [f"- {escape(one.text)} ({one.rule})" for one in explanation.others]
    return "\n".join(
        [
            f"**{escape(person.name)} {verb} {escape(what)}.**\n",
            f"What decides: {escape(deciding.text)} ({deciding.rule})\n",
            *(["What was looked at besides:\n", *others] if others else []),
            "\n**In the conversations**",
        ]
    )


async def _memberships(call: Call, people: Everybody, person: Staff, listed: list[MatterConversation]) -> list[str]:
    """A line for each conversation: picked or not, by whom and when, and whether Matrix agrees."""
    ids = [one.conversation.id for one in listed]
    picks, enders = await call.desk.store.read(lambda: (picks_of(person.id), who_ended(person.id, ids)))
    user_id, homeserver = people.user_id(person.id), call.desk.homeserver

    async def line(one: MatterConversation) -> str:
        conversation = one.conversation
        wanted = person.id in desired_participants(people.firm, conversation, call.desk.reconciler.today())
        said = _picked(call, person, conversation, picks.get(conversation.id), enders.get(conversation.id, ""))
        seen = await _membership(homeserver, conversation, one.room_id, user_id)
        title = conversation.title or "The conversation"
        return f"- {escape(title)}: {said} {_compared(wanted, seen)}"

    return await in_parallel(listed, line, call.desk.settings.homeserver.concurrency)


def _picked(call: Call, person: Staff, conversation: Conversation, pick: Pick | None, ender: str) -> str:
    if conversation.everyone:
        return "everybody in the firm is in it."
    if pick is None:
        return "never picked for it."
    when = day(call, pick.since)
    staff = call.desk.firm().staff
    if person.id == (pick.added_by if pick.present else ender):
        return f"{'joined' if pick.present else 'left'} on {when}."
    if not pick.present:
        return f"taken out on {when} by {escape(staff[ender].name) if ender in staff else 'the bridge'}."
    return f"picked on {when} by {escape(staff[pick.added_by].name) if pick.added_by in staff else 'the directory'}."


async def _membership(
    homeserver: Homeserver, conversation: Conversation, room_id: str | None, user_id: str
) -> str | None:
    """The membership in the room; empty for none, None where there is no room."""
    if room_id is None:
        return None
    expected = conversation.kind is not ConversationKind.DIRECT
    observed = await observe_room(homeserver, room_id, bot_expected=expected)
    return None if observed is None else observed.members.get(user_id, "")


def _compared(wanted: bool, seen: str | None) -> str:
    """What Matrix says, and whether that is as it should be."""
    match seen:
        case None:
            return "There is no room for it yet." if not wanted else "**Its room is missing**; I make it again."
        case "join":
            return "In the room now, as it should be." if wanted else "**In the room now, and should not be.**"
        case "":
            return "Not in the room now, **and should be.**" if wanted else "Not in the room now, as it should be."
        case _ if wanted:
            return "Invited and not in the room yet, **and should be.**"
        case _:
            return f"**Has a standing {escape(seen)} to the room, and should not.**"


WHY = Command(
    "why",
    "Why somebody can or cannot see something",
    _why,
    (Argument("asked", ArgumentType.TEXT, shown="@person NUMBER|channel|room"),),
    help="Says whether somebody can see a matter, or be in a channel or room, which rule decides, everything else that"
    " was weighed (walls, roles, access list, groups), whether they were picked, by whom and when, whether they are in"
    " the rooms at this moment, and what was refused lately. A room is named by its link, address or id.",
    examples=("!why @ruth 2026-0042", "!why @ruth Court Filings", "!why Ruth Adeyemi 2026-0042"),
    who=Who.FIRM_ADMIN,
    group="Administration",
)
