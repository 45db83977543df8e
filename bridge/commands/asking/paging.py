"""Long lists page by page: the first is the answer, `!more` gives the next.

For `!more` the command is read and run again as it was typed, from where the page before ended (`Call.after`). So a
page never shows what the person may no longer see (M3), and needs nothing that a process remembers (R1). Lists that may
be very long are made a page at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

from bridge.commands.asking.table import Answer, Call, Command, List, Lister, ListPage, PageLister, PageOfList
from bridge.refusal import CommandError

PAGE = 25
MOST_CHARACTERS = 7000
"""Of Markdown on one page. As text and as HTML, each character of which may take several bytes, it must fit into one
event, which has at most 65,536 bytes (specification, size limits)."""


async def paged(call: Call, lister: Lister) -> Answer:
    """A page of a list."""
    start = call.after if isinstance(call.after, int) else 0
    found: List = await lister(call)
    items = found.lines[start : start + PAGE]
    head = _cut(found.head, MOST_CHARACTERS // 2) if start == 0 else ""
    lines = fitting(items if found.shown is None else await found.shown(items), MOST_CHARACTERS - len(head))
    last = start + len(lines)
    goes_on = last < len(found.lines)
    more = f"{start + 1} to {last} of {len(found.lines)}. `!more` shows the next." if goes_on else found.foot
    return _answer([head, "\n".join(lines), more], last if goes_on else None)


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
    """A page of a list that is made a page at a time, so that nobody counts what is left."""
    found: ListPage = await lister(call)
    more = "" if found.following is None else "`!more` shows the next."
    return _answer([found.head, "\n".join(found.lines), more], found.following)


def _answer(parts: Sequence[str], following: object) -> Answer:
    return Answer("\n\n".join(part for part in parts if part) or "That was all.", page=PageOfList(following))


async def _more(call: Call) -> Answer:
    """What is said where no list goes on (bridge/handlers/commands.py)."""
    raise CommandError(
        "There is no list to go on with: you have seen the last one to its end, asked for it more than a day ago, or"
        " are not where you asked any more. Ask for the list again."
    )


MORE = Command(
    "more",
    "The next page of a long list",
    _more,
    help="Shows the next entries of the list you asked for last.",
    examples=("!more",),
    group="About",
)
