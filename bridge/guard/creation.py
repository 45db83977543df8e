"""What a client's own "+" stands for: the direct conversation of a set of people, or a new channel. Pure.

No room is made as a client asks for it. Its request is read for whom and what somebody wants to talk about; the bridge
brings that into being as it does for a command, and the client is told the room. So encryption, power, outsiders, join
rules and addresses that a client asked for are not taken out of a room: they are in none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bridge.firm.conversation import ConversationKind
from bridge.firm.facts import Facts
from bridge.firm.policy import may_act
from bridge.guard.gate import NO_POLICY, Gate, Refusal

NOT_STAFF = "Only the firm's staff start conversations here."
NO_SPACES = (
    "The firm's bot keeps the spaces: one for the firm, and one for each matter. For a conversation about a matter"
    ' write !matter start NUMBER "Title" to it.'
)
NO_SUCH_ROOMS = (
    "The firm has no rooms of this kind. Write !dm @colleague, !channel create NAME or !matter start NUMBER to the bot."
)
NO_SUCCESSORS = "The firm's rooms are not replaced by others. Write !help to the bot."
NO_ADDRESSES = "Nobody is invited by e-mail or telephone here. Write !dm and a colleague's name or address to the bot."
ALONE = "A direct conversation needs somebody besides you. Choose a colleague, or write !dm @colleague to the bot."
NAMELESS = "A channel needs a name. Give it one, or write !channel create NAME to the bot."
BRIDGE_AWAY = "The firm's bot does not answer at the moment. Try again in a minute."
TAKES_LONG = "This takes longer than usual. Try again in a minute, if it is not in your list of rooms by then."
_NAMED_OUTSIDERS = 3
_LONGEST_ID = 255
"""Of a Matrix id (specification, appendices)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to talk in. Nothing else of what their client asked for reaches the bridge."""

    kind: ConversationKind
    """direct, channel, or bot for one's own chat with the bot."""
    by: str
    """The staff id of whoever asks."""
    people: tuple[str, ...] = ()
    """The staff ids of the others, in order."""
    name: str = ""
    """A channel's, as the client gave it."""
    topic: str = ""
    spaces: tuple[str, ...] = ()
    """The room ids of spaces that the client wants it to belong to."""


def wish_of(asked_by: str, content: Mapping[str, Any], gate: Gate, facts: Facts | None) -> Wish | Refusal:
    """What the body of a createRoom request stands for, or why nothing comes of it.

    `asked_by` is a Matrix id. Values of the wrong type count as absent, since nothing is made of them.
    """
    if facts is None:
        return Refusal("F1", NO_POLICY)
    by = _staff_id(asked_by, gate, facts)
    if by is None:
        return Refusal("F1", NOT_STAFF)
    if refusal := _unshapable(content):
        return refusal
    invited = [user_id for user_id in _list(content, "invite") if user_id not in (asked_by, gate.bot)]
    found = {str(user_id): _staff_id(user_id, gate, facts) for user_id in invited}
    if outsiders := [user_id for user_id, staff_id in found.items() if staff_id is None]:
        return Refusal("F1", _outsiders(outsiders))
    people = tuple(sorted({staff_id for staff_id in found.values() if staff_id is not None} - {by}))
    name = _text(content, "name")
    direct = content.get("is_direct") is True
    if name and not direct:
        return Wish(ConversationKind.CHANNEL, by, people, name, _text(content, "topic"), _spaces(content))
    if people:
        return Wish(ConversationKind.DIRECT, by, people)
    if gate.bot in _list(content, "invite"):
        return Wish(ConversationKind.BOT, by)
    return Refusal("D1", ALONE) if direct else Refusal("C1", NAMELESS)


def wish_as_json(wish: Wish) -> dict[str, Any]:
    """The wish as the bridge is told it."""
    return asdict(wish)


def wish_from_json(data: Any) -> Wish:
    """The wish that was told. Raises ValueError, KeyError or TypeError for anything else."""
    kind, by, name, topic = (data[field] for field in ("kind", "by", "name", "topic"))
    people, spaces = data["people"], data["spaces"]
    lists = isinstance(people, list) and isinstance(spaces, list)
    if not lists or not all(isinstance(value, str) for value in (kind, by, name, topic, *people, *spaces)):
        raise ValueError("What a wish says is text, and lists of text.")
    return Wish(ConversationKind(kind), by, tuple(people), name, topic, tuple(spaces))


def _staff_id(user_id: Any, gate: Gate, facts: Facts) -> str | None:
    """The staff id of active staff; None for anybody else, whatever keeps them out."""
    staff_id = gate.staff_id(user_id, facts) if isinstance(user_id, str) else None
    return staff_id if staff_id is not None and may_act(facts.firm, staff_id) else None


def _unshapable(content: Mapping[str, Any]) -> Refusal | None:
    asked = content.get("creation_content")
    creation = asked if isinstance(asked, Mapping) else {}
    if creation.get("type") == "m.space":
        return Refusal("F4", NO_SPACES)
    if creation.get("type") is not None:
        return Refusal("C1", NO_SUCH_ROOMS)
    if creation.get("predecessor") is not None:
        return Refusal("O3", NO_SUCCESSORS)
    if content.get("invite_3pid"):
        return Refusal("F1", NO_ADDRESSES)
    return None


def _outsiders(user_ids: Iterable[str]) -> str:
    """The same for those who left, for unknown accounts and for other servers."""
    listed = sorted(user_ids)
    named = [user_id[:_LONGEST_ID] for user_id in listed[:_NAMED_OUTSIDERS]]
    more = f" and {len(listed) - len(named)} more" if len(listed) > len(named) else ""
    verb = "is" if len(listed) == 1 else "are"
    return f"{', '.join(named)}{more} {verb} not on the firm's staff. Write !dm @colleague to the bot."


def _list(content: Mapping[str, Any], name: str) -> list[Any]:
    value = content.get(name)
    return value if isinstance(value, list) else []


def _text(content: Mapping[str, Any], name: str) -> str:
    """A text, trimmed. What is no Unicode cannot be sent on, and becomes question marks."""
    value = content.get(name)
    return value.strip().encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _spaces(content: Mapping[str, Any]) -> tuple[str, ...]:
    events = [event for event in _list(content, "initial_state") if isinstance(event, Mapping)]
    parents = [event.get("state_key") for event in events if event.get("type") == "m.space.parent"]
    return tuple(sorted({parent for parent in parents if isinstance(parent, str)}))
