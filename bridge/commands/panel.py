"""The panel: a link that signs in, and where somebody is signed in (P4)."""

from __future__ import annotations

from typing import Annotated

from bridge.commands.asking.shown import moment
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command
from bridge.operations.panel import (
    LINK_MINUTES,
    SESSION_HOURS,
    end_session,
    new_link,
    sessions,
    sign_out_everywhere,
)
from bridge.refusal import CommandError
from bridge.wording.markdown import escape


async def _panel(call: Call) -> Answer:
    link = await new_link(call.desk, call.sender.id)
    return Answer(
        f"Open the panel: {link}\n\nThe link works once, within {LINK_MINUTES} minutes, and is yours alone: whoever"
        f" opens it is signed in as you, for {SESSION_HOURS} hours. `!panel sessions` shows where you are signed in."
    )


async def _sessions(call: Call) -> Answer:
    found = await sessions(call.desk, call.sender.id)
    if not found:
        return Answer("You are not signed in to the panel. `!panel` gives you a link.")
    lines = [
        f"{number}. since {moment(call, one.begun_at)}, last used {moment(call, one.used_at)}:"
        f" {'beside your messages, in ' if one.beside else ''}"
        f"{escape(one.browser or 'a browser that does not say what it is')}"
        for number, one in enumerate(found, 1)
    ]
    return Answer(
        "\n".join(["**You are signed in to the panel**\n", *lines])
        + "\n\n`!panel end NUMBER` signs you out of one, `!panel end` of all."
    )


async def _end(call: Call, number: Annotated[str, Argument(ArgumentType.TEXT, "NUMBER")] = "") -> Answer:
    if typed := number.strip("# ."):
        return await _end_one(call, typed)
    count = await sign_out_everywhere(call.desk, call.sender.id)
    if not count:
        return Answer("You were not signed in to the panel.")
    where = "one browser" if count == 1 else f"{count} browsers"
    return Answer(f"You are signed out of the panel in {where}. `!panel` gives you a new link.")


async def _end_one(call: Call, typed: str) -> Answer:
    found = await sessions(call.desk, call.sender.id)
    at = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 6 else 0
    if not 1 <= at <= len(found) or not await end_session(call.desk, call.sender.id, found[at - 1].ref):
        raise CommandError("There is no session with that number. `!panel sessions` lists yours.")
    return Answer("You are signed out of the panel in that browser. `!panel sessions` shows where you still are.")


PANEL = Command(
    "panel",
    "Open your conversations, files and people in a browser",
    _panel,
    help=f"Answers with a link to the panel, which signs you in for {SESSION_HOURS} hours. It works once, within"
    f" {LINK_MINUTES} minutes.",
    examples=("!panel",),
    group="Panel",
    asked_by=frozenset({"panel", "browser", "click"}),
)
PANEL_SESSIONS = Command(
    "panel sessions",
    "Where you are signed in to the panel",
    _sessions,
    help="Lists the browsers in which you are signed in to the panel.",
    examples=("!panel sessions",),
    group="Panel",
)
PANEL_END = Command(
    "panel end",
    "Sign out of the panel, everywhere or in one browser",
    _end,
    help="Ends every session of yours in the panel, and takes back a link that was not used; with a number of"
    " `!panel sessions` that one alone.",
    examples=("!panel end", "!panel end 2"),
    group="Panel",
)
