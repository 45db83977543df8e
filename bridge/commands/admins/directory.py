"""The directory, for firm admins."""

from __future__ import annotations

from typing import Annotated

from bridge.commands.asking.paging import paged
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, List, Who
from bridge.operations.admins.directory import (
    confirm_directory,
    directory_status,
    foresee_directory,
    undo_directory,
)
from bridge.wording.directory import confirmed_text, status_text, undone_text
from bridge.wording.markdown import escape


async def _status(call: Call) -> Answer:
    return Answer(status_text(await directory_status(call.desk, call.sender)))


async def _confirm(call: Call, change: Annotated[str, Argument(ArgumentType.TEXT, "CHANGE")] = "") -> Answer:
    return Answer(confirmed_text(await confirm_directory(call.desk, call.sender, change, call.event_id)))


async def _plan(call: Call) -> Answer:
    async def listed(again: Call) -> List:
        found = await foresee_directory(again.desk, again.sender)
        if found is None:
            return List((), "No change of the directory waits, so there is none to foresee.")
        count = "1 thing" if len(found.effects) == 1 else f"{len(found.effects)} things"
        head = (
            f"**What the change {found.fingerprint} of the directory would do**: {count} that you may know of, and only"
            f" after `!directory confirm {found.fingerprint}`. Nothing was changed."
        )
        lines = [f"- **{escape(one.what)}**: {escape('; '.join(one.becomes))}" for one in found.effects]
        return List(tuple(lines), head)

    return await paged(call, listed)


async def _undo(call: Call) -> Answer:
    return Answer(undone_text(await undo_directory(call.desk, call.sender, "", call.event_id)))


DIRECTORY_STATUS = Command(
    "directory status",
    "What the directory holds and what it waits for",
    _status,
    help="Says how many staff and matters there are, what is wrong with the directory, and whether a change waits.",
    examples=("!directory status",),
    who=Who.FIRM_ADMIN,
    group="Administration",
)
DIRECTORY_PLAN = Command(
    "directory plan",
    "What a held change of the directory would do",
    _plan,
    help="Lists, before it is confirmed, whose account would end, which matters would close, and who would come into or"
    " be put out of which conversation. Changes nothing.",
    examples=("!directory plan",),
    who=Who.FIRM_ADMIN,
    group="Administration",
)
DIRECTORY_CONFIRM = Command(
    "directory confirm",
    "Let a held change of the directory through",
    _confirm,
    help="A change that would remove unusually many staff or accesses waits until a firm admin has confirmed it, by the"
    " name that `!directory status` gives it: so nobody confirms another change that came meanwhile.",
    examples=("!directory confirm a43ff88ffe5df941",),
    who=Who.FIRM_ADMIN,
    group="Administration",
)
DIRECTORY_UNDO = Command(
    "directory undo",
    "Take back the change of the directory that was confirmed last",
    _undo,
    help="Within a day: the directory is again as it was before it, accounts that it ended come back, and everybody is"
    " let back into the conversations that it took them out of. What changed since, and every wall, stays as it is now."
    " What the directory's files say then waits until they are put right or somebody confirms it again.",
    examples=("!directory undo",),
    who=Who.FIRM_ADMIN,
    group="Administration",
)
