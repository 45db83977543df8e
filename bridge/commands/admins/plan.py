"""What the bridge would change now, in plain words. Changes nothing (O2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.commands.asking.asked_about import everybody
from bridge.commands.asking.paging import paged
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, List, Noted, Who
from bridge.directory.keeping import anything_waits
from bridge.firm.conversation import Conversation, first_matter_conversation_id
from bridge.firm.model import Matter
from bridge.firm.room_keys import matter_of_space, matter_space_key
from bridge.firm.sight import Sight
from bridge.operations.everybody import Everybody
from bridge.operations.place_named import find_place
from bridge.operations.sight import sight_of
from bridge.reconcile.planning.plan import Action, Plan, Step
from bridge.store.rooms.matters import conversations_of_matter
from bridge.store.rooms.questions import conversations_without_people
from bridge.wording.markdown import escape
from bridge.wording.state import WHAT

_SAID: Mapping[Action, str] = {
    Action.CREATE_ACCOUNT: "make an account for {what}",
    Action.UPDATE_ACCOUNT: "bring the account of {what} up to date",
    Action.LOCK_ACCOUNT: "lock the account of {who} and end its sessions: {what}",
    Action.REACTIVATE_ACCOUNT: "make the account of {what} usable again",
    Action.DEACTIVATE_ACCOUNT: "take {who} out of what is left and deactivate the account: {what}",
    Action.UNLOCK_ACCOUNT: "unlock the account of {what}",
    Action.CREATE_ROOM: "make the room {room}",
    Action.BOT_RETURN: "come back into {room}",
    Action.BOT_KEEP: "keep {room}, which nobody is in from then on",
    Action.REMOVE: "take {who} out of {room}",
    Action.TAKE_POWER: "take the power in {room} from {who}",
    Action.UNBAN: "lift the ban on {who} in {room}",
    Action.SET_STATE: "in {room}, put right {what}",
    Action.SET_ALIAS: "give {room} the address {what}",
    Action.ADD: "bring {who} into {room}",
    Action.ADD_CHILD: "list {what} in {room}",
    Action.REMOVE_CHILD: "take a room off the list in {room}",
    Action.MARK_DIRECT: "show {room} to {who} as a direct message",
    Action.BOT_LEAVE: "leave {room}",
    Action.CLOSE_ROOM: "let nobody write in {room} any more",
    Action.RENEW_ROOM: "go on with {room} in a new room, for those who stay",
}


@dataclass(frozen=True)
class _Asked:
    """The plan as it was when it was asked for, of some rooms or of everything."""

    plan: Plan
    conversations: Mapping[str, Conversation]


async def _plan(call: Call) -> Answer:
    sight, typed = sight_of(call.desk, call.sender.id), call.values.get("place", "")
    place = await find_place(call.desk, sight, typed) if typed else None
    keys = await _keys(call, place)
    plan = await call.desk.reconciler.plan(keys)
    keys_of_steps = {step.key for step in plan.steps}
    asked = _Asked(plan, await call.desk.store.read(lambda: conversations_without_people(keys_of_steps)))

    async def listed(again: Call) -> List:
        # To plan anew for every page would ask the homeserver about every room each time.
        return _said(sight_of(again.desk, again.sender.id), await everybody(again), asked)

    about = place.number if isinstance(place, Matter) else place.title if place is not None else ""
    ids = () if place is None else (place.id,)
    waits = await call.desk.store.read(anything_waits)
    more = ["A change of the directory waits as well: `!directory plan` lists what it would do."] * waits
    return Answer("\n\n".join([(await paged(call, listed)).text, *more]), noted=Noted("plan", about=about, ids=ids))


async def _keys(call: Call, place: Matter | Conversation | None) -> frozenset[str] | None:
    if place is None:
        return None
    if isinstance(place, Conversation):
        return frozenset({place.id})
    listed = await call.desk.store.read(lambda: conversations_of_matter(place.id))
    own = (matter_space_key(place.id), first_matter_conversation_id(place.id))
    return frozenset({*own, *(one.conversation.id for one in listed)})


def _said(sight: Sight, people: Everybody, asked: _Asked) -> List:
    # Only conversations that are not stored yet are looked for by their matter: the first ones.
    new = any(step.key not in asked.conversations for step in asked.plan.steps)
    first = {first_matter_conversation_id(matter_id): matter_id for matter_id in sight.firm.matters} if new else {}

    def may_hear(step: Step) -> bool:
        conversation = asked.conversations.get(step.key)
        stored = conversation.matter_id if conversation is not None else first.get(step.key)
        matter_id = stored or matter_of_space(step.key)
        return not matter_id or sight.matter_by_id(matter_id)

    steps = [step for step in asked.plan.steps if may_hear(step)]
    problems = [f"- To put right by you: {escape(problem)}" for problem in asked.plan.problems]
    if not steps and not problems:
        return List((), "I would change nothing: everything is as it should be.")
    access = sum(step.changes_access for step in steps)
    head = (
        f"**What I would change now**: {_steps(len(steps))}, {access} of them, in bold, about who can read something."
        " Nothing was changed; I do this by myself at the next check."
    )

    async def shown(items: Sequence[str | Step]) -> list[str]:
        return [item if isinstance(item, str) else _line(item, people) for item in items]

    return List([*problems, *steps], head, shown=shown)


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"


def _line(step: Step, people: Everybody) -> str:
    person = people.owner(step.who)
    what = WHAT.get(step.what, step.what) if step.action is Action.SET_STATE else step.what
    said = _SAID[step.action].format(room=step.room, who=person.name if person else step.who, what=what)
    text = escape(said[:1].upper() + said[1:])
    return f"- **{text}**" if step.changes_access else f"- {text}"


PLAN = Command(
    "plan",
    "What I would change now",
    _plan,
    (Argument("place", ArgumentType.TEXT, required=False, shown="NUMBER|channel|room"),),
    help="Lists what I would change if I compared everything now, or only a matter, channel or room. Changes nothing."
    " Without a name I read every room, which takes a while in a large firm.",
    examples=("!plan", "!plan 2026-0042", "!plan Court Filings"),
    who=Who.FIRM_ADMIN,
    group="Administration",
)
