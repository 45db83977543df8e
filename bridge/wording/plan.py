"""Steps of a plan as the bot would say what it does."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.firm.text.directions import apart
from bridge.reconcile.planning.steps import Action, Step
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
    Action.JOIN_AGAIN: "let {who} join {room} again, which their clients would list as a chat with me",
    Action.MARK_DIRECT: "show {room} to {who} as a direct message",
    Action.BOT_LEAVE: "leave {room}",
    Action.CLOSE_ROOM: "let nobody write in {room} any more",
    Action.RENEW_ROOM: "go on with {room} in a new room, for those who stay",
}


def step_words(step: Step, who: str) -> str:
    """One step, as plain text; `who` is the person whom it concerns, if any."""
    what = WHAT.get(step.what, step.what) if step.action is Action.SET_STATE else step.what
    said = _SAID[step.action].format(room=apart(step.room), who=apart(who or step.who), what=apart(what))
    return said[:1].upper() + said[1:]


def step_line(step: Step, who: str) -> str:
    """The same in Markdown."""
    text = escape(step_words(step, who))
    return f"- **{text}**" if step.changes_access else f"- {text}"
