"""What a client's own "+" stands for: a direct conversation, a new channel, or a conversation of a matter. Pure.

No room is made as a client asks for it. Its request is read for whom and what somebody wants to talk about; the bridge
brings that into being as it does for a command, and the client is told the room. So encryption, power, outsiders and
addresses that a client asked for are not taken out of a room: they are in none. Who may come in is what was asked for,
or there is no room: one for those invited alone is never made where others could read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from bridge.firm.conversation import ConversationKind
from bridge.firm.facts import Facts
from bridge.firm.policy import may_act
from bridge.firm.rules import CitedRule
from bridge.guard.gate import NO_POLICY, Denial, Gate

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
PRIVATE = (
    "Rooms for those invited alone are direct conversations here: use Start chat, or write !dm and your colleagues'"
    " names to the bot. A channel, which everybody in the firm can read, is a public room, or !channel create NAME. A"
    " conversation of a matter is a room in its space that the space's members may join."
)
BRIDGE_AWAY = "The firm's bot does not answer at the moment. Try again in a minute."
TAKES_LONG = "This takes longer than usual. Try again in a minute, if it is not in your list of rooms by then."
AGAIN: Mapping[str, str] = {
    "policy": NO_POLICY,
    "not_staff": NOT_STAFF,
    "space": NO_SPACES,
    "kind": NO_SUCH_ROOMS,
    "successor": NO_SUCCESSORS,
    "address": NO_ADDRESSES,
    "outsiders": "Somebody you chose is not on the firm's staff. Write !dm @colleague to the bot.",
    "alone": ALONE,
    "nameless": NAMELESS,
    "private": PRIVATE,
}
"""What the bot tells whoever saw nothing of a refusal, by its word. Nothing that they typed is in it."""
_NAMED_OUTSIDERS = 3
_LONGEST_ID = 255
"""Of a Matrix id (specification, appendices)."""


class Opening(StrEnum):
    """Who may come into the room that a client asks for."""

    INVITED = "invited"
    """Those invited alone."""
    SPACES = "spaces"
    """Whoever is in the spaces that it names, too."""
    ALL = "all"


@dataclass(frozen=True, slots=True)
class CreationRequest:
    """What somebody wants to talk in. Nothing else of what their client asked for reaches the bridge."""

    kind: ConversationKind
    """direct, bot for one's own chat with the bot, or channel, which in a matter's space is a conversation of it."""
    by: str
    """The staff id of whoever asks."""
    people: tuple[str, ...] = ()
    """The staff ids of the others, in order."""
    name: str = ""
    """As the client gave it. A direct conversation has none, and whoever asked is told."""
    topic: str = ""
    spaces: tuple[str, ...] = ()
    """The room ids of spaces that the client wants it to belong to."""
    opening: Opening = Opening.INVITED
    """Of a channel whom the client lets in, which is never those invited alone."""


def request_of(asked_by: str, content: Mapping[str, Any], gate: Gate, facts: Facts | None) -> CreationRequest | Denial:
    """What the body of a createRoom request stands for, or why nothing comes of it.

    `asked_by` is a Matrix id. Values of the wrong type count as absent, since nothing is made of them.
    """
    if facts is None:
        return _no("F1", "policy")
    by = _staff_id(asked_by, gate, facts)
    if by is None:
        return _no("F1", "not_staff")
    if refusal := _unshapable(content):
        return refusal
    invited = [user_id for user_id in _list(content, "invite") if user_id not in (asked_by, gate.bot)]
    found = {str(user_id): _staff_id(user_id, gate, facts) for user_id in invited}
    if outsiders := [user_id for user_id, staff_id in found.items() if staff_id is None]:
        return Denial("F1", _outsiders(outsiders), "outsiders")
    people = tuple(sorted({staff_id for staff_id in found.values() if staff_id is not None} - {by}))
    name = _text(content, "name")
    opening, spaces = _opening(content)
    direct = content.get("is_direct") is True
    if not direct and opening is not Opening.INVITED:
        channel = CreationRequest(ConversationKind.CHANNEL, by, people, name, _text(content, "topic"), spaces, opening)
        return channel if name else _no("C1", "nameless")
    if people:
        return CreationRequest(ConversationKind.DIRECT, by, people, "" if direct else name)
    if gate.bot in _list(content, "invite"):
        return CreationRequest(ConversationKind.BOT, by)
    return _no("D1", "alone" if direct else "private")


def request_as_json(wanted: CreationRequest) -> dict[str, Any]:
    """The request as the bridge is told it."""
    return asdict(wanted)


def request_from_json(data: Any) -> CreationRequest:
    """The request that was told. Raises ValueError, KeyError or TypeError for anything else."""
    kind, by, name, topic, opening = (data[field] for field in ("kind", "by", "name", "topic", "opening"))
    people, spaces = data["people"], data["spaces"]
    lists = isinstance(people, list) and isinstance(spaces, list)
    if not lists or not all(isinstance(value, str) for value in (kind, by, name, topic, opening, *people, *spaces)):
        raise ValueError("What a creation request says is text, and lists of text.")
    return CreationRequest(ConversationKind(kind), by, tuple(people), name, topic, tuple(spaces), Opening(opening))


def _staff_id(user_id: Any, gate: Gate, facts: Facts) -> str | None:
    """The staff id of active staff; None for anybody else, whatever keeps them out."""
    staff_id = gate.staff_id(user_id, facts) if isinstance(user_id, str) else None
    return staff_id if staff_id is not None and may_act(facts.firm, staff_id) else None


def _unshapable(content: Mapping[str, Any]) -> Denial | None:
    asked = content.get("creation_content")
    creation = asked if isinstance(asked, Mapping) else {}
    if creation.get("type") == "m.space":
        return _no("F4", "space")
    if creation.get("type") is not None:
        return _no("C1", "kind")
    if creation.get("predecessor") is not None:
        return _no("O3", "successor")
    if content.get("invite_3pid"):
        return _no("F1", "address")
    return None


def _no(rule: CitedRule, word: str) -> Denial:
    return Denial(rule, AGAIN[word], word)


def _opening(content: Mapping[str, Any]) -> tuple[Opening, tuple[str, ...]]:
    """Whom a room with this request lets in, and the spaces that it names as its own or as those of whom it lets in.

    The join rule among the first state goes before the preset, and without a preset the visibility says which is meant
    (specification: POST /createRoom). Rules that are none of the firm's let in those invited: nothing is more open than
    it was asked to be.
    """
    spaces = {_text(event, "state_key") for event in _first_state(content, "m.space.parent")} - {""}
    rules = [event.get("content") for event in _first_state(content, "m.room.join_rules")]
    if not rules:
        preset = content.get("preset", "public_chat" if content.get("visibility") == "public" else None)
        return Opening.ALL if preset == "public_chat" else Opening.INVITED, tuple(sorted(spaces))
    asked = [rule if isinstance(rule, Mapping) else {} for rule in rules]
    named = {rule.get("join_rule") if isinstance(rule.get("join_rule"), str) else None for rule in asked}
    allowed = [_allowed_in(rule) for rule in asked]
    spaces.update(*allowed)
    opening = Opening.INVITED
    if named == {"public"}:
        opening = Opening.ALL
    elif named <= {"restricted", "knock_restricted"} and all(allowed):
        opening = Opening.SPACES
    return opening, tuple(sorted(spaces))


def _allowed_in(rule: Mapping[str, Any]) -> set[str]:
    """The rooms whose members a join rule lets in."""
    return {_text(one, "room_id") for one in _list(rule, "allow") if isinstance(one, Mapping)} - {""}


def _first_state(content: Mapping[str, Any], event_type: str) -> list[Mapping[str, Any]]:
    """The events of this type that a room is to begin with."""
    events = [event for event in _list(content, "initial_state") if isinstance(event, Mapping)]
    return [event for event in events if event.get("type") == event_type]


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
