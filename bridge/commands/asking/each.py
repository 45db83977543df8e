"""Adding people to a conversation and taking them out, with an answer about each of those who were named (C1, M1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping

from bridge.commands.asking.people import Unfound
from bridge.commands.asking.table import Answer, Call
from bridge.desk import Desk
from bridge.firm.model import Staff
from bridge.operations.conversations.participants import Done, PeopleChanged
from bridge.wording.markdown import escape, repeated

Change = Callable[[Desk, Staff, str, Collection[Staff], str], Awaitable[PeopleChanged]]
_LINES = 25
"""People to each of whom a line is given; of more, those with whom the same was done are counted."""
_SAID: Mapping[Done, str] = {
    Done.ADDED: "added",
    Done.WAS_IN: "is in it already",
    Done.IS_IN_LIKE_EVERYBODY: "is in it already, like everybody",
    Done.HAS_NO_ACCESS: "not added, having no access to this matter",
    Done.NOT_ADDED: "not added",
    Done.REMOVED: "removed",
    Done.WAS_NOT_IN: "was not in it",
}


async def people_changed(
    call: Call, conversation_id: str, listed: Collection[Staff | Unfound], change: Change
) -> Answer:
    """Change who is in a conversation by those who were named, and say for each what was done."""
    changed = await change(call.desk, call.sender, conversation_id, found(listed), call.event_id)
    said = [(shown(one), _SAID[changed.done[one.id]] if isinstance(one, Staff) else one.why) for one in listed]
    if len(said) <= _LINES:
        lines = [f"- {who}: {what}" for who, what in said]
    else:
        counts = Counter(what for _, what in said)
        some = [f"- {who}: {what}" for who, what in said if counts[what] == 1]
        lines = [*(f"- {count} people: {what}" for what, count in counts.items() if count > 1), *some]
    return Answer("\n".join([f"**{escape(changed.conversation.title)}**\n", *lines]))


def found(people: Iterable[Staff | Unfound]) -> list[Staff]:
    """Those whom the words name."""
    return [one for one in people if isinstance(one, Staff)]


def shown(one: Staff | Unfound) -> str:
    """A person, or the words that name nobody, in Markdown."""
    return escape(one.name) if isinstance(one, Staff) else repeated(one.typed)
