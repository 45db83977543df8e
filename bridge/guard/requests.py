"""Requests that are refused by what they ask for, where Synapse asks no module before it does that. Pure.

Synapse asks the guard for each request with a login whether the account is still good; that is when these are looked
at. Requests of the bridge are not asked about: they come with its own token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from bridge.firm.audit import Deed
from bridge.firm.facts import Facts
from bridge.guard.gate import NO_POLICY, Denial, Mark

NO_FIELDS = Denial("F3", "Profiles come from the firm's directory, and nobody adds to them.")
BOT_ONLY_BRIDGE = Denial("O3", "The firm's bot is the bridge's: nobody acts as it or changes its account.")
NOT_IN_ROOM = Denial("M3", "You are not in this room.")
WITHOUT_NAMES = Denial(
    "F4", "The firm's server sends notifications without names only (event_id_only). Use a client that asks for those."
)
KEPT_ON_HOLD = Denial(
    "hold", "This matter is under legal hold, so nothing that was said in its conversations is deleted from the server."
)
FILES_KEPT = Denial(
    "hold",
    "A matter of the firm is under legal hold, so no file is deleted from the server. Quarantine a file that nobody"
    " must open: it is kept then.",
)
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_OF_THE_SETTINGS = frozenset({"displayname", "avatar_url"})
"""Fields of a profile that settings of the homeserver keep."""


@dataclass(frozen=True, slots=True)
class RequestPath:
    """What a request asks for, by its method and path."""

    method: str
    parts: tuple[str, ...]
    """The path's parts, decoded as Synapse decodes them."""

    @property
    def room_marked_as_read(self) -> str:
        """The id of the room in which it says how far somebody has read; empty for other requests."""
        match self.parts:
            case ("_matrix", "client", *_, "rooms", room_id, "receipt", _, _) | (
                "_matrix",
                "client",
                *_,
                "rooms",
                room_id,
                "read_markers",
            ) if self.method == "POST":
                return room_id
        return ""


@dataclass(frozen=True, slots=True)
class Entering:
    """That somebody wants to come into a room."""

    room: str
    """Its id or an alias."""
    how: str
    """The membership: `join` or `knock`."""


@dataclass(frozen=True, slots=True)
class Deleting:
    """That a server admin wants something deleted for good, of which Synapse asks no module."""

    room: str
    """The id of the room whose history it is; empty where it is files, which may be of any room."""


def asked_of(method: str, url: str) -> RequestPath | None:
    """What a request asks for; None for one that only reads, of which every client sends one after another."""
    if method in _READS:
        return None
    path = url.partition("?")[0]
    return RequestPath(method, tuple(unquote(part) for part in path.split("/") if part))


def request_refusal(asked: RequestPath, bot: str) -> tuple[Deed, Denial] | None:
    """Why a request is refused, whoever sends it; None where it may go on."""
    match asked.parts:
        case ("_matrix", "client", *_, "profile", _, name) if asked.method == "PUT" and name not in _OF_THE_SETTINGS:
            return Deed.TRIED_TO_CHANGE_PROFILE, NO_FIELDS
        # That it is a server admin is what the operator gives it (docs/admin-guide.md).
        case ("_synapse", "admin", "v1", "users", user_id, "admin") if user_id == bot:
            return None
        case (_, *rest) if "admin" in rest and bot in rest:
            return Deed.TRIED_TO_ACT_AS_BOT, BOT_ONLY_BRIDGE
    return None


def deleting(asked: RequestPath) -> Deleting | None:
    """What a request deletes from the server for good; None for other requests."""
    match asked.method, asked.parts:
        case "POST", (_, "admin", _, "purge_history", room, *_):
            return Deleting(room)
        case "POST", (_, "admin", _, "media", *_, "delete"):
            return Deleting("")
        case "DELETE", (_, "admin", _, "media", *_) | (_, "admin", _, "users", _, "media"):
            return Deleting("")
    return None


def deletion_refusal(wanted: Deleting, mark: Mark | None, facts: Facts | None) -> Denial | None:
    """Why this is not deleted; None where it may be. `mark` says what the room is; None where it is none of the firm's.

    Without a policy nobody knows what is held, so nothing of the firm is deleted.
    """
    if facts is None:
        return Denial("hold", NO_POLICY) if mark is not None or not wanted.room else None
    if not wanted.room:
        return FILES_KEPT if facts.held else None
    return KEPT_ON_HOLD if mark is not None and mark.key in facts.held else None


def entering(asked: RequestPath, user_id: str) -> Entering | None:
    """The room that somebody who is not there wants to come into; None for other requests.

    The body of a request is not seen. Whoever sets a membership of their own from outside wants to be in: there is
    nothing else that it could be good for.
    """
    # With PUT a number of the client's own may follow.
    parts = asked.parts if asked.method == "POST" else asked.parts[:-1]
    match parts:
        case ("_matrix", "client", *_, ("join" | "knock") as how, room) if room.startswith(("!", "#")):
            return Entering(room, how)
        case ("_matrix", "client", *_, "rooms", room, "join"):
            return Entering(room, "join")
        case ("_matrix", "client", *_, "rooms", room, "state", "m.room.member") if asked.parts[-1] == user_id:
            return Entering(room, "join")
    return None


def pushes_ids_alone(data: object) -> bool:
    """Whether a pusher with this data is sent no names of rooms and people (specification: PusherData, `format`)."""
    return isinstance(data, Mapping) and data.get("format") == "event_id_only"
