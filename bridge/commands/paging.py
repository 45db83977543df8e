"""Long lists page by page: the first is the answer, `!more` gives the next.

Which list somebody looks at is kept in memory. The list itself is made anew for every page, so that a page never shows
what the person may no longer see (M3).
"""

from __future__ import annotations

from dataclasses import replace

from bridge.commands.errors import CommandError
from bridge.commands.table import Answer, Call, Command, List, Lister, NextPage

PAGE = 25


async def paged(call: Call, lister: Lister) -> Answer:
    """The first page of a list."""
    return await _page(call, call, lister, 0)


async def _page(call: Call, asked: Call, lister: Lister, start: int) -> Answer:
    found: List = await lister(asked)
    shown, last = found.lines[start : start + PAGE], start + PAGE
    call.desk.next_pages.pop(call.sender.id, None)
    parts = [found.head if start == 0 else "", "\n".join(shown), found.foot if last >= len(found.lines) else ""]
    if last < len(found.lines):
        call.desk.next_pages[call.sender.id] = NextPage(lister, asked, last)
        parts.append(f"{start + 1} to {last} of {len(found.lines)}. `!more` shows the next.")
    return Answer("\n\n".join(part for part in parts if part) or "That was all.")


async def _more(call: Call) -> Answer:
    following = call.desk.next_pages.get(call.sender.id)
    if following is None:
        raise CommandError(
            "There is no list to go on with: you have seen the last one to its end, or I was restarted since."
            " Ask for the list again."
        )
    asked = replace(following.asked, sender=call.sender)
    return await _page(call, asked, following.lister, following.start)


MORE = Command(
    "more",
    "The next page of a long list",
    _more,
    help="Shows the next entries of the list you asked for last.",
    examples=("!more",),
    group="About",
)
