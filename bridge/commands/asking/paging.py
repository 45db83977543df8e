"""Long lists page by page: the first is the answer, `!more` gives the next.

Which list somebody looks at is kept in memory. The list itself is made anew for every page, so that a page never shows
what the person may no longer see (M3). Lists that may be very long are made a page at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from bridge.commands.asking.table import Answer, Call, Command, List, Lister, ListPage, NextPage, PageLister
from bridge.refusal import CommandError

PAGE = 25
MOST_CHARACTERS = 7000
"""Of Markdown on one page. As text and as HTML, each character of which may take several bytes, it must fit into one
event, which has at most 65,536 bytes (specification, size limits)."""


async def paged(call: Call, lister: Lister) -> Answer:
    """The first page of a list."""
    return await _page(lister, 0, call)


async def _page(lister: Lister, start: int, call: Call) -> Answer:
    found: List = await lister(call)
    items = found.lines[start : start + PAGE]
    head = _cut(found.head, MOST_CHARACTERS // 2) if start == 0 else ""
    lines = fitting(items if found.shown is None else await found.shown(items), MOST_CHARACTERS - len(head))
    last = start + len(lines)
    call.desk.next_pages.pop(call.sender.id, None)
    parts = [head, "\n".join(lines), found.foot if last >= len(found.lines) else ""]
    if last < len(found.lines):
        call.desk.next_pages[call.sender.id] = NextPage(partial(_page, lister, last), call)
        parts.append(f"{start + 1} to {last} of {len(found.lines)}. `!more` shows the next.")
    return Answer("\n\n".join(part for part in parts if part) or "That was all.")


def fitting(lines: Sequence[str], most: int = MOST_CHARACTERS) -> list[str]:
    """As many of the first lines as fit into so many characters, at least one; one that is too long is cut."""
    found: list[str] = []
    left = most
    for line in lines:
        cut = _cut(line, most)
        left -= len(cut) + 1
        if found and left < 0:
            break
        found.append(cut)
    return found


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


async def in_parts(call: Call, lister: PageLister) -> Answer:
    """The first page of a list that is made a page at a time, so that nobody counts what is left."""
    return await _part(lister, None, call)


async def _part(lister: PageLister, after: Any, call: Call) -> Answer:
    found: ListPage = await lister(call, after)
    call.desk.next_pages.pop(call.sender.id, None)
    parts = [found.head, "\n".join(found.lines)]
    if found.following is not None:
        call.desk.next_pages[call.sender.id] = NextPage(partial(_part, lister, found.following), call)
        parts.append("`!more` shows the next.")
    return Answer("\n\n".join(part for part in parts if part) or "That was all.")


async def _more(call: Call) -> Answer:
    following: NextPage | None = call.desk.next_pages.get(call.sender.id)
    if following is None:
        raise CommandError(
            "There is no list to go on with: you have seen the last one to its end, or I was restarted since."
            " Ask for the list again."
        )
    return await following.page(replace(following.asked, sender=call.sender))


MORE = Command(
    "more",
    "The next page of a long list",
    _more,
    help="Shows the next entries of the list you asked for last.",
    examples=("!more",),
    group="About",
)
