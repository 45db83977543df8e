"""Rooms as clients show them, computed from what the homeserver says and nothing else: by the specification, and as a
telephone's client does that reads the simplified sliding sync (MSC4186)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass

from tests.synapse.harness import Json, Person

SLIDING = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync"
_limits = itertools.count(1)
_IN = frozenset({"join", "invite"})
SERVICE = "io.element.functional_members"


@dataclass(frozen=True, slots=True)
class Shown:
    """One room in somebody's list."""

    name: str
    picture: str
    is_dm: bool
    people: int
    """How many are in it or invited, without those that are no persons."""
    newest: int
    """Its place in the list: rooms with a higher number stand before others."""


async def by_specification(person: Person) -> dict[str, str]:
    """What somebody's rooms are called, by room id, from a sync without anything before (specification:
    client-server API, "Calculating the display name for a room")."""
    # Synapse sums rooms up for clients that load members as they need them, as most do. The limit makes the request a
    # new one, whose answer Synapse has not kept.
    room = {"state": {"lazy_load_members": True}, "timeline": {"limit": next(_limits)}}
    answer = await person.get("sync", filter=json.dumps({"room": room}), timeout="0")
    joined = answer["rooms"]["join"]
    return {room_id: _name(person.user_id, room) for room_id, room in joined.items()}


def _name(me: str, room: Json) -> str:
    events = [*room["state"]["events"], *room["timeline"]["events"]]
    state = {(event["type"], event["state_key"]): event["content"] for event in events if "state_key" in event}
    if name := state.get(("m.room.name", ""), {}).get("name"):
        return str(name)
    if alias := state.get(("m.room.canonical_alias", ""), {}).get("alias"):
        return str(alias)
    summary = room["summary"]
    others = summary["m.joined_member_count"] + summary["m.invited_member_count"] - 1
    heroes = [user_id for user_id in summary.get("m.heroes", ()) if user_id != me]
    names = [state.get(("m.room.member", one), {}).get("displayname") or one for one in heroes]
    if others <= 0:
        return f"Empty room (was {listed(names)})" if names else "Empty room"
    return listed(names) if len(names) >= others else f"{', '.join(names)} and {others - len(names)} others"


def listed(names: Sequence[str]) -> str:
    """Names in a sentence, in the alphabet's order."""
    *most, last = sorted(names)
    return f"{', '.join(most)} and {last}" if most else last


async def by_sliding_sync(person: Person) -> dict[str, Shown]:
    """Somebody's list, by room id and in its order, as a client shows it that asks for a list of rooms."""
    asked = {"ranges": [[0, 199]], "timeline_limit": 0, "required_state": [[SERVICE, ""], ["m.room.member", "*"]]}
    answer = (await person.request("POST", SLIDING, {"conn_id": "list", "lists": {"all": asked}})).ok()
    shown = {room_id: _shown(room) for room_id, room in answer["rooms"].items()}
    return dict(sorted(shown.items(), key=lambda item: -item[1].newest))


def _shown(room: Json) -> Shown:
    state = {(event["type"], event["state_key"]): event["content"] for event in room.get("required_state", ())}
    services = set(state.get((SERVICE, ""), {}).get("service_members", ()))
    heroes = [hero for hero in room.get("heroes", ()) if hero["user_id"] not in services]
    people = [one for (kind, one), content in state.items() if kind == "m.room.member" and content["membership"] in _IN]
    return Shown(
        name=room.get("name") or listed([hero.get("displayname") or hero["user_id"] for hero in heroes]),
        picture=room.get("avatar", ""),
        is_dm=room.get("is_dm", False),
        people=len(set(people) - services),
        newest=room["bump_stamp"],
    )
