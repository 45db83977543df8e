"""An attempt as data: who tries what, and how it must end with the guard and without it.

In paths, queries, bodies and texts `{name}` stands for a thing of the firm by that name (stage.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

DELETED = "deleted a moment later"


class Who(StrEnum):
    """Who tries."""

    WALLED = "walled colleague"
    FORMER = "former participant, behind a wall"
    PARTICIPANT = "participant"
    LEAVER = "former member, old session"
    OUTSIDER = "account outside the firm"
    NOBODY = "nobody, without a login"
    FIRM_ADMIN = "firm admin"
    SERVER_ADMIN = "server admin"
    SERVICE = "thief of the bridge's token"


class Layer(StrEnum):
    """What stops it."""

    SYNAPSE = "Synapse itself"
    SETTING = "homeserver setting"
    STATE = "room state"
    GUARD = "guard"
    BRIDGE = "bridge"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class End:
    """How an attempt ends."""

    layer: Layer
    status: int
    code: str = ""
    """The Matrix error code."""
    says: str = ""
    """What the bot's answer, or a 200, has in it."""

    @property
    def stopped(self) -> bool:
        """Whether the attempt gained nothing."""
        return self.layer is not Layer.NOTHING


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    method: str
    path: str
    """Below /_matrix/client/v3/ where it does not begin with a slash."""
    body: Any = None
    """JSON, or bytes that are sent as they are."""
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    bridge: bool = False
    """Whether it goes to the bridge and not to Synapse."""
    panel: bool = False
    """Whether it goes to the panel and its API."""
    form: dict[str, str] | None = None
    """Fields of a form, in place of a body."""
    token: str = ""
    """Another token than one's own; "-" for none."""


@dataclass(frozen=True, slots=True)
class Say:
    """A message in a room in which the bot listens. What it answers is the answer; an empty one is silence."""

    text: str
    room: str = "{everyone}"
    more: dict[str, Any] = field(default_factory=dict)
    """Further content of the message."""


@dataclass(frozen=True, slots=True)
class Share:
    """A message with a file. Where it is sent, the answer comes when the bot has deleted it."""

    content: dict[str, Any]
    room: str = "{everyone}"
    event_type: str = "m.room.message"


@dataclass(frozen=True, slots=True)
class Alike:
    """Two steps whose answers must be the same but for the words that differ in what was asked.

    One is about something that is kept secret, one about something that does not exist.
    """

    secret: Call | Say
    invented: Call | Say
    words: tuple[str, str]
    """The word in each that is left out of the comparison."""


Step = Call | Say | Share | Alike


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt. All its answers are searched for secrets; the last one is how it ends."""

    name: str
    rule: str
    who: Who
    steps: tuple[Step, ...]
    guarded: End
    bare: End
    """How it ends without the guard."""
    victim: str = ""
    """Somebody else who must not get what this attempt would give them."""

    @property
    def fails_everywhere(self) -> bool:
        """Whether it gains nothing, with and without the guard."""
        return self.guarded.stopped and self.bare.stopped


def attempt(name: str, rule: str, who: Who, step: Step | tuple[Step, ...], *ends: End, victim: str = "") -> Attempt:
    """An attempt whose end is the same with and without the guard, or two ends in this order."""
    steps = step if isinstance(step, tuple) else (step,)
    return Attempt(name, rule, who, steps, ends[0], ends[-1], victim)


def forbidden(layer: Layer, status: int = 403, code: str = "M_FORBIDDEN", says: str = "") -> End:
    """Refused with an error."""
    return End(layer, status, code, says)


def fruitless(layer: Layer, says: str = "") -> End:
    """Answered, with nothing in it that should not be."""
    return End(layer, 200, "", says)


def taken_away() -> End:
    """Done, and undone by the bridge a moment later."""
    return End(Layer.BRIDGE, 200, "", DELETED)


def succeeds(status: int = 200, says: str = "") -> End:
    """Not stopped: docs/security.md says what follows from it."""
    return End(Layer.NOTHING, status, "", says)


def get(path: str, **query: str) -> Call:
    """A GET."""
    return Call("GET", path, query=query)


def post(path: str, body: Any = None, **query: str) -> Call:
    """A POST."""
    return Call("POST", path, body if body is not None else {}, query)


def put(path: str, body: Any = None, **query: str) -> Call:
    """A PUT."""
    return Call("PUT", path, body if body is not None else {}, query)
